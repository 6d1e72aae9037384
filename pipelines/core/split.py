"""Which of a training's rows are held out: they choose nothing, they only judge.
And which have no label: they neither learn nor judge.
"""

from __future__ import annotations

from datetime import date

import duckdb

from pipelines.core import sql
from pipelines.core.config import UseCase
from pipelines.core.dates import Days, held_out_days
from pipelines.core.errors import OURS, BadInput, SluiceError

LEAST_ENTITIES = 50  # fewer values are kinds of rows, which tomorrow's rows have, too
UNLABELLED = "unlabelled"  # rows that a night scores like any other, but whose label nobody knows


def assign(rows: duckdb.DuckDBPyRelation, use_case: UseCase, days: Days) -> duckdb.DuckDBPyRelation:
    """Mark each row as 'train', 'test' or `UNLABELLED`, in a last column `split`.

    By time, the last days are held out (`dates.held_out_days`), and so they are where the model is kept, of
    what is new to it. By hash, the md5 of the key decides, or of
    the group's column where folds are by group, so that a row (or a group) stays on its side in every later
    training too. Rows without a label are on no side; that there may be some, the file says by naming the
    label in `cleanse.drop`.

    Args:
        rows: features of the days, as `features.compute` returns them.
        use_case: its `split`.
        days: the training's days.

    Raises:
        BadInput: rows without a label, or (binary) a side on which one of the two classes is absent.
        SluiceError: some row was given no side.
    """
    target = sql.name(use_case.target)
    # The file's way to say that some rows never get a label: nothing can be learned from them.
    unlabelled = f"{target} IS NULL" if use_case.target in use_case.cleanse.drop else "false"
    side = (
        f"CASE WHEN {unlabelled} THEN '{UNLABELLED}' WHEN {_held_out(use_case, days)} THEN 'test' ELSE"
        " 'train' END"
    )
    marked = sql.select(
        rows,
        "rows",
        f"SELECT *, {side} AS split FROM rows ORDER BY {sql.name(use_case.time)}, {sql.name(use_case.key)}",
    )
    ((every,),) = sql.select(rows, "rows", "SELECT count(*) FROM rows").fetchall()
    ((dealt,),) = marked.filter(f"split IN ('train', 'test', '{UNLABELLED}')").count("*").fetchall()
    if dealt != every:
        raise SluiceError(
            f"of {every:,} rows, {dealt:,} became train, test or {UNLABELLED}: nothing is published",
            where=use_case.name,
            fix=OURS,
        )
    _judge(marked, use_case, days)
    return marked


def require_apart(marked: duckdb.DuckDBPyRelation, clean: duckdb.DuckDBPyRelation, use_case: UseCase) -> None:
    """Make sure that nobody stands on both sides of a split by hash.

    A model that has seen a customer's other rows knows the customer: on rows that were dealt one by one it
    looks better than it will be for others. A split by time judges what comes later, of whomever.

    Args:
        marked: As `assign` returns them.
        clean: The same rows' columns, by the key.
        use_case: Its `split`; whom rows are about, see `UseCase.entities`.

    Raises:
        BadInput: rows of one stand on both sides.
    """
    stated = use_case.unit_column
    columns = dict.fromkeys((*((stated,) if stated else ()), *use_case.entities))
    if use_case.split.by != "hash" or use_case.split.folds.group is not None or not columns:
        return
    if use_case.candidates.keep:  # what comes later judges, of whomever
        return
    sides = marked.filter(f"split <> '{UNLABELLED}'").project(f"{sql.name(use_case.key)} AS k, split")
    for column in columns:
        named = clean.project(f"{sql.name(use_case.key)} AS k, {sql.name(column)} AS entity")
        entities, torn, rows, held_out = _sides(sides, named)
        if torn and (column == stated or entities >= LEAST_ENTITIES):
            raise BadInput(
                f"{torn:,} of {entities:,} values of {column} have rows on both sides of the split:"
                f" {rows:,} of {held_out:,} held-out rows are about somebody whom the model has learned, on"
                " which it looks better than it is",
                where=use_case.name,
                fix=(
                    f"keep them together by split.folds: {{by: group, group: {column}}}; or split.by: time,"
                    " where what comes later is judged"
                ),
            )


