"""What the steps of a training find: handed to whoever writes it down, in tables, in MLflow and on the model
card.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipelines.evaluation.scores import BASELINE, CHAMPION, CONSTANT

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.core.config import Family
    from pipelines.evaluation.inspection import Inspection
    from pipelines.evaluation.verdict import PromotionVerdict
    from pipelines.model import engines


@dataclass(frozen=True)
class SearchResult:
    """What the search of one family found.

    Attributes:
        family: The family.
        trials: A row a candidate: family, candidate, params (JSON; after early stopping with the trees it
            came to), mean_score (of all folds together, where the metric is about decisions), std_score and
            fold_scores (JSON) in the primary metric's natural unit, baseline_score (on the same folds), gain
            (over the baseline; positive is better), best.
        validation: A row a training row that a fold scored: key, label, score (by the best parameters, fitted
            on the fold's other rows, and calibrated where the use case asks for it), unit (a number, see
            `bootstrap.units`; -1 without a label), family. Where the
            threshold is chosen by the night's rows (`capacity`), behind them a row a row that has no label,
            scored by the candidate itself.
        candidate: The best Pipeline, fitted on all training rows, as `candidate.load` reads it.
        best_score: The best candidate's mean score.
        best_params: The best candidate's parameters, by the names of the use-case file.
        fit_seconds: For each row of trials, its model's mean time to fit (a shared ensemble's, where it is
            read off one). A clock, so it is no part of any table.
    """

    family: Family
    trials: pd.DataFrame
    validation: pd.DataFrame
    candidate: bytes
    best_score: float
    best_params: dict[str, Any]
    fit_seconds: tuple[float, ...]


@dataclass(frozen=True)
class Evaluation:
    """An evaluation.

    Attributes:
        scores: A row a metric and slice: metric, slice (`all` or `column=value`; a personal value is told by
            a number), n (rows), challenger, champion, baseline, gain_over_baseline, gain_over_champion
            and, where the baseline is a rule, constant and gain_over_constant (positive: the challenger is
            better), each gain with the ends of its interval (`_low`, `_high`), and primary (whether it is the
            primary metric). Binary tasks also count tp, fp, fn and tn. A value is
            null where it has no meaning: without a champion, in a slice with one class; and intervals of
            slices are made of the primary metric only. Rows of `scores.BESIDE` say what else a promotion goes
            by: thresholds, calibration error, other seeds, the gains at the level of this look, and of how
            many units they are. Columns champion_version (null without one) and, on all rows, a value a
            family.
        curves: See `curves.table`.
        verdict: What follows for promotion.
        pictures: Name -> PNG.
        trials: The search's table, of all families.
        rows: A row a split: split, rows, first and last (days), label_mean (binary: the share of positives).
        inspection: What else was tried out on the winner.
    """

    scores: pd.DataFrame
    curves: pd.DataFrame
    verdict: PromotionVerdict
    pictures: dict[str, bytes]
    trials: pd.DataFrame
    rows: pd.DataFrame
    inspection: Inspection

    def summary(self) -> str:
        """One line for the log."""
        verdict = self.verdict
        told = (
            f"{model} {verdict.values[model][verdict.metric]:.4f}"
            for model in (BASELINE, CONSTANT, CHAMPION)
            if model in verdict.values
        )
        value = verdict.values[verdict.winner][verdict.metric]
        return f"scores: {verdict.winner} {verdict.metric} {value:.4f} on held-out rows, {', '.join(told)}"


@dataclass(frozen=True)
class Export:
    """What an export makes."""

    graphs: dict[Family, bytes]
    parity: pd.DataFrame  # see `parity.compare`, `parity.of_metric` and `parity.of_refit`
    greatest_difference: float  # of any row's scores
    # Measured, so not the same twice: for the registry, not for a table.
    choices: Mapping[Family, engines.Choice] = field(default_factory=dict, compare=False)
    # What was judged of a family whose graph is a later fit of it.
    judged: Mapping[Family, bytes] = field(default_factory=dict)
