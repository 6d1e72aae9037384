"""Every policy by which a decision threshold is chosen, each by one class: whoever adds one to `EVERY` finds
it in the schema of use-case files, in the documents, where thresholds are chosen, and on the card.

The first lines of a class are its part of the documents, its fields are its keys in a use-case file. Formulas
import their libraries when they are asked, since every DAG file reads this module each time it is parsed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias, get_args

from pydantic import Field

from pipelines.core import promise
from pipelines.core.errors import BadInput
from pipelines.core.promise import Counted
from pipelines.core.strict import Share, Strict

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]

ROUNDING = 1e-9  # of a number of alarms that sums of weights may be above what is allowed
HUNDREDTHS = 100  # of what was asked for: the steps in which is told what can be promised instead
MOST_NIGHTS = (0.05, 0.95)  # nine of ten, by chance: alarms come like Poisson's events


class Unreachable(BadInput):
    """No threshold fulfils the policy on these rows."""


@dataclass(frozen=True)
class Clustered:
    """What rows are worth of which several are of one unit, an entry a point, shape (m,).

    Attributes:
        alarms: As how many independent rows the alarms tell of precision.
        alarm_units: Of how many units they are.
        positives: As how many independent rows the positive ones tell of recall.
        positive_units: Of how many units they are.
    """

    alarms: Floats
    alarm_units: Floats
    positives: Floats
    positive_units: Floats


@dataclass(frozen=True)
class Points:
    """What can be decided on the rows with a label: one entry for no alarm at all, and one for an alarm from
    each distinct score on, the greatest first.

    Attributes:
        tp: Alarms that are right, shape (m,), like the others.
        fp: False alarms.
        fn: Misses.
        threshold: From which score on there is an alarm.
        clustered: What the rows are worth; None where each is a unit of its own.
    """

    tp: Floats
    fp: Floats
    fn: Floats
    threshold: Floats | None = None
    clustered: Clustered | None = None

    @property
    def precision(self) -> Floats:
        """Of no alarms, 0."""
        import numpy as np

        alarms = self.tp + self.fp
        return np.divide(self.tp, alarms, out=np.zeros_like(alarms), where=alarms > 0)

    @property
    def recall(self) -> Floats:
        """Of the rows that are positive, the share with an alarm."""
        return self.tp / (self.tp + self.fn)

    @property
    def alarms(self) -> Counted:
        """The alarms, of which the right ones are the precision."""
        rows, told = self.tp + self.fp, self.clustered
        return Counted(self.tp, rows, told.alarms, told.alarm_units) if told else Counted(self.tp, rows, rows)

    @property
    def positives(self) -> Counted:
        """The positive rows, of which those with an alarm are the recall."""
        rows, told = self.tp + self.fn, self.clustered
        return (
            Counted(self.tp, rows, told.positives, told.positive_units)
            if told
            else Counted(self.tp, rows, rows)
        )


class Policy(Strict):
    """How a decision threshold is chosen: `policy` is a literal, its name in use-case files."""

    meaning: ClassVar[str]  # what it demands, for the card: `{field}` stands for what the file says
    by_every_row: ClassVar[bool] = False  # whether rows without a label count as well, by their scores alone

    policy: str

    @property
    def told(self) -> str:
        """Its meaning, with what this file says."""
        return self.meaning.format(**dict(self))

    @property
    def promises(self) -> str | None:
        """What new rows keep, and how surely, where it promises that."""
        return None

    @property
    def given(self) -> float | None:
        """The threshold itself, where the file states it."""
        return None

    @property
    def every_night(self) -> int | None:
        """How many alarms each night has, whatever its scores; None where a threshold decides."""
        return None

    def best(self, points: Points) -> int | None:
        """Which of the points fulfils it best; None where none fulfils it."""
        raise NotImplementedError

    def unreachable(self, points: Points) -> Unreachable:
        """What is said where none of the points fulfils it."""
        raise NotImplementedError

    def best_of_night(self, alarms: Floats) -> int:
        """The same of a policy that goes by every row: by how many alarms a night has, shape (m,)."""
        raise NotImplementedError

    @property
    def costs(self) -> tuple[float, float] | None:
        """What a false alarm costs, and a miss, where it is by them that it chooses."""
        return None

    def of_nights(self) -> Iterator[str]:
        """What the card adds, since a single night may differ from what is promised."""
        yield from ()


class Promised(Policy):
    """A policy that promises something of new rows, such as those of the nights to come."""

    confidence_level: float = Field(
        default=0.95,
        ge=0.5,
        lt=1,
        description="How surely new rows keep what is promised: of a hundred trainings so many.",
    )

    @property
    def promises(self) -> str:
        """Its meaning, and how surely."""
        return f"{self.told}, on new rows at {self.confidence_level:.0%} confidence"

    def _cannot(
        self, what: str, asked: float, points: Points, chosen: Callable[[float], int | None]
    ) -> Unreachable:
        """Says what can be promised instead.

        Args:
            what: Is asked for, its key.
            asked: How much of it.
            points: What can be decided.
            chosen: The point that is chosen if so much is asked for; None where nothing keeps it.
        """
        rows, positive = int(points.tp[-1] + points.fp[-1]), int(points.tp[-1])
        units = "" if points.clustered is None else f" of {int(points.clustered.alarm_units[-1]):,} units"
        found = (
            f"{what} {asked:g} at {self.confidence_level:.0%} confidence cannot be promised on the {rows:,}"
            f" validation rows{units} ({positive:,} positive)"
        )
        less = sorted({float(f"{asked * n / HUNDREDTHS:.2g}") for n in range(1, HUNDREDTHS)} - {asked})
        kept = _last(less, lambda share: chosen(share) is not None)
        at = None if kept is None else chosen(kept)
        if kept is None or at is None:
            found += ": nothing can"
        else:
            where = "" if points.threshold is None else f"threshold {points.threshold[at]:.4g}, "
            found += (
                f"; at most {kept:g} can ({where}precision {points.precision[at]:.4f} and recall"
                f" {points.recall[at]:.4f} on these rows)"
            )
        return Unreachable(
            found,
            where="threshold",
            fix=(
                f"ask for less (threshold.{what}), take more days (split.window_days), or find features that"
                " tell the classes apart better"
            ),
        )


class MaxRecall(Promised):
    """The greatest recall whose precision on new rows is at least `precision`, as rows with a label tell.

    That is a promise, kept in 95 of 100 trainings, so the precision on the rows themselves is higher: the
    fewer alarms, the more. Rows of one unit (`promotion.unit`) count for as many as they are worth. At least
    10 alarms, of 10 units, are needed to promise anything (`benchmarks/thresholds.py` measures how often it
    is kept, and what it costs).
    """

    meaning = "the greatest recall whose precision is at least {precision:g}"

    policy: Literal["max_recall"]
    precision: Share

    def best(self, points: Points) -> int | None:
        """Of equals, the one with the greater precision."""
        return self._chosen(points, self.precision)

    def unreachable(self, points: Points) -> Unreachable:
        """With the precision that can be promised."""
        return self._cannot("precision", self.precision, points, lambda share: self._chosen(points, share))

    def _chosen(self, points: Points, precision: float) -> int | None:
        kept = promise.with_precision(points.alarms, precision, self.confidence_level)
        return _greatest(kept, points.recall, then=points.precision) if len(kept) else None


class MaxPrecision(Promised):
    """The greatest precision whose recall on new rows is at least `recall`, as rows with a label tell.

    That is a promise, kept in 95 of 100 trainings, so the recall on the rows themselves is higher: the fewer
    positive rows, the more. Rows of one unit (`promotion.unit`) count for as many as they are worth.
    """

    meaning = "the greatest precision whose recall is at least {recall:g}"

    policy: Literal["max_precision"]
    recall: Share

    def best(self, points: Points) -> int | None:
        """Of equals, the one with the greater recall."""
        return self._chosen(points, self.recall)

    def unreachable(self, points: Points) -> Unreachable:
        """With the recall that can be promised."""
        return self._cannot("recall", self.recall, points, lambda share: self._chosen(points, share))

    def _chosen(self, points: Points, recall: float) -> int | None:
        kept = promise.with_recall(points.positives, recall, self.confidence_level)
        return _greatest(kept, points.precision, then=points.recall) if len(kept) else None


class LeastCost(Policy):
    """The least total cost, of false alarms and of misses, as rows with a label tell."""

    meaning = "the least cost, where a false alarm costs {false_positive:g} and a miss {false_negative:g}"

    policy: Literal["least_cost"]
    false_positive: float = Field(gt=0)
    false_negative: float = Field(gt=0)

    def best(self, points: Points) -> int:
        """Of equals, the one with fewer alarms."""
        return int((self.false_positive * points.fp + self.false_negative * points.fn).argmin())

    @property
    def costs(self) -> tuple[float, float]:
        """As the file says."""
        return self.false_positive, self.false_negative


class Capacity(Policy):
    """As many alarms a day, on average, as people can look at: the greatest scores of all rows that a night
    scores.

    Rows without a label (`cleanse.drop`) count as well, by their own scores: it does not matter how many rows
    were labelled, and which. What is promised is a mean over nights like those of the training's window, not
    a bound for each of them: where 10 are asked for, chance alone gives nine of ten nights 5 to 15, and a
    weekday with twice the rows has twice the alarms. Measured with quiet weekends and a window of 20 days
    (`benchmarks/capacity.py`): the mean of the nights after a training is 9.7, in nine of ten trainings 7.6
    to 13; single nights have 3 to 18. Whoever can look at 10 at most asks for fewer, or says `exact: true`:
    then the greatest scores of each night are its alarms, so many and no more, whatever they are worth; of
    equal scores the first keys. What a training says of decisions is by the threshold all the same, which
    gives as many on average.
    """

    meaning = (
        "the greatest scores, {alarms_a_day:,} a night on average, whether its rows ever get a label or not"
    )
    by_every_row = True

    policy: Literal["capacity"]
    alarms_a_day: int = Field(
        ge=1, description="The mean over the nights; see above for what single nights have."
    )
    exact: bool = Field(
        default=False,
        description="Each night has just so many (fewer only of fewer rows), by rank, not by threshold.",
    )

    @property
    def told(self) -> str:
        """Its meaning, with what this file says."""
        if not self.exact:
            return super().told
        return f"the {self.alarms_a_day:,} greatest scores of each night; on average that is a threshold"

    @property
    def every_night(self) -> int | None:
        """So many, where that is asked for."""
        return self.alarms_a_day if self.exact else None

    def best_of_night(self, alarms: Floats) -> int:
        """The one with the most alarms that are no more than allowed."""
        return int((alarms <= self.alarms_a_day * (1 + ROUNDING)).nonzero()[0][-1])

    def of_nights(self) -> Iterator[str]:
        """How many alarms single nights have by chance."""
        if self.exact:
            return
        from scipy.stats import poisson

        low, high = (int(n) for n in poisson.ppf(MOST_NIGHTS, self.alarms_a_day))
        yield (
            f"{self.alarms_a_day:,} alarms a day are the mean over nights like those of the window, by all"
            f" rows of a night: by chance alone nine of ten nights have {low:,} to {high:,}, and weekdays"
            " with more rows have more."
        )


class Fixed(Policy):
    """This very threshold."""

    meaning = "fixed at {value:g}"

    policy: Literal["fixed"]
    value: Share

    @property
    def given(self) -> float:
        """The threshold that the file states."""
        return self.value


def _greatest(allowed: npt.NDArray[np.intp], first: Floats, then: Floats) -> int:
    """The allowed point with the greatest `first`, and among equals the greatest `then`."""
    import numpy as np

    return int(allowed[np.lexsort((then[allowed], first[allowed]))[-1]])


def _last(values: list[float], holds: Callable[[float], bool]) -> float | None:
    """The greatest of rising values for which something holds that holds for all smaller ones."""
    from bisect import bisect_left

    first_not = bisect_left(values, True, key=lambda value: not holds(value))
    return values[first_not - 1] if first_not else None


EVERY: tuple[type[Policy], ...] = (MaxRecall, MaxPrecision, LeastCost, Capacity, Fixed)


def names() -> tuple[str, ...]:
    """What use-case files call the policies, in a fixed order."""
    return tuple(get_args(policy.model_fields["policy"].annotation)[0] for policy in EVERY)
