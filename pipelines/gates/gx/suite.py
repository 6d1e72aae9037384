"""From an expectation's name and arguments to Great Expectations' own object: strictly, with a sentence for
each mistake.

Great Expectations itself is lenient where a gate must not be: it drops an expectation whose name it does not
know, and then passes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import TYPE_CHECKING, Any

import duckdb
import sqlalchemy as sa
from great_expectations.compatibility.pydantic import BaseModel, ValidationError
from great_expectations.exceptions import GreatExpectationsError
from great_expectations.expectations.registry import (
    get_expectation_impl,
    get_metric_provider,
    list_registered_expectation_implementations,
)
from pydantic import ValidationError as FormError

from pipelines.core.config import Expectation
from pipelines.core.config.base import BEYOND
from pipelines.core.config.watch import OWN, Resolved
from pipelines.core.errors import did_you_mean
from pipelines.gates import vacuous
from pipelines.gates.gx import counted, measures, own
from pipelines.gates.gx.engine import DuckDBExecutionEngine

if TYPE_CHECKING:
    from pipelines.gates.fact import Fact

# Fields of every expectation object that are no question to the data: Great Expectations' bookkeeping, or
# ours.
BOOKKEEPING = frozenset(
    {"id", "meta", "notes", "description", "result_format", "catch_exceptions", "severity", "windows"}
)
BOOKKEEPING |= {"rendered_content", "batch_id", "library_metadata"}
# They ask a second database; a gate judges one table.
NOT_ONE_TABLE = frozenset(
    {"expect_query_results_to_match_comparison", "expect_table_row_count_to_equal_other_table"}
)
# Great Expectations computes quartiles by each database's own means, and does not know DuckDB's.
NO_QUARTILES = frozenset({"expect_column_values_to_not_be_outliers"})
# Expectations that are judged by another class than Great Expectations', see `measures`.
INSTEAD = {"expect_column_quantile_values_to_be_between": measures.ExpectColumnQuantilesToBeBetween}
WHOLE: dict[str, Any] = {
    "expect_column_values_to_be_between": measures.ExpectColumnValuesToBeBetweenWhole,
    "expect_column_min_to_be_between": measures.ExpectColumnMinToBeBetweenWhole,
    "expect_column_max_to_be_between": measures.ExpectColumnMaxToBeBetweenWhole,
    "expect_column_sum_to_be_between": measures.ExpectColumnSumToBeBetweenWhole,
}
OURS = frozenset(each.expectation_type for each in (*INSTEAD.values(), *WHOLE.values())) | {counted.NAME}
ONE_COLUMN = ("column", "column_A", "column_B")
# Arguments that Great Expectations lets out, and is then content with every table.
NEEDED = frozenset(
    {"column_set", "column_list", "type_list", "regex", "partition_object", "threshold", "quantile_ranges"}
)
LIMITS = ("min_value", "max_value")
TYPED = ("comparison", "nullity", "and")  # conditions of the built-in expectations
BUILT_IN = "built in"


@dataclass(frozen=True)
class Stated:
    """An expectation, where it is stated, and why.

    `needs_values`: it fails where it has judged no value, since then it says nothing. A built-in one that is
    asked of whatever is there, be it nothing, does not: whether there is anything is asked by another.
    `told`: what was found, in plain words, where it fails and those of the expectation would tell a person
    nothing.
    """

    expectation: Expectation
    where: str = BUILT_IN
    why: str = ""
    needs_values: bool = True
    told: str = ""


def build(expectation: Expectation) -> Any:
    """Great Expectations' object for an expectation without mistakes."""
    whole = any(
        isinstance(expectation.kwargs.get(limit), int) and abs(expectation.kwargs[limit]) >= BEYOND
        for limit in LIMITS
    )
    instead = WHOLE.get(expectation.name) if whole else INSTEAD.get(expectation.name)
    return (instead or get_expectation_impl(expectation.name))(**expectation.kwargs)


