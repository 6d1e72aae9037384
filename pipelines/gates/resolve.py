"""What an expectation of Sluice's own means for one run: a plain expectation, whose limits come from
elsewhere.

From earlier partitions (`pipelines.gates.earlier.partitions`), from the partition's days, from the use-case
file: never from the table that is judged. Where there is no earlier partition to compare with, nothing is
made up, and the first night of all is not closed: what is asked then (that there are rows, that there is the
column) closes nothing, and its `why` says that there was nothing to compare with.

An expectation on a column that nights do not know, the label or a late one, is asked in trainings alone.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from great_expectations.exceptions import GreatExpectationsError
from pydantic import ValidationError

from pipelines.core.config import Expectation, GatedTable, UseCase
from pipelines.core.config.watch import (
    OWN,
    KnownValues,
    LikeEarlierDays,
    LikePast,
    NewestWithin,
    NewRows,
    NotTellingLabel,
)
from pipelines.core.errors import BadUseCase, did_you_mean
from pipelines.core.strict import Strict
from pipelines.gates.earlier import partitions, steady
from pipelines.gates.earlier.shape import shape
from pipelines.gates.gx import suite
from pipelines.gates.gx.suite import Stated
from pipelines.run.run import Run
from pipelines.run.tables import pieces

NOTHING_BEFORE = "no earlier partition to compare with"
# standard deviations; a count of rows that come independently of one another has the square root of its mean
# (Poisson)
CHANCE = 3


def resolve(run: Run, table: GatedTable, stated: Iterable[Stated]) -> list[Stated]:
    """The expectations as Great Expectations can judge them in this run.

    Raises:
        BadUseCase: an expectation stands where it cannot be asked, see `misplaced`.
        TableCorrupt: an earlier partition is not what was published.
    """
    found = [(each, _form(run, table, each)) for each in stated]
    compared = [(each, form) for each, form in found if isinstance(form, LikeEarlierDays | NewRows)]
    # Together, since one look at each earlier day tells of every column.
    readable = iter(steady.resolve(run, table, compared) if compared else ())
    return [
        next(readable) if isinstance(form, LikeEarlierDays | NewRows) else _resolve(run, table, each, form)
        for each, form in found
    ]


def askable(run: Run, table: GatedTable, stated: Iterable[Stated]) -> list[Stated]:
    """The file's expectations that can be asked in this run, resolved; see `resolved` for what it raises."""
    here = (
        each
        for each in stated
        if run.kind == "training" or not only_trainings_know(run.use_case, table, each.expectation)
    )
    return resolve(run, table, here)


def only_trainings_know(use_case: UseCase, table: GatedTable, expectation: Expectation) -> bool:
    """Whether it asks about a label or a late column, which are hidden at night, or about what is made for a
    training.
    """
    if expectation.name == "expect_feature_not_to_tell_the_label":
        return True
    unknown: dict[GatedTable, set[str]] = {
        "raw": {use_case.source_names[column] for column in use_case.hidden_at_night},
        "clean": set(use_case.hidden_at_night),
        "features": {use_case.target, "split"},
    }
    try:
        return table in unknown and not unknown[table].isdisjoint(suite.columns_of(expectation))
    except (ValueError, TypeError, GreatExpectationsError):
        return False  # it cannot be built: a finding, with a sentence, see `suite.mistakes`


def why_misplaced(use_case: UseCase, table: GatedTable, expectation: Expectation) -> str | None:
    """Why an expectation of Sluice's own cannot be asked of this table, in a sentence; None if it can."""
    name, column = expectation.name, expectation.kwargs.get("column")
    if name == "expect_newest_row_to_be_within" and time_column(use_case, table) is None:
        return f"{name}: the rows of {table} have no time; state it under raw, clean, features or predictions"
    if name in (steady.COLUMN, steady.ROWS):
        return _not_compared(use_case, table, name, column)
    if name != "expect_feature_not_to_tell_the_label":
        return None
    if table != "features":
        return f"{name}: {table} has no features; state it under features"
    if column in use_case.features.texts:
        return f"{name}: {column} is a text, and no single number says what a text tells"
    numbers_and_categories = (*use_case.features.numbers, *use_case.features.categories)
    return (
        None
        if column in numbers_and_categories
        else f"{name}: no feature {column!r}; {did_you_mean(str(column), numbers_and_categories)}"
    )


