"""Evaluation on the held-out rows: the winner of the search beside the baseline and the champion, overall and
per slice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from pipelines.core.config import Capacity
from pipelines.core.errors import BadInput
from pipelines.core.split import UNLABELLED
from pipelines.core.sql import name as quoted
from pipelines.evaluation import follows, scores
from pipelines.evaluation.results import Judged
from pipelines.evaluation.scores import BASELINE, CHAMPION
from pipelines.evaluation.study import study
from pipelines.metrics import bootstrap, curves, metrics, threshold
from pipelines.metrics.cut import Cut
from pipelines.metrics.scored import NEVER, Scored
from pipelines.metrics.threshold import Night
from pipelines.model import baseline, candidate, inputs
from pipelines.model.graph import Graph
from pipelines.reports import pictures
from pipelines.steps import as_learned

if TYPE_CHECKING:
    from pipelines.core.config import Family, UseCase
    from pipelines.registry.registry import Champion


def evaluate(
    *,
    features: duckdb.DuckDBPyRelation,
    trials: duckdb.DuckDBPyRelation,
    validation: duckdb.DuckDBPyRelation,
    candidates: Mapping[Family, bytes],
    champion: Champion | None,
    learned: duckdb.DuckDBPyRelation | None = None,
    use_case: UseCase,
) -> Judged:
    """Judge the winner of the search on rows that neither the search nor the threshold has seen.

    Args:
        features: The training's features table, with its column `split`.
        trials: The search's table, of all families.
        validation: The training rows' out-of-fold scores, of all families.
        candidates: Family -> its fitted Pipeline, as `candidate.load` reads it.
        champion: Who serves now.
        learned: The rows as the champion has learned to see them, where that is otherwise; see `as_learned`.
        use_case: The facts.

    Raises:
        BadInput: the held-out rows cannot judge: none, one class only, or without what the champion needs.
    """
    tried = trials.df()
    winner = follows.winner(tried, use_case)
    night = threshold.night(features, use_case)
    cuts = _thresholds(validation.df(), winner, night, use_case)
    train, test = _split(features, "train", use_case), _split(features, "test", use_case)
    y = _labels(test, use_case)
    _check_that_labels_differ(y)
    rows = test.to_pandas()
    X = inputs.frame(rows, use_case.features)  # noqa: N806 (scikit-learn's letter)
    pipelines = {family: candidate.load(content) for family, content in candidates.items()}
    families = [
        Scored(family, candidate.scores(fitted, X, use_case.task), cuts[family].value)
        for family, fitted in pipelines.items()
    ]
    known = inputs.frame(train.to_pandas(), use_case.features), _labels(train, use_case)
    beside = [
        *([_champion(champion, _as_learned(test, learned, use_case))] if champion else []),
        _baseline(*known, X, _unlabelled(features, use_case), night, use_case),
    ]
    models = {model.name: model for model in [*families, *beside]}
    compared = {"challenger": models[winner], **{model.name: model for model in beside}}

    everything = np.full(len(y), True)
    values = {name: _defined(scores.values(model, y, everything, use_case)) for name, model in models.items()}
    hours = rows[use_case.time].dt.hour.to_numpy(np.float64)
    lines = curves.table(use_case.task, y, list(models.values()), hours)
    if use_case.task == "binary":
        drawn = pictures.binary(lines, y, models[winner], beside)
    else:
        drawn = pictures.regression(lines, y, models[winner], beside, hours)
    studied = study(
        pipelines[winner], models[winner], known, (X, y), values[BASELINE].get(use_case.metric.name), use_case
    )
    drawn |= pictures.study(studied, use_case.metric.name, values[BASELINE].get(use_case.metric.name))
    table = scores.table(
        compared,
        {model.name: model for model in families},
        y,
        X,
        bootstrap.units(rows, use_case),
        studied,
        cuts[winner] if use_case.threshold else None,
        champion.version if champion else None,
        use_case,
    )
    verdict = follows.of_tables(tried, table, use_case)
    return Judged(table, lines, verdict, drawn, tried, _rows(features, use_case), studied)


def _defined(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None}


def _thresholds(
    validation: pd.DataFrame, winner: Family, night: Night, use_case: UseCase
) -> dict[Family, Cut]:
    """Each family's threshold by the use case's policy, which the winner must be able to fulfil.

    The winner's with its interval.
    """
    found: dict[Family, Cut] = {}
    for family in use_case.candidates.families:
        rows = validation[validation["family"] == family]
        y, score = rows["label"].to_numpy(), rows["score"].to_numpy()
        if family == winner and use_case.threshold:
            found[family] = threshold.with_interval(
                use_case.threshold, y, score, night, use_case.candidates.seed
            )
        else:
            found[family] = Cut(*[_threshold(use_case, y, score, night)] * 3)
    return found


def _threshold(use_case: UseCase, y: metrics.Floats, score: metrics.Floats, night: Night) -> float:
    try:
        return threshold.choose(use_case.threshold, y, score, night) if use_case.threshold else NEVER
    except threshold.Unreachable:
        return NEVER


def _split(features: duckdb.DuckDBPyRelation, split: str, use_case: UseCase) -> pa.Table:
    return features.filter(f"split = '{split}'").order(quoted(use_case.key)).to_arrow_table()


def _labels(rows: pa.Table, use_case: UseCase) -> metrics.Floats:
    return np.asarray(rows[use_case.target].to_numpy(), dtype=np.float64)


def _check_that_labels_differ(y: metrics.Floats) -> None:
    if len(y) == 0 or np.ptp(y) == 0:
        found = f"all {len(y):,} have the label {y[0]:g}" if len(y) else "there are none"
        raise BadInput(
            f"the held-out rows cannot judge a model: {found}, where labels that differ are needed\n"
            "  way out: more days (split.window_days), or a greater share of them held out (split.test)"
        )


def _unlabelled(features: duckdb.DuckDBPyRelation, use_case: UseCase) -> pd.DataFrame:
    """The inputs of the rows without a label, where the threshold depends on them."""
    asked = UNLABELLED if isinstance(use_case.threshold, Capacity) else "none"
    return inputs.frame(_split(features, asked, use_case).to_pandas(), use_case.features)


def _baseline(
    known: pd.DataFrame,
    y: metrics.Floats,
    X: pd.DataFrame,  # noqa: N803
    unlabelled: pd.DataFrame,
    night: Night,
    use_case: UseCase,
) -> Scored:
    """The baseline learns all it knows, its threshold too, on the training rows and on those without a
    label.
    """
    fitted = baseline.fit(use_case, known, y)
    truth = np.concatenate([y, np.full(len(unlabelled), np.nan)])
    return Scored(
        BASELINE,
        fitted.scores(X),
        _threshold(use_case, truth, fitted.scores(pd.concat([known, unlabelled])), night),
    )


def _as_learned(test: pa.Table, learned: duckdb.DuckDBPyRelation | None, use_case: UseCase) -> pa.Table:
    return test if learned is None else as_learned.of_keys(learned, test, use_case.key)


def _champion(champion: Champion, test: pa.Table) -> Scored:
    try:
        found = Graph(champion.graph).scores(test)
    except BadInput as error:
        # Who cannot be compared is not dethroned: a comparison that is left out would be one that is always
        # won.
        raise BadInput(
            f"champion version {champion.version} cannot be compared with the challenger: {error}\n  or, if"
            " that champion shall go: `python -m pipelines models retire <use case> --reason ...`, and the"
            " next training starts without one"
        ) from error
    return Scored(
        CHAMPION, found.astype(np.float64), NEVER if champion.threshold is None else champion.threshold
    )


def _rows(features: duckdb.DuckDBPyRelation, use_case: UseCase) -> pd.DataFrame:
    time, target = quoted(use_case.time), quoted(use_case.target)
    days = f"min({time})::date AS first, max({time})::date AS last"
    found: pd.DataFrame = (
        features.aggregate(f"split, count(*) AS rows, {days}, avg({target}) AS label_mean", "split")
        .order(f"split = '{UNLABELLED}', split DESC")
        .df()
    )
    return found
