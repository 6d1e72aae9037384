"""Whether a table is like those of earlier days that their own gates have let through: by each column, and as
rows.

A night is compared with the newest let-through nights, and where there are few, with the days of the newest
let-through training, whose rows it resembles from the first night on. Predictions are compared with those of
the same model version, and where there are few, with what that version says of the days that its training
held out. A training is compared with itself, day by day, and with the nights of its days.

The statistics and their limits are made a table, `profile` (column, statistic, value, low, high), which Great
Expectations judges, one expectation a column.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pipelines.core import personal, sql
from pipelines.core.config import Expectation, GatedTable
from pipelines.core.config.watch import LikeEarlierDays, NewRows, Resolved
from pipelines.gates.earlier import alternation, profile
from pipelines.gates.earlier.basis import basis, cleared_days
from pipelines.gates.earlier.likeness import Earlier
from pipelines.gates.earlier.shape import shape
from pipelines.gates.earlier.statistic import Limits
from pipelines.gates.gx import own_steady
from pipelines.gates.gx.suite import Stated
from pipelines.metrics.chance import ALARMS_A_YEAR, LEAST_DAYS

if TYPE_CHECKING:
    from pipelines.run.run import Run

COLUMN = "expect_column_to_be_like_earlier_days"
ROWS = "expect_table_rows_to_be_new"
JUDGED = "profile"  # the table that is judged
UNLEVELLED = "its values are not compared: they have no level, since days differ too much from one another"
FEW = "fewer than {least} earlier days that were let through: nothing to compare with"


@dataclass(frozen=True)
class Line:
    """A row of the table that is judged."""

    column: str
    statistic: str
    value: float
    low: float | None
    high: float | None
    shift: float = 0.0
    by_chance: float = 0.0
    about: str = ""  # of several lines about the same one tells enough
    said: str = ""  # in plain words, if it is beyond

    @property
    def told(self) -> str:
        """What is allowed, in words."""
        return f"{self.statistic}: {own_steady.allowed_text(self.low, self.high)}"


def default_expectations(run: Run, table: GatedTable) -> Iterator[Expectation]:
    """What is always asked: of each column that is looked at, and, where rows have keys, of the rows."""
    looked = shape(run.use_case, table)
    if looked is None:
        return
    for column in looked.compared:
        yield Expectation(name=COLUMN, kwargs={"column": column})
    if looked.key and run.kind == "scoring":
        yield Expectation(name=ROWS, kwargs={})


def resolve(
    run: Run, table: GatedTable, each: Sequence[tuple[Stated, LikeEarlierDays | NewRows]]
) -> list[Stated]:
    """The expectations as Great Expectations can judge them, with the table `profile` on the run's
    connection.

    Args:
        run: A night or a training.
        table: What its gate judges.
        each: What is stated, and its form.

    Raises:
        TableMissing, TableCorrupt: an earlier partition is not what was published.
    """
    forms = [form for _, form in each]
    limits = Limits(
        shift={form.column: form.shift for form in forms if isinstance(form, LikeEarlierDays)},
        **next(
            ({"again": form.again, "doubled": form.doubled} for form in forms if isinstance(form, NewRows)),
            {},
        ),
    )
    lines, why, unlevelled = _lines_and_unlevelled(run, table, limits)
    _publish(run, lines, {form.column if isinstance(form, LikeEarlierDays) else "" for form in forms})
    return [_plain(one, form, lines, why, unlevelled) for one, form in each]


def lines(run: Run, table: GatedTable, limits: Limits | None = None) -> tuple[list[Line], str]:
    """Every statistic of a run's table beside what is allowed, and what it is compared with, in words."""
    lines, why, _ = _lines_and_unlevelled(run, table, limits)
    return lines, why


