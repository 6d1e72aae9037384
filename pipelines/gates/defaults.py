"""The expectations that always hold: what the use-case file promises of each table, and what must agree
between tables.

They come from the file, from the numbers of rows in other tables' manifests and from earlier partitions that
their own gate has let through, never from the data that are judged: a range learned from a day would call
that day normal. What only a person can know (what an amount is like, how fresh the rows must be) stands in
the file, under `gates`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any, TypeAlias

from pipelines.core import dates
from pipelines.core.config import Expectation, GatedTable, UseCase
from pipelines.core.copies import OTHER
from pipelines.core.errors import TableMissing
from pipelines.core.split import UNLABELLED
from pipelines.core.sql import TYPES, text, type_of
from pipelines.core.sql import name as quoted
from pipelines.gates.earlier import partitions, steady
from pipelines.gates.gx.suite import Stated
from pipelines.gates.resolve import resolved
from pipelines.gates.vacuous import FEW
from pipelines.monitoring import labelled
from pipelines.run.run import Run
from pipelines.run.tables import TABLES
from pipelines.storage import kept

Condition: TypeAlias = dict[str, Any]

GREATEST = sys.float_info.max  # finite; infinity and NaN, which DuckDB sorts behind it, are beyond
PARITY = 1e-5  # the greatest difference between the trained model and its graph, see `pipelines.model.parity`
REFERENCE = "onnxruntime"  # the engine that can score every model, so parity must have it
# The greatest difference between the winner's metric and its graph's: wider, since two rows whose scores
# differ by a rounding may change places in a ranking, or sides at a threshold.
METRIC_PARITY = 1e-3
ENOUGH_ROWS = 20  # so many rows do not all get the same score, or no value where others have one, by chance
PAST = 4  # earlier partitions by which it is known how many values a column lacks
MISSING = 0.05  # of the rows: so many more than usual may lack a value

# The greatest correlation of one feature with the label. The shipped use cases' own come to 0.88 (regression)
# and 0.85 (binary). A class is never told honestly by one feature: 0.95 is the label itself with one in a
# thousand flipped, where one in a hundred is positive. A number may nearly be told by itself a moment
# earlier, so more is allowed: 0.98 is the label with a fifth of its spread as noise.
MOST_TOLD = {"binary": 0.95, "regression": 0.98}


def expectations(run: Run, table: GatedTable) -> tuple[Stated, ...]:
    """The built-in expectations on a table of a run.

    Raises:
        TableMissing: a table with whose rows this one must agree is not published.
        TableCorrupt: an earlier partition is not what was published.
    """
    # Of a table of which nothing else is known, its columns are.
    built_in = _OF[table](run) if table in _OF else [_columns(run, table)]
    return tuple(resolved(run, table, (*built_in, *_steady(run, table))))


# --- scoring and training


def _raw(run: Run) -> Iterator[Stated]:
    use_case, source = run.use_case, run.use_case.source_names
    yield _columns(run, "raw")
    for column, spec in use_case.columns.items():
        yield _must("column_type_to_be", column=source[column], type_=TYPES[spec.type])
    yield _within_days(run, source[use_case.time])
    yield _must("column_values_to_not_be_null", column=source[use_case.time])
    if (mostly := round(1 - use_case.cleanse.max_quarantined, 9)) >= FEW:
        why = "rows without a key go to quarantine, see cleanse.max_quarantined"
        yield _must("column_values_to_not_be_null", column=source[use_case.key], mostly=mostly, why=why)
    if run.kind == "scoring":
        yield _must(
            "column_values_to_be_null",
            column=source[use_case.target],
            why="a scoring run must not know what it predicts",
        )
        for column in use_case.late:
            yield _must(
                "column_values_to_be_null",
                column=source[column],
                why="a row's own value of a leak is known only after it is scored",
            )
    if not _stated(use_case, "raw", "table_row_count_to_be_like_past_partitions"):
        yield _must("table_row_count_to_be_like_past_partitions")
    yield from _filled(
        run, "raw", [source[column] for column, spec in use_case.columns.items() if spec.role == "feature"]
    )


def _clean(run: Run) -> Iterator[Stated]:
    use_case = run.use_case
    yield _columns(run, "clean")
    yield from _rows_kept(run)
    yield from _keyed(use_case)
    yield _within_days(run, use_case.time)
    for column in use_case.kept_columns:
        yield _must("column_type_to_be", column=column, type_=type_of(column, use_case))
    for column in use_case.kept_columns:
        yield from _declared(column, use_case)


def _rows_kept(run: Run) -> Iterator[Stated]:
    """No row is lost between raw, clean and quarantine, and not too many are in quarantine."""
    raw, quarantine = run.store.manifest("raw").rows, run.store.manifest("quarantine").rows
    yield _must(
        "table_row_count_to_equal",
        value=raw - quarantine,
        why=f"raw's {raw:,} rows less the {quarantine:,} in quarantine",
    )
    reasons = (
        run.store.read("quarantine")
        .filter("rejected")
        .aggregate("reasons, count(*) AS n")
        .order("n DESC, reasons")
        .fetchall()
    )
    rejected = sum(n for _, n in reasons)
    most = f", most for {reasons[0][0]} ({reasons[0][1]:,})" if reasons else ""
    allowed = run.use_case.cleanse.max_quarantined
    key, hint = run.use_case.key, ""
    if reasons and reasons[0][0] == OTHER:
        hint = (
            f"; is {key} the customer's, not the row's? name a column that is the row's as key; if rows are"
            " corrected, allow for more"
        )
    copies = quarantine - rejected
    yield _must(
        "table_row_count_to_be_between",
        min_value=raw - copies - math.floor(round(allowed * raw, 6)),
        why=(
            f"{rejected:,} of {raw:,} rows ({_percent(rejected, raw)}) were rejected{most};"
            f" cleanse.max_quarantined allows {allowed:.3g}{hint}"
        ),
    )


def _declared(column: str, use_case: UseCase) -> Iterator[Stated]:
    """What the schema says of a column's values after cleansing."""
    spec = use_case.columns[column]
    if column == use_case.target and use_case.task == "binary":
        yield _of_what_is_there("column_values_to_be_in_set", column=column, value_set=[0, 1])
        return
    if spec.required:
        yield _must("column_values_to_not_be_null", column=column)
    if spec.allowed is not None:
        yield _of_what_is_there("column_values_to_be_in_set", column=column, value_set=list(spec.allowed))
    if spec.min is not None or spec.max is not None:
        low, high = map(_compared, (spec.min, spec.max))
        yield _of_what_is_there("column_values_to_be_between", column=column, min_value=low, max_value=high)


