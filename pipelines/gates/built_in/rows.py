"""What is expected of rows as the source gives them, of cleansed ones, and of those that windows see."""

from __future__ import annotations

import math
from collections.abc import Iterator

from pipelines.core.config import UseCase
from pipelines.core.copies import OTHER
from pipelines.core.sql import TYPES, type_of
from pipelines.gates.built_in.every import (
    between_days,
    columns,
    has_key,
    is_stated_by_file,
    not_missing,
    within_days,
)
from pipelines.gates.built_in.schema import of_column
from pipelines.gates.built_in.wording import must, of_what_is_there
from pipelines.gates.gx.suite import Stated
from pipelines.gates.vacuous import FEW
from pipelines.run.run import Run


def raw(run: Run) -> Iterator[Stated]:
    """The declared columns and types, the partition's days, keys, and no label at night."""
    use_case, source = run.use_case, run.use_case.source_names
    yield columns(run, "raw")
    for column, spec in use_case.columns.items():
        yield must("column_type_to_be", column=source[column], type_=TYPES[spec.type])
    yield within_days(run, source[use_case.time])
    if use_case.ahead:
        every = use_case.partition.every
        why = f"predicted when the {every} begins: that is the time of all its rows, see partition.predict"
        begun = [use_case.calendar.start(each) for each in run.days]
        yield of_what_is_there(
            "column_values_to_be_in_set", column=source[use_case.time], value_set=begun, why=why
        )
    yield must("column_values_to_not_be_null", column=source[use_case.time])
    if (mostly := round(1 - use_case.cleanse.max_quarantined, 9)) >= FEW:
        why = "rows without a key go to quarantine, see cleanse.max_quarantined"
        yield must("column_values_to_not_be_null", column=source[use_case.key], mostly=mostly, why=why)
    if run.kind == "scoring":
        yield must(
            "column_values_to_be_null",
            column=source[use_case.target],
            why="a scoring run must not know what it predicts",
        )
        for column in use_case.late:
            yield must(
                "column_values_to_be_null",
                column=source[column],
                why="a row's own value of a leak is known only after it is scored",
            )
    if not is_stated_by_file(use_case, "raw", "table_row_count_to_be_like_past_partitions"):
        yield must("table_row_count_to_be_like_past_partitions")
    yield from not_missing(
        run, "raw", [source[column] for column, spec in use_case.columns.items() if spec.role == "feature"]
    )


def clean(run: Run) -> Iterator[Stated]:
    """Raw's rows but for those in quarantine, each once, with the values that the schema declares."""
    use_case = run.use_case
    yield columns(run, "clean")
    yield from _rows_kept(run)
    yield from has_key(use_case)
    yield within_days(run, use_case.time)
    for column in use_case.kept_columns:
        yield must("column_type_to_be", column=column, type_=type_of(column, use_case))
    for column in use_case.kept_columns:
        yield from _of_column(column, use_case)


def _rows_kept(run: Run) -> Iterator[Stated]:
    """No row is lost between raw, clean and quarantine, and not too many are in quarantine."""
    raw, quarantine = run.store.manifest("raw").rows, run.store.manifest("quarantine").rows
    yield must(
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
    yield must(
        "table_row_count_to_be_between",
        min_value=raw - copies - math.floor(round(allowed * raw, 6)),
        why=(
            f"{rejected:,} of {raw:,} rows ({_percent(rejected, raw)}) were rejected{most};"
            f" cleanse.max_quarantined allows {allowed:.3g}{hint}"
        ),
    )


def _of_column(column: str, use_case: UseCase) -> Iterator[Stated]:
    """What the schema says of a column's values after cleansing; a label's are 0 and 1."""
    if column == use_case.target and use_case.task.classes:
        yield of_what_is_there(
            "column_values_to_be_in_set", column=column, value_set=list(use_case.task.classes)
        )
    else:
        yield from of_column(column, use_case)


def past(run: Run) -> Iterator[Stated]:
    """What windows see beside clean: schema and values as clean's.

    What each day must be like, see `pipelines.gates.days`.
    """
    use_case = run.use_case
    yield columns(run, "past")
    ((delivered, aside),) = (
        run.store.read("days").aggregate("sum(delivered)::BIGINT, sum(aside)::BIGINT").fetchall()
    )
    further = run.store.manifest("further").rows if run.kind == "training" else 0
    why = f"past_raw's {delivered:,} rows less the {aside:,} that feed no windows" + (
        f", and {further:,} of its own" if further else ""
    )
    if delivered - aside + further == 0 and run.store.manifest("past").rows == 0:
        return  # before the source's first day there are none: the days tell whether any are due
    yield must("table_row_count_to_equal", value=delivered - aside + further, why=why)
    yield must("column_values_to_not_be_null", column=use_case.key)
    yield must("column_values_to_not_be_null", column=use_case.time)
    yield must(
        "compound_columns_to_be_unique", column_list=[use_case.key, use_case.time], why="each row once"
    )
    every = use_case.calendar.span(run.past_days.first, run.days.last)
    yield between_days(every, use_case.time, "windows see")
    for column in use_case.kept_columns:
        yield must("column_type_to_be", column=column, type_=type_of(column, use_case))
    for column in use_case.kept_columns:
        yield from _of_column(column, use_case)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.3g} %" if whole else "none"
