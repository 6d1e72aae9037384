"""Models as a search fits them: XGBoost's rows binned once, and small ensembles of trees read off the
largest.
"""

from __future__ import annotations

import time
from copy import copy
from functools import wraps
from threading import Lock
from typing import TYPE_CHECKING, Any

import joblib  # type: ignore[import-untyped]
from sklearn.base import is_classifier
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from xgboost import QuantileDMatrix, XGBModel

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    from xgboost import DMatrix

# What XGBoost's matrix of binned rows depends on, beside the rows.
BINNING = (
    "booster",
    "device",
    "enable_categorical",
    "feature_types",
    "feature_weights",
    "max_bin",
    "missing",
    "tree_method",
)


class Bins:
    """The binned rows of one set of rows, for all XGBoost models that agree on how to bin them, in any
    thread.
    """

    def __init__(self) -> None:
        self._binned: dict[str, DMatrix] = {}
        self._lock = Lock()

    def share(self, model: XGBModel) -> None:
        """Have a model take its binned rows from here if they are here, else put them here.

        Everything else stays with XGBoost's own `fit`, so the model is the one it would have been.
        `xgboost.train` knows nothing of labels, objectives and defaults as the scikit-learn interface sets
        them.
        """
        params = model.get_params()
        key = joblib.hash({name: params[name] for name in BINNING})
        bin_rows = model._create_dmatrix

        def shared(ref: DMatrix | None, **rows: Any) -> DMatrix:
            with self._lock:
                made = self._binned[key] if key in self._binned else bin_rows(ref, **rows)
                # Binned rows are only read while trees grow; any other matrix is changed then, and is no
                # other thread's.
                if isinstance(made, QuantileDMatrix):
                    self._binned[key] = made
                return made

        model._create_dmatrix = shared


def fit(model: Any, Z: Any, y: npt.NDArray[Any], bins: Bins) -> float:  # noqa: N803 (scikit-learn's letter)
    """Fit a model, an XGBoost model on binned rows that others share, and return the seconds."""
    if isinstance(model, XGBModel):
        bins.share(model)
    start = time.perf_counter()
    model.fit(Z, y)
    return time.perf_counter() - start


def begins_with_smaller_ones(model: Any) -> bool:
    """Whether the first trees of a fitted ensemble are what a smaller one would have been: seeded one after
    another, then left alone.
    """
    trees = getattr(model, "n_estimators", None)
    if not isinstance(trees, int) or trees < 1:
        return False  # for the model itself to refuse, or to replace by its default
    if isinstance(model, XGBModel):
        return model.booster in (None, "gbtree") and not model.early_stopping_rounds and not model.callbacks
    return isinstance(model, RandomForestClassifier | RandomForestRegressor) and isinstance(
        model.random_state, int
    )


def together(models: dict[int, Any]) -> list[list[int]]:
    """Put models, which differ in their number of trees only, together if all can be read off the largest,
    which comes last.
    """
    if all(map(begins_with_smaller_ones, models.values())):
        return [sorted(models, key=lambda number: models[number].n_estimators)]
    return [[number] for number in models]


def read_off(models: list[Any], Z: Any) -> Iterator[tuple[Any, npt.NDArray[Any]]]:  # noqa: N803
    """Read models off the last of them.

    Args:
        models: By their number of trees, as `together` has put them; the last one is fitted.
        Z: Rows to predict.

    Yields:
        Each model, fitted, and its scores of Z, shape (rows,): the probability of the positive class, or the
        number. If the model is asked about Z again, it remembers.
    """
    largest = models[-1]
    sums = Sums(Z) if len(models) > 1 and isinstance(largest, XGBModel) else None
    for model in models:
        fitted = _first_trees(largest, model)
        answer = sums.up_to(model.n_estimators, largest) if sums else getattr(fitted, _method(fitted))(Z)
        yield fitted, scores_with_memory(fitted, Z, answer)


class Sums:
    """What a growing XGBoost ensemble says of rows.

    It sums up trees one after another: each is asked once, for all sums.
    """

    def __init__(self, Z: Any):  # noqa: N803
        self._Z = Z
        self._trees = 0
        self._margin: npt.NDArray[Any] | None = None

    def up_to(self, trees: int, model: XGBModel) -> npt.NDArray[Any]:
        """What the model's first trees say, as many as the last time or more."""
        further = (self._trees, trees)
        self._margin = model.predict(
            self._Z, output_margin=True, iteration_range=further, base_margin=self._margin
        )
        self._trees = trees
        # No further tree: what the sum so far means, a probability for instance.
        said: npt.NDArray[Any] = getattr(model, _method(model))(
            self._Z, iteration_range=(trees, trees), base_margin=self._margin
        )
        return said


def scores_with_memory(model: Any, Z: Any, answer: npt.NDArray[Any]) -> npt.NDArray[Any]:  # noqa: N803
    """Have a model not work out again what it says of Z, and return its scores: the probability of the
    positive class, or the number.
    """
    work_out = getattr(model, _method(model))

    @wraps(work_out)  # scikit-learn's scorers look at its name
    def from_memory(X: Any, *given: Any, **named: Any) -> Any:  # noqa: N803
        return answer.copy() if X is Z and not given and not named else work_out(X, *given, **named)

    setattr(model, _method(model), from_memory)
    return answer[:, 1].copy() if answer.ndim > 1 else answer  # a view would keep the whole table in memory


def _method(model: Any) -> str:
    return "predict_proba" if is_classifier(model) else "predict"


def _first_trees(largest: Any, model: Any) -> Any:
    """The fitted ensemble, or its first trees, as many as a model wants that is not fitted."""
    if model is largest or model.n_estimators == largest.n_estimators:
        return largest
    smaller = copy(largest).set_params(n_estimators=model.n_estimators)
    if isinstance(largest, XGBModel):
        smaller._Booster = largest.get_booster()[: model.n_estimators]
    else:
        smaller.estimators_ = largest.estimators_[: model.n_estimators]
    return smaller
