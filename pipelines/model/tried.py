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

if TYPE_CHECKING:
    from pipelines.core.config import Family, Scalar

ROWS, COLUMNS, TREES = 20, 100, 2
OF_ROWS = frozenset({"max_samples", "max_features"})  # a number of rows or columns, where it is an integer
# What gives a probability or a number, and can be exported as ONNX: others end in an error after the
# training.
OBJECTIVES = {
    "binary": ("binary:logistic", "reg:logistic"),
    "regression": (
        *("reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror", "reg:squaredlogerror"),
        *("reg:gamma", "reg:tweedie", "count:poisson"),
    ),
}
BOOSTERS = ("gbtree",)
_BUILD = re.compile(r"^\[[\d:]+\] \S+: ")  # XGBoost's clock, and the place in its own source

Found = Iterator[tuple[str, str]]
Grid = Mapping[str, "tuple[Scalar, ...]"]


def mistakes(model: Any, family: Family, task: str, grid: Grid) -> Found:
    """Say which values a model does not take.

    Args:
        model: The family's unfitted model.
        family: What the file calls it.
        task: `binary` or `regression`.
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


def _unusable(family: Family, task: str, grid: Grid) -> Found:
    """What XGBoost takes, and Sluice has no use for."""
    if family != "xgboost":
        return
    for name, allowed in (("objective", OBJECTIVES[task]), ("booster", BOOSTERS)):
        if wrong := [value for value in grid.get(name, ()) if value not in (*allowed, None)]:
            listed = ", ".join(map(repr, wrong))
            yield (
                name,
                (
                    f"xgboost with {name} {listed} is no model of a {task} task that can be exported;"
                    f" allowed: {', '.join(allowed)}"
                ),
            )
    for name in ("eval_metric", "early_stopping_rounds"):
        if name in grid:
            yield (
                name,
                (
                    f"{name} judges by rows that no fit is given: trials are judged by metric.name; leave it"
                    " out (see early_stopping)"
                ),
            )


def _refusal(model: Any, params: Mapping[str, Scalar], task: str) -> str | None:
    """The first line of what the library says, if it does not take some parameters."""
    random = np.random.default_rng(0)
    X = random.random((ROWS, COLUMNS), dtype=np.float32)  # noqa: N806 (scikit-learn's letter)
    y = np.arange(ROWS) % 2 if task == "binary" else X[:, 0] + 1
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
            (fitted.predict_proba if task == "binary" else fitted.predict)(X)
    except Exception as error:  # noqa: BLE001  (whatever a library raises of a value is what it says of it)
        return _BUILD.sub("", (str(error).strip() or type(error).__name__).splitlines()[0])[:200]
    return None