def _compared(limit: float | date | None) -> float | datetime | None:
    """A limit as Great Expectations compares it: a day as the midnight with which it begins."""
    return (
        datetime.combine(limit, time())
        if isinstance(limit, date) and not isinstance(limit, datetime)
        else limit
    )


def _past(run: Run) -> Iterator[Stated]:
    """What windows see beside clean: schema and values as clean's.

    What each day must be like, see `pipelines.gates.earlier.days`.
    """
    use_case = run.use_case
    yield _columns(run, "past")
    ((delivered, aside),) = (
        run.store.read("days").aggregate("sum(delivered)::BIGINT, sum(aside)::BIGINT").fetchall()
    )
    further = run.store.manifest("further").rows if run.kind == "training" else 0
    why = f"past_raw's {delivered:,} rows less the {aside:,} that feed no windows" + (
        f", and {further:,} of its own" if further else ""
    )
    if delivered - aside + further == 0 and run.store.manifest("past").rows == 0:
        return  # before the source's first day there are none: the days tell whether any are due
    yield _must("table_row_count_to_equal", value=delivered - aside + further, why=why)
    yield _must("column_values_to_not_be_null", column=use_case.key)
    yield _must("column_values_to_not_be_null", column=use_case.time)
    yield _must(
        "compound_columns_to_be_unique", column_list=[use_case.key, use_case.time], why="each row once"
    )
    first = dates.past_of(use_case, run.kind, run.partition).first
    yield _between_days(
        dates.Days(first, dates.days_of(use_case, run.kind, run.partition).last), use_case.time, "windows see"
    )
    for column in use_case.kept_columns:
        yield _must("column_type_to_be", column=column, type_=type_of(column, use_case))
    for column in use_case.kept_columns:
        yield from _declared(column, use_case)


