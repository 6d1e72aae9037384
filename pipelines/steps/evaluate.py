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

from pipelines.core.errors import BadInput
from pipelines.core.split import UNLABELLED, taught
from pipelines.core.sql import name as quoted
from pipelines.evaluation import follows, scores, units
from pipelines.evaluation.inspection import inspect_model
from pipelines.evaluation.look import Look
from pipelines.evaluation.results import Evaluation
from pipelines.evaluation.rows import HeldOut, LabelledRows
from pipelines.evaluation.scores import BASELINE, CHAMPION, CONSTANT
from pipelines.metrics import bootstrap, curves, daily, metrics, threshold
from pipelines.metrics.cut import Cut
from pipelines.metrics.scored import ALWAYS, NEVER, Scored
from pipelines.metrics.threshold import Night
from pipelines.model import baseline, candidate, inputs
from pipelines.model.graph import Graph
from pipelines.model.learning import Bar
from pipelines.reports import pictures
from pipelines.steps import as_learned

if TYPE_CHECKING:
    from pipelines.core.config import Family, UseCase
    from pipelines.registry.registry import Champion

FIRST_LOOK = Look()


def evaluate(
    *,
    features: duckdb.DuckDBPyRelation,
    trials: duckdb.DuckDBPyRelation,
    validation: duckdb.DuckDBPyRelation,
    candidates: Mapping[Family, bytes],
    champion: Champion | None,
    learned: duckdb.DuckDBPyRelation | None = None,
    entities: duckdb.DuckDBPyRelation | None = None,
    look: Look = FIRST_LOOK,
    use_case: UseCase,
) -> Evaluation:
    """Judge the winner of the search on rows that neither the search nor the threshold has seen.

    Args:
        features: The training's features table, with its column `split`.
        trials: The search's table, of all families.
        validation: The training rows' out-of-fold scores, of all families.
        candidates: Family -> its fitted Pipeline, as `candidate.load` reads it.
        champion: Who serves now.
        learned: The rows as the champion has learned to see them, where that is otherwise; see `as_learned`.
        entities: By the key, whom the rows are about, see `UseCase.entities`; None where there is no such
            column.
        look: Which look at the champion this is.
        use_case: The facts.

    Raises:
        BadInput: the held-out rows cannot judge: none, one class only, or without what the champion needs.
    """
    tried = trials.df()
    winner, night = follows.winner(tried, use_case), threshold.night(features, use_case)
    cuts = _thresholds(validation.df(), winner, night, use_case)
    train, test = _in_order(taught(features, use_case), use_case), _split(features, "test", use_case)
    _check_that_labels_differ(_labels(test, use_case))
    known, held_out = _labelled_rows(train, use_case), _held_out(test, entities, use_case)
    fitted = {family: candidate.load(content) for family, content in candidates.items()}
    families = {
        family: _scored(
            family, candidate.scores(model, held_out.X, use_case.task), cuts[family].value, held_out, use_case
        )
        for family, model in fitted.items()
    }
    nobody_knows = _unlabelled_inputs(features, use_case)
    of_known = _units(train, use_case)
    without, on_known = _without_a_model(known, held_out, nobody_knows, night, use_case, of_known)
    beside = [without[0]]
    if champion:
        beside.insert(0, _champion(champion, _as_learned(test, learned, use_case), held_out, use_case))
    due = _primary(without[0], held_out, use_case)
    bar = Bar(_primary(on_known, known, use_case), due)
    inspected = inspect_model(fitted[winner], families[winner], known, held_out, bar, use_case)
    compared = {"challenger": families[winner], **{one.name: one for one in (*beside, *without[1:])}}
    cut, version = cuts[winner] if use_case.threshold else None, champion.version if champion else None
    table = scores.table(compared, families, held_out, inspected, cut, version, look, use_case)
    lines = curves.table(use_case.task, held_out.y, [*families.values(), *beside], held_out.hours)
    drawn = pictures.models(use_case.task, lines, held_out, families[winner], beside)
    drawn |= pictures.inspection(inspected, use_case.metric.name, due)
    verdict = follows.of_tables(tried, table, use_case)
    return Evaluation(table, lines, verdict, drawn, tried, _days_of_splits(features, use_case), inspected)


def _thresholds(
    validation: pd.DataFrame, winner: Family, night: Night, use_case: UseCase
) -> dict[Family, Cut]:
    """Each family's threshold by the use case's policy, which the winner must be able to fulfil.

    The winner's with its interval.
    """
    found: dict[Family, Cut] = {}
    for family in use_case.candidates.families:
        rows = validation[validation["family"] == family]
        y, score, units = rows["label"].to_numpy(), rows["score"].to_numpy(), threshold.units_of(rows)
        if family == winner and use_case.threshold:
            found[family] = threshold.with_interval(
                use_case.threshold, y, score, night, use_case.candidates.seed, units
            )
        else:
            found[family] = Cut(*[threshold.or_never(use_case.threshold, y, score, night, units)] * 3)
    return found


def _split(features: duckdb.DuckDBPyRelation, split: str, use_case: UseCase) -> pa.Table:
    return _in_order(features.filter(f"split = '{split}'"), use_case)


def _in_order(rows: duckdb.DuckDBPyRelation, use_case: UseCase) -> pa.Table:
    return rows.order(quoted(use_case.key)).to_arrow_table()


