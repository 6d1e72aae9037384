"""What a gate found for one expectation, as data for the evidence and as words for a person."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from pipelines.core.personal import MASK
from pipelines.gates.gx import evidence
from pipelines.gates.gx.counted import SHARE_OF_ROWS
from pipelines.gates.gx.engine import Observation
from pipelines.gates.gx.evidence import MOST_KEPT, plain
from pipelines.gates.gx.suite import ONE_COLUMN, Stated
from pipelines.gates.measure import Answer

FEW = 3  # examples in a sentence
LONGEST = 40  # characters of one value
MOST_VALUES = 8  # of a list, in words
NOT_JUDGED = "it could not be judged"
JUDGED_NOTHING = "it judged no row, so it says nothing"


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
        rows: Some of the rows that hold them, column -> value.
        result: Great Expectations' own result, see `evidence`; None where it could not be asked.
        unjudged: Why it could not be judged, where that is so: it is stated wrongly, computing it raised an
            error, or it has judged no value. What the data are like is then not known, and mending them is no
            way out.
        plain: Whether what was found is a sentence of its own, beside which neither expectation nor limits
            need be told.
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
    observed: Any = None
    unexpected: int | None = None
    examples: tuple[str, ...] = ()
    rows: tuple[dict[str, str], ...] = ()
    result: dict[str, Any] | None = None
    unjudged: Literal["mistaken", "raised", "no values"] | None = None
    plain: bool = False

    @property
    def columns(self) -> list[str]:
        """The columns that it is about; none where it is about the table."""
        return _columns(self.kwargs)

    def brief(self) -> str:
        """What it is about, what was found and what is usual, in a few words."""
        least, most = (self.kwargs.get(limit) for limit in ("min_value", "max_value"))
        if self.name == "expect_table_row_count_to_be_between" and None not in (self.observed, least, most):
            return f"{self.subject} ({self.observed:,} rows; {least:,} to {most:,} are usual)"
        told = self.plain or not self.allowed or "limits" in self.kwargs
        return one_line(f"{self.subject} ({self.found}{'' if told else f'; allowed: {self.allowed}'})")

    def sentence(self) -> str:
        """Column, expectation, what was found and what is allowed, in one line."""
        # Of many limits what was found tells those that were broken; the page shows all of them.
        allowed = f"; allowed: {self.allowed}" if self.allowed and "limits" not in self.kwargs else ""
        why = f" ({self.why})" if self.why else ""
        if self.plain:
            return one_line(f"{self.subject}: {self.found}{why}")
        return one_line(f"{self.subject}: {self.name}: {self.found}{allowed}{why}")


def of(answer: Answer) -> Finding:
    """Say what was observed about an expectation, and which rows break it; or why it cannot be judged."""
    stated, observed, rows = answer.stated, answer.observed, answer.rows
    if observed is None:
        return _without_result(stated, "; ".join(answer.mistakes), "mistaken")
    result = observed.result
    # "null" is no example of a null
    bad = [value for value in result.get("partial_unexpected_list", ()) if value is not None]
    examples = tuple(dict.fromkeys(map(_value_text, bad)))
    value = plain(result.get("observed_value"), MOST_KEPT)
    nothing = _nothing(stated, observed)
    if observed.raised and not nothing:
        return replace(
            _without_result(stated, f"{NOT_JUDGED}: {observed.raised}", "raised"),
            result=evidence.result(stated, observed),
        )
    observed = replace(observed, success=observed.success and not nothing)
    found = replace(
        _without_result(
            stated, nothing or _found_text(result, value, examples), "no values" if nothing else None
        ),
        success=observed.success,
        observed=value,
        unexpected=result.get("unexpected_count"),
        examples=examples,
        rows=tuple({name: _cell(cell) for name, cell in row.items()} for row in rows),
        result=evidence.result(stated, observed),
    )
    if observed.success or nothing or not stated.told:
        return found
    # sentences, too: none is cut
    whole = tuple({name: _word(plain(cell)) for name, cell in row.items()} for row in rows)
    return replace(found, found=stated.told, examples=(), rows=whole, plain=True)


def _nothing(stated: Stated, observed: Observation) -> str | None:
    """That it has judged no value, and why, where nothing else has made it fail."""
    if observed.judged != 0 or not stated.needs_values:
        return None
    result, kwargs = observed.result, stated.expectation.kwargs
    told = isinstance(result.get("observed_value"), int | float) or result.get("partial_missing_list")
    if told and not (observed.success or observed.raised):
        return None  # what it found says more
    if kwargs.get("row_condition"):
        none = result.get("element_count") == 0 or stated.expectation.name == SHARE_OF_ROWS
        return (
            f"{JUDGED_NOTHING}: no row"
            f" {'meets its row_condition' if none else 'that meets its row_condition has a value'}"
        )
    if len(_columns(kwargs)) > 1:
        return f"{JUDGED_NOTHING}: in every row a value is missing"
    return f"{JUDGED_NOTHING}: the column has no value"


def _without_result(
    stated: Stated, found: str, unjudged: Literal["mistaken", "raised", "no values"] | None
) -> Finding:
    """An expectation before its result is known: failed."""
    expectation = stated.expectation
    return Finding(
        name=expectation.name,
        kwargs=plain(expectation.kwargs),
        severity=expectation.severity,
        where=stated.where,
        why=stated.why,
        success=False,
        subject=", ".join(_columns(expectation.kwargs)[:MOST_VALUES]) or "table",
        found=found,
        allowed=_allowed_text(expectation.kwargs),
        unjudged=unjudged,
    )


def one_line(text: str) -> str:
    """A text without line breaks and runs of blanks."""
    return " ".join(text.split())


def _columns(kwargs: Mapping[str, Any]) -> list[str]:
    return [str(kwargs[argument]) for argument in ONE_COLUMN if argument in kwargs] or [
        str(c) for c in kwargs.get("column_list") or ()
    ]


def _found_text(result: Mapping[str, Any], value: Any, examples: tuple[str, ...]) -> str:
    """What a result says: of values judged one by one, of a set, of the table's columns, or one number."""
    if "element_count" in result:
        return _count_text(result, examples)
    if "partial_missing_list" in result or "partial_unexpected_list" in result:
        missing = list(map(_value_text, result.get("partial_missing_list", ())))
        parts = {"not among them": examples, "missing": missing}
        return (
            "; ".join(f"{what}: {_few(items, MOST_VALUES)}" for what, items in parts.items() if items)
            or "these values and no others"
        )
    mismatched = (result.get("details") or {}).get("mismatched")
    if isinstance(mismatched, Mapping):
        return "; ".join(
            f"{what}: {_few([str(item) for item in items], MOST_VALUES)}"
            for what, items in sorted(mismatched.items())
        )
    return f"observed {_value(value)}"


