"""The first of a gate's five steps: which expectations are stated about a table, and from where; or why there
is nothing to ask.

A table that is missing, damaged or empty, that was made by another file, or of which nothing is expected is
not asked about, and closes its gate. Only a night to which the source gave no row at all may be empty, if the
use case says so: by limits.empty_nights, or of days on which no delivery is expected.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipelines.core import personal as privacy
from pipelines.core.config import GatedTable, UseCase
from pipelines.core.errors import TableCorrupt, TableMissing
from pipelines.gates import of_sources, resolve
from pipelines.gates.built_in import diagnosis, outcomes
from pipelines.gates.built_in.expectations import expectations
from pipelines.gates.days import questions as of_days
from pipelines.gates.earlier import accepted
from pipelines.gates.earlier.accepted import Accepted
from pipelines.gates.facts import facts
from pipelines.gates.gx import suite
from pipelines.gates.gx.suite import Stated
from pipelines.gates.questions import Questions
from pipelines.run import clearance
from pipelines.run.run import Run
from pipelines.run.tables import TABLES, pieces

if TYPE_CHECKING:
    pass

EMPTY_NIGHT = (
    "there were no rows to judge, since the source gave none for this night, which limits.empty_nights allows"
)
UNEXPECTED = "there were no rows to judge, since no delivery is expected on {day}: source.expected says so"
OTHER_COLUMNS = "past has other columns, or of other types, than clean: its days cannot be judged"


@dataclass(frozen=True)
class Asked:
    """All that is asked about a table of a run.

    Attributes:
        run: The run.
        table: The table.
        rows: How many rows it has.
        digest: The table's content (`Manifest.digest`; over all parts, where the table comes in pieces).
        questions: What is asked of it, and of the days that it holds.
        refusal: Why it cannot be judged, whatever is found, where that is so.
        note: Why there is nothing to judge and the gate is open all the same, where that is so.
        accepted: A person's word on it.
    """

    run: Run
    table: GatedTable
    rows: int = 0
    digest: str | None = None
    questions: tuple[Questions, ...] = ()
    refusal: str | None = None
    note: str | None = None
    accepted: Accepted | None = None


def ask(run: Run, table: GatedTable) -> Asked:
    """Find the built-in expectations on a table of a run, and the use-case file's own."""
    asked, in_pieces = Asked(run, table), pieces(run.use_case, table)
    try:
        relation = None if table == "sources" else run.store.read(table, in_pieces)
        if others := _other_files(run, table) or clearance.made_of_others(run.store, run.use_case, table):
            return replace(asked, refusal=others)
        digest = run.store.digest(table, in_pieces)
        if relation is None:  # each source has columns of its own
            rows = sum(run.store.manifest(name).rows for name in TABLES[table].published_as(run.use_case))
            return replace(asked, rows=rows, digest=digest, questions=of_sources.questions(run))
        own = resolve.askable(run, table, of_file(run.use_case, table))
        said = accepted.of(run.store, table, digest)
        stated = accepted.apply(said, (*expectations(run, table), *own))
    except (TableMissing, TableCorrupt) as error:
        return replace(asked, refusal=error.sentence)
    ((rows,),) = relation.count("*").fetchall()
    asked = replace(asked, rows=rows, digest=digest, accepted=said)
    # Before the source's first day there are none in past: the days tell whether any are due.
    if rows == 0 and table != "past":
        # Great Expectations finds no fault with a table without rows.
        note = _empty_night(run)
        return replace(asked, note=note, refusal=None if note else _nothing(run, table))
    if not stated:
        return replace(asked, refusal="no expectation is stated for this table")
    masked, key = personal(run.use_case, table), TABLES[table].key(run.use_case)
    questions = Questions(relation, stated, masked, key, facts(run.use_case, table))
    asked = replace(asked, questions=(questions,))
    beside = _BESIDE.get(table)
    return beside(asked) if beside else asked


