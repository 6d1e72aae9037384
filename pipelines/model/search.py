"""Cross-validated search over Pipelines that does no work twice: the scores of scikit-learn's GridSearchCV,
several times sooner.

GridSearchCV fits a whole Pipeline for each combination on each fold. Here, within a fold,

- the preprocessing is fitted once for all combinations that agree on its parameters,
- XGBoost cuts the rows into bins once for all combinations that agree on how,
- combinations that differ in their number of trees only are read off the largest ensemble, whose first trees
  are the smaller ones,
- rows held out are predicted once, for the score and to be kept: nothing is fitted again to know the best
  combination's.

Threads take ensemble after ensemble, not fold after fold, so that all of them are busy to the end.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace
from math import nan
from threading import Semaphore
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import joblib  # type: ignore[import-untyped]
import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils.parallel import Parallel, delayed

from pipelines.model import ensembles, growth
from pipelines.model.trial import Prepared, Rows, Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import pandas as pd
    from sklearn.pipeline import Pipeline

    from pipelines.model.folds import Fold

# Candidates, by their numbers, that differ in their number of trees only.
Ensemble: TypeAlias = list[int]

# The score of each fold, and of the candidate, of its predictions of each fold's rows held out.
Judge: TypeAlias = "Callable[[Sequence[npt.NDArray[Any]]], tuple[list[float], float]]"


class PipelineSearchCV(MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """Find the best of several parameter settings of a Pipeline by cross-validation.

    Models are fitted `n_jobs` at a time, in threads: scikit-learn's trees and XGBoost let other threads run.
    In memory are the prepared rows of one fold more than that, and a prediction for each row and combination.

    Args:
        estimator: A Pipeline of preprocessing and, as its last step, a model.
        candidates: Parameter settings to try, e.g. a ParameterGrid or a ParameterSampler.
        scoring: As scikit-learn's searches want it: greater is better. A candidate is worth the mean of its
            folds.
        judge: Instead of `scoring`, where the folds can only be judged together.
        cv: As scikit-learn's searches want it.
        n_jobs: How many models at a time.
        early_stopping: XGBoost only: grow each candidate's ensemble until so many trees more make the mean
            score over the folds no better, its `n_estimators` at most. The prepared rows of all folds are in
            memory then.
        on_progress: Is called by its threads, each time that a model is done, with how many are and how many
            there will be: one a candidate and fold.

    Attributes:
        cv_results_: As GridSearchCV's, but `fit_time` is that of the model alone, and of the largest ensemble
            where several combinations are read off it.
        best_index_: The first candidate of the greatest mean score.
        best_params_: Its parameters; `n_estimators` after early stopping is the number of trees that it has.
        best_score_: Its mean score.
        best_estimator_: A Pipeline with these parameters, fitted on all rows.
        out_of_fold_: For each fold the positions of the rows held out, and the best candidate's predictions
            of them: the probability of the positive class, or the number.
    """

    def __init__(
        self,
        estimator: Pipeline,
        candidates: Iterable[dict[str, Any]],
        *,
        scoring: Any = None,
        judge: Judge | None = None,
        cv: Any = None,
        n_jobs: int = 1,
        early_stopping: int | None = None,
        on_progress: Callable[[int, int], object] | None = None,
    ):
        self.estimator = estimator
        self.candidates = candidates
        self.scoring = scoring
        self.judge = judge
        self.cv = cv
        self.n_jobs = n_jobs
        self.early_stopping = early_stopping
        self.on_progress = on_progress

    def fit(self, X: pd.DataFrame, y: npt.NDArray[Any]) -> Self:  # noqa: N803 (scikit-learn's letter)
        """Search on X, shape (rows, columns), and y, shape (rows,), and fit the best candidate on all rows.

        Raises:
            ValueError: a model refuses a parameter or the rows; as the Pipeline itself raises it, not a score
                of NaN.
        """
        candidates = list(self.candidates)
        folds = list(check_cv(self.cv, y, classifier=is_classifier(self.estimator)).split(X, y))
        pipelines = [_with_params(self.estimator, params) for params in candidates]
        model = self.estimator.steps[-1][0]
        if self.early_stopping is None:
            trials = self._tried(pipelines, _alike(candidates, model), X, y, folds)
        else:
            trials, trees = self._grown(
                pipelines, _alike(candidates, model), X, y, folds, self.early_stopping
            )
            candidates = [
                params | {f"{model}__n_estimators": count}
                for params, count in zip(candidates, trees, strict=True)
            ]
        self.cv_results_ = _results(candidates, *_judged(trials, self.judge))
        self.best_index_ = int(self.cv_results_["rank_test_score"].argmin())
        self.best_params_ = candidates[self.best_index_]
        self.best_score_ = float(self.cv_results_["mean_test_score"][self.best_index_])
        best = [of_fold[self.best_index_].predictions.astype(np.float64) for of_fold in trials]
        self.out_of_fold_ = [(held, predictions) for (_, held), predictions in zip(folds, best, strict=True)]
        self.best_estimator_ = _with_params(self.estimator, self.best_params_).fit(X, y)
        return self

    def _tried(
        self,
        pipelines: list[Pipeline],
        alike: list[list[Ensemble]],
        X: pd.DataFrame,  # noqa: N803
        y: npt.NDArray[Any],
        folds: list[Fold],
    ) -> list[list[Trial]]:
        """Try all candidates on all folds."""
        scorer = self._scorer()
        trials: list[dict[int, Trial]] = [{} for _ in folds]

        def attempt(rows: Rows, ensemble: Ensemble) -> None:
            models = {number: clone(pipelines[number][-1]) for number in ensemble}
            trials[rows.fold].update(_trials(models, rows.prepared(), scorer))
            self._report(sum(map(len, trials)), len(pipelines) * len(folds))

        def seconds(ensemble: Ensemble) -> float:
            return max(
                (of_fold[ensemble[0]].fit_seconds for of_fold in trials if ensemble[0] in of_fold), default=0
            )

        # Lazily, so that rows are let go of when all is tried on them.
        work = (
            (Rows(number, clone(pipelines[group[0][0]][:-1]), X, y, fold), group)
            for number, fold in enumerate(folds)
            for group in alike
        )
        tasks = _in_turn(work, seconds, ahead=joblib.effective_n_jobs(self.n_jobs) - 1)
        Parallel(self.n_jobs, require="sharedmem")(delayed(attempt)(*task) for task in tasks)
        return [[of_fold[number] for number in range(len(pipelines))] for of_fold in trials]

    def _grown(
        self,
        pipelines: list[Pipeline],
        alike: list[list[Ensemble]],
        X: pd.DataFrame,  # noqa: N803
        y: npt.NDArray[Any],
        folds: list[Fold],
        every: int,
    ) -> tuple[list[list[Trial]], list[int]]:
        """Grow all candidates on all folds; the second of the pair is how many trees each came to."""
        scorer, cores = self._scorer(), Semaphore(joblib.effective_n_jobs(self.n_jobs))
        run = Parallel(self.n_jobs, require="sharedmem")
        grown: dict[int, tuple[int, list[Trial]]] = {}

        def grow(number: int, rows: list[Prepared], every: int) -> None:
            models = [clone(pipelines[number][-1]) for _ in rows]
            grown[number] = growth.grow(models, rows, scorer, every, cores, self.judge)
            self._report(len(grown) * len(folds), len(pipelines) * len(folds))

        for group in alike:
            prepare = pipelines[group[0][0]][:-1]
            rows = run(
                delayed(Rows(number, clone(prepare), X, y, fold).prepared)()
                for number, fold in enumerate(folds)
            )
            run(delayed(grow)(number, rows, every) for ensemble in group for number in ensemble)
        trees, trials = zip(*(grown[number] for number in range(len(pipelines))), strict=True)
        return [list(of_fold) for of_fold in zip(*trials, strict=True)], list(trees)

    def _scorer(self) -> Callable[..., float]:
        if self.judge:
            return lambda *_: nan
        scorer: Callable[..., float] = check_scoring(self.estimator, self.scoring)
        return scorer

    def _report(self, done: int, of: int) -> None:
        if self.on_progress:
            self.on_progress(done, of)


def _in_turn(
    work: Iterable[tuple[Rows, list[Ensemble]]], seconds: Callable[[Ensemble], float], ahead: int
) -> Iterator[tuple[Rows, Ensemble]]:
    """Deal work out, ensemble by ensemble.

    The first ensemble on new rows prepares them. It comes before the others on the `ahead` rows before, so
    that no thread has to wait for it. On each rows those that have taken longest elsewhere come first, so
    that the threads end together.
    """
    others: deque[tuple[Rows, list[Ensemble]]] = deque()

    def rest() -> Iterator[tuple[Rows, Ensemble]]:
        rows, group = others.popleft()
        return ((rows, ensemble) for ensemble in sorted(group, key=seconds, reverse=True))

    for rows, group in work:
        first, *later = sorted(group, key=seconds, reverse=True)
        yield rows, first
        others.append((rows, later))
        if len(others) > ahead:
            yield from rest()
    while others:
        yield from rest()


def _trials(
    models: dict[int, Any], rows: Prepared, scorer: Callable[..., float]
) -> Iterator[tuple[int, Trial]]:
    """Try models that differ in their number of trees only."""
    for numbers in ensembles.together(models):
        fit_seconds = ensembles.fit(models[numbers[-1]], rows.Z, rows.y, rows.bins)
        answers = ensembles.read_off([models[number] for number in numbers], rows.Z_held)
        for number in numbers:
            start = time.perf_counter()
            model, scores = next(answers)
            score = float(scorer(model, rows.Z_held, rows.y_held))
            yield number, Trial(score, scores, fit_seconds, time.perf_counter() - start)


def _alike(candidates: list[dict[str, Any]], model: str) -> list[list[Ensemble]]:
    """Put candidates together that agree on the preprocessing, and among them those that differ in their
    number of trees only.
    """
    prepared = _groups(candidates, range(len(candidates)), lambda name: name.split("__")[0] != model)
    return [_groups(candidates, group, lambda name: name != f"{model}__n_estimators") for group in prepared]


def _groups(
    candidates: list[dict[str, Any]], among: Iterable[int], counts: Callable[[str], bool]
) -> list[list[int]]:
    """Put candidates together that agree on all parameters that count."""
    groups: dict[str, list[int]] = {}
    for number in among:
        # 1, 1.0 and True differ
        key = joblib.hash({name: value for name, value in candidates[number].items() if counts(name)})
        groups.setdefault(key, []).append(number)
    return list(groups.values())


def _with_params(pipeline: Pipeline, params: dict[str, Any]) -> Pipeline:
    return clone(pipeline).set_params(**clone(params, safe=False))


def _judged(trials: list[list[Trial]], judge: Judge | None) -> tuple[list[list[Trial]], list[float] | None]:
    """The trials with the scores of a judge, and each candidate's own; None where that is the folds' mean."""
    if judge is None:
        return trials, None
    of_candidate = [judge([trial.predictions for trial in each]) for each in zip(*trials, strict=True)]
    judged = [
        [replace(trial, score=scores[fold]) for trial, (scores, _) in zip(of_fold, of_candidate, strict=True)]
        for fold, of_fold in enumerate(trials)
    ]
    return judged, [whole for _, whole in of_candidate]


def _results(
    candidates: list[dict[str, Any]], trials: list[list[Trial]], together: list[float] | None
) -> dict[str, Any]:
    """What was found, by the names and in the forms of GridSearchCV; `mean_test_score` is what the folds are
    worth together, where that is no mean of them.
    """
    results: dict[str, Any] = {}
    for name, attribute in (
        ("fit_time", "fit_seconds"),
        ("score_time", "score_seconds"),
        ("test_score", "score"),
    ):
        # shape (folds, candidates)
        table = np.array([[getattr(trial, attribute) for trial in of_fold] for of_fold in trials])
        results |= {f"mean_{name}": table.mean(axis=0), f"std_{name}": table.std(axis=0)}
        if name == "test_score":
            results |= {f"split{fold}_{name}": scores for fold, scores in enumerate(table)}
    if together is not None:
        results["mean_test_score"] = np.array(together)
    for name in sorted({name for params in candidates for name in params}):
        absent = [name not in params for params in candidates]
        results[f"param_{name}"] = np.ma.MaskedArray(
            np.array([params.get(name) for params in candidates], dtype=object), mask=absent
        )
    means = np.nan_to_num(results["mean_test_score"], nan=-np.inf)  # no number is no candidate
    return results | {
        "params": candidates,
        "rank_test_score": rankdata(-means, method="min").astype(np.int32),
    }
