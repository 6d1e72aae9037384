"""The page of a week's drift."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipelines.core import dates
from pipelines.monitoring import feature_drift, labelled
from pipelines.reports import pages

if TYPE_CHECKING:
    from pipelines.core.config import UseCase
    from pipelines.registry.registry import Champion


def render(
    table: pd.DataFrame,
    evidently: str,
    samples: Mapping[str, tuple[int, int]],
    week: dates.Days,
    left_out: tuple[int, int],
    champion: Champion,
    use_case: UseCase,
) -> str:
    """Render it as HTML.

    Args:
        table: The table `drift`.
        evidently: Evidently's page.
        samples: Side -> of how many rows how many were compared.
        week: The days.
        left_out: How many nights' features and predictions are not compared.
        champion: Whose training is the reference.
        use_case: The facts.
    """
    records: list[dict[str, Any]] = table.astype(object).where(table.notna(), None).to_dict("records")  # type: ignore[assignment]
    features = [row for row in records if row["kind"] == "feature"]
    performed = [row for row in records if row["kind"] == "performance"]
    return pages.render(
        "drift.html.j2",
        use_case=use_case,
        champion=champion,
        week=week,
        judged=[row for row in records if row["kind"] in ("feature", "prediction")],
        performance=performed,
        not_judged=None if performed[0]["threshold"] is None else labelled.not_judged(performed[0]),
        versions=[row for row in records if row["kind"] == "version"],
        drifted=[row["subject"] for row in features if row["drifted"]],
        n_features=len(features),
        hidden=sorted(feature_drift.private(use_case)),
        evidently=evidently,
        left_out=left_out,
        samples={what: (taken, rows) for what, (taken, rows) in samples.items() if taken < rows},
    )
