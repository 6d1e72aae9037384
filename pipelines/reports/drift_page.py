"""The page of a week's drift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipelines.core import dates
from pipelines.monitoring import feature_drift
from pipelines.monitoring.lines import Line
from pipelines.reports import pages, performance_part
from pipelines.run.tables import ALARM, AS_BEFORE, MOVED, NOT_COMPARED

if TYPE_CHECKING:
    from pipelines.core.config import UseCase
    from pipelines.monitoring.outcomes import Outcomes
    from pipelines.registry.registry import Champion


def render(
    table: pd.DataFrame,
    bars: Mapping[str, Sequence[tuple[str, float, float]]],
    lines: Mapping[str, Line | None],
    by_day: pd.DataFrame,
    due: Outcomes,
    week: dates.Days,
    left_out: tuple[int, int],
    champion: Champion,
    use_case: UseCase,
    diagnosis: pd.DataFrame,
) -> str:
    """Render it as HTML.

    Args:
        table: The table `drift`.
        bars: Subject -> label, share in the training, share in the week.
        lines: Subject -> how it has gone over the past weeks.
        by_day: The table `performance`.
        due: The predictions whose labels are due.
        week: The days.
        left_out: How many nights' features and predictions are not compared.
        champion: Whose training is the reference.
        use_case: The facts.
        diagnosis: The table `diagnosis`.
    """
    records = _records(table)
    causes = _records(diagnosis)
    judged = sorted((row for row in records if row["verdict"]), key=_by_weight)
    performed = [row for row in records if row["kind"] == "performance"]
    versions = [row for row in records if row["kind"] == "version"]
    return pages.render(
        "drift.html.j2",
        use_case=use_case,
        champion=champion,
        week=week,
        judged=judged,
        bars=bars,
        lines={name: _drawn(one) for name, one in lines.items() if one},
        **{
            name: [row["subject"] for row in judged if row["verdict"] == verdict]
            for name, verdict in (("alarms", ALARM), ("moved", MOVED), ("not_compared", NOT_COMPARED))
        },
        **performance_part.values(performed, versions, by_day, due, use_case),
        estimate=next((row for row in records if row["kind"] == "estimate"), None),
        n_features=sum(row["kind"] == "feature" for row in judged),
        hidden=feature_drift.private(use_case),
        left_out=left_out,
        causes=[row for row in causes if row["kind"] in ("cause", "trial")],
        claims=[row for row in causes if row["kind"] == "claim"],
        cause=next(row for row in causes if row["kind"] == "cause" and row["chosen"]),
        decision=next(row for row in causes if row["kind"] == "decision"),
    )


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table.astype(object).where(table.notna(), None).to_dict("records")  # type: ignore[assignment]
    return found


def _by_weight(row: Mapping[str, Any]) -> tuple[int, float, float]:
    """Alarms first, then by what a move costs, then by how far it is."""
    verdicts = (ALARM, MOVED, NOT_COMPARED, AS_BEFORE)
    return verdicts.index(row["verdict"]), -(row["score_change"] or 0.0), -abs(row["effect"] or 0.0)


WIDTH, HEIGHT, EDGE = 130, 38, 4  # of a line, in pixels


def _drawn(line: Line) -> dict[str, Any]:
    """Where a line's weeks, its usual value and its limit are drawn, in pixels."""
    values = [value for _, value in line.weeks]
    low, high = min(*values, line.usual, line.limit), max(*values, line.usual, line.limit)
    first, last = line.weeks[0][0], line.weeks[-1][0]

    def y(value: float) -> float:
        return round(HEIGHT - EDGE - (value - low) / ((high - low) or 1.0) * (HEIGHT - 2 * EDGE), 1)

    def x(day: date) -> float:
        return round(EDGE + (day - first) / (last - first) * (WIDTH - 2 * EDGE), 1)

    points = [(x(day), y(value)) for day, value in line.weeks]
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "path": " ".join(f"{across},{up}" for across, up in points),
        "last": points[-1],
        "usual": y(line.usual),
        "limit": y(line.limit),
        "told": "; ".join(f"{day}: {value:.3g}" for day, value in line.weeks[-4:]),
    }