def mistakes(
    expectation: Expectation, columns: Collection[str], facts: Mapping[str, Fact] | None = None
) -> list[str]:
    """Say what is wrong with an expectation on a table of these columns: each mistake is a sentence, none
    means good.

    Args:
        expectation: As it is stated.
        columns: The table's columns.
        facts: What the file says of them, where it is asked about a file: what goes without saying is a
            mistake, too.
    """
    name = expectation.name
    if name in OWN and not isinstance(expectation, Resolved):
        return _form_mistakes(expectation, columns)
    if name not in known_names() | own.NAMES:
        return [f"no expectation {name!r}; {did_you_mean(name, known_names() | set(OWN))}"]
    if name in NOT_ONE_TABLE:
        return [
            f"{name} compares with another table, and a gate judges one; write the number into"
            " expect_table_row_count_to_equal"
        ]
    return (
        _argument_mistakes(expectation)
        or _built_mistakes(expectation)
        or _column_mistakes(expectation, columns)
        or _says_nothing(expectation, facts)
    )


def _built_mistakes(expectation: Expectation) -> list[str]:
    """What Great Expectations, or DuckDB, cannot do with it."""
    name = expectation.name
    try:
        built = build(expectation)
        computable = name not in NO_QUARTILES and _computable(built)
    except ValidationError as error:
        return _type_mistakes(expectation, error)
    except (ValueError, TypeError, LookupError, GreatExpectationsError) as error:
        return [f"{name}: {error}"]
    if getattr(getattr(built, "row_condition", None), "type", None) == "pass_through":
        return [
            f'{name}: row_condition is text for another engine; write it as col("name")==1, with'
            " condition_parser: great_expectations"
        ]
    if not computable:
        return [
            f"{name} cannot be computed by DuckDB; state it by another expectation, or as a condition under"
            " cleanse.rules"
        ]
    return []


def _column_mistakes(expectation: Expectation, columns: Collection[str]) -> list[str]:
    return [
        f"{expectation.name}: no column {column!r}; {did_you_mean(column, columns)}"
        for column in columns_of(expectation)
        if column not in columns
    ]


def _says_nothing(expectation: Expectation, facts: Mapping[str, Fact] | None) -> list[str]:
    """Limits that are not told from others, or that no table, or no good one, can break."""
    name, built = expectation.name, build(expectation)
    if facts is not None and (inexact := list(_inexact(expectation, facts))):
        return [f"{name}: {sentence}" for sentence in inexact]
    # a number that was written as text is one
    given = {argument: _plain(getattr(built, argument)) for argument in expectation.kwargs}
    return [
        f"{name}: {sentence}"
        for sentence in vacuous.mistakes(name.removeprefix("expect_"), given, facts or {})
    ]


def _inexact(expectation: Expectation, facts: Mapping[str, Fact]) -> Iterator[str]:
    """Numbers that are not told from the next one where they are compared."""
    name, kwargs = expectation.name, expectation.kwargs
    types = {facts[column].type for column in columns_of(expectation) if column in facts}
    for argument in vacuous.NUMBERS:
        number = _beyond(kwargs.get(argument))
        if number is None or (name in WHOLE and types == {"BIGINT"} and isinstance(kwargs[argument], int)):
            continue
        rounded = "BIGINT" in types and name in (*WHOLE, "expect_multicolumn_sum_to_equal")
        if rounded or Decimal(float(number)) != number:
            yield (
                f"{argument} {number}: from 2^53 on, a whole number is not told from the next one here;"
                " write the limit of an integer column as a whole number in its min or max, or in"
                " expect_column_values_to_be_between"
            )


def _beyond(value: Any) -> Decimal | None:
    """The number of an argument, also of one that was written as text, if it is so large that not every whole
    one is a double.
    """
    try:
        number = Decimal(value) if isinstance(value, float) else Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and BEYOND <= abs(number) < 2**63 else None  # no integer is larger


def _plain(value: Any) -> Any:
    return value.dict() if isinstance(value, BaseModel) else value


