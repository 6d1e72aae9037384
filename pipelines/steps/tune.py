"""The search for a family's best candidate: cross-validation of whole Pipelines on the training rows, and on
nothing else. Or none: the model that serves is kept, and only its calibration is learned.
"""

from __future__ import annotations

import json
from dataclasses import astuple, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 (makes HalvingGridSearchCV importable)
from sklearn.metrics import make_scorer
from sklearn.model_selection import HalvingGridSearchCV, ParameterGrid, ParameterSampler
from sklearn.utils._param_validation import InvalidParameterError

from pipelines.core.errors import BadInput, BadUseCase
from pipelines.core.metrics import by_name
from pipelines.core.split import UNLABELLED, taught
from pipelines.evaluation import recalibrated
from pipelines.evaluation.results import SearchResult
from pipelines.metrics import bootstrap, daily, metrics, threshold
from pipelines.metrics.cross_fitted import CrossFitted, OfDays, Together
from pipelines.model import baseline, calibration, candidate, families, folds, inputs
from pipelines.model.search import PipelineSearchCV

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

    from pipelines.core.config import Family, UseCase
    from pipelines.evaluation.recalibrated import Kept
    from pipelines.model.folds import Fold

Labels: TypeAlias = npt.NDArray[np.int64] | npt.NDArray[np.float64]

# Models beside one another, in threads. No more: folds hold their prepared rows in memory, and families run
# side by side too.
THREADS = 2


def search(
    features: duckdb.DuckDBPyRelation,
    use_case: UseCase,
    family: Family,
    on_progress: Callable[[int, int], object] | None = None,
) -> SearchResult:
    """Search a family's grid by cross-validation, and fit the best candidate on all training rows.

    Args:
        features: The table `features` of a training; only its rows with `split = 'train'` are read.
        use_case: Says how to cut folds, what to try, and by which metric to choose.
        family: The family to search.
        on_progress: Is called with how many of how many fits are done, see `PipelineSearchCV`.

    Raises:
        BadUseCase: the grid names a parameter that does not exist, or a value that the model refuses.
        BadInput: the training rows do not do for the folds or for the model.
    """
    _refuse_bad_grid(use_case, family)
    rows = _training_rows(features, use_case)
    X, y = inputs.frame(rows, use_case.features), _labels(rows, use_case)  # noqa: N806 (scikit-learn's letter)
    cuts = folds.cut(rows, y, use_case)
    judge = _judge(rows, y, cuts, threshold.night(features, use_case), use_case)
    results, found = _search(X, y, cuts, judge, use_case, family, on_progress)
    trials = _trials(results, _baseline_score(X, y, cuts, judge, use_case), use_case, family)
    best = trials[trials.best].iloc[0]
    validation = _out_of_fold(found, rows, y, use_case)
    best_model = found.best_estimator_
    if use_case.calibration:
        best_model, validation["score"] = _calibrated(best_model, validation, found, use_case.calibration)
    if use_case.threshold and use_case.threshold.by_every_row:
        validation = _with_unlabelled(validation, best_model, features, use_case)
    return SearchResult(
        family=family,
        trials=trials,
        validation=validation.assign(family=family),
        candidate=candidate.dump(best_model),
        best_score=float(best.mean_score),
        best_params=json.loads(best.params),
        fit_seconds=tuple(float(seconds) for seconds in results.mean_fit_time),
    )


def keep(features: duckdb.DuckDBPyRelation, use_case: UseCase, family: Family, kept: Kept) -> SearchResult:
    """Keep a model, and learn its calibration on the training rows that are new to it.

    Args:
        features: The table `features` of a training; only such rows are read.
        use_case: Says which these are (`split.taught`).
        family: The model's.
        kept: The model.

    Raises:
        BadInput: these rows are too few, or the scores tell nothing of them.
    """
    rows, night = _training_rows(features, use_case), threshold.night(features, use_case)
    found = recalibrated.bent(kept, rows, night, use_case, family)
    if use_case.threshold and use_case.threshold.by_every_row:
        fitted = candidate.load(found.candidate)
        validation = _with_unlabelled(found.validation, fitted, features, use_case).assign(family=family)
        return replace(found, validation=validation)
    return found


def _refuse_bad_grid(use_case: UseCase, family: Family) -> None:
    mistakes = [
        f"{where}: {sentence}"
        for where, sentence in families.check_grid(use_case)
        if where.startswith(f"candidates.{family}.")
    ]
    if mistakes:
        raise BadUseCase(
            f"the grid of {family} cannot be searched",
            where=use_case.name,
            details=mistakes,
            fix=(
                f"correct {use_case.name}.yaml; python -m pipelines check {use_case.name} tells all its"
                " mistakes with their lines"
            ),
        )


