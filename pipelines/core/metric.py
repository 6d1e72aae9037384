"""What a metric is: an object that tells its meaning, what it needs, and how it is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
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


def mean(sums: Floats) -> float:
    """Of what is summed of each row, and of how many rows there are."""
    return float(sums[0] / sums[1])
