"""The rules of promotion that the table `scores` answers, and what else a person should know about them."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipelines.evaluation import calibration, enough, significance
from pipelines.evaluation.calibration import Reliability
from pipelines.evaluation.scores import (
    BASELINE,
    CALIBRATION,
    CHAMPION,
    CONSTANT,
    CUT,
    EXPECTED,
    LEARNING,
    LOOK,
    LUCK,
)
from pipelines.evaluation.verdict import PromotionRule
from pipelines.metrics import bootstrap
from pipelines.metrics.cut import Cut

if TYPE_CHECKING:
    from pipelines.core.config import UseCase
    from pipelines.metrics.bootstrap import Interval

WORTH = 0.01  # of the champion's gain over the baseline


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
    whole = {str(row["metric"]): row for _, row in scores[scores["slice"] == "all"].iterrows()}
    yield from enough.rule(whole, champion, use_case)
    others = {BASELINE: "the baseline"}
    if use_case.candidates.baseline.rule is not None:
        others[CONSTANT] = "the best constant"
    if champion:
        others[CHAMPION] = f"champion version {champion}"
    level = float(whole[LOOK]["challenger"])
    for name, other in others.items():
        found, by = _interval(whole[LOOK], name), use_case.judged_by if name == CHAMPION else metric.name
        # what the file states, it states of the primary metric
        least = margin(whole[by], name, metric.margin if by == metric.name else None)
        yield significance.better(name, other, by, found, least, level, rows)
    # No slice may be worse than with whoever serves now: the champion, else what people did before.
    name, by = (CHAMPION, use_case.judged_by) if champion else (BASELINE, metric.name)
    other, of = others[name], scores[(scores["metric"] == by) & (scores["slice"] != "all")]
    parts = {str(row["slice"]): (int(row["n"]), _interval(row, name)) for _, row in of.iterrows()}
    judged = sum(n >= asked.slice_rows for n, _ in parts.values())
    level = significance.slices_level(asked.confidence_level, judged)
    may_lose = asked.slice_loss if by == metric.name else 0.0
    yield from significance.slices(parts, other, by, may_lose, asked.slice_rows, level)
    if asked.max_calibration_error is not None and reliable is not None:
        yield calibration.rule(
            reliable.error, reliable.ratio, asked.max_calibration_error, asked.confidence_level
        )


def margin(overall: pd.Series, other: str, stated: float | None) -> float:
    """What a gain must surely exceed: what is stated, else what is worth a change.

    A change of champions costs something: thresholds, explanations and what follows from scores change with
    it. On a million rows each retraining is surely better by something. So by default a challenger must add a
    hundredth of what the champion gains over the baseline. Over the baseline itself anything is worth it.

    Args:
        overall: The row of the metric that judges, on all held-out rows.
        other: Over whom: `baseline` or `champion`.
        stated: `metric.margin`.
    """
    if stated is not None:
        return stated
    gains = [float(overall[f"gain_over_{name}"]) for name in (BASELINE, CHAMPION)]
    return WORTH * max(gains[0] - gains[1], 0.0) if other == CHAMPION and np.isfinite(gains).all() else 0.0


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
    on = "on the rows that have taught its curve" if use_case.candidates.keep else "over the folds"
    yield f"best {metric} {on}: " + ", ".join(
        f"{family} {best[family]:.4f}" for family in use_case.candidates.families
    )
    beside = (LEARNING, LUCK, LOOK, CALIBRATION, EXPECTED)
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
