"""Each value of a grid, tried on twenty rows: what no estimator takes is told before a training, not by it.

Only the model itself is fitted. How many rows and columns there will be is not known here, so numbers of rows
or columns are not tried, and there are no more than two trees.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone

from pipelines.core.families import named

if TYPE_CHECKING:
    from pipelines.core.config import Family, Scalar
    from pipelines.core.tasks import Task

ROWS, COLUMNS, TREES = 20, 100, 2
OF_ROWS = frozenset({"max_samples", "max_features"})  # a number of rows or columns, where it is an integer
_BUILD = re.compile(r"^\[[\d:]+\] \S+: ")  # XGBoost's clock, and the place in its own source

Found = Iterator[tuple[str, str]]
Grid = Mapping[str, "tuple[Scalar, ...]"]


def mistakes(model: Any, family: Family, task: Task, grid: Grid) -> Found:
    """Say which values a model does not take.

    Args:
        model: The family's unfitted model.
        family: What the file calls it.
        task: What its labels and scores are.
        grid: The model's own parameters, by their bare names, each with its values.

    Yields:
        A parameter, and a sentence.
    """
    told = set()
    for name, sentence in _unusable(family, task, grid):
        told.add(name)
        yield name, sentence
    rest = {name: values for name, values in grid.items() if name not in told}
    first = {name: values[0] for name, values in rest.items()}
    if wrong := _refusal(model, first, task):
        # One of the values alone may be what is wrong with all of them together.
        alone = [
            (name, value, why)
            for name, value in first.items()
            if (why := _refusal(model, {name: value}, task))
        ]
        yield from ((name, _sentence(family, name, value, why)) for name, value, why in alone)
        if not alone:
            yield next(iter(first)), f"{family} does not take {_params_text(first)} together: {wrong}"
            return
        told |= {name for name, _, _ in alone}
    kept = {name: value for name, value in first.items() if name not in told}
    for name, values in rest.items():
        for value in values[1:]:
            if why := _refusal(model, {**kept, name: value}, task):
                yield name, _sentence(family, name, value, why)


def _sentence(family: Family, name: str, value: Scalar, why: str) -> str:
    return f"{family} does not take {name} {value!r}: {why}"


def _params_text(params: Mapping[str, Scalar]) -> str:
    return ", ".join(f"{name} {value!r}" for name, value in params.items())


def _unusable(family: Family, task: Task, grid: Grid) -> Found:
    """What the library takes, and Sluice has no use for."""
    facts = named(family)
    for name, allowed in facts.allowed.get(task.name, {}).items():
        if wrong := [value for value in grid.get(name, ()) if value not in (*allowed, None)]:
            listed = ", ".join(map(repr, wrong))
            yield (
                name,
                (
                    f"{family} with {name} {listed} is no model of a {task} task that can be exported;"
                    f" allowed: {', '.join(allowed)}"
                ),
            )
    yield from ((name, f"{name} {why}") for name, why in facts.refused.items() if name in grid)


def _refusal(model: Any, params: Mapping[str, Scalar], task: Task) -> str | None:
    """The first line of what the library says, if it does not take some parameters."""
    random = np.random.default_rng(0)
    X = random.random((ROWS, COLUMNS), dtype=np.float32)  # noqa: N806 (scikit-learn's letter)
    y = np.arange(ROWS) % 2 if task.classes else X[:, 0] + 1
    whole = {
        name: value
        for name, value in params.items()
        if not (name in OF_ROWS and type(value) is int and value > 0)
    }
    if "n_estimators" in model.get_params():
        trees = whole.get("n_estimators", TREES)
        whole["n_estimators"] = min(trees, TREES) if type(trees) is int else trees
    try:
        with warnings.catch_warnings(action="ignore"):
            fitted = clone(model).set_params(**whole).fit(X, y)
            (fitted.predict_proba if task.probabilities else fitted.predict)(X)
    except Exception as error:  # noqa: BLE001  (whatever a library raises of a value is what it says of it)
        return _BUILD.sub("", (str(error).strip() or type(error).__name__).splitlines()[0])[:200]
    return None