def _not_compared(use_case: UseCase, table: GatedTable, name: str, column: str | None) -> str | None:
    """Why a column, or the rows of a table, are not compared with earlier days."""
    looked = shape(use_case, table)
    if looked is None:
        return (
            f"{name}: the rows of {table} are not compared with earlier days; state it under clean, features"
            " or predictions"
        )
    if name == steady.ROWS:
        return (
            None
            if looked.key
            else f"{name}: {table} is not looked at for the same rows; state it under clean"
        )
    return (
        None
        if column in looked.compared
        else f"{name}: {column!r} is not compared with earlier days;"
        f" {did_you_mean(str(column), looked.compared)}"
    )


def time_column(use_case: UseCase, table: GatedTable) -> str | None:
    """The column with the moment of a table's rows, where it has one."""
    if table == "raw":
        return use_case.source_names[use_case.time]
    return use_case.time if table in ("clean", "past", "features", "predictions") else None


def _form(run: Run, table: GatedTable, stated: Stated) -> Strict | None:
    """What an expectation of Sluice's own says; None if it is another one, or cannot be read."""
    expectation = stated.expectation
    if expectation.name not in OWN:
        return None
    try:
        form = OWN[expectation.name].model_validate(expectation.kwargs, strict=True)
    except ValidationError:
        return None  # which is a finding, with a sentence, see `suite.mistakes`
    if mistake := why_misplaced(run.use_case, table, expectation):
        raise BadUseCase(
            f"{stated.where}: {mistake}",
            where=run.loaded.path.name,
            fix=f"correct the file; python -m pipelines check {run.use_case.name} says whether it is good",
        )
    return form


def _resolve(run: Run, table: GatedTable, stated: Stated, form: Strict | None) -> Stated:
    return stated if form is None else _MEANING[stated.expectation.name](run, table, stated, form)


def _like_past(run: Run, table: GatedTable, stated: Stated, form: LikePast) -> Stated:
    earlier = partitions.alike(run, table, form.partitions)
    name = "table_row_count_to_be_between"
    if not earlier.partitions:
        return _plain(_warning(stated), name, why=NOTHING_BEFORE, min_value=1)
    median = statistics.median(partitions.row_counts(earlier, pieces(run.use_case, table)))
    slack = max(form.margin * median, CHANCE * math.sqrt(median))
    season = run.calendar.season_text(run.partition)
    told = f"of {season}" if earlier.of_season else f"none of {season}, hence only a warning"
    days = f"{earlier} ({told})" if run.kind == "scoring" and season else str(earlier)
    return _plain(
        stated if earlier.of_season else _warning(stated),
        name,
        why=f"median of {days}: {median:,.0f} rows, margin {form.margin:g}",
        min_value=max(math.ceil(median - slack), 1),
        max_value=math.floor(median + slack),
    )


def _newest_within(run: Run, table: GatedTable, stated: Stated, form: NewestWithin) -> Stated:
    last = run.days.last
    oldest = (run.days.end - timedelta(hours=form.hours)).isoformat()
    why = f"the newest row is at most {form.hours:g} hours before the end of {last}"
    return _plain(
        stated, "column_max_to_be_between", why=why, column=time_column(run.use_case, table), min_value=oldest
    )


def _known_values(run: Run, table: GatedTable, stated: Stated, form: KnownValues) -> Stated:
    values = partitions.view_of_values(run, partitions.last(run, table, form.partitions), form.column)
    if values is None:
        return _plain(_warning(stated), "column_to_exist", why=NOTHING_BEFORE, column=form.column)
    return _plain(
        stated, "column_values_to_be_in_past", column=form.column, mostly=float(form.mostly), past=values
    )


def _not_telling(run: Run, _: GatedTable, stated: Stated, form: NotTellingLabel) -> Stated:
    measure = "correlation" if form.column in run.use_case.features.numbers else "correlation_ratio"
    return _plain(
        stated,
        f"column_{measure}_to_be_at_most",
        why="a feature that tells the label by itself is a leak",
        column=form.column,
        label=run.use_case.target,
        max_value=form.max_value,
    )


_MEANING: dict[str, Callable[[Run, GatedTable, Stated, Any], Stated]] = {
    "expect_table_row_count_to_be_like_past_partitions": _like_past,
    "expect_newest_row_to_be_within": _newest_within,
    "expect_column_values_to_be_known": _known_values,
    "expect_feature_not_to_tell_the_label": _not_telling,
}


def _warning(stated: Stated) -> Stated:
    return replace(stated, expectation=stated.expectation.model_copy(update={"severity": "warn"}))


def _plain(stated: Stated, name: str, /, *, why: str = "", **kwargs: Any) -> Stated:
    """The plain expectation in the place of the stated one, with both reasons."""
    expectation = stated.expectation.model_copy(update={"name": f"expect_{name}", "kwargs": kwargs})
    return replace(stated, expectation=expectation, why="; ".join(filter(None, (stated.why, why))))
