"""The days that windows see, judged one by one: a row a day, a column a question, and in it what is wrong, if
anything is.

A day whose rows are the very rows that its night, or another run before this one, has let through needs no
other proof. A day that differs from what was let through is told, and closes the gate where it differs by
much. A day of which no run knows anything is judged by the other days (`pipelines.gates.days.usual`); of
one that was let through by other rules of rows, what means something else. A day whose own night was stopped
by a gate on its rows feeds no window until that night has been run again and let through, whatever the source
gives of it meanwhile.

Before the first day on which the source has rows, none are due, unless another run has let through rows of so
early a day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

from pipelines.core import sql
from pipelines.core.config import Expectation
from pipelines.gates.days import rows, values
from pipelines.gates.days.judged import Judged, Told, few
from pipelines.gates.gx.suite import Stated
from pipelines.run.run import Run

if TYPE_CHECKING:
    import duckdb

GOOD = "as expected"


@dataclass(frozen=True)
class Question:
    """What is asked of each day: what for, and whether a wrong day closes the gate.

    `why` may name the `{nights}` of the days that are wrong.
    """

    why: str
    ask: Callable[[Judged], Told]
    severity: Literal["stop", "warn"] = "stop"


_AGAIN = "python -m pipelines run {use_case} scoring {nights}, or in Airflow clear it from its first task"
_MEND = "mend the source; if this is right, let the gates of that night say so: " + _AGAIN
QUESTIONS: dict[str, Question] = {
    "missing": Question(
        "windows see each day, and it has rows; if days without any are in order, say so:"
        " limits.empty_nights, source.expected",
        rows.missing,
    ),
    "number_of_rows": Question(
        "a day that no run knows has about as many rows as others of its weekday", rows.too_many
    ),
    "about_as_many_rows": Question(
        "a day that no run knows has as many rows as others of its weekday, half of them more or less",
        rows.many,
        "warn",
    ),
    "rejected": Question("cleanse.max_quarantined allows {rejected:.3g} of a day's rows", rows.rejected_days),
    "keys_of_earlier_days": Question(
        "a key names a row, and cleanse.max_quarantined allows {rejected:.3g} to come again on another day:"
        " is {key} the customer's, not the row's?",
        rows.again,
    ),
    "stopped_nights": Question(
        "rows that their own night's gate has stopped feed no windows until that night has been let through; "
        "mend the cause, in the source or in the file, and run it again: " + _AGAIN,
        rows.stopped_days,
    ),
    "differences": Question("these days were let through with other rows", rows.changed_days, "warn"),
    "great_differences": Question(
        "these days were let through with other rows; "
        + _MEND
        + "; of labels and late values, the nights that have known the others",
        rows.changed_much,
    ),
    "values": Question(
        "a day that no run knows is like others, and so are labels and late values that have become known",
        values.unusual,
    ),
    "labels": Question(
        "labels and late values that are known by now are there; one that breaks a rule is none",
        values.unlabelled_days,
    ),
    "another_days_rows": Question("a day has rows of its own", rows.another),
}


def expectations(run: Run, table: duckdb.DuckDBPyRelation) -> tuple[Stated, ...]:
    """What is expected of the columns of `table`, for a run whose `days` are published.

    What is wrong in them, in plain words.
    """
    return tuple(_question(run, name, question, table) for name, question in QUESTIONS.items())


def _question(run: Run, name: str, question: Question, table: duckdb.DuckDBPyRelation) -> Stated:
    every = table.project(f"CAST(day AS VARCHAR), {sql.name(name)}").order("1").fetchall()
    wrong = {day: cell for day, cell in every if cell != GOOD}
    facts = {
        "use_case": run.use_case.name,
        "key": run.use_case.key,
        "rejected": run.use_case.cleanse.max_quarantined,
    }
    return Stated(
        Expectation(
            name="expect_column_values_to_be_in_set",
            kwargs={"column": name, "value_set": [GOOD]},
            severity=question.severity,
        ),
        why=question.why.format(**facts, nights=few(list(wrong), ", then ") or "DAY"),
        told=f"{len(wrong):,} of {len(every):,} days: {few(list(wrong.values()), '; ')}" if wrong else "",
    )


def table(run: Run) -> duckdb.DuckDBPyRelation:
    """A row for each day that windows see: `day`, and for each question GOOD, or what is wrong."""
    import pyarrow as pa

    judged = Judged(run)
    wrong: dict[str, dict[date, str]] = {
        name: dict(question.ask(judged)) for name, question in QUESTIONS.items()
    }
    columns = {
        name: [f"{day.day}: {told[day.day]}" if day.day in told else GOOD for day in judged.days]
        for name, told in wrong.items()
    }
    return run.store.connection.from_arrow(pa.table({"day": [day.day for day in judged.days], **columns}))
