"""Drift: a week's features and predictions against what the champion was trained on, and its performance on
matured labels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import reduce
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from uuid import uuid4

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from pipelines.core import dates, personal, sql
from pipelines.core.errors import BadInput, listed
from pipelines.core.metrics import for_task, of_decisions
from pipelines.metrics import metrics_stream
from pipelines.metrics.metrics_stream import Measured
from pipelines.model.graph import Graph
from pipelines.monitoring import drift_report, labelled, performance
from pipelines.monitoring.drift_report import Test
from pipelines.reports import pages
from pipelines.storage import spill

if TYPE_CHECKING:
    from pipelines.core.config import UseCase
    from pipelines.registry.registry import Champion

Kind: TypeAlias = Literal["feature", "prediction", "performance", "version"]
Types: TypeAlias = Mapping[str, drift_report.Type]

SCORE = "score"
# Rows of each side that Evidently compares. More would find nothing new: what drift is, is a distance of a
# size that matters (`drift_report.FAR`), and 10,000 rows tell it from chance (see `drift_report.test_for`);
# all rows would take memory and minutes.
SAMPLE = 10_000
MISSING_MOVED = 0.05  # by how much the share of missing values must have moved
STANDARD_ERRORS = 3.29  # and by how many standard errors: chance does so once in a thousand times
COMMON = 0.01  # a category is named when it has this share of the reference's rows; the others are one, OTHER
OTHER = "(other)"

COLUMNS = {
    "subject": "string",
    "kind": "string",
    "type": "string",
    "method": "string",
    "value": "float64",
    "threshold": "float64",
    "drifted": "boolean",
    "reference_missing": "float64",
    "current_missing": "float64",
    "reference_rows": "int64",
    "current_rows": "int64",
    "reference_value": "float64",
    "matured_share": "float64",
    "due_rows": "Int64",
    "reference_labelled": "float64",
    "note": "string",
}


@dataclass(frozen=True)
class Found:
    """A week's comparison.

    Attributes:
        table: The table `drift`, a row a feature, one for the score, one a metric (the primary one first):
            subject; kind (feature, prediction, performance, and where several versions have scored the week,
            version: what each of them did, whose subject names it); type (number, category, text, score,
            metric); method (Evidently's name, or where the metric was measured); value (the statistic, or the
            metric on matured labels); threshold (the value from where on it is drift, or the worst allowed
            performance); drifted (null for performance, and for a score of which the champion has no night in
            the week); reference_missing and current_missing (shares of all rows); reference_rows and
            current_rows (all of them, though the statistic may come from a sample); for performance also
            reference_value (the champion on its held-out rows), matured_share (of the week's predictions, how
            many have a label), due_rows (of how many it is due) and reference_labelled (of the training's
            rows of such an age, the share that had one); note (why a value is null, or what else there is to
            say). It is the same for the same inputs.
        html: A page for a person, with Evidently's page in it. It is the same for the same inputs, too.
        first_labels: The day on which the labels of the week's first predictions are known.
    """

    table: pd.DataFrame
    html: str
    first_labels: date

    def summary(self) -> str:
        """One line for the log."""
        drifted = self.table[self.table.drifted.fillna(False)]
        names = drifted[drifted.kind == "feature"].subject.to_list()
        shown = f" ({', '.join(names[:5])}{', ...' if len(names) > 5 else ''})" if names else ""
        score = "the score did" if (drifted.kind == "prediction").any() else "the score did not"
        if self.table[self.table.kind == "prediction"].drifted.isna().any():
            score = "the score is another version's"
        return (
            f"drift: {len(names)} of {(self.table.kind == 'feature').sum()} features drifted{shown}, {score};"
            f" {self._performed()}"
        )

    def _performed(self) -> str:
        """The primary metric in words, or why there is none.

        Labels that are due and not there are told, not waited for.
        """
        primary = self.table[self.table.kind == "performance"].iloc[0]
        if not primary.due_rows:
            return f"no labelled rows (the first labels are known on {self.first_labels})"
        if not primary.current_rows:
            return (
                f"no labelled rows, though the labels of {primary.due_rows:,} predictions are due, the first"
                f" since {self.first_labels}"
            )
        fewer = (
            f"; the labels of {primary.due_rows:,} are due" if primary.current_rows < primary.due_rows else ""
        )
        rows = f"on {primary.current_rows:,} labelled rows ({primary.matured_share:.0%}{fewer})"
        if pd.isna(primary.value):
            return f"no {primary.subject} {rows}: {primary.note}"
        return f"{primary.subject} {primary.value:.4f} {rows}"

    @property
    def drifted_share(self) -> float:
        """Of all features, how many have drifted."""
        return float(self.table[self.table.kind == "feature"].drifted.mean())

    def retrain(self, use_case: UseCase) -> bool:
        """Whether a training should follow: when `monitoring` is exceeded, which also turns gate_drift red.

        Labels that are due and missing turn it red, too, but no training follows: it would miss them as well.
        """
        drifted = self.drifted_share > use_case.monitoring.max_drifted_share
        worst, found = (
            use_case.monitoring.min_performance,
            self.table[self.table.kind == "performance"].value.iloc[0],
        )
        if worst is None or pd.isna(found):
            return bool(drifted)
        return bool(drifted or (found < worst if use_case.greater_is_better else found > worst))


@dataclass(frozen=True)
class _Side:
    """The reference or the week: how many rows, the share of each column that is missing, and a sample to
    compare.
    """

    rows: int
    missing: dict[str, float]
    sample: pd.DataFrame


@dataclass(frozen=True, kw_only=True)
class _Row:
    """One row of the table."""

    subject: str
    kind: Kind
    type: str
    reference_rows: int
    current_rows: int
    method: str | None = None
    value: float | None = None
    threshold: float | None = None
    drifted: bool | None = None
    reference_missing: float | None = None
    current_missing: float | None = None
    reference_value: float | None = None
    matured_share: float | None = None
    due_rows: int | None = None
    reference_labelled: float | None = None
    note: str | None = None


def compare(
    *,
    reference: duckdb.DuckDBPyRelation,
    features: list[duckdb.DuckDBPyRelation],
    predictions: list[duckdb.DuckDBPyRelation],
    week: dates.Days,
    nights: int,
    labels: duckdb.DuckDBPyRelation | None,
    due: date,
    champion: Champion,
    use_case: UseCase,
) -> Found:
    """Compare a week with the training of the champion.

    Features are compared with the rows that the champion was trained on. Its scores on those would be better
    than they can be on any new row, so scores are compared with those of its held-out rows.

    Args:
        reference: The features table of the champion's training, with its column `split`.
        features: The week's features tables, one a night that means what the champion has learned.
        predictions: The week's predictions tables, one a night that tells the champion's label.
        week: Its days.
        nights: How many nights it has.
        labels: Clean rows of the days whose labels are known; None when there are none yet. All relations are
            of one DuckDB connection.
        due: The last of those days; one before the week when there are none.
        champion: Whose training is the reference.
        use_case: The facts.

    Raises:
        BadInput: the training lacks a feature of the use case, or the week has no rows.
    """
    types = _types(use_case)
    _refuse_missing(reference, champion, use_case)
    rows = _together(features, [use_case.key, use_case.time, *types])
    decision = ["decision"] if use_case.task == "binary" else []
    scored = _together(predictions, [use_case.key, use_case.time, SCORE, *decision, "model_version"])
    own = scored.filter(f"model_version = {sql.text(champion.version)}")
    held_out = _held_out(reference, champion, use_case)

    before, now = _side(reference.filter("split = 'train'"), types, use_case), _side(rows, types, use_case)
    score_before, score_now = (_side(rows, {SCORE: "number"}, use_case) for rows in (held_out, own))
    ((predicted,),) = scored.count("*").fetchall()
    if not now.rows or not predicted:
        raise BadInput(
            f"{use_case.name}: the week has {now.rows:,} rows of features and {predicted:,} predictions in"
            f" {len(features)} nights: nothing to compare\n  way out: see why the source gave none; a week in"
            " which at least one night has rows can be compared"
        )
    ((first,),) = scored.aggregate(f"min({sql.name(use_case.time)})::DATE").fetchall()
    had = labelled_before(reference, (due - first).days + 1, champion.partition, use_case)
    performed = list(_performance(scored, labels, due, held_out, had, champion, use_case))
    other_versions = _other_versions(scored, score_now.rows, champion)
    old, new = common_only(before.sample, now.sample, use_case.features.categories)
    # Features and scores below one another: they are samples of different rows, and Evidently leaves out what
    # a row lacks.
    old, new = (
        pd.concat(pair, ignore_index=True) for pair in ((old, score_before.sample), (new, score_now.sample))
    )
    tests = {
        name: drift_report.test_for(type_, old[name], new[name])
        for name, type_ in {**types, SCORE: "number"}.items()
    }
    with _on_disk(scored):
        compared = drift_report.compare(
            [test for test in tests.values() if test],
            old,
            new,
            hidden=_private(use_case),
            apart=SCORE,
            time=use_case.time,
            drift_share=use_case.monitoring.max_drifted_share,
        )
    values = compared.values
    judged = [
        *(
            _judged("feature", name, types[name], tests[name], values.get(name), before, now)
            for name in types
        ),
        _score(tests[SCORE], values.get(SCORE), score_before, score_now, other_versions),
        *performed,
    ]
    table = pd.DataFrame([asdict(row) for row in judged])[list(COLUMNS)].astype(COLUMNS)
    samples = {what: (len(side.sample), side.rows) for what, side in (("training", before), ("week", now))}
    left_out = (nights - len(features), nights - len(predictions))
    first_labels = first + timedelta(days=use_case.label.delay_days)
    return Found(
        table, _page(table, compared.html, samples, week, left_out, champion, use_case), first_labels
    )


def called(rows: duckdb.DuckDBPyRelation, own: UseCase, now: UseCase) -> duckdb.DuckDBPyRelation:
    """A table whose key, time and label are called as one file calls them, under the names of another."""
    names = {own.key: now.key, own.time: now.time, own.target: now.target}
    # a column that is called so in the table is another one, and not needed
    taken = {name.lower() for name in names.values()}
    kept = [column for column in rows.columns if column in names or column.lower() not in taken]
    return rows.project(
        ", ".join(f"{sql.name(column)} AS {sql.name(names.get(column, column))}" for column in kept)
    )


# --- the two sides


def _types(use_case: UseCase) -> Types:
    features = use_case.features
    kinds: dict[drift_report.Type, Mapping[str, str]] = {
        "number": features.numbers,
        "category": features.categories,
        "text": features.texts,
    }
    return {name: kind for kind, names in kinds.items() for name in names}


def _refuse_missing(reference: duckdb.DuckDBPyRelation, champion: Champion, use_case: UseCase) -> None:
    missing = [name for name in use_case.features.names if name not in reference.columns]
    if missing:
        raise BadInput(
            f"{use_case.name}: the training of the champion (version {champion.version},"
            f" {champion.partition}) knows no feature of this name, so the use-case file has changed"
            f" since\n{listed(missing, most=6)}\n  way out: train again: python -m pipelines run"
            f" {use_case.name} training <partition>"
        )


def _together(nights: Sequence[duckdb.DuckDBPyRelation], columns: Sequence[str]) -> duckdb.DuckDBPyRelation:
    """The nights' rows in one relation."""
    named = ", ".join(map(sql.name, columns))
    return reduce(lambda week, night: week.union(night), (night.project(named) for night in nights))