def _features(run: Run) -> Iterator[Stated]:
    use_case = run.use_case
    clean = run.store.manifest("clean").rows
    yield _columns(run, "features")
    yield _must("table_row_count_to_equal", value=clean, why="clean's rows, each once")
    yield from _keyed(use_case)
    for name in use_case.features.numbers:
        yield _of_what_is_there(
            "column_values_to_be_between",
            column=name,
            min_value=-GREATEST,
            max_value=GREATEST,
            why="finite, or missing",
        )
    yield from _filled(run, "features", list(use_case.features.numbers))
    for name in (*use_case.features.categories, *use_case.features.texts):
        yield _must("column_values_to_not_be_null", column=name)
    if run.kind == "training":
        yield from _learnable(run)


def _learnable(run: Run) -> Iterator[Stated]:
    """A training needs rows of both splits, labels, and features that differ between rows."""
    use_case, target = run.use_case, run.use_case.target
    yield _must("column_values_to_not_be_null", column="split")
    unlabelled = _unlabelled(run)
    if unlabelled:
        yield _must(
            "column_distinct_values_to_equal_set", column="split", value_set=["test", "train", UNLABELLED]
        )
        yield _must(
            "table_row_count_to_equal",
            value=unlabelled,
            row_condition=_is("split", UNLABELLED),
            why="clean's rows without a label",
        )
        yield _must("column_values_to_be_null", column=target, row_condition=_is("split", UNLABELLED))
        yield _must("column_values_to_not_be_null", column=target, row_condition=_is_not("split", UNLABELLED))
    else:
        yield _must("column_distinct_values_to_equal_set", column="split", value_set=["test", "train"])
        yield _must("column_values_to_not_be_null", column=target)
    for split in ("train", "test"):
        only = _is("split", split)
        if use_case.task == "binary":
            yield _must(
                "column_distinct_values_to_equal_set", column=target, value_set=[0, 1], row_condition=only
            )
        else:
            yield _must(
                "column_unique_value_count_to_be_between", column=target, min_value=2, row_condition=only
            )
    for name in use_case.features.names:
        yield _should(
            "column_unique_value_count_to_be_between",
            column=name,
            min_value=2,
            why="a constant tells a model nothing",
        )
    for name in (*use_case.features.numbers, *use_case.features.categories):
        if not _stated(use_case, "features", "feature_not_to_tell_the_label", column=name):
            yield _of_what_is_there(
                "feature_not_to_tell_the_label", column=name, max_value=MOST_TOLD[use_case.task]
            )


def _unlabelled(run: Run) -> int:
    """How many rows a training may have that nobody has labelled."""
    if run.use_case.target not in run.use_case.cleanse.drop:
        return 0
    ((found,),) = (
        run.store.read("clean").filter(f"{quoted(run.use_case.target)} IS NULL").count("*").fetchall()
    )
    return int(found)


# --- training


def _trials(run: Run) -> Iterator[Stated]:
    families = list(run.use_case.candidates.families)
    yield _columns(run, "trials")
    yield _must("column_distinct_values_to_equal_set", column="family", value_set=families)
    for column in ("mean_score", "gain"):
        yield _must("column_values_to_not_be_null", column=column)
        yield _must("column_values_to_be_between", column=column, min_value=-GREATEST, max_value=GREATEST)
    best = _is("best", True)
    yield _must(
        "column_distinct_values_to_equal_set",
        column="family",
        value_set=families,
        row_condition=best,
        why="each has a best candidate",
    )
    yield _must("column_values_to_be_unique", column="family", row_condition=best, why="and only one")
    yield _must(
        "column_max_to_be_between",
        column="gain",
        min_value=0,
        row_condition=best,
        why="the best one is no worse than the baseline on the same folds",
    )
    yield _should(
        "column_values_to_be_between",
        column="gain",
        min_value=0,
        row_condition=best,
        why="each family is no worse than the baseline",
    )


def _scores(run: Run) -> Iterator[Stated]:
    overall = _both(_is("primary", True), _is("slice", "all"))
    yield _columns(run, "scores")
    metric = [run.use_case.metric.name]
    yield _must(
        "column_distinct_values_to_equal_set", column="metric", value_set=metric, row_condition=overall
    )
    yield _must(
        "table_row_count_to_equal",
        value=1,
        row_condition=overall,
        why="the primary metric on all held-out rows stands there once",
    )
    for column in ("challenger", "baseline", "gain_over_baseline"):
        yield _must("column_values_to_not_be_null", column=column, row_condition=overall)
    yield _must(
        "column_values_to_be_between",
        column="gain_over_baseline",
        min_value=0,
        strict_min=True,
        max_value=GREATEST,
        row_condition=overall,
        why="on the held-out rows the challenger must be better than the baseline",
    )


