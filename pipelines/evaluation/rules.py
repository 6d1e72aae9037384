"""The rules of promotion that the table `scores` answers, and what else a person should know about them."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipelines.evaluation import calibration, significance
from pipelines.evaluation.calibration import Reliability
from pipelines.evaluation.scores import BASELINE, CALIBRATION, CHAMPION, CUT, EXPECTED, LEARNING, LUCK
from pipelines.evaluation.verdict import PromotionRule
from pipelines.metrics import bootstrap
from pipelines.metrics.cut import Cut

if TYPE_CHECKING:
    from pipelines.core.config import UseCase
    from pipelines.metrics.bootstrap import Interval


def rules(
    scores: pd.DataFrame, rows: int, reliable: Reliability | None, champion: str | None, use_case: UseCase
) -> Iterator[PromotionRule]:
    """What promotion depends on, of what the held-out rows say.

    Args:
        scores: The table of `scores.table`.
        rows: How many held-out rows there are.
        reliable: How true the winner's probabilities are; None for a regression.
        champion: The version that was compared, if there is one.
        use_case: Its `metric` and `promotion`.
    """
    asked, metric = use_case.promotion, use_case.metric
    primary = {str(row["slice"]): row for _, row in scores[scores["primary"]].iterrows()}
    overall = primary.pop("all")
    others = {BASELINE: "the baseline"} | ({CHAMPION: f"champion version {champion}"} if champion else {})
    for name, other in others.items():
        found = _interval(overall, name)
        yield significance.better(
            name, other, metric.name, found, metric.margin, asked.confidence_level, rows
        )
    # No slice may be worse than with whoever serves now: the champion, else what people did before.
    name, other = list(others.items())[-1]
    parts = {part: (int(row["n"]), _interval(row, name)) for part, row in primary.items()}
    yield from significance.slices(
        parts, other, metric.name, asked.slice_loss, asked.slice_rows, asked.confidence_level
    )
    if asked.max_calibration_error is not None and reliable is not None:
        yield calibration.rule(
            reliable.error, reliable.ratio, asked.max_calibration_error, asked.confidence_level
        )


def _interval(row: pd.Series, other: str) -> Interval | None:
    name = f"gain_over_{other}"
    found = row[[name, f"{name}_low", f"{name}_high"]].to_numpy(np.float64)
    return bootstrap.Interval(*map(float, found)) if np.isfinite(found).all() else None


def notes(
    tried: pd.DataFrame,
    whole: Mapping[str, Mapping[Hashable, Any]],
    cut: Cut | None,
    champion: str | None,
    use_case: UseCase,
) -> Iterator[str]:
    """What else a person should know.

    Args:
        tried: The table `trials`.
        whole: Metric -> its row of the table `scores` about all held-out rows.
        cut: The winner's threshold; None for a regression.
        champion: The version that was compared, if there is one.
        use_case: Names the metric.
    """
    metric = use_case.metric.name
    best = tried[tried["best"]].set_index("family")["mean_score"]
    yield f"best {metric} over the folds: " + ", ".join(
        f"{family} {best[family]:.4f}" for family in use_case.candidates.families
    )
    beside = (LEARNING, LUCK, CALIBRATION, EXPECTED)
    yield from (
        str(whole[name]["note"]) for name in beside if name in whole and pd.notna(whole[name]["note"])
    )
    if champion is None:
        yield "there is no champion yet"
    elif cut and pd.notna(whole[CUT][CHAMPION]):
        its = float(whole[CUT][CHAMPION])
        where = "within" if cut.low <= its <= cut.high else "outside"
        yield (
            f"threshold {cut.value:.4g} (95% interval {cut.low:.4g} to {cut.high:.4g}); "
            f"that of champion version {champion} is {its:.4g}, {where} it"
        )
