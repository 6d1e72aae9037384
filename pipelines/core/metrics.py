"""Every metric that Sluice measures, each by one object: whoever adds one to `EVERY` finds it in the schema
of use-case files, in the documents, in the tables, and on the pages.

In natural units: an error is a positive number. One place, so that tuning, evaluation, promotion and
monitoring cannot mean different things by the same word. Formulas import their libraries when they are asked,
since every DAG file reads this module each time it is parsed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import nan, sqrt
from typing import TYPE_CHECKING, Literal, TypeAlias

from pipelines.core.stakes import Stakes

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]

Terms: TypeAlias = "Callable[[Floats, Floats, Stakes, float], list[Floats]]"


@dataclass(frozen=True)
class Sum:
    """A metric that is a function of sums over the rows, which may be weighted, or too many for memory.

    Attributes:
        terms: What is summed of each row, shapes (n,), of labels, scores, what is at stake, and some number
            near the labels' mean. Of a decision nothing: its sums are those of right alarms,
            alarms, and positives.
        value: The metric, of the sums.
    """

    terms: Terms
    value: Callable[[Floats], float]


@dataclass(frozen=True)
class Ranking:
    """A metric of the scores' order.

    Attributes:
        value: Of weighted rows: of the right and the false alarms above each distinct score, the greatest
            first, shapes (m,).
        terms: What a step of the ranking adds: of its positives and negatives, and of how many of each there
            are down to it, itself included, shapes (m,).
        of_sum: The metric, of the sum of what all steps add,
            and of how many positives and negatives there are.
        weight: How much a group of rows counts, of its positives and negatives,
            where groups are ranked apart.
        influence: What one positive, and one negative, of each distinct score takes part in the metric's
            deviation from its value, of the positives and negatives there, the greatest score first, shapes
            (m,): over all rows it adds up to 0. Its sums over groups of rows tell how sure the metric is
            (the infinitesimal jackknife, Efron 1982, chapter 6).
    """

    value: Callable[[Floats, Floats], float]
    terms: Callable[[Floats, Floats, Floats, Floats], Floats]
    of_sum: Callable[[float, float, float], float]
    weight: Callable[[float, float], float]
    influence: Callable[[Floats, Floats], tuple[Floats, Floats]]


@dataclass(frozen=True)
class Constant:
    """What is worth most if it is told of every row, whatever its features.

    Attributes:
        of: The number, or, of a metric of decisions, the decision (1 or 0), by labels, shape (n,), and what
            is at stake.
        told: What it is, for the model card.
    """

    of: Callable[[Floats, Stakes], float]
    told: str


@dataclass(frozen=True)
class Metric:
    """A metric: what it means, what it needs, and how it is computed.

    Attributes:
        name: In use-case files, tables and pages.
        task: Whose labels it is about, by its name.
        meaning: In a few words, for the model card; `{under}` and its like stand for what is at
            stake.
        needs: What of the scores: the decisions `score >= threshold` (1 or 0), whether rows are among their
            day's greatest scores (1 or 0), probabilities, or numbers.
        on_arrays: The metric of labels and of what it needs of scores, shapes (n,), and of what is at stake.
        by: The same in another way, for weighted rows and for more rows than memory holds.
        greater_is_better: Whether more of it is better.
        up_to_one: Whether it lies between 0 and 1.
        of_labels_that_differ: Whether it has no value where all labels are the same.
        constant: The best constant for it; None: the labels' mean, or their quantile.
        quantile: The quantile whose loss it is (but for a factor), by what is at stake: models learn that,
            and the best constant is the labels' own.
        made_of: What must be declared to be at stake before it is measured, by its names in `Stakes`.
    """

    name: str
    task: str
    meaning: str
    needs: Literal["decision", "taken", "probability", "number"]
    on_arrays: Callable[[Floats, Floats, Stakes], float]
    by: Sum | Ranking
    greater_is_better: bool = False
    up_to_one: bool = False
    of_labels_that_differ: bool = False
    constant: Constant | None = None
    quantile: Callable[[Stakes], float] | None = None
    made_of: tuple[str, ...] = ()

    def undeclared(self, stakes: Stakes) -> tuple[str, ...]:
        """What of its stakes nobody has declared."""
        return tuple(name for name in self.made_of if getattr(stakes, name) is None)

    def best_constant(self, truth: Floats, stakes: Stakes) -> float | None:
        """What is worth most if it is told of every row; None: the labels' mean.

        Where one unit too low costs u and one too high 1, that is the quantile u / (1 + u) (Koenker and
        Bassett 1978).
        """
        if self.quantile is not None:
            import numpy as np

            return float(np.quantile(truth, self.quantile(stakes), method="inverted_cdf"))
        return self.constant.of(truth, stakes) if self.constant else None

    def told_constant(self, stakes: Stakes) -> str | None:
        """The same in words, for the model card."""
        if self.quantile is not None:
            return f"the labels' {self.quantile(stakes):.3g} quantile"
        return self.constant.told if self.constant else None

    def told(self, stakes: Stakes) -> str:
        """Its meaning, with what is at stake."""
        return self.meaning.format(**asdict(stakes))


# --- of the scores' order


def _aucpr(truth: Floats, score: Floats, _: Stakes) -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(truth, score))


def _average_precision(tp: Floats, fp: Floats) -> float:
    import numpy as np

    if tp[-1] == 0:
        return nan
    alarms = tp + fp
    precision = np.divide(tp, alarms, out=np.zeros_like(tp), where=alarms > 0)
    return float(np.diff(tp, prepend=0) @ precision / tp[-1])


def _on_average_precision(positive: Floats, negative: Floats) -> tuple[Floats, Floats]:
    """A row changes the precision at its own rank, if it is positive, and at each rank below it."""
    import numpy as np

    tp, alarms = np.cumsum(positive), np.cumsum(positive + negative)
    precision, share = tp / alarms, positive / alarms
    below = np.cumsum(share[::-1])[::-1]
    expected = np.cumsum((share * precision)[::-1])[::-1]
    value = positive @ precision / tp[-1]
    return (precision + below - expected - value) / tp[-1], -expected / tp[-1]


def _roc_auc(truth: Floats, score: Floats, _: Stakes) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth, score))


def _area(tp: Floats, fp: Floats) -> float:
    import numpy as np

    if tp[-1] == 0 or fp[-1] == 0:
        return nan
    area = np.trapezoid(np.concatenate([[0], tp]), np.concatenate([[0], fp]))
    return float(area / (tp[-1] * fp[-1]))


def _on_area(positive: Floats, negative: Floats) -> tuple[Floats, Floats]:
    """The placements of DeLong, DeLong and Clarke-Pearson (1988), less their mean."""
    import numpy as np

    tp, fp = np.cumsum(positive), np.cumsum(negative)
    below = (fp[-1] - fp + negative / 2) / fp[-1]
    above = (tp - positive / 2) / tp[-1]
    value = positive @ below / tp[-1]
    return (below - value) / tp[-1], (above - value) / fp[-1]


# --- of decisions: no alarm at all is a precision and an F1 of 0, not an error: such a threshold is bad, but
# it can be judged


def _f1(truth: Floats, alarm: Floats, _: Stakes) -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(truth, alarm, zero_division=0))


def _precision(truth: Floats, alarm: Floats, _: Stakes) -> float:
    from sklearn.metrics import precision_score

    return float(precision_score(truth, alarm, zero_division=0))


def _recall(truth: Floats, alarm: Floats, _: Stakes) -> float:
    from sklearn.metrics import recall_score

    return float(recall_score(truth, alarm))


def _counts(truth: Floats, alarm: Floats, _: Stakes, __: float) -> list[Floats]:
    positive = (truth == 1).astype(float)
    return [alarm * positive, alarm, positive]


def _cost(truth: Floats, alarm: Floats, stakes: Stakes) -> float:
    return float(_costs_of_decisions(truth, alarm, stakes, 0.0)[0].mean())


def _costs_of_decisions(truth: Floats, alarm: Floats, stakes: Stakes, _: float) -> list[Floats]:
    """What each decision costs (Elkan 2001): nothing where it is right; NaN where nobody has declared it."""
    import numpy as np

    if stakes.false_alarm is None or stakes.miss is None:
        return [np.full(len(truth), nan), np.ones(len(truth))]
    positive = (truth == 1).astype(float)
    false_alarms, misses = alarm * (1 - positive), (1 - alarm) * positive
    return [stakes.false_alarm * false_alarms + stakes.miss * misses, np.ones(len(truth))]


def _cheaper(truth: Floats, stakes: Stakes) -> float:
    """Alarms for all rows, if that costs less than none."""
    positive = float((truth == 1).sum())
    none, every = stakes.cost(0, positive), stakes.cost(len(truth) - positive, 0)
    return 1.0 if none is not None and every is not None and every < none else 0.0


def _share(part: float, whole: float, empty: float) -> float:
    return float(part / whole) if whole else empty


# --- of probabilities


def _log_loss(truth: Floats, score: Floats, _: Stakes) -> float:
    from sklearn.metrics import log_loss

    return float(log_loss(truth, score, labels=(0, 1)))


def _log_loss_terms(truth: Floats, score: Floats, _: Stakes, __: float) -> list[Floats]:
    import numpy as np

    least = np.finfo(np.float64).eps  # as scikit-learn's log_loss has it
    probability = score.clip(0, 1).clip(least, 1 - least)
    return [-np.log(np.where(truth == 1, probability, 1 - probability)), np.ones(len(truth))]


def _brier(truth: Floats, score: Floats, _: Stakes) -> float:
    from sklearn.metrics import brier_score_loss

    return float(brier_score_loss(truth, score, labels=(0, 1)))


def _off(truth: Floats, score: Floats, _: Stakes, __: float) -> list[Floats]:
    import numpy as np

    return [np.square(score.clip(0, 1) - truth), np.ones(len(truth))]


# --- of numbers


def _rmse(truth: Floats, score: Floats, _: Stakes) -> float:
    from sklearn.metrics import root_mean_squared_error

    return float(root_mean_squared_error(truth, score))


def _squares(truth: Floats, score: Floats, _: Stakes, __: float) -> list[Floats]:
    import numpy as np

    return [np.square(score - truth), np.ones(len(truth))]


def _mae(truth: Floats, score: Floats, _: Stakes) -> float:
    from sklearn.metrics import mean_absolute_error

    return float(mean_absolute_error(truth, score))


def _distances(truth: Floats, score: Floats, _: Stakes, __: float) -> list[Floats]:
    import numpy as np

    return [np.abs(score - truth), np.ones(len(truth))]


def _r2(truth: Floats, score: Floats, _: Stakes) -> float:
    from sklearn.metrics import r2_score

    return float(r2_score(truth, score))


def _explained_variance_terms(truth: Floats, score: Floats, _: Stakes, near: float) -> list[Floats]:
    import numpy as np

    # About a number near the mean: else the squares of great labels would cancel out, and their digits with
    # them.
    label = truth - near
    return [np.square(score - truth), np.square(label), label, np.ones(len(truth))]


def _share_explained(sums: Floats) -> float:
    errors, squares, labels, rows = sums
    spread = squares - labels**2 / rows
    return float(1 - errors / spread) if spread > 0 else nan


def _asymmetric(truth: Floats, score: Floats, stakes: Stakes) -> float:
    return float(costs(truth, score, stakes.under).mean())


def costs(truth: Floats, score: Floats, under_cost: float) -> Floats:
    """What each forecast costs, where one unit too high costs 1."""
    import numpy as np

    return np.where(score < truth, under_cost * (truth - score), score - truth)


def _pinball(truth: Floats, score: Floats, stakes: Stakes) -> float:
    from sklearn.metrics import mean_pinball_loss

    return nan if stakes.quantile is None else float(mean_pinball_loss(truth, score, alpha=stakes.quantile))


def _pinball_terms(truth: Floats, score: Floats, stakes: Stakes, _: float) -> list[Floats]:
    import numpy as np

    below = nan if stakes.quantile is None else stakes.quantile
    off = truth - score
    return [np.where(off > 0, below * off, (below - 1) * off), np.ones(len(truth))]


def _costs(truth: Floats, score: Floats, stakes: Stakes, _: float) -> list[Floats]:
    import numpy as np

    return [costs(truth, score, stakes.under), np.ones(len(truth))]


def _mean(sums: Floats) -> float:
    return float(sums[0] / sums[1])


EVERY: tuple[Metric, ...] = (
    Metric(
        name="aucpr",
        task="binary",
        meaning="area under the precision-recall curve",
        needs="number",
        on_arrays=_aucpr,
        by=Ranking(
            value=_average_precision,
            terms=lambda positive, _, above, alike: positive * above / (above + alike),
            of_sum=lambda total, positives, _: total / max(positives, 1),
            weight=lambda positives, _: positives,
            influence=_on_average_precision,
        ),
        greater_is_better=True,
        up_to_one=True,
        of_labels_that_differ=True,
    ),
    Metric(
        name="roc_auc",
        task="binary",
        meaning="chance that a positive row scores above a negative one",
        needs="number",
        on_arrays=_roc_auc,
        by=Ranking(
            value=_area,
            terms=lambda positive, negative, above, _: negative * (above - positive / 2),
            of_sum=lambda total, positives, negatives: total / max(positives, 1) / max(negatives, 1),
            weight=lambda positives, negatives: positives * negatives,
            influence=_on_area,
        ),
        greater_is_better=True,
        up_to_one=True,
        of_labels_that_differ=True,
    ),
    Metric(
        name="f1",
        task="binary",
        meaning="harmonic mean of precision and recall",
        needs="decision",
        on_arrays=_f1,
        by=Sum(_counts, lambda sums: _share(2 * sums[0], sums[1] + sums[2], empty=nan)),
        greater_is_better=True,
        up_to_one=True,
        of_labels_that_differ=True,
    ),
    Metric(
        name="precision",
        task="binary",
        meaning="share of alarms that are right",
        needs="decision",
        on_arrays=_precision,
        by=Sum(_counts, lambda sums: _share(sums[0], sums[1], empty=0.0)),
        greater_is_better=True,
        up_to_one=True,
        of_labels_that_differ=True,
    ),
    Metric(
        name="recall",
        task="binary",
        meaning="share of positive rows that raise an alarm",
        needs="decision",
        on_arrays=_recall,
        by=Sum(_counts, lambda sums: _share(sums[0], sums[2], empty=nan)),
        greater_is_better=True,
        up_to_one=True,
        of_labels_that_differ=True,
    ),
    Metric(
        name="cost",
        task="binary",
        meaning="mean cost of a row, where a false alarm costs {false_alarm:g} and a miss {miss:g}",
        needs="decision",
        on_arrays=_cost,
        by=Sum(_costs_of_decisions, _mean),
        constant=Constant(_cheaper, "alarms for all rows or for none, whichever is cheaper"),
        made_of=("false_alarm", "miss"),
    ),
    Metric(
        name="precision_at_k",
        task="binary",
        meaning="share of positive rows among each day's {a_day:,} greatest scores",
        needs="taken",
        on_arrays=_precision,
        by=Sum(_counts, lambda sums: _share(sums[0], sums[1], empty=0.0)),
        greater_is_better=True,
        up_to_one=True,
        of_labels_that_differ=True,
        made_of=("a_day",),
    ),
    Metric(
        name="recall_at_k",
        task="binary",
        meaning="share of positive rows that are among their day's {a_day:,} greatest scores",
        needs="taken",
        on_arrays=_recall,
        by=Sum(_counts, lambda sums: _share(sums[0], sums[2], empty=nan)),
        greater_is_better=True,
        up_to_one=True,
        of_labels_that_differ=True,
        made_of=("a_day",),
    ),
    Metric(
        name="log_loss",
        task="binary",
        meaning="how surprised the probabilities were, in nats",
        needs="probability",
        on_arrays=_log_loss,
        by=Sum(_log_loss_terms, _mean),
    ),
    Metric(
        name="brier",
        task="binary",
        meaning="mean squared error of the probabilities",
        needs="probability",
        on_arrays=_brier,
        by=Sum(_off, _mean),
        up_to_one=True,
    ),
    Metric(
        name="rmse",
        task="regression",
        meaning="root of the mean squared error",
        needs="number",
        on_arrays=_rmse,
        by=Sum(_squares, lambda sums: sqrt(sums[0] / sums[1])),
    ),
    Metric(
        name="mae",
        task="regression",
        meaning="mean absolute error",
        needs="number",
        on_arrays=_mae,
        by=Sum(_distances, _mean),
        quantile=lambda _: 0.5,
    ),
    Metric(
        name="r2",
        task="regression",
        meaning="share of the label's variance that is explained",
        needs="number",
        on_arrays=_r2,
        by=Sum(_explained_variance_terms, _share_explained),
        greater_is_better=True,
        of_labels_that_differ=True,
    ),
    Metric(
        name="asymmetric",
        task="regression",
        meaning="mean error, where one unit too low costs {under:g}, one too high 1",
        needs="number",
        on_arrays=_asymmetric,
        by=Sum(_costs, _mean),
        quantile=lambda stakes: stakes.under / (1 + stakes.under),
    ),
    Metric(
        name="quantile_loss",
        task="regression",
        meaning="mean pinball loss of the {quantile:g} quantile",
        needs="number",
        on_arrays=_pinball,
        by=Sum(_pinball_terms, _mean),
        quantile=lambda stakes: nan if stakes.quantile is None else stakes.quantile,
        made_of=("quantile",),
    ),
)


def for_task(task: str, stakes: Stakes | None = None) -> tuple[str, ...]:
    """The metrics that a task has, in a fixed order; with stakes, those of them that can be measured."""
    return tuple(
        metric.name
        for metric in EVERY
        if metric.task == task and (stakes is None or not metric.undeclared(stakes))
    )


def of_decisions() -> tuple[str, ...]:
    """The metrics that need a decision, so that they have no value where nobody has decided."""
    return tuple(metric.name for metric in EVERY if metric.needs == "decision")


def by_name(name: str) -> Metric:
    """A metric by its name."""
    return next(metric for metric in EVERY if metric.name == name)