def _parity(run: Run) -> Iterator[Stated]:
    families = list(run.use_case.candidates.families)
    judged_again, reference = _is("kind", "metric"), _is("engine", REFERENCE)
    yield _columns(run, "parity")
    yield _must("column_distinct_values_to_equal_set", column="family", value_set=families)
    for family in families:
        only = _both(_is("family", family), reference, _is_not("kind", "metric"))
        yield _must(
            "column_distinct_values_to_equal_set",
            column="kind",
            value_set=["edge", "real"],
            row_condition=only,
        )
    yield _must("column_values_to_not_be_null", column="engine")
    yield _must("column_values_to_not_be_null", column="graph_sha256")
    yield _must("column_values_to_not_be_null", column="difference")
    yield _must(
        "column_values_to_be_between",
        column="difference",
        min_value=0,
        max_value=PARITY,
        row_condition=_is_not("kind", "metric"),
        why="the exported model must be the judged model",
    )
    yield _must(
        "table_row_count_to_equal",
        value=1,
        row_condition=_both(judged_again, reference),
        why="the exported winner is measured again",
    )
    yield _must(
        "column_values_to_be_between",
        column="difference",
        min_value=0,
        max_value=METRIC_PARITY,
        row_condition=judged_again,
        why="on the held-out rows the exported winner must have the score by which it was judged",
    )


# --- scoring


def _predictions(run: Run) -> Iterator[Stated]:
    binary = run.use_case.task == "binary"
    rows = run.store.manifest("features").rows
    yield _columns(run, "predictions")
    yield _must("table_row_count_to_equal", value=rows, why="features' rows, each once")
    yield from _keyed(run.use_case)
    yield _must("column_values_to_not_be_null", column="score")
    low, high = (0, 1) if binary else (-GREATEST, GREATEST)
    yield _must("column_values_to_be_between", column="score", min_value=low, max_value=high)
    if rows > ENOUGH_ROWS:
        yield _must(
            "column_unique_value_count_to_be_between",
            column="score",
            min_value=2,
            why="a model that says the same of every row is none",
        )
    if binary:
        yield _must("column_values_to_not_be_null", column="decision")
        yield _must("column_values_to_be_in_set", column="decision", value_set=[0, 1])
        yield from _decided(run)
    yield _must("column_values_to_not_be_null", column="engine")
    yield _must(
        "column_unique_value_count_to_be_between", column="engine", max_value=1, why="one night, one engine"
    )
    yield _must("column_values_to_not_be_null", column="model_version")
    yield _must(
        "column_unique_value_count_to_be_between",
        column="model_version",
        max_value=1,
        why="one night, one model",
    )


@dataclass(frozen=True)
class _ScoredBy:
    """What the step score has told: see `score.scored_by`."""

    version: str
    threshold: float | None


def _decided(run: Run) -> Iterator[Stated]:
    """Each decision follows from its score, by the threshold of the version that has scored.

    Nights of before have not told it.
    """
    try:
        content = run.store.unrecorded().read_file("scored_by.json")
    except TableMissing:
        return
    told = kept.read(
        _ScoredBy, content, run.store.folder / "scored_by.json", "run the step score again, all slices of it"
    )
    version, cut = told.version, float("nan") if told.threshold is None else told.threshold
    yield _must(
        "column_values_to_be_in_set",
        column="model_version",
        value_set=[version],
        why="the version that has scored",
    )
    why = f"version {version} decides from {cut:.6g} on"
    yield _of_what_is_there(
        "column_values_to_be_between",
        column="score",
        min_value=cut,
        row_condition=_is("decision", 1),
        why=why,
    )
    yield _of_what_is_there(
        "column_values_to_be_between",
        column="score",
        max_value=cut,
        strict_max=True,
        row_condition=_is("decision", 0),
        why=why,
    )


# --- drift