def _argument_mistakes(expectation: Expectation) -> list[str]:
    """Arguments that do not exist, that are missing, or that together let everything pass."""
    fields = {
        field: spec
        for field, spec in get_expectation_impl(expectation.name).__fields__.items()
        if field not in BOOKKEEPING
    }
    given = {
        argument: value for argument, value in expectation.kwargs.items() if value not in (None, "", [], {})
    }
    found = [
        f"no argument {argument!r}; {did_you_mean(argument, fields)}"
        for argument in given
        if argument not in fields
    ]
    found += [
        f"the argument {field!r} is missing"
        for field, spec in fields.items()
        if (spec.required or field in NEEDED) and field not in given
    ]
    if all(limit in fields and limit not in given for limit in LIMITS) and "threshold" not in fields:
        found.append("without min_value and max_value it lets everything pass")
    condition = given.get("row_condition", "")
    if not (isinstance(condition, str) or (isinstance(condition, dict) and condition.get("type") in TYPED)):
        found.append(
            'row_condition is a text, such as col("name")==1, with condition_parser: great_expectations'
        )
    return [f"{expectation.name}: {mistake}" for mistake in found]


def _form_mistakes(expectation: Expectation, columns: Collection[str]) -> list[str]:
    """What is wrong with an expectation of Sluice's own."""
    form, name, column = OWN[expectation.name], expectation.name, expectation.kwargs.get("column")
    try:
        form.model_validate(expectation.kwargs, strict=True)
    except FormError as error:
        return [f"{name}: {_form_mistake(item, form.model_fields)}" for item in error.errors()]
    return (
        []
        if column is None or column in columns
        else [f"{name}: no column {column!r}; {did_you_mean(column, columns)}"]
    )


def _form_mistake(item: Mapping[str, Any], fields: Collection[str]) -> str:
    argument = str(item["loc"][0])
    if item["type"] == "extra_forbidden":
        return f"no argument {argument!r}; {did_you_mean(argument, fields)}"
    return (
        f"the argument {argument!r} is missing"
        if item["type"] == "missing"
        else f"{argument}: {item['msg']}, found {item['input']!r}"
    )


def _type_mistakes(expectation: Expectation, error: ValidationError) -> list[str]:
    """The first mistake of each argument: pydantic tells one for each type that an argument may have."""
    by_place: dict[str, str] = {}
    for item in error.errors():
        by_place.setdefault(".".join(str(part) for part in item["loc"] if part != "__root__"), item["msg"])
    return [
        f"{expectation.name}: {place}: {message}" if place else f"{expectation.name}: {message}"
        for place, message in by_place.items()
    ]


def columns_of(expectation: Expectation) -> list[str]:
    """The columns that an expectation reads, its row condition's included."""
    if expectation.name == "expect_column_to_exist":
        return []  # whether it is there is the question itself
    given = expectation.kwargs
    columns = [str(given[argument]) for argument in ONE_COLUMN if argument in given]
    if not expectation.name.startswith("expect_table_"):
        columns += map(str, given.get("column_list", ()))
    condition = getattr(build(expectation), "row_condition", None) if given.get("row_condition") else None
    return list(dict.fromkeys([*columns, *_of_condition(condition)]))


def _of_condition(condition: Any) -> Iterator[str]:
    """The columns of a typed row condition, which may be a conjunction of others."""
    for part in getattr(condition, "conditions", ()):
        yield from _of_condition(part)
    column = getattr(condition, "column", None)
    if column is not None:
        yield str(column.name)


@cache
def known_names() -> frozenset[str]:
    """The names of Great Expectations' own expectations."""
    return (
        frozenset(
            name for name in list_registered_expectation_implementations() if name.startswith("expect_")
        )
        - own.NAMES
        - OURS
    )


def _computable(built: Any) -> bool:
    """Whether Great Expectations has SQL for all that the expectation asks."""
    engine = _engine()
    metrics = built.get_validation_dependencies(execution_engine=engine).get_metric_configurations()
    try:
        for metric in metrics:
            get_metric_provider(metric.metric_name, engine)
    except GreatExpectationsError:
        return False
    return True


@cache
def _engine() -> DuckDBExecutionEngine:
    """An engine over nothing, which can be asked what it can do."""
    return DuckDBExecutionEngine(engine=sa.create_engine("duckdb+sluice://", creator=duckdb.connect))