def _sides(sides: duckdb.DuckDBPyRelation, named: duckdb.DuckDBPyRelation) -> tuple[int, int, int, int]:
    """How many entities there are, how many of them on both sides, how many held-out rows are about these, of
    how many.
    """
    joined = sides.set_alias("sides").join(named.set_alias("named"), "sides.k = named.k")
    by_entity = joined.filter("entity IS NOT NULL").aggregate(
        "entity, count(*) FILTER (split = 'test') AS test, count(*) FILTER (split = 'train') AS train",
        "entity",
    )
    ((entities, torn, rows, held_out),) = by_entity.aggregate(
        "count(*), count(*) FILTER (test > 0 AND train > 0),"
        " coalesce(sum(test) FILTER (train > 0), 0)::BIGINT, coalesce(sum(test), 0)::BIGINT"
    ).fetchall()
    return int(entities), int(torn), int(rows), int(held_out)


def taught(features: duckdb.DuckDBPyRelation, use_case: UseCase) -> duckdb.DuckDBPyRelation:
    """The training rows that teach: all of them; where the model is kept, those that are new to it."""
    rows, keep = features.filter("split = 'train'"), use_case.candidates.keep
    return rows.filter(_from(keep.since, use_case)) if keep else rows


def _from(partition: date, use_case: UseCase) -> str:
    """SQL of whether a row is of a partition or a later one."""
    return f"{sql.name(use_case.time)} >= TIMESTAMP '{use_case.calendar.start(partition)}'"


def _held_out(use_case: UseCase, days: Days) -> str:
    if keep := use_case.candidates.keep:
        return _from(keep.judged_from, use_case)
    if use_case.split.by == "time":
        return _from(held_out_days(use_case, days).first, use_case)
    dealt_by = sql.name(use_case.split.folds.group or use_case.key)
    # The first 32 bits of the md5, as a share of all that there are.
    return (
        f"CAST('0x' || left(md5(CAST({dealt_by} AS VARCHAR)), 8) AS UBIGINT) / {2**32} <"
        f" {use_case.split.test}"
    )


def _judge(marked: duckdb.DuckDBPyRelation, use_case: UseCase, days: Days) -> None:
    target = sql.name(use_case.target)
    counted = sql.select(
        marked.filter(f"split <> '{UNLABELLED}'"),
        "marked",
        f"SELECT split, count(*), count({target}), count(*) FILTER ({target} = 1) FROM marked GROUP BY split",
    ).fetchall()
    where = f"{use_case.name}, training rows of {days}"
    rows, labelled = (sum(side[n] for side in counted) for n in (1, 2))
    if labelled < rows:
        raise BadInput(
            f"{rows - labelled:,} of {rows:,} rows have no label ({use_case.target}), although it should"
            f" be known after {use_case.label.delay_days} days",
            where=where,
            fix=(
                "raise label.delay_days, or leave such rows out of training by cleanse.drop:"
                f" [{use_case.target}]"
            ),
        )
    for side in ("train", "test"):
        n, yes = next(((n, yes) for name, n, _, yes in counted if name == side), (0, 0))
        if n == 0:
            raise BadInput(
                f"no {side} rows among {rows:,}",
                where=where,
                fix=(
                    "run a partition whose newest days have rows"
                    if use_case.candidates.keep
                    else f"raise split.window_days, or change split.test ({use_case.split.test})"
                ),
            )
        if use_case.task.classes and yes in (0, n):
            raise BadInput(
                f"all {n:,} {side} rows have the same label ({use_case.target} = {int(yes == n)}); a"
                " model needs both classes",
                where=where,
                fix=(
                    f"raise split.window_days ({use_case.split.window_days}), or see whether label.positive"
                    f" ({use_case.label.positive!r}) is the source's word for yes"
                ),
            )
