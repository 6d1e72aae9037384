"""The metrics of labels of two classes: of the scores' order, of decisions, and of probabilities."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING

from pipelines.core.metric import Constant, Metric, Ranking, Sum, mean

if TYPE_CHECKING:
    from pipelines.core.metric import Floats
    from pipelines.core.stakes import Stakes


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
        by=Sum(_costs_of_decisions, mean),
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
        by=Sum(_log_loss_terms, mean),
    ),
    Metric(
        name="brier",
        task="binary",
        meaning="mean squared error of the probabilities",
        needs="probability",
        on_arrays=_brier,
        by=Sum(_off, mean),
        up_to_one=True,
    ),
)
