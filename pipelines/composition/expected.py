"""Which expectations a table is judged by that is made by a champion's definitions: the present file's, about
all that means the same.

What an expectation is about is told table by table: `amount` may be a column of raw and clean and a feature,
too, and only one of them may have changed. About a column are the arguments that name columns, and the row
condition; not values, which may be called like one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeAlias

from great_expectations.exceptions import GreatExpectationsError

from pipelines.core import meaning
from pipelines.core.config import Expectation, GatedTable, UseCase
from pipelines.gates.facts import facts
from pipelines.gates.gx import suite
from pipelines.run.tables import TABLES

Names: TypeAlias = Mapping[str, str]  # what a table's column is called in one file -> in another
Gates: TypeAlias = dict[GatedTable, tuple[Expectation, ...]]

LISTS = ("column_list", "column_set")
OF_ALL_COLUMNS = "expect_table_column"  # how names of expectations begin that ask which columns a table has
DECIDED = ("score", "decision")  # columns of predictions: what they say is of the label


def together(learned: UseCase, now: UseCase, made: UseCase) -> Gates:
    """The present file's expectations as far as they can be asked, and about all else those of the champion's
    file.

    Args:
        learned: The champion's file.
        now: The present one.
        made: The champion's definitions, put together with the rest of the present file.
    """
    found = {}
    for table in dict.fromkeys([*now.gates, *learned.gates]):
        same, own = _same(now, made, table), _of_learned(learned, made, table)
        theirs = (with_names(each, own) for each in learned.gates.get(table, ()) if _is_about(each, own))
        judged_now = {name: name for name in same.values()}
        others = (
            each
            for each in theirs
            if not _is_about(each, judged_now) or _asks_other_columns(each, now, made, table)
        )
        found[table] = (*_own_expectations(now, made, table), *others)
    return {table: expectations for table, expectations in found.items() if expectations}


def as_far_as(now: UseCase, made: UseCase) -> Gates:
    """A file's expectations that can be asked of tables that another one makes, which has less of the
    same.
    """
    found = {table: _own_expectations(now, made, table) for table in now.gates}
    return {table: expectations for table, expectations in found.items() if expectations}


def about(expectation: Expectation) -> tuple[str, ...]:
    """The columns that an expectation names, its row condition's included."""
    given = expectation.kwargs
    names = [str(given[argument]) for argument in suite.ONE_COLUMN if argument in given]
    for argument in LISTS:
        names += map(str, given.get(argument) or ())
    with suppress(
        ValueError, TypeError, LookupError, GreatExpectationsError
    ):  # it cannot be built, which `check` tells
        names += suite.columns_of(expectation)
    return tuple(dict.fromkeys(names))


def with_names(expectation: Expectation, names: Names) -> Expectation:
    """The same expectation of a table that calls its columns otherwise."""
    if all(names.get(name, name) == name for name in about(expectation)):
        return expectation
    given = dict(expectation.kwargs)
    given |= {
        argument: names.get(given[argument], given[argument])
        for argument in suite.ONE_COLUMN
        if argument in given
    }
    given |= {
        argument: [names.get(name, name) for name in given[argument]]
        for argument in LISTS
        if argument in given
    }
    if condition := given.get("row_condition"):
        given["row_condition"] = _condition(condition, names)
    return expectation.model_copy(update={"kwargs": given})


def _condition(condition: Any, names: Names) -> Any:
    """A row condition in Great Expectations' own words, or as it writes it down."""
    if isinstance(condition, str):
        return re.sub(
            r"""(\bcol\(\s*(["']))(.+?)(\2\s*\))""",
            lambda found: found[1] + names.get(found[3], found[3]) + found[4],
            condition,
        )
    if isinstance(condition, list):
        return [_part(part, names) for part in condition]
    if not isinstance(condition, dict):
        return condition
    return {
        key: _new_name(part, names) if key == "column" else _part(part, names)
        for key, part in condition.items()
    }