def _lines_and_unlevelled(
    run: Run, table: GatedTable, limits: Limits | None
) -> tuple[list[Line], str, Collection[str]]:
    """The same, and the columns whose values have no level."""
    own = profile.of(run.store, run.use_case, table)
    if run.kind == "training":
        return (
            alternation.lines(
                own,
                cleared_days(run, table, own),
                _personal_columns(run),
                limits or Limits(),
                run.calendar,
            ),
            (
                "each day of the training beside the others, and beside its own night where that was let"
                " through, by columns that mean the same"
            ),
            (),
        )
    found = basis(run, table, own)
    day = own.days.get(run.partition)
    if day is None or len(found.days) < LEAST_DAYS:
        return [], FEW.format(least=LEAST_DAYS), ()
    earlier = Earlier(found.days, found.since, _personal_columns(run), run.calendar)
    lines = [
        Line(
            one.statistic.column,
            one.statistic.name,
            one.value,
            one.low,
            one.high,
            one.shift,
            one.by_chance,
            about=one.statistic.label if one.statistic.what == "below" else one.statistic.name,
            said=earlier.plainly(one, day),
        )
        for one in earlier.judge(day, limits)
        if one.low is not None or one.high is not None
    ]
    return (
        lines,
        f"{found.told}; by chance at most {ALARMS_A_YEAR:g} closed gate a year in all",
        earlier.unlevelled,
    )


def _personal_columns(run: Run) -> frozenset[str]:
    return personal.columns(run.use_case) | personal.features(run.use_case)


# --- the table that is judged


def _publish(run: Run, lines: Iterable[Line], columns: Collection[str]) -> None:
    """Tell the table on the run's connection of some columns (or the rows), and leave there what others are
    held against.

    The file's own expectations and the built-in ones are resolved one after the other, each with limits of
    their own.
    """
    told = [line for line in lines if line.column in columns]
    rows = [
        (line.column, line.statistic, line.value, line.low, line.high, line.shift, line.about, line.said)
        for line in told
    ]
    connection, table = run.store.connection, sql.name(JUDGED)
    numbers, texts = "value DOUBLE, low DOUBLE, high DOUBLE, shift DOUBLE", "about VARCHAR, said VARCHAR"
    connection.execute(
        f'CREATE TABLE IF NOT EXISTS {table} ("column" VARCHAR, statistic VARCHAR, {numbers}, {texts})'
    )
    connection.executemany(
        f'DELETE FROM {table} WHERE "column" = ?', [[column] for column in sorted(columns)]
    )
    if rows:
        connection.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)


def _plain(
    one: Stated, form: LikeEarlierDays | NewRows, lines: Sequence[Line], why: str, unlevelled: Collection[str]
) -> Stated:
    column = form.column if isinstance(form, LikeEarlierDays) else ""
    limits = [line.told for line in lines if line.column == column]
    expectation = one.expectation
    if not limits:
        # The column is there, or the table has rows: of which others judge, so this closes nothing, and the
        # reason is told.
        name, kwargs = (
            ("expect_column_to_exist", {"column": column})
            if column
            else ("expect_table_row_count_to_be_between", {"min_value": 1})
        )
        none = (
            UNLEVELLED
            if column in unlevelled
            else "no statistic of it can be told from chance by the days before"
        )
        said = why if not lines else none
        return replace(
            one,
            expectation=expectation.model_copy(update={"name": name, "kwargs": kwargs, "severity": "warn"}),
            why=_both(one.why, said),
        )
    asked: dict[str, Any] = {"column": column, "limits": limits} if column else {"limits": limits}
    if column in unlevelled:
        asked["unlevelled"] = UNLEVELLED
    name = COLUMN if column else ROWS
    changed = Resolved(name=name, kwargs=asked, severity=expectation.severity, why=expectation.why)
    # Of an empty column the share of rows with a value was judged.
    return replace(one, expectation=changed, why=_both(one.why, why), needs_values=False)


def _both(one: str, other: str) -> str:
    return "; ".join(filter(None, (one, other)))
