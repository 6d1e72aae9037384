"""What is expected of the rows of other sources: each source is asked about by itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING

from pipelines.core import dates, other_rows, personal
from pipelines.core.config import UseCase
from pipelines.core.config.other_source import OtherSource
from pipelines.core.copies import OTHER
from pipelines.core.sql import TYPES
from pipelines.gates.built_in.schema import of_column
from pipelines.gates.built_in.wording import must, should
from pipelines.gates.earlier import partitions
from pipelines.gates.facts import of_rows
from pipelines.gates.gx import suite
from pipelines.gates.gx.suite import Stated
from pipelines.gates.questions import Questions
from pipelines.run.run import Run

if TYPE_CHECKING:
    import duckdb

    from pipelines.storage.store import Store

PAST = 4  # partitions that a source's number of rows is compared with
MARGIN = 0.5  # of their median: with fewer rows it is another delivery
# Rows of such a median. If they come independently, chance alone leaves less than half of 150 in 1.6 nights
# of a million, of 100 in 80 of a million, of 36 in one of 80 (Poisson).
ENOUGH = 150


def questions(run: Run) -> tuple[Questions, ...]:
    """What is asked of each other source's cleansed rows, and of how many of them are new.

    Raises:
        TableMissing, TableCorrupt: they are not published, or not what was.
    """
    return tuple(one for name in run.use_case.sources for one in _of_source(run, name))


def _of_source(run: Run, name: str) -> Iterator[Questions]:
    source, rows = run.use_case.others[name], run.store.read("sources", (name,))
    there = run.store.manifest(f"sources/{name}").rows
    stated = [*_built_in(name, _whole(run, name, source)), *_built_in(name, _formed(source))]
    if there:
        stated += [*_built_in(name, _sound(source)), *of_file(name, source)]
    elif not source.source.has_days:
        why = "it tells everything each time: no row at all is a broken delivery"
        stated += _built_in(name, [must("table_row_count_to_be_between", min_value=1, why=why)])
    known = of_rows(source) if there else None
    yield Questions(rows, stated, personal.columns(source), source.key, known)
    if asked := list(_built_in(name, _not_too_few(run, name, source))):
        yield Questions(_new(run.store, name, run), asked)


def of_file(name: str, source: OtherSource) -> list[Stated]:
    """The use-case file's expectations on a source."""
    return [
        Stated(expectation, where=f"sources.{name}.gates.{n}", why=expectation.why or f"of {name}")
        for n, expectation in enumerate(source.gates)
    ]


def check(use_case: UseCase) -> list[tuple[str, str]]:
    """What is wrong with the file's expectations on other sources: place in the file, and a sentence each."""
    return [
        (each.where, mistake)
        for name, source in use_case.others.items()
        for each in of_file(name, source)
        for mistake in suite.mistakes(each.expectation, source.kept_columns, of_rows(source))
    ]


def _built_in(name: str, every: Iterable[Stated]) -> Iterator[Stated]:
    for stated in every:
        yield replace(stated, why=f"{name}: {stated.why}" if stated.why else f"of {name}")


def _whole(run: Run, name: str, source: OtherSource) -> Iterator[Stated]:
    """No row is lost, and not too many are put aside."""
    raw, aside = (run.store.manifest(f"{table}/{name}").rows for table in ("sources_raw", "sources_aside"))
    if raw == 0:
        return
    if raw > aside:
        why = f"the source's {raw:,} rows less the {aside:,} that were put aside"
        yield must("table_row_count_to_equal", value=raw - aside, why=why)
    reasons = (
        run.store.read("sources_aside", (name,))
        .filter("rejected")
        .aggregate("reasons, count(*) AS n")
        .order("n DESC, reasons")
        .fetchall()
    )
    rejected, allowed = sum(n for _, n in reasons), source.cleanse.max_quarantined
    most = f", most for {reasons[0][0]} ({reasons[0][1]:,})" if reasons else ""
    hint = ""
    if reasons and reasons[0][0] == OTHER:
        hint = f"; what tells rows of one {source.key} apart is their time; a correction has an available_at"
    yield must(
        "table_row_count_to_be_between",
        min_value=raw - (aside - rejected) - math.floor(round(allowed * raw, 6)),
        why=(
            f"{rejected:,} of {raw:,} rows were rejected{most}; sources.{name}.cleanse.max_quarantined allows"
            f" {allowed:.3g}{hint}"
        ),
    )


def _not_too_few(run: Run, name: str, source: OtherSource) -> Iterator[Stated]:
    """The source has told about as much that is new as it did in earlier partitions, of the same weekday if
    there are any: a delivery that breaks off says little, and nothing else in it is wrong.
    """
    past = partitions.alike(run, "sources", PAST) if source.source.has_days else _by_same_file(run, name)
    counts = [_new(store, name, run).count("*").fetchall()[0][0] for store in past.partitions]
    usual = median(counts) if counts else 0
    if usual < ENOUGH:
        return
    say = must if past.of_season else should
    yield say(
        "table_row_count_to_be_between",
        min_value=math.ceil(MARGIN * usual),
        why=f"half of the {usual:,.0f} rows that {past} had",
    )


def _by_same_file(run: Run, name: str) -> partitions.Past:
    """The last partitions that asked a source for as much as this one does."""
    past = partitions.last(run, "sources", PAST)
    same = (one for one in past.partitions if one.manifest(f"sources/{name}").use_case == run.loaded.sha256)
    return replace(past, partitions=tuple(same))


def _new(store: Store, name: str, run: Run) -> duckdb.DuckDBPyRelation:
    """The rows of a source that became known in a partition, of a run of several in its last one; all of a
    source that tells everything each time.
    """
    rows, source = store.read("sources", (name,)), run.use_case.others[name]
    if not source.source.has_days:
        return rows
    days = dates.days_of(run.use_case, run.kind, store.partition)
    newest = other_rows.asked(run.use_case, name, days).last
    start, end = run.calendar.start(newest), run.calendar.end(newest)
    known = other_rows.known(source)
    return rows.filter(f"{known} >= TIMESTAMP '{start}' AND {known} < TIMESTAMP '{end}'")


def _formed(source: OtherSource) -> Iterator[Stated]:
    """The columns that the schema declares, of its types."""
    yield must("table_columns_to_match_set", column_set=list(source.kept_columns), exact_match=True)
    for column in source.kept_columns:
        yield must("column_type_to_be", column=column, type_=TYPES[source.columns[column].type])


def _sound(source: OtherSource) -> Iterator[Stated]:
    """Each row once, with the values that the schema declares, and known not before it was so."""
    yield must("column_values_to_not_be_null", column=source.key)
    once = [source.key, source.time, *([source.available_at] if source.available_at else [])]
    yield must("compound_columns_to_be_unique", column_list=once, why="each row once")
    if source.available_at:
        yield must(
            "column_pair_values_a_to_be_greater_than_b",
            column_A=source.available_at,
            column_B=source.time,
            or_equal=True,
            why="nothing is known before it is so",
        )
    for column in source.kept_columns:
        yield from of_column(column, source)