def _part(part: Any, names: Names) -> Any:
    return _condition(part, names) if isinstance(part, dict | list) else part


def _new_name(column: Any, names: Names) -> Any:
    return (
        {**column, "name": names.get(column["name"], column["name"])}
        if isinstance(column, dict) and "name" in column
        else column
    )


def _own_expectations(now: UseCase, made: UseCase, table: GatedTable) -> tuple[Expectation, ...]:
    """The present file's expectations that can be asked of a table, under its names."""
    same, stated = _same(now, made, table), now.gates.get(table, ())
    able = [
        each
        for each in stated
        if _is_able(each, same, now, table) and not _asks_other_columns(each, now, made, table)
    ]
    return tuple(
        with_names(each, same) for each in able if not _goes_without_saying(each, same, now, made, table)
    )


def _is_able(expectation: Expectation, same: Names, now: UseCase, table: GatedTable) -> bool:
    """Whether all that it names means the same.

    What there is not at all is a mistake, which `check` finds in the file put together, too.
    """
    there = set(TABLES[table].columns(now))
    return all(name in same or name not in there for name in about(expectation))


def _goes_without_saying(
    expectation: Expectation, same: Names, now: UseCase, made: UseCase, table: GatedTable
) -> bool:
    """Whether nothing can break it by the champion's definitions, such as a limit beyond theirs: they keep
    what it asks.
    """

    def mistakes(expectation: Expectation, use_case: UseCase) -> list[str]:
        return suite.mistakes(expectation, TABLES[table].columns(use_case), facts(use_case, table))

    return bool(mistakes(with_names(expectation, same), made)) and not mistakes(expectation, now)


def _is_about(expectation: Expectation, names: Names) -> bool:
    return all(name in names for name in about(expectation))


def _asks_other_columns(expectation: Expectation, now: UseCase, made: UseCase, table: GatedTable) -> bool:
    """Whether it asks which columns there are, of two tables that differ in that."""
    of_all = expectation.name.startswith(OF_ALL_COLUMNS)
    return of_all and {*TABLES[table].columns(now)} != {*TABLES[table].columns(made)}


def _of_learned(learned: UseCase, made: UseCase, table: GatedTable) -> Names:
    """The columns of a table as the champion's file calls them -> as they are called with the present
    source.
    """
    there = set(TABLES[table].columns(made))
    names = {name: name for name in TABLES[table].columns(learned)}
    if table == "raw":
        names = {
            source: made.source_names[name]
            for name, source in learned.source_names.items()
            if name in made.columns
        }
    return {name: called for name, called in names.items() if called in there}


def _same(now: UseCase, made: UseCase, table: GatedTable) -> Names:
    """The columns of a table that mean the same in two files: what one calls them -> what the other does."""
    ours, theirs = _meanings(now, table), _meanings(made, table)
    called = {fingerprint: name for name, fingerprint in theirs.items()}
    found = {
        name: name if theirs.get(name) == fingerprint else called.get(fingerprint)
        for name, fingerprint in ours.items()
    }
    return {name: other for name, other in found.items() if other is not None}


def _meanings(use_case: UseCase, table: GatedTable) -> dict[str, str]:
    """A table's columns with what they mean; one that Sluice itself writes means its name."""
    known = _MEANINGS[table](use_case) if table in _MEANINGS else {}
    return {name: known.get(name, name) for name in TABLES[table].columns(use_case)}


def _of_features(use_case: UseCase) -> dict[str, str]:
    return meaning.columns(use_case) | meaning.meanings(use_case)


def _of_predictions(use_case: UseCase) -> dict[str, str]:
    return meaning.columns(use_case) | dict.fromkeys(DECIDED, meaning.label(use_case))


_MEANINGS: dict[GatedTable, Callable[[UseCase], dict[str, str]]] = {
    "raw": meaning.raw,
    "clean": meaning.columns,
    "past": meaning.columns,
    "features": _of_features,
    "predictions": _of_predictions,
}