def _labels(rows: pa.Table, use_case: UseCase) -> metrics.Floats:
    return np.asarray(rows[use_case.target].to_numpy(), dtype=np.float64)


def _labelled_rows(rows: pa.Table, use_case: UseCase) -> LabelledRows:
    frame = rows.to_pandas()
    return LabelledRows(
        inputs.frame(frame, use_case.features), _labels(rows, use_case), daily.days(frame[use_case.time])
    )


def _held_out(rows: pa.Table, entities: duckdb.DuckDBPyRelation | None, use_case: UseCase) -> HeldOut:
    frame = rows.to_pandas()
    about = {} if entities is None else units.entities(entities.df(), frame[use_case.key])
    return HeldOut(
        inputs.frame(frame, use_case.features),
        _labels(rows, use_case),
        daily.days(frame[use_case.time]),
        units=bootstrap.units(frame, use_case),
        hours=frame[use_case.time].dt.hour.to_numpy(np.float64),
        entities=about,
    )


def _units(rows: pa.Table, use_case: UseCase) -> threshold.Units:
    return bootstrap.units(rows.to_pandas(), use_case)


def _check_that_labels_differ(y: metrics.Floats) -> None:
    if len(y) == 0 or np.ptp(y) == 0:
        found = f"all {len(y):,} have the label {y[0]:g}" if len(y) else "there are none"
        raise BadInput(
            f"the held-out rows cannot judge a model: {found}, where labels that differ are needed",
            fix="more days (split.window_days), or a greater share of them held out (split.test)",
        )


def _unlabelled_inputs(features: duckdb.DuckDBPyRelation, use_case: UseCase) -> pd.DataFrame:
    """The inputs of the rows without a label, where the threshold depends on them."""
    asked = UNLABELLED if use_case.threshold and use_case.threshold.by_every_row else "none"
    return inputs.frame(_split(features, asked, use_case).to_pandas(), use_case.features)


def _without_a_model(
    known: LabelledRows,
    held_out: HeldOut,
    unlabelled: pd.DataFrame,
    night: Night,
    use_case: UseCase,
    units: threshold.Units,
) -> tuple[list[Scored], Scored]:
    """The baseline and, where that is a rule, the best constant; and the baseline on its own training rows.

    They learn all they know, their thresholds too, on the training rows and on those without a label.
    """
    truth = np.concatenate([known.y, np.full(len(unlabelled), np.nan)])
    every = pd.concat([known.X, unlabelled])
    unit = np.concatenate([units, np.full(len(unlabelled), -1)])

    def scored(name: str, fitted: baseline.Baseline, rows: LabelledRows = held_out) -> Scored:
        if fitted.alarm is None:
            cut = threshold.or_never(use_case.threshold, truth, fitted.scores(every), night, unit)
        else:
            cut = ALWAYS if fitted.alarm else NEVER
        return _scored(name, fitted.scores(rows.X), cut, rows, use_case)

    learned = baseline.fit(use_case, known.X, known.y)
    found = [scored(BASELINE, learned)]
    if use_case.candidates.baseline.rule is not None:
        found.append(scored(CONSTANT, baseline.constant(use_case, known.y)))
    return found, scored(BASELINE, learned, known)


def _primary(model: Scored, rows: LabelledRows, use_case: UseCase) -> float | None:
    """A model's primary metric on all of the rows; None where it has no meaning."""
    everything = np.full(len(rows.y), True)
    return model.value(use_case.metric.name, rows.y, use_case.stakes, everything)


def _as_learned(test: pa.Table, learned: duckdb.DuckDBPyRelation | None, use_case: UseCase) -> pa.Table:
    return test if learned is None else as_learned.of_keys(learned, test, use_case.key)


def _scored(name: str, score: metrics.Floats, cut: float, rows: LabelledRows, use_case: UseCase) -> Scored:
    a_day = use_case.stakes.a_day
    return Scored(name, score, cut, None if a_day is None else daily.taken(score, rows.days, a_day))


def _champion(champion: Champion, test: pa.Table, held_out: HeldOut, use_case: UseCase) -> Scored:
    try:
        found = Graph(champion.graph).scores(test)
    except BadInput as error:
        # Who cannot be compared is not dethroned: a comparison that is left out would be one that is always
        # won.
        raise BadInput(
            f"champion version {champion.version} cannot be compared with the challenger: {error.sentence}",
            details=error.parts.details,
            fix=(
                f"{error.parts.fix}; or, if that champion shall go: `python -m pipelines models retire"
                " <use case> --reason ...`, and the next training starts without one"
            ),
        ) from error
    cut = NEVER if champion.threshold is None else champion.threshold
    return _scored(CHAMPION, found.astype(np.float64), cut, held_out, use_case)


def _days_of_splits(features: duckdb.DuckDBPyRelation, use_case: UseCase) -> pd.DataFrame:
    time, target = quoted(use_case.time), quoted(use_case.target)
    days = f"min({time})::date AS first, max({time})::date AS last"
    found: pd.DataFrame = (
        features.aggregate(f"split, count(*) AS rows, {days}, avg({target}) AS label_mean", "split")
        .order(f"split = '{UNLABELLED}', split DESC")
        .df()
    )
    return found