def _drift(run: Run) -> Iterator[Stated]:
    use_case, feature = run.use_case, _is("kind", "feature")
    allowed = use_case.monitoring.max_drifted_share
    yield _columns(run, "drift")
    yield _must(
        "column_distinct_values_to_equal_set",
        column="subject",
        value_set=list(use_case.features.names),
        row_condition=feature,
    )
    yield _must("column_values_to_be_unique", column="subject", row_condition=feature)
    yield _must("column_values_to_not_be_null", column="drifted", row_condition=feature)
    yield _of_what_is_there(
        "column_values_to_not_be_null",
        column="value",
        row_condition=_both(feature, _is_null("note")),
        why="a feature that could not be compared says why in its note",
    )
    if 1 - allowed >= FEW:  # where all may drift, there is nothing to ask
        yield _must(
            "column_values_to_be_in_set",
            column="drifted",
            value_set=[False],
            mostly=round(1 - allowed, 9),
            row_condition=feature,
            why=f"monitoring.max_drifted_share lets {allowed:.0%} of the features drift",
        )
    if use_case.monitoring.min_performance is not None:
        yield from _min_performance(run, use_case.monitoring.min_performance)


def _min_performance(run: Run, worst: float) -> Iterator[Stated]:
    """The primary metric is no worse than that, and has judged enough of the labels that are due: one that
    has judged none has not held.
    """
    name, greater = run.use_case.metric.name, run.use_case.greater_is_better
    primary = _both(_is("kind", "performance"), _is("subject", name))
    why = f"the week's {name} stands in one row"
    yield _must("column_values_to_not_be_null", column="due_rows", row_condition=primary, why=why)
    yield _must("column_values_to_be_unique", column="subject", row_condition=primary, why=why)
    found = _row_of(run, name)
    if found is None or not found["due_rows"]:
        return  # it cannot be known yet; where the row itself is missing, the first one fails
    limit: dict[str, Any] = {"min_value" if greater else "max_value": worst}
    allowed = f"monitoring.min_performance allows {'at least' if greater else 'at most'} {worst:g}"
    few, none, value = labelled.too_few(found), labelled.no_value(found), found["value"]
    yield _told(
        _must(
            "column_values_to_be_between",
            column="current_rows",
            min_value=labelled.enough(found),
            row_condition=primary,
        ),
        f"{few}; {allowed} {name}, which so few do not judge; way out: let the source give labels, under the"
        " keys of the predictions",
    )
    if found["current_rows"]:
        yield _told(
            _must("column_values_to_not_be_null", column="value", row_condition=primary),
            f"{none}; {allowed} {name}, and nobody knows whether that holds; way out: see whether the"
            " source's labels are right",
        )
    yield _told(
        _of_what_is_there("column_values_to_be_between", column="value", row_condition=primary, **limit),
        f"{name} is {math.nan if value is None else value:.4g} on {found['current_rows']:,} labelled rows;"
        f" {allowed}",
    )


def _row_of(run: Run, metric: str) -> dict[str, Any] | None:
    """The row of a metric over the whole week, if the table has it, and all that is asked of it."""
    needed = ("kind", "subject", *labelled.ASKED)
    table = run.store.read("drift")
    if not set(needed) <= set(table.columns):
        return None
    rows = (
        table.filter(f"kind = 'performance' AND subject = {text(metric)}")
        .project(", ".join(labelled.ASKED))
        .fetchall()
    )
    return dict(zip(labelled.ASKED, rows[0], strict=True)) if len(rows) == 1 else None


_OF: dict[GatedTable, Callable[[Run], Iterator[Stated]]] = {
    "raw": _raw,
    "clean": _clean,
    "past": _past,
    "features": _features,
    "trials": _trials,
    "scores": _scores,
    "parity": _parity,
    "predictions": _predictions,
    "drift": _drift,
}


# --- what several tables share


def _steady(run: Run, table: GatedTable) -> Iterator[Stated]:
    """Every column is like it was on earlier days, and rows are new, unless the file says so itself."""
    if run.kind == "drift" or (run.store.has(table) and not run.store.manifest(table).rows):
        return
    for expectation in steady.stated(run, table):
        if not _stated(run.use_case, table, expectation.name.removeprefix("expect_"), **expectation.kwargs):
            yield Stated(expectation)


def _columns(run: Run, table: GatedTable) -> Stated:
    there = [
        column
        for column in TABLES[table].columns(run.use_case)
        if (table, column) != ("features", "split") or run.kind == "training"
    ]
    return _must("table_columns_to_match_set", column_set=there, exact_match=True)


def _keyed(use_case: UseCase) -> Iterator[Stated]:
    yield _must("column_values_to_not_be_null", column=use_case.key)
    yield _must("column_values_to_be_unique", column=use_case.key)
    yield _must("column_values_to_not_be_null", column=use_case.time)