def _side(rows: duckdb.DuckDBPyRelation, types: Types, use_case: UseCase) -> _Side:
    key, time = sql.name(use_case.key), sql.name(use_case.time)
    columns = {name: _usable(sql.name(name), kind) for name, kind in types.items()}
    cleaned = rows.project(
        ", ".join([key, time, *(f"{value} AS {sql.name(name)}" for name, value in columns.items())])
    )
    total, *present = cleaned.aggregate(
        ", ".join(["count(*)", *(f"count({sql.name(name)})" for name in types)])
    ).fetchall()[0]
    sample = (
        cleaned.order(f"{_shuffled(key)}, {time}")
        .limit(SAMPLE)
        .order(f"{time}, {key}")
        .df()
        .drop(columns=use_case.key)
    )
    missing = {name: 1 - count / total if total else 0.0 for name, count in zip(types, present, strict=True)}
    return _Side(total, missing, sample)


def _usable(column: str, kind: drift_report.Type) -> str:
    """A value as the model takes it: an infinite number and an empty string are as good as missing."""
    if kind == "number":
        return f"CASE WHEN isfinite({column}::DOUBLE) THEN {column}::DOUBLE END"
    return f"nullif({column}::VARCHAR, '')"


def _shuffled(key: str) -> str:
    """An order by which the first rows are a sample, and always the same one."""
    return f"md5({key}::VARCHAR), {key}"