def _count_text(result: Mapping[str, Any], examples: tuple[str, ...]) -> str:
    checked = result["element_count"] - (result.get("missing_count") or 0)
    unexpected = result.get("unexpected_count") or 0
    if not unexpected:
        return f"none of {checked:,} values breaks it"
    share = f" ({100 * unexpected / checked:.3g} %)" if checked else ""
    few = f", e.g. {', '.join(examples[:FEW])}" if examples else ""
    return f"{unexpected:,} of {checked:,} values{share}{few}"


def _allowed_text(kwargs: Mapping[str, Any]) -> str:
    """The arguments but for the columns, in the words of the use-case file."""
    told: list[str] = []
    for argument, value in kwargs.items():
        if (
            argument in (*ONE_COLUMN, "column_list", "condition_parser", "row_condition", "unlevelled")
            or value is None
        ):
            continue
        if argument == "limits":
            told += map(str, value)
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
        return _few([_value_text(item) for item in value], MOST_VALUES)
    return _word(value)


def _value_text(value: Any) -> str:
    """One value of the data, short, and with its blanks to be seen."""
    return _short(repr(value) if isinstance(value, str) and value != MASK else _word(plain(value)))


def _cell(value: Any) -> str:
    """One value of a row, which stands in a cell of its own and needs no quotes."""
    return _short(_word(plain(value)))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _word(value: Any) -> str:
    """A plain value; true, false and null as YAML writes them."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _few(items: Collection[str], most: int) -> str:
    shown = list(items)[:most]
    return ", ".join(shown) + (", ..." if len(items) > most else "")