def _filled(run: Run, table: GatedTable, names: Sequence[str]) -> Iterator[Stated]:
    """No column has many more missing values than in earlier partitions, unless the file itself says how many
    there may be.

    Without earlier partitions: a warning where a column has no value at all.
    """
    rows, earlier = run.store.manifest(table).rows, partitions.last(run, table, PAST)
    share = partitions.filled(earlier, names)
    for name in names:
        if _says_how_many_lack(run.use_case, table, name):
            continue
        missing = 1 - share.get(name, 0)
        allowed = _missing_at_most(missing, rows)
        if share.get(name, 0) * rows < ENOUGH_ROWS:  # so few values are due that none may be chance
            yield _should(
                "column_proportion_of_non_null_values_to_be_between",
                column=name,
                min_value=0,
                strict_min=True,
            )
        elif 1 - allowed >= FEW:
            why = (
                f"{missing:.3g} of the rows of {earlier} lack it; as many again, at least {MISSING:g}, and"
                f" chance; where more may lack it, state this expectation under gates.{table}"
            )
            yield _must("column_values_to_not_be_null", column=name, mostly=round(1 - allowed, 6), why=why)
        else:
            why = f"{1 - missing:.3g} of the rows of {earlier} have a value"
            yield _must(
                "column_proportion_of_non_null_values_to_be_between",
                column=name,
                min_value=0,
                strict_min=True,
                why=why,
            )


def _missing_at_most(missing: float, rows: int) -> float:
    """The share that may be missing: twice the usual one, or `MISSING` more, and three standard deviations of
    a share of so many rows.
    """
    deviation = math.sqrt(max(missing, MISSING / 5) * (1 - missing) / rows) if rows else 0.0
    return missing + max(missing, MISSING) + 3 * deviation


def _stated(use_case: UseCase, table: GatedTable, name: str, **kwargs: Any) -> bool:
    """Whether the file states an expectation itself, with these arguments among others: a person's word
    wins.
    """
    there = (each for each in use_case.gates.get(table, ()) if each.name == f"expect_{name}")
    return any(kwargs.items() <= each.kwargs.items() for each in there)


def _says_how_many_lack(use_case: UseCase, table: GatedTable, column: str) -> bool:
    """Whether the file says of all rows how many may lack a column's value, so that more of them close the
    gate.
    """
    return any(
        each.name == "expect_column_values_to_not_be_null" and each.kwargs.get("column") == column
        for each in use_case.gates.get(table, ())
        if each.severity == "stop" and not each.kwargs.get("row_condition")
    )


def _within_days(run: Run, column: str) -> Stated:
    return _between_days(
        dates.days_of(run.use_case, run.kind, run.partition), column, "the partition's days are"
    )


def _between_days(days: dates.Days, column: str, what: str) -> Stated:
    return _must(
        "column_values_to_be_between",
        column=column,
        min_value=datetime.combine(days.first, time()).isoformat(),
        max_value=datetime.combine(days.last + timedelta(days=1), time()).isoformat(),
        strict_max=True,
        why=f"{what} {days}",
    )


def _must(name: str, /, *, why: str = "", **kwargs: Any) -> Stated:
    return Stated(Expectation(name=f"expect_{name}", kwargs=kwargs), why=why)


def _should(name: str, /, *, why: str = "", **kwargs: Any) -> Stated:
    return Stated(Expectation(name=f"expect_{name}", kwargs=kwargs, severity="warn"), why=why)


def _told(one: Stated, sentence: str) -> Stated:
    return replace(one, told=sentence)


def _of_what_is_there(name: str, /, *, why: str = "", **kwargs: Any) -> Stated:
    """One that holds where there is no value to judge: whether there should be any is asked by another."""
    return Stated(Expectation(name=f"expect_{name}", kwargs=kwargs), why=why, needs_values=False)


def _is(column: str, value: str | bool | int) -> Condition:
    return {"type": "comparison", "column": {"name": column}, "operator": "==", "parameter": value}


def _is_not(column: str, value: str | bool) -> Condition:
    return _is(column, value) | {"operator": "!="}


def _is_null(column: str) -> Condition:
    return {"type": "nullity", "column": {"name": column}, "is_null": True}


def _both(*conditions: Condition) -> Condition:
    return {"type": "and", "conditions": list(conditions)}


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.3g} %" if whole else "none"