def _held_out(
    reference: duckdb.DuckDBPyRelation, champion: Champion, use_case: UseCase
) -> duckdb.DuckDBPyRelation:
    """The champion's held-out rows: key, time, target, score.

    DuckDB keeps them, which can go through the disk.
    """
    graph = Graph(champion.graph)
    rows = reference.filter("split = 'test'")
    kept = [use_case.key, use_case.time, use_case.target]
    inputs = rows.project(", ".join(map(sql.name, dict.fromkeys([*kept, *graph.inputs]))))
    # a chunk in which all values are missing has no type of its own
    schema = inputs.limit(0).to_arrow_table().schema

    def scored(chunk: pd.DataFrame) -> pd.DataFrame:
        return chunk[kept].assign(
            **{
                SCORE: graph.scores(pa.Table.from_pandas(chunk, schema, preserve_index=False)).astype(
                    np.float64
                )
            }
        )

    types = {
        name: str(type_) for name, type_ in zip(inputs.columns, inputs.types, strict=True) if name in kept
    }
    return _kept(inputs.map(scored, schema=types | {SCORE: "DOUBLE"}))


def _kept(rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The same rows, computed once."""
    table = sql.name(f"drift {uuid4().hex}")
    rows.query("rows", f"CREATE TEMP TABLE {table} AS SELECT * FROM rows")
    return sql.select(rows, "rows", f"SELECT * FROM {table}")


@contextmanager
def _on_disk(rows: duckdb.DuckDBPyRelation) -> Iterator[None]:
    """Have DuckDB put on disk what it holds, the labels of a large week foremost: for a while somebody else
    needs the memory.
    """
    ((limit,),) = sql.select(rows, "rows", "SELECT current_setting('memory_limit')").fetchall()
    for least in (
        spill.LEAST,
        2 * spill.LEAST,
        4 * spill.LEAST,
    ):  # of a large week, DuckDB does not find all at once
        with suppress(duckdb.OutOfMemoryException):
            rows.query("rows", f"SET memory_limit = '{least}B'")
            break
    try:
        yield
    finally:
        rows.query("rows", f"SET memory_limit = '{limit}'")


def common_only(
    before: pd.DataFrame, now: pd.DataFrame, categories: Iterable[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make one category of the rare and the new values: among a hundred small counts a test takes chance for
    drift.
    """
    before, now = before.copy(), now.copy()
    for name in categories:
        shares = before[name].value_counts(normalize=True)
        common = shares[shares >= COMMON].index
        for side in (before, now):
            values = side[name].astype(object)
            side[name] = values.where(values.isna() | values.isin(common), OTHER)
    return before, now


def _private(use_case: UseCase) -> set[str]:
    """The features that the page may not show: texts, word for word, and the values and extremes of personal
    features.
    """
    return {*use_case.features.texts, *personal.features(use_case)}


# --- judging
def _judged(
    kind: Kind,
    name: str,
    type_: str,
    test: Test | None,
    value: float | None,
    before: _Side,
    now: _Side,
    note: str | None = None,
) -> _Row:
    """A feature or the score: it has drifted when its values have, or when the share of missing ones has
    moved.
    """
    old, new = before.missing[name], now.missing[name]
    notes = [note] if note else []
    moved = _missing_moved(before, now, name)
    if moved:
        notes.append(f"missing: {100 * old:.1f} % in the reference, {100 * new:.1f} % in the week")
    if test is None:
        notes.append(_why_no_test(old, new))
    elif value is None:
        notes.append("no word in these texts tells anything")
    return _Row(
        subject=name,
        kind=kind,
        type=type_,
        method=test.method if test else None,
        value=value,
        threshold=test.threshold if test else None,
        drifted=moved or (test is not None and value is not None and test.drifted(value)),
        reference_missing=old,
        current_missing=new,
        reference_rows=before.rows,
        current_rows=now.rows,
        note="; ".join(notes) or None,
    )


def _missing_moved(before: _Side, now: _Side, name: str) -> bool:
    """Evidently leaves missing values out of account, so we do not: the share must move far, and further than
    by chance.
    """
    old, new = before.missing[name], now.missing[name]
    if (old == 1) != (new == 1):
        return True
    share = (old * before.rows + new * now.rows) / (before.rows + now.rows)
    error = math.sqrt(share * (1 - share) * (1 / before.rows + 1 / now.rows))
    return abs(new - old) > max(MISSING_MOVED, STANDARD_ERRORS * error)


def _why_no_test(old: float, new: float) -> str:
    if old == 1 or new == 1:
        return f"no value in the {'reference' if old == 1 else 'week'}"
    return f"fewer than {drift_report.FEW_TEXTS} texts to compare"


def _score(test: Test | None, value: float | None, before: _Side, now: _Side, note: str | None) -> _Row:
    """The champion's scores of its own nights.

    Of another version's nobody can tell whether they have drifted.
    """
    if now.rows:
        return _judged("prediction", SCORE, SCORE, test, value, before, now, note)
    missing = before.missing[SCORE]
    return _Row(
        subject=SCORE,
        kind="prediction",
        type=SCORE,
        reference_rows=before.rows,
        current_rows=0,
        reference_missing=missing,
        note=note,
    )


def _other_versions(scored: duckdb.DuckDBPyRelation, own: int, champion: Champion) -> str | None:
    """Who else has scored in this week: their scores follow another distribution by nature, and are not
    compared.
    """
    versions = {str(row[0]) for row in scored.project("model_version").distinct().fetchall()}
    others = ", ".join(sorted(versions - {champion.version}))
    if not others:
        return None
    if not own:
        return f"not compared: all nights were scored by version {others}, none by {champion.version}"
    return (
        f"only the {own:,} rows that version {champion.version} has scored are compared: some nights were"
        f" scored by version {others}"
    )


def _performance(
    scored: duckdb.DuckDBPyRelation,
    labels: duckdb.DuckDBPyRelation | None,
    due: date,
    held_out: duckdb.DuckDBPyRelation,
    had: float,
    champion: Champion,
    use_case: UseCase,
) -> Iterator[_Row]:
    """A row a metric, the primary one first: on all predictions whose labels are due and known, beside the
    held-out rows.

    Then, where several versions have scored them, the same of each version.
    """
    target = sql.name(use_case.target)
    ripe = scored.filter(f"{sql.name(use_case.time)}::DATE <= {_day(due)}")
    ((due_rows,),) = ripe.count("*").fetchall()
    found = performance.measure(scored, _matured(ripe, labels, use_case), use_case)
    before = _measured(held_out.project(f"{target}::DOUBLE AS label, {SCORE}"), champion, use_case)
    ((tested,),) = held_out.count("*").fetchall()
    primary = use_case.metric.name
    names = (primary, *(other for other in for_task(use_case.task) if other != primary))
    several = (
        f"by versions {' and '.join(found.versions)}, each by its own scores and decisions"
        if len(found.versions) > 1
        else None
    )
    for name in names:
        yield _Row(
            subject=name,
            kind="performance",
            type="metric",
            method="matured labels",
            value=found.values[name].value,
            threshold=use_case.monitoring.min_performance if name == primary else None,
            reference_rows=int(tested),
            current_rows=found.rows,
            reference_value=before[name].value,
            matured_share=found.rows / found.predictions,
            due_rows=int(due_rows),
            reference_labelled=had if name == primary else None,
            note="; ".join(filter(None, (found.values[name].reason, several))) or None,
        )
    for version, own in found.versions.items() if several else ():
        compared = version == champion.version
        for name in names:
            yield _Row(
                subject=f"{name} of version {version}",
                kind="version",
                type="metric",
                method="matured labels",
                value=own.values[name].value,
                reference_rows=int(tested) if compared else 0,
                current_rows=own.rows,
                reference_value=before[name].value if compared else None,
                matured_share=own.rows / own.predictions,
                note=own.values[name].reason,
            )


def labelled_before(reference: duckdb.DuckDBPyRelation, days: int, trained: date, use_case: UseCase) -> float:
    """The share of the training's rows that had a label: of its newest days, as many as are due in the week.

    Labels may come one by one, so that older days say nothing of what is due. Of n rows, all of them with a
    label, one more need not have one: so few rows say no more.
    """
    last, time, target = (
        dates.days_of(use_case, "training", trained).last,
        sql.name(use_case.time),
        sql.name(use_case.target),
    )
    newest = reference.filter(f"{time}::DATE > {_day(last - timedelta(days=days))}")
    for rows in (newest, reference):
        ((known, every),) = rows.aggregate(f"count({target}), count(*)").fetchall()
        if every:
            return float(known / (every + 1))
    return 0.0


def _day(day: date) -> str:
    return f"DATE '{day}'"


def _matured(
    scored: duckdb.DuckDBPyRelation, labels: duckdb.DuckDBPyRelation | None, use_case: UseCase
) -> duckdb.DuckDBPyRelation:
    """Those of the predictions whose labels are known: label, score, model_version and, of a binary task,
    decision.
    """
    key, target = sql.name(use_case.key), sql.name(use_case.target)
    kept = ", ".join([SCORE, "model_version", *(["decision"] if use_case.task == "binary" else [])])
    if labels is None:
        return scored.project(f"NULL::DOUBLE AS label, {kept}").limit(0)
    known = labels.filter(f"{target} IS NOT NULL").project(f'{key} AS "#key", {target}::DOUBLE AS "#label"')
    return _kept(scored.join(known, f'{key} = "#key"').project(f'"#label" AS label, {kept}'))


def _measured(rows: duckdb.DuckDBPyRelation, champion: Champion, use_case: UseCase) -> dict[str, Measured]:
    """Metric -> what the champion is worth on these rows, or why it has no value."""
    threshold = 0.5 if champion.threshold is None else champion.threshold
    measured = metrics_stream.measure(
        rows, use_case.task, threshold=threshold, under_cost=use_case.metric.under_cost
    )
    if champion.threshold is None:
        no_decision = Measured(None, f"version {champion.version} has no decision threshold")
        measured |= {name: no_decision for name in measured if name in of_decisions()}
    return measured


# --- for a person


def _page(
    table: pd.DataFrame,
    evidently: str,
    samples: Mapping[str, tuple[int, int]],
    week: dates.Days,
    left_out: tuple[int, int],
    champion: Champion,
    use_case: UseCase,
) -> str:
    records: list[dict[str, Any]] = table.astype(object).where(table.notna(), None).to_dict("records")  # type: ignore[assignment]
    features = [row for row in records if row["kind"] == "feature"]
    performed = [row for row in records if row["kind"] == "performance"]
    return pages.render(
        "drift.html.j2",
        use_case=use_case,
        champion=champion,
        week=week,
        judged=[row for row in records if row["kind"] in ("feature", "prediction")],
        performance=performed,
        not_judged=None if performed[0]["threshold"] is None else labelled.not_judged(performed[0]),
        versions=[row for row in records if row["kind"] == "version"],
        drifted=[row["subject"] for row in features if row["drifted"]],
        n_features=len(features),
        hidden=sorted(_private(use_case)),
        evidently=evidently,
        left_out=left_out,
        samples={what: (taken, rows) for what, (taken, rows) in samples.items() if taken < rows},
    )
