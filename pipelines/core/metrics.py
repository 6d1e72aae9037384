"""Every metric that Sluice measures, each by one object: whoever adds one to its task's `EVERY` finds it
in the schema of use-case files, in the documents, in the tables, and on the pages.

In natural units: an error is a positive number. One place, so that tuning, evaluation, promotion and
monitoring cannot mean different things by the same word. Formulas import their libraries when they are asked,
since every DAG file reads these modules each time it is parsed.
"""

from __future__ import annotations

from pipelines.core import binary_metrics, regression_metrics
from pipelines.core.metric import Metric, Ranking
from pipelines.core.stakes import Stakes

EVERY: tuple[Metric, ...] = (*binary_metrics.EVERY, *regression_metrics.EVERY)


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


def of_level(name: str) -> Metric:
    """The metric by which the same order of scores may be better or worse: the one of this name; where that
    knows an order alone, the Brier score, by which probabilities are true.
    """
    metric = by_name(name)
    return by_name("brier") if isinstance(metric.by, Ranking) else metric
