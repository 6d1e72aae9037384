"""Cross-validated search over Pipelines that does no work twice: the scores of scikit-learn's GridSearchCV, several times sooner.

GridSearchCV fits a whole Pipeline for each combination on each fold. Here, within a fold,

- the preprocessing is fitted once for all combinations that agree on its parameters,
- XGBoost cuts the rows into bins once for all combinations that agree on how,
- combinations that differ in their number of trees only are read off the largest ensemble, whose first trees are the smaller ones.

The best combination's predictions of the rows held out are kept, so nothing is fitted again to know them.
"""

from __future__ import annotations

import time
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import joblib  # type: ignore[import-untyped]
import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_classifier
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils.parallel import Parallel, delayed
from xgboost import XGBModel

from pipelines.model import candidate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pandas as pd
    from sklearn.pipeline import Pipeline
    from xgboost import DMatrix

    from pipelines.model.folds import Fold

# What XGBoost's matrix of binned rows depends on, beside the rows.
BINNING = ("booster", "device", "enable_categorical", "feature_types", "feature_weights", "max_bin", "missing", "tree_method")


class PipelineSearchCV(MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """Find the best of several parameter settings of a Pipeline by cross-validation.

    Folds are searched `n_jobs` at a time, in threads: scikit-learn's trees and XGBoost let other threads run. In memory are
    the prepared rows of so many folds, and a prediction (8 bytes) for each row and combination.

    Args:
        estimator: A Pipeline of preprocessing and, as its last step, a model.
        candidates: Parameter settings to try, e.g. a ParameterGrid or a ParameterSampler.
        scoring: As scikit-learn's searches want it: greater is better.
        cv: As scikit-learn's searches want it.
        n_jobs: How many folds at a time.

    Attributes:
        cv_results_: As GridSearchCV's, but `fit_time` is that of the model alone, and of the largest ensemble where several
            combinations are read off it.
        best_index_: The first candidate of the greatest mean score.
        best_params_: Its parameters.
        best_score_: Its mean score.
        best_estimator_: A Pipeline with these parameters, fitted on all rows.
        out_of_fold_: For each fold the positions of the rows held out, and the best candidate's predictions of them: the
            probability of the positive class, or the number.
    """

    def __init__(self, estimator: Pipeline, candidates: Iterable[dict[str, Any]], *, scoring: Any = None, cv: Any = None, n_jobs: int = 1):
        self.estimator = estimator
        self.candidates = candidates
        self.scoring = scoring
        self.cv = cv
        self.n_jobs = n_jobs

    def fit(self, X: pd.DataFrame, y: npt.NDArray[Any]) -> Self:  # noqa: N803 (scikit-learn's letter)
        """Search on X, shape (rows, columns), and y, shape (rows,), and fit the best candidate on all rows.

        Raises:
            ValueError: a model refuses a parameter or the rows; as the Pipeline itself raises it, not a score of NaN.
        """
        candidates = list(self.candidates)
        folds = list(check_cv(self.cv, y, classifier=is_classifier(self.estimator)).split(X, y))
        judge = partial(_judged, self.estimator, candidates, X, y, scorer=check_scoring(self.estimator, self.scoring))
        trials = Parallel(self.n_jobs, prefer="threads")(delayed(judge)(fold) for fold in folds)
        self.cv_results_ = _results(candidates, trials)
        self.best_index_ = int(self.cv_results_["rank_test_score"].argmin())
        self.best_params_ = candidates[self.best_index_]
        self.best_score_ = float(self.cv_results_["mean_test_score"][self.best_index_])
        self.out_of_fold_ = [(held, of_fold[self.best_index_].predictions) for (_, held), of_fold in zip(folds, trials, strict=True)]
        self.best_estimator_ = _set(self.estimator, self.best_params_).fit(X, y)
        return self


@dataclass(frozen=True)
class _Trial:
    """A candidate on a fold."""

    score: float
    predictions: npt.NDArray[np.float64]
    fit_seconds: float
    score_seconds: float


def _judged(
    pipeline: Pipeline,
    candidates: list[dict[str, Any]],
    X: pd.DataFrame,  # noqa: N803
    y: npt.NDArray[Any],
    fold: Fold,
    scorer: Callable[..., float],
) -> list[_Trial]:
    """Try all candidates on one fold."""
    fit, held = fold
    trials: dict[int, _Trial] = {}
    model_name = pipeline.steps[-1][0]
    pipelines = {number: _set(pipeline, params) for number, params in enumerate(candidates)}
    for alike in _groups(candidates, range(len(candidates)), lambda name: name.split("__")[0] != model_name):
        prepare = pipelines[alike[0]][:-1]
        Z, Z_held = prepare.fit_transform(X.iloc[fit], y[fit]), prepare.transform(X.iloc[held])  # noqa: N806
        bins: dict[str, DMatrix] = {}
        for ensemble in _groups(candidates, alike, lambda name: name != f"{model_name}__n_estimators"):
            for number, model, fit_seconds in _fitted({number: pipelines[number][-1] for number in ensemble}, Z, y[fit], bins):
                start = time.perf_counter()
                score = float(scorer(model, Z_held, y[held]))
                score_seconds = time.perf_counter() - start
                predictions = candidate.scores(model, Z_held, "binary" if is_classifier(model) else "regression")
                trials[number] = _Trial(score, predictions, fit_seconds, score_seconds)
    return [trials[number] for number in range(len(candidates))]


def _groups(candidates: list[dict[str, Any]], among: Iterable[int], counts: Callable[[str], bool]) -> list[list[int]]:
    """Put candidates together that agree on all parameters that count."""
    groups: dict[str, list[int]] = {}
    for number in among:
        key = joblib.hash({name: value for name, value in candidates[number].items() if counts(name)})  # 1, 1.0 and True differ
        groups.setdefault(key, []).append(number)
    return list(groups.values())


def _set(pipeline: Pipeline, params: dict[str, Any]) -> Pipeline:
    return clone(pipeline).set_params(**clone(params, safe=False))


def _fitted(models: dict[int, Any], Z: Any, y: npt.NDArray[Any], bins: dict[str, DMatrix]) -> Iterator[tuple[int, Any, float]]:  # noqa: N803
    """Fit models that differ in their number of trees only: each with its number, and the seconds of the fit it came out of."""
    if not all(map(_begins_with_smaller_ones, models.values())):
        for number, model in models.items():
            yield number, model, _fit(model, Z, y, bins)
        return
    largest = max(models.values(), key=lambda model: model.n_estimators)
    seconds = _fit(largest, Z, y, bins)
    for number, model in models.items():
        yield number, _first_trees(largest, model.n_estimators), seconds


def _begins_with_smaller_ones(model: Any) -> bool:
    """Whether the first trees of a fitted ensemble are what a smaller one would have been: seeded one after another, then left alone."""
    trees = getattr(model, "n_estimators", None)
    if not isinstance(trees, int) or trees < 1:
        return False  # for the model itself to refuse, or to replace by its default
    if isinstance(model, XGBModel):
        return model.booster in (None, "gbtree") and not model.early_stopping_rounds and not model.callbacks
    return isinstance(model, RandomForestClassifier | RandomForestRegressor) and isinstance(model.random_state, int)


def _first_trees(model: Any, trees: int) -> Any:
    if trees == model.n_estimators:
        return model
    smaller = copy(model).set_params(n_estimators=trees)
    if isinstance(model, XGBModel):
        smaller._Booster = model.get_booster()[:trees]
    else:
        smaller.estimators_ = model.estimators_[:trees]
    return smaller


def _fit(model: Any, Z: Any, y: npt.NDArray[Any], bins: dict[str, DMatrix]) -> float:  # noqa: N803
    """Fit a model, an XGBoost model on binned rows that others share, and return the seconds."""
    if isinstance(model, XGBModel):
        _share(model, bins)
    start = time.perf_counter()
    model.fit(Z, y)
    return time.perf_counter() - start


def _share(model: XGBModel, bins: dict[str, DMatrix]) -> None:
    """Have a model take its binned rows from `bins` if they are there, else put them there.

    Everything else stays with XGBoost's own `fit`, so the model is the one it would have been. `xgboost.train` knows
    nothing of labels, objectives and defaults as the scikit-learn interface sets them.
    """
    params = model.get_params()
    key = joblib.hash({name: params[name] for name in BINNING})
    bin_rows = model._create_dmatrix

    def shared(ref: DMatrix | None, **rows: Any) -> DMatrix:
        if key not in bins:
            bins[key] = bin_rows(ref, **rows)
        return bins[key]

    model._create_dmatrix = shared


def _results(candidates: list[dict[str, Any]], trials: list[list[_Trial]]) -> dict[str, Any]:
    """What was found, by the names and in the forms of GridSearchCV."""
    results: dict[str, Any] = {}
    for name, attribute in (("fit_time", "fit_seconds"), ("score_time", "score_seconds"), ("test_score", "score")):
        table = np.array([[getattr(trial, attribute) for trial in of_fold] for of_fold in trials])  # shape (folds, candidates)
        results |= {f"mean_{name}": table.mean(axis=0), f"std_{name}": table.std(axis=0)}
        if name == "test_score":
            results |= {f"split{fold}_{name}": scores for fold, scores in enumerate(table)}
    for name in sorted({name for params in candidates for name in params}):
        absent = [name not in params for params in candidates]
        results[f"param_{name}"] = np.ma.MaskedArray(np.array([params.get(name) for params in candidates], dtype=object), mask=absent)
    means = np.nan_to_num(results["mean_test_score"], nan=-np.inf)  # no number is no candidate
    return results | {"params": candidates, "rank_test_score": rankdata(-means, method="min").astype(np.int32)}
