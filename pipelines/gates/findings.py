"""What a gate found for one expectation, as data for the evidence and as words for a person."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from pipelines.gates.engine import Observed
from pipelines.gates.suite import ONE_COLUMN, Stated, named

MASK = "•••"
FEW = 3  # examples in a sentence
LONGEST = 40  # characters of one value
MOST_VALUES = 8  # of a list
# What they observe (a number of values, a type) tells nothing of a person.
HARMLESS = (
    "expect_column_unique_value_count",
    "expect_column_proportion_of",
    "expect_column_type_to_be",
    "expect_column_values_to_be_of_type",
    "expect_column_values_to_be_in_type_list",
)


@dataclass(frozen=True)
class Finding:
    """One expectation and what was found.

    Attributes:
        name: The expectation, as Great Expectations calls it.
        kwargs: Its arguments.
        severity: stop, or warn: shown, and not closing the gate.
        where: Its place in the use-case file, such as gates.raw.0, or `built in`.
        why: Its reason, where the arguments do not tell it.
        success: Whether it holds.
        subject: The column (or columns) that it is about, or `table`.
        found: What was found, in words.
        allowed: What is allowed, in words.
        observed: The number, or the list of values, that it compares with what is allowed.
        unexpected: How many values (rows) break it, where it judges one by one.
        examples: Some of those.
    """

    name: str
    kwargs: dict[str, Any]
    severity: Literal["stop", "warn"]
    where: str
    why: str
    success: bool
    subject: str
    found: str
    allowed: str
    observed: Any
    unexpected: int | None
    examples: tuple[str, ...]

    def sentence(self) -> str:
        """Column, expectation, what was found and what is allowed, in one line."""
        allowed = f"; allowed: {self.allowed}" if self.allowed else ""
        why = f" ({self.why})" if self.why else ""
        return one_line(f"{self.subject}: {self.name}: {self.found}{allowed}{why}")


def of(stated: Stated, observed: Observed, personal: Collection[str]) -> Finding:
    """Say what Great Expectations observed; values of personal columns are masked."""
    result = observed.result
    masked = bool(set(named(stated.expectation)) & set(personal))
    bad = [value for value in result.get("partial_unexpected_list", ()) if value is not None]  # "null" is no example of a null
    examples = tuple(MASK if masked else _shown(value) for value in bad)
    value = plain(result.get("observed_value"))
    if masked and value is not None and not stated.expectation.name.startswith(HARMLESS):
        value = MASK
    reason = observed.raised
    if masked and reason is not None:
        reason = "it could not be computed; the reason may quote personal values"
    return _finding(
        stated,
        success=observed.success,
        found=reason or _found(result, value, examples, masked),
        observed=value,
        unexpected=result.get("unexpected_count"),
        examples=examples,
    )


def of_mistakes(stated: Stated, mistakes: Iterable[str]) -> Finding:
    """Say why an expectation cannot be judged at all."""
    return _finding(stated, success=False, found="; ".join(mistakes), observed=None, unexpected=None, examples=())


def _finding(stated: Stated, *, success: bool, found: str, observed: Any, unexpected: int | None, examples: tuple[str, ...]) -> Finding:
    expectation = stated.expectation
    return Finding(
        name=expectation.name,
        kwargs=plain(expectation.kwargs),
        severity=expectation.severity,
        where=stated.where,
        why=stated.why,
        success=success,
        subject=_subject(expectation.kwargs),
        found=found,
        allowed=_allowed(expectation.kwargs),
        observed=observed,
        unexpected=unexpected,
        examples=examples,
    )


def plain(value: Any) -> Any:
    """A value as JSON can hold it: moments as ISO text, decimals as numbers, infinity and NaN as words."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Decimal):
        return plain(float(value))
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, date):  # and datetime
        return value.isoformat()
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def one_line(text: str) -> str:
    """A text without line breaks and runs of blanks."""
    return " ".join(text.split())


def _subject(kwargs: Mapping[str, Any]) -> str:
    given = [str(kwargs[argument]) for argument in ONE_COLUMN if argument in kwargs] or [str(c) for c in kwargs.get("column_list") or ()]
    return ", ".join(given[:MOST_VALUES]) or "table"


def _found(result: Mapping[str, Any], value: Any, examples: tuple[str, ...], masked: bool) -> str:
    """What a result says: of values judged one by one, of a set, of the table's columns, or one number."""
    if "element_count" in result:
        return _counted(result, examples)
    if "partial_missing_list" in result or "partial_unexpected_list" in result:
        missing = [MASK if masked else _shown(item) for item in result.get("partial_missing_list", ())]
        parts = {"not among them": examples, "missing": missing}
        return "; ".join(f"{what}: {_few(items, MOST_VALUES)}" for what, items in parts.items() if items) or "these values and no others"
    mismatched = (result.get("details") or {}).get("mismatched")
    if isinstance(mismatched, Mapping):
        return "; ".join(f"{what}: {_few([str(item) for item in items], MOST_VALUES)}" for what, items in sorted(mismatched.items()))
    return f"observed {_value(value)}"


def _counted(result: Mapping[str, Any], examples: tuple[str, ...]) -> str:
    checked = result["element_count"] - (result.get("missing_count") or 0)
    unexpected = result.get("unexpected_count") or 0
    if not unexpected:
        return f"none of {checked:,} values breaks it"
    share = f" ({100 * unexpected / checked:.3g} %)" if checked else ""
    few = f", e.g. {', '.join(list(dict.fromkeys(examples))[:FEW])}" if examples else ""
    return f"{unexpected:,} of {checked:,} values{share}{few}"


def _allowed(kwargs: Mapping[str, Any]) -> str:
    """The arguments but for the columns, in the words of the use-case file."""
    told = []
    for argument, value in kwargs.items():
        if argument in (*ONE_COLUMN, "column_list", "condition_parser", "row_condition") or value is None:
            continue
        if not (isinstance(value, float) and abs(value) > 1e300):  # "a finite number", which the reason says
            told.append(f"{argument} {_value(plain(value))}")
    if condition := kwargs.get("row_condition"):
        told.append(f"where {_condition(condition)}")
    return ", ".join(told)


def _condition(condition: Any) -> str:
    if not isinstance(condition, Mapping):
        return str(condition)
    if "conditions" in condition:
        return " and ".join(map(_condition, condition["conditions"]))
    column = condition["column"]["name"]
    if condition["type"] == "nullity":
        return f"{column} is {'' if condition['is_null'] else 'not '}null"
    return f"{column} {condition['operator']} {_word(plain(condition['parameter']))}"


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.6g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, list):
        return _few([_shown(item) for item in value], MOST_VALUES)
    return _word(value)


def _shown(value: Any) -> str:
    """One value of the data, short, and with its blanks to be seen."""
    text = repr(value) if isinstance(value, str) else _word(plain(value))
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _word(value: Any) -> str:
    """A plain value; true, false and null as YAML writes them."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _few(items: Collection[str], most: int) -> str:
    shown = list(items)[:most]
    return ", ".join(shown) + (", ..." if len(items) > most else "")
