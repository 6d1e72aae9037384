"""What is expected of the rows of other sources: each source is asked about by itself."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from pipelines.core import personal
from pipelines.core.config import UseCase
from pipelines.core.config.other_source import OtherSource
from pipelines.core.copies import OTHER
from pipelines.core.sql import TYPES
from pipelines.gates.built_in.schema import of_column
from pipelines.gates.built_in.wording import must
from pipelines.gates.facts import of_rows
from pipelines.gates.gx import suite
from pipelines.gates.gx.suite import Stated
from pipelines.gates.questions import Questions
from pipelines.run.run import Run


def questions(run: Run) -> tuple[Questions, ...]:
    """What is asked of each other source's cleansed rows.

    Raises:
        TableMissing, TableCorrupt: they are not published, or not what was.
    """
    return tuple(
        Questions(
            run.store.read("sources", (name,)),
            [*_built_in(run, name, source), *of_file(name, source)],
            personal.columns(source),
            source.key,
            of_rows(source),
        )
        for name, source in run.use_case.others.items()
    )


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


def _built_in(run: Run, name: str, source: OtherSource) -> Iterator[Stated]:
    for stated in (*_whole(run, name, source), *_sound(source)):
        yield replace(stated, why=f"{name}: {stated.why}" if stated.why else f"of {name}")


def _whole(run: Run, name: str, source: OtherSource) -> Iterator[Stated]:
    """No row is lost, and not too many are put aside."""
    raw, aside = (run.store.manifest(f"{table}/{name}").rows for table in ("sources_raw", "sources_aside"))
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


def _sound(source: OtherSource) -> Iterator[Stated]:
    """Each row once, with the values that the schema declares, and known not before it was so."""
    yield must("table_columns_to_match_set", column_set=list(source.kept_columns), exact_match=True)
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
        yield must("column_type_to_be", column=column, type_=TYPES[source.columns[column].type])
    for column in source.kept_columns:
        yield from of_column(column, source)
