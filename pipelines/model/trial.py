"""A candidate on a fold: the fold's rows as its models see them, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from pipelines.model.ensembles import Bins

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd
    from sklearn.pipeline import Pipeline

    from pipelines.model.folds import Fold


@dataclass(frozen=True)
class Trial:
    """A candidate on a fold: its score, its predictions of the rows held out (shape (rows,)), and the seconds
    of both.
    """

    score: float
    predictions: npt.NDArray[Any]
    fit_seconds: float
    score_seconds: float


@dataclass(frozen=True)
class Prepared:
    """A fold's rows as its models see them: those to fit on, and those held out."""

    Z: Any
    y: npt.NDArray[Any]
    Z_held: Any
    y_held: npt.NDArray[Any]
    bins: Bins


class Rows:
    """A fold's rows, prepared by the first thread that wants them."""

    def __init__(self, fold: int, prepare: Pipeline, X: pd.DataFrame, y: npt.NDArray[Any], cut: Fold):  # noqa: N803
        self.fold = fold
        self._prepare, self._X, self._y, self._cut = prepare, X, y, cut
        self._lock = Lock()
        self._prepared: Prepared | None = None

    def prepared(self) -> Prepared:
        """Fit the preprocessing on the rows to fit on, and transform both."""
        fit, held = self._cut
        with self._lock:
            if self._prepared is None:
                Z = self._prepare.fit_transform(self._X.iloc[fit], self._y[fit])  # noqa: N806
                Z_held = self._prepare.transform(self._X.iloc[held])  # noqa: N806
                self._prepared = Prepared(Z, self._y[fit], Z_held, self._y[held], Bins())
            return self._prepared