def _training_rows(features: duckdb.DuckDBPyRelation, use_case: UseCase) -> pd.DataFrame:
    """The training rows in order of time, then key, with no more columns than are used."""
    return _rows_of(taught(features, use_case), use_case)


def _rows_of(features: duckdb.DuckDBPyRelation, use_case: UseCase) -> pd.DataFrame:
    group = use_case.split.folds.group
    beside = filter(None, (group, use_case.unit_column))
    names = dict.fromkeys([use_case.key, use_case.time, use_case.target, *beside, *use_case.features.names])
    wanted = ", ".join(f'"{name}"' for name in names)
    rows: pd.DataFrame = features.project(wanted).order(f'"{use_case.time}", "{use_case.key}"').df()
    return rows


def _labels(rows: pd.DataFrame, use_case: UseCase) -> Labels:
    return rows[use_case.target].to_numpy(np.int64 if use_case.task.classes else np.float64)


def _judge(
    rows: pd.DataFrame, y: Labels, cuts: list[Fold], night: threshold.Night, use_case: UseCase
) -> Together | None:
    """Judges candidates by all folds together, where the primary metric is about decisions or days."""
    metric, policy, stakes = by_name(use_case.metric.name), use_case.threshold, use_case.stakes

    def held(of: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        return [of[positions] for _, positions in cuts]

    labels = held(y.astype(np.float64))
    if metric.needs == "decision" and policy is not None:
        units, a_night = held(bootstrap.units(rows, use_case)), threshold.Night(sum(astuple(night)))
        return CrossFitted(metric.name, stakes, labels, policy, units, a_night)
    if metric.needs == "taken":
        days, places = daily.days(rows[use_case.time]), daily.places(rows[use_case.key].to_numpy())
        return OfDays(metric.name, stakes, labels, held(days), held(places))
    return None


def _search(
    X: pd.DataFrame,  # noqa: N803
    y: Labels,
    cuts: list[Fold],
    judge: Together | None,
    use_case: UseCase,
    family: Family,
    on_progress: Callable[[int, int], object] | None,
) -> tuple[pd.DataFrame, PipelineSearchCV]:
    """What was tried, a row a candidate, and the search that found the best of it."""
    facts, seed = getattr(use_case.candidates, family), use_case.candidates.seed
    pipeline, grid, scoring = (
        families.pipeline(use_case, family),
        families.grid(use_case, family),
        _scorer(use_case),
    )
    halved, candidates = None, ParameterGrid(grid)
    try:
        if facts.search == "halving":
            halved = HalvingGridSearchCV(
                pipeline, grid, scoring=scoring, cv=cuts, random_state=seed, error_score="raise", refit=False
            )
            # to be fitted on all rows, of each fold and altogether
            candidates = [halved.fit(X, y).best_params_]
        elif facts.search == "random":
            candidates = ParameterSampler(grid, facts.n, random_state=seed)
        how = {
            "scoring": scoring,
            "judge": judge,
            "cv": cuts,
            "n_jobs": THREADS,
            "early_stopping": facts.early_stopping,
            "on_progress": on_progress,
        }
        found = PipelineSearchCV(pipeline, candidates, **how).fit(X, y)
    except InvalidParameterError as error:
        raise BadUseCase(
            f"candidates.{family}.grid: {_first_line(error)}",
            where=use_case.name,
            fix=f"correct the value in {use_case.name}.yaml",
        ) from error
    except (
        ValueError,
        TypeError,
    ) as error:  # XGBoost's own errors, a value of a wrong type among them, are these too
        raise BadInput(
            f"the {family} models cannot be fitted on {len(X):,} training rows: {_first_line(error)}",
            where=use_case.name,
            fix=f"look at candidates.{family}.grid and at prepare",
        ) from error
    return _results(halved or found), found


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def _scorer(use_case: UseCase) -> Any:
    """The primary metric as scikit-learn's searches want it: greater is better."""
    metric = use_case.metric
    return make_scorer(
        partial(metrics.measure, metric.name, stakes=use_case.stakes),
        greater_is_better=by_name(metric.name).greater_is_better,
        response_method="predict_proba" if use_case.task.probabilities else "predict",
    )


def _results(searched: PipelineSearchCV | HalvingGridSearchCV) -> pd.DataFrame:
    """What was tried, a row a candidate.

    Of halving, which tries the better ones again on more rows, each one's last try.
    """
    results = pd.DataFrame(searched.cv_results_)
    results["best"] = results.index == searched.best_index_
    if "iter" in results:
        texts = results.params.map(_json)
        results = results[~texts.duplicated(keep="last")]
    return results.reset_index(drop=True)


def _trials(results: pd.DataFrame, baseline_score: float, use_case: UseCase, family: Family) -> pd.DataFrame:
    name = use_case.metric.name
    sign = 1 if by_name(name).greater_is_better else -1
    scores = sign * results.filter(regex=r"^split\d+_test_score$").to_numpy()
    means = sign * results.mean_test_score.to_numpy()
    return pd.DataFrame(
        {
            "family": family,
            "candidate": np.arange(len(results)),
            "params": results.params.map(_json),
            "mean_score": means,
            "std_score": scores.std(axis=1),
            "fold_scores": [json.dumps(row) for row in scores.tolist()],
            "baseline_score": baseline_score,
            "gain": [metrics.gain(name, mean, baseline_score) for mean in means],
            "best": results.best,
        }
    )


def _json(params: dict[str, Any]) -> str:
    """Parameters by the names of the use-case file."""
    return json.dumps({name.removeprefix("model__"): value for name, value in params.items()}, sort_keys=True)


def _baseline_score(
    X: pd.DataFrame,  # noqa: N803
    y: Labels,
    cuts: list[Fold],
    judge: Together | None,
    use_case: UseCase,
) -> float:
    """What the baseline is worth over the folds, judged as the candidates are."""
    metric = use_case.metric.name
    fitted = [baseline.fit(use_case, X.iloc[fit], y[fit]) for fit, _ in cuts]
    scores = [own.scores(X.iloc[held]) for own, (_, held) in zip(fitted, cuts, strict=True)]
    if judge:
        decided = [
            np.full(len(score), float(own.alarm))
            for own, score in zip(fitted, scores, strict=True)
            if own.alarm is not None
        ]
        _, whole = judge.of(decided) if decided else judge(scores)
        return whole if use_case.greater_is_better else -whole
    each = [
        metrics.measure(metric, y[held], own, stakes=use_case.stakes)
        for own, (_, held) in zip(scores, cuts, strict=True)
    ]
    return float(np.mean(each))


def _out_of_fold(found: PipelineSearchCV, rows: pd.DataFrame, y: Labels, use_case: UseCase) -> pd.DataFrame:
    """Key, label, score and unit of each row that a fold holds out, in order of the rows: by time, the first
    rows are in no fold.
    """
    positions, scores = (np.concatenate(parts) for parts in zip(*found.out_of_fold_, strict=True))
    order = positions.argsort()
    positions = positions[order]
    keys = rows[use_case.key].iloc[positions].reset_index(drop=True)
    unit = bootstrap.units(rows, use_case)[positions]  # a number, since a unit's name may be personal
    return pd.DataFrame({"key": keys, "label": y[positions], "score": scores[order], "unit": unit})


def _calibrated(
    fitted: Any, validation: pd.DataFrame, found: PipelineSearchCV, method: calibration.Method
) -> tuple[Any, npt.NDArray[np.float64]]:
    """The candidate and its out-of-fold scores, both calibrated where that surely makes them truer."""
    held = [positions for positions, _ in found.out_of_fold_]
    fold = np.repeat(np.arange(len(held)), [len(positions) for positions in held])
    score = validation["score"].to_numpy(np.float64)
    learned = calibration.learn(
        method,
        validation["label"],
        score,
        fold[np.concatenate(held).argsort()],
        validation["unit"],
        candidate.has_margins(fitted),
    )
    fitted = candidate.with_note(fitted, learned.note)
    if learned.line is None:
        return fitted, score
    return candidate.with_calibration(fitted, learned.line), learned.line.of_scores(score)


def _with_unlabelled(
    validation: pd.DataFrame, fitted: Any, features: duckdb.DuckDBPyRelation, use_case: UseCase
) -> pd.DataFrame:
    """Behind the validation rows those without a label: nothing was learned from them, so the candidate's own
    scores are honest.
    """
    rows = _rows_of(features.filter(f"split = '{UNLABELLED}'"), use_case)
    if rows.empty:
        return validation
    score = candidate.scores(fitted, inputs.frame(rows, use_case.features), use_case.task)
    unlabelled = pd.DataFrame({"key": rows[use_case.key], "label": np.nan, "score": score, "unit": -1})
    return pd.concat([validation.astype({"label": np.float64}), unlabelled], ignore_index=True)
