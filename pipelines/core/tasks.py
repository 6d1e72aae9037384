"""Every task that a model can have, each by one object: whoever adds one to `EVERY` finds it in the schema of
use-case files and in the documents. Others ask it for what they need to know, and never for its name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipelines.core import metrics
from pipelines.core.stakes import Stakes


@dataclass(frozen=True)
class Task:
    """What is predicted, and what there is to a prediction.

    Attributes:
        name: In use-case files, tables and pages.
        meaning: What a prediction is, for the model card.
        classes: The labels that there are, once rows are clean, of which the greatest is `label.positive`;
            none: any number is one.
        probabilities: Whether a score is the probability of the positive label; else it is a number in the
            label's own unit.
        decides: Whether each row is decided about, yes or no, by a threshold on its score.
        beside: The metrics that the card tells of each slice beside the primary one.
        most_told: The greatest correlation with the label that an honest feature may have.
    """

    name: str
    meaning: str
    beside: tuple[str, ...]
    most_told: float
    classes: tuple[int, ...] = ()
    probabilities: bool = False
    decides: bool = False

    def __str__(self) -> str:
        return self.name

    @property
    def metrics(self) -> tuple[str, ...]:
        """Its metrics, in a fixed order, whatever has to be declared for them."""
        return metrics.for_task(self.name)

    def measured(self, stakes: Stakes) -> tuple[str, ...]:
        """Those of its metrics that can be measured, by what is declared to be at stake."""
        return metrics.for_task(self.name, stakes)


# Of the shipped use cases' features, the most telling has a correlation of 0.88 (regression) or 0.85 (binary)
# with the label. A class is never told honestly by one feature: 0.95 is the label itself with one in a
# thousand flipped, where one in a hundred is positive. A number may nearly be told by itself a moment
# earlier, so more is allowed: 0.98 is the label with a fifth of its spread as noise.
BINARY = Task(
    name="binary",
    meaning="A probability for each row, and an alarm from a threshold on.",
    beside=("precision", "recall"),
    most_told=0.95,
    classes=(0, 1),
    probabilities=True,
    decides=True,
)
REGRESSION = Task(name="regression", meaning="A number for each row.", beside=("rmse", "mae"), most_told=0.98)
EVERY: tuple[Task, ...] = (BINARY, REGRESSION)


def that(has: Callable[[Task], object]) -> str:
    """The names of those tasks that have something, for a sentence."""
    return " and ".join(task.name for task in EVERY if has(task))


def by_name(name: str) -> Task:
    """A task by its name."""
    return next(task for task in EVERY if task.name == name)
