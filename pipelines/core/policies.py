"""Every policy by which a decision threshold is chosen, each by one class: whoever adds one to `EVERY` finds
it in the schema of use-case files, in the documents, where thresholds are chosen, and on the card.

The first lines of a class are its part of the documents, its fields are its keys in a use-case file. Formulas
import their libraries when they are asked, since every DAG file reads this module each time it is parsed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias, get_args

from pydantic import Field

from pipelines.core.errors import BadInput
from pipelines.core.strict import Share, Strict

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]

ROUNDING = 1e-9  # of a number of alarms that sums of weights may be above what is allowed
MOST_NIGHTS = (0.05, 0.95)  # nine of ten, by chance: alarms come like Poisson's events


class Unreachable(BadInput):
    """No threshold fulfils the policy on these rows."""


@dataclass(frozen=True)
class Points:
    """What can be decided on the rows with a label: one entry for no alarm at all, and one for an alarm from
    each distinct score on, the greatest first.

    Attributes:
        tp: Alarms that are right, shape (m,), like the others.
        fp: False alarms.
        fn: Misses.
    """

    tp: Floats
    fp: Floats
    fn: Floats

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
    def given(self) -> float | None:
        """The threshold itself, where the file states it."""
        return None

    def best(self, points: Points) -> int:
        """Which of the points fulfils it best.

        Raises:
            Unreachable: none fulfils it.
        """
        raise NotImplementedError

    def best_of_night(self, alarms: Floats) -> int:
        """The same of a policy that goes by every row: by how many alarms a night has, shape (m,)."""
        raise NotImplementedError

    def cost(self, fp: int, fn: int) -> float | None:  # noqa: ARG002
        """What false alarms and misses cost together, where it knows."""
        return None

    def of_nights(self) -> Iterator[str]:
        """What the card adds, since a single night may differ from what is promised."""
        yield from ()


class MaxRecall(Policy):
    """The greatest recall whose precision is at least `precision`, as rows with a label tell."""

    meaning = "the greatest recall whose precision is at least {precision:g}"

    policy: Literal["max_recall"]
    precision: Share

    def best(self, points: Points) -> int:
        """Of equals, the one with the greater precision."""
        allowed = points.precision >= self.precision
        if not allowed.any():
            raise self._too_precise(points)
        return _greatest(allowed, points.recall, then=points.precision)

    def _too_precise(self, points: Points) -> Unreachable:
        best = int(points.precision.argmax())
        rows = int(points.tp[-1] + points.fp[-1])
        return Unreachable(
            f"no threshold reaches precision {self.precision:g} on the {rows:,} validation rows"
            f" ({int(points.tp[-1]):,} positive): the best precision is {points.precision[best]:.4f}, at"
            f" recall {points.recall[best]:.4f}",
            where="threshold",
            fix="ask for less (threshold.precision), or find features that tell the classes apart better",
        )


class MaxPrecision(Policy):
    """The greatest precision whose recall is at least `recall`, as rows with a label tell."""

    meaning = "the greatest precision whose recall is at least {recall:g}"

    policy: Literal["max_precision"]
    recall: Share

    def best(self, points: Points) -> int:
        """Of equals, the one with the greater recall."""
        return _greatest(points.recall >= self.recall, points.precision, then=points.recall)


class LeastCost(Policy):
    """The least total cost, of false alarms and of misses, as rows with a label tell."""

    meaning = "the least cost, where a false alarm costs {false_positive:g} and a miss {false_negative:g}"

    policy: Literal["least_cost"]
    false_positive: float = Field(gt=0)
    false_negative: float = Field(gt=0)

    def best(self, points: Points) -> int:
        """Of equals, the one with fewer alarms."""
        return int((self.false_positive * points.fp + self.false_negative * points.fn).argmin())

    def cost(self, fp: int, fn: int) -> float:
        """What they cost together, as the file says."""
        return self.false_positive * fp + self.false_negative * fn


class Capacity(Policy):
    """As many alarms a day, on average, as people can look at: the greatest scores of all rows that a night
    scores.

    Rows without a label (`cleanse.drop`) count as well, by their own scores: it does not matter how many rows
    were labelled, and which. What is promised is a mean over nights like those of the training's window, not
    a bound for each of them: where 10 are asked for, chance alone gives nine of ten nights 5 to 15, and a
    weekday with twice the rows has twice the alarms. Measured with quiet weekends and a window of 20 days
    (`benchmarks/capacity.py`): the mean of the nights after a training is 9.7, in nine of ten trainings 7.6
    to 13; single nights have 3 to 18. Whoever can look at 10 at most asks for fewer.
    """

    meaning = (
        "the greatest scores, {alarms_a_day:,} a night on average, whether its rows ever get a label or not"
    )
    by_every_row = True

    policy: Literal["capacity"]
    alarms_a_day: int = Field(
        ge=1, description="The mean over the nights; see above for what single nights have."
    )

    def best_of_night(self, alarms: Floats) -> int:
        """The one with the most alarms that are no more than allowed."""
        return int((alarms <= self.alarms_a_day * (1 + ROUNDING)).nonzero()[0][-1])

    def of_nights(self) -> Iterator[str]:
        """How many alarms single nights have by chance."""
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


def _greatest(allowed: npt.NDArray[np.bool_], first: Floats, then: Floats) -> int:
    """The allowed point with the greatest `first`, and among equals the greatest `then`."""
    import numpy as np

    return int(np.lexsort((then, first, allowed))[-1])


EVERY: tuple[type[Policy], ...] = (MaxRecall, MaxPrecision, LeastCost, Capacity, Fixed)


def names() -> tuple[str, ...]:
    """What use-case files call the policies, in a fixed order."""
    return tuple(get_args(policy.model_fields["policy"].annotation)[0] for policy in EVERY)