def _with_days(asked: Asked) -> Asked:
    """What is asked of past, and of each of its days besides."""
    store = asked.run.store
    if store.manifest("past").schema != store.manifest("clean").schema:
        return replace(asked, refusal=OTHER_COLUMNS)
    days = of_days.table(asked.run)
    questions = Questions(days, of_days.expectations(asked.run, days), key="day")
    return replace(asked, questions=(*asked.questions, questions))


def _with_diagnosis(asked: Asked) -> Asked:
    """What is asked of drift, and besides of why it is so, and of what each day's people have looked at."""
    run, a_day = asked.run, asked.run.use_case.stakes.a_day
    try:
        found = [Questions(run.store.read(diagnosis.TABLE), tuple(diagnosis.diagnosis(run)))]
        rows = run.store.read(outcomes.TABLE) if a_day is not None else None
    except (TableMissing, TableCorrupt) as error:
        return replace(asked, refusal=error.sentence)
    if a_day is not None and rows is not None and run.store.manifest(outcomes.TABLE).rows:
        days = outcomes.days(rows, a_day)
        found.append(Questions(days, tuple(outcomes.taken(a_day)), key="day"))
    return replace(asked, questions=(*asked.questions, *found))


_BESIDE: dict[GatedTable, Callable[[Asked], Asked]] = {"past": _with_days, "drift": _with_diagnosis}


def of_file(use_case: UseCase, table: GatedTable) -> list[Stated]:
    """The use-case file's expectations on a table."""
    return [
        Stated(expectation, where=f"gates.{table}.{n}", why=expectation.why or "")
        for n, expectation in enumerate(use_case.gates.get(table, ()))
    ]


def check(use_case: UseCase) -> list[tuple[str, str]]:
    """What is wrong with the expectations of a use-case file: place in the file, and a sentence each."""
    own = [
        (each.where, mistake)
        for table in use_case.gates
        for each in of_file(use_case, table)
        for mistake in suite.mistakes(
            each.expectation, TABLES[table].columns(use_case), facts(use_case, table)
        )
    ]
    return own + of_sources.check(use_case)


def personal(use_case: UseCase, table: GatedTable) -> frozenset[str]:
    """The columns whose values are masked: the personal ones, whatever they are called here, and features
    made of them.
    """
    marked = privacy.columns(use_case)
    key = {"key"} if table == "parity" and use_case.key in marked else set()
    return marked | privacy.features(use_case) | key


def _other_files(run: Run, table: GatedTable) -> str | None:
    """That the table was made by another use-case file than the run's, whose expectations are not about
    it.
    """
    made_by = {run.store.manifest(name).use_case for name in TABLES[table].published_as(run.use_case)} - {
        run.loaded.sha256
    }
    if not made_by:
        return None
    return (
        f"the table was made by the use-case file {min(made_by)[:12]}, and this gate goes by"
        f" {run.loaded.sha256[:12]}: run the partition again"
    )


def _empty_night(run: Run) -> str | None:
    """Why this night may be empty, if the source gave it no row.

    Rows that were lost on their way are another matter.
    """
    if run.kind != "scoring" or not run.store.has("raw") or run.store.manifest("raw").rows:
        return None
    if not run.use_case.expects(run.partition):
        return UNEXPECTED.format(day=f"{run.partition:%A} {run.partition}")
    return EMPTY_NIGHT if run.use_case.limits.empty_nights else None


def _nothing(run: Run, table: GatedTable) -> str:
    """That there are no rows, and, where all of them went to quarantine, for which reasons most of them
    did.
    """
    refusal = "the table has no rows"
    if table != "clean" or run.store.manifest("quarantine").rows != run.store.manifest("raw").rows:
        return refusal
    reasons = (
        run.store.read("quarantine")
        .aggregate("reasons, count(*) as n")
        .order("n desc, reasons")
        .limit(3)
        .fetchall()
    )
    return (
        f"{refusal}: all went to quarantine, most for"
        f" {'; '.join(f'{reason} ({n:,} rows)' for reason, n in reasons)}"
    )
