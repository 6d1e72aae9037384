"""The part of a drift report that is about performance: the verdict, the days, and their picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipelines.core.metrics import by_name
from pipelines.metrics import sureness
from pipelines.monitoring import judged
from pipelines.monitoring.scored_days import ALL

if TYPE_CHECKING:
    from pipelines.core.config import UseCase
    from pipelines.monitoring.outcomes import Outcomes

WIDTH, HEIGHT, EDGE = 640, 150, 8  # of the picture, in pixels


def values(
    performed: Sequence[dict[str, Any]],
    versions: Sequence[dict[str, Any]],
    by_day: pd.DataFrame,
    due: Outcomes,
    use_case: UseCase,
) -> dict[str, Any]:
    """What the template `drift_performance.html.j2` shows.

    Args:
        performed: Rows of the table `drift`, the primary metric's first.
        versions: Those of each version, where there are several.
        by_day: The table `performance`.
        due: The predictions whose labels are due.
        use_case: The facts.
    """
    primary, greater = performed[0], use_case.greater_is_better
    own = by_day[by_day.metric == use_case.metric.name]
    records: list[dict[str, Any]] = own.astype(object).where(own.notna(), None).to_dict("records")  # type: ignore[assignment]
    days = [row for row in records if row["slice"] == ALL]
    return {
        "performance": performed,
        "versions": versions,
        "due": due,
        "performed_red": judged.red(primary, greater),
        "performed_amber": judged.amber(primary, greater),
        "performed_told": due.told(),
        "shows_none": sureness.shows_none(
            primary["reference_value"], primary["detectable_loss"], by_name(use_case.metric.name)
        ),
        "by_day": days,
        "by_slice": [row for row in records if row["slice"] != ALL],
        "line": picture(days, primary),
    }


def picture(days: Sequence[dict[str, Any]], primary: dict[str, Any]) -> dict[str, Any] | None:
    """Where the days' values and intervals are drawn, and the lines that they are beside, in pixels; None
    where there are fewer than two.
    """
    there = [day for day in days if day["value"] is not None]
    if len(there) < 2:
        return None
    lines = {"held out": primary["reference_value"], "worst allowed": primary["threshold"]}
    ends = [day[name] for day in there for name in ("value", "low", "high") if day[name] is not None]
    every = [*ends, *(line for line in lines.values() if line is not None)]
    low, high = min(every), max(every)
    size = (high - low) or 1.0

    def y(value: float) -> float:
        return float(round(HEIGHT - EDGE - (value - low) / size * (HEIGHT - 2 * EDGE), 1))

    step = (WIDTH - 2 * EDGE) / len(there)
    points = [
        {
            "x": round(EDGE + step * (n + 0.5), 1),
            "y": y(day["value"]),
            "low": None if day["low"] is None else y(day["low"]),
            "high": None if day["high"] is None else y(day["high"]),
            "status": day["status"],
            "told": f"{day['day']:%Y-%m-%d}: {day['value']:.4g}",
        }
        for n, day in enumerate(there)
    ]
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "points": points,
        "path": " ".join(f"{point['x']},{point['y']}" for point in points),
        "lines": [{"name": name, "y": y(value)} for name, value in lines.items() if value is not None],
    }
