"""Expectations that nothing can break, and those that nothing can fulfil, as far as the use-case file alone
can tell.

What shows on the table only (a condition that no row meets, a column without values) closes the gate there,
see `counted`. A limit that says no more than another part of the file (a column's own `min`, its `allowed`
values) is no mistake: it is asked of the same values. One that is wider than that never fails, and is one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

from pipelines.core.sql import TYPES
from pipelines.gates import patterns
from pipelines.gates.fact import Fact

FEW = 0.01  # of the values: an expectation that asks so few of them to be good says nothing of the others
MOST_ROWS = 10**10  # no table that one machine judges has more
MOST_COLUMNS = 10**4
LONGEST = 10**9  # characters of a text
# No value of n can have a z-score over (n - 1) / sqrt(n) (Samuelson 1968, How deviant can you be?, JASA 63):
# of a million, 1,000.
MOST_DEVIATIONS = 1_000
MOST_DIVERGENCE = 50  # one value that is expected once in 10^21 rows, and is there in all of them
MAPPINGS = frozenset({"row_condition", "quantile_ranges", "partition_object", "json_schema"})
NUMBERS = ("min_value", "max_value", "threshold", "sum_total", "value", "mostly")
LISTS = ("value_set", "column_set", "column_list", "regex_list", "like_pattern_list", "type_list")
NO_NULL = "null is no value: whether values are missing is asked by expect_column_values_to_not_be_null"
NEVER = "so it can never fail"
ALWAYS = "so it can never hold"


class Span(NamedTuple):
    """What a number can be: from least to most; `why`, and whether an expectation may repeat these limits."""

    least: float
    most: float
    why: str
    repeated: bool = False


NATURAL: dict[str, Span] = {
    "table_row_count_to_be_between": Span(
        0, MOST_ROWS, f"no table has fewer rows than none, or more than {MOST_ROWS:,}"
    ),
    "table_column_count_to_be_between": Span(
        1, MOST_COLUMNS, f"every table has between 1 and {MOST_COLUMNS:,} columns"
    ),
    "column_unique_value_count_to_be_between": Span(
        0, MOST_ROWS, f"there are never fewer values than none, or more than {MOST_ROWS:,}"
    ),
    "column_proportion_of_unique_values_to_be_between": Span(0, 1, "a proportion lies between 0 and 1"),
    "column_proportion_of_non_null_values_to_be_between": Span(0, 1, "a proportion lies between 0 and 1"),
    "column_value_lengths_to_be_between": Span(
        0, LONGEST, f"no text is shorter than empty, or longer than {LONGEST:,} characters"
    ),
    "column_stdev_to_be_between": Span(0, math.inf, "a standard deviation is never negative"),
    "column_correlation_to_be_at_most": Span(0, 1, "a correlation lies between 0 and 1"),
    "column_correlation_ratio_to_be_at_most": Span(0, 1, "a correlation ratio lies between 0 and 1"),
}
OF_VALUES = frozenset({"column_values_to_be_between", "column_min_to_be_between", "column_max_to_be_between"})
OF_MIDDLES = frozenset({"column_mean_to_be_between", "column_median_to_be_between"})
IN_SETS = frozenset(
    {
        "column_values_to_be_in_set",
        "column_distinct_values_to_be_in_set",
        "column_most_common_value_to_be_in_set",
    }
)
OF_TYPES: dict[str, Span] = {
    "BOOLEAN": Span(0, 1, "a boolean is false or true"),
    "BIGINT": Span(-(2.0**63), 2.0**63, "a whole number has 64 bits"),
}
PAIRS = frozenset(
    {
        "column_pair_values_to_be_equal",
        "column_pair_values_a_to_be_greater_than_b",
        "column_pair_values_to_be_in_set",
    }
)


def mistakes(name: str, kwargs: Mapping[str, Any], facts: Mapping[str, Fact]) -> list[str]:
    """Say why an expectation of good form cannot fail, or cannot hold; none where a table decides.

    Args:
        name: The expectation, without `expect_`.
        kwargs: Its arguments.
        facts: What is known of the table's columns, as far as it is.
    """
    given = {argument: value for argument, value in kwargs.items() if value is not None}
    wrong = list(_unfit(given))
    if wrong:
        return wrong
    fact = facts.get(str(given.get("column")), Fact())
    found = [
        *_limits(name, given, fact),
        *_mostly(name, given, fact),
        *_sets(name, given, fact),
        *_columns(name, given, facts),
    ]
    for names, check in CHECKS:
        if name in names:
            found += check(given)
    return found


def _unfit(given: Mapping[str, Any]) -> Iterator[str]:
    """Values that no comparison is made for."""
    for argument, value in given.items():
        if isinstance(value, dict) and argument not in MAPPINGS:
            yield (
                f"{argument}: write the value itself; there is nothing from which a parameter could be taken"
            )
        elif argument in NUMBERS and isinstance(value, float) and not math.isfinite(value):
            yield f"{argument}: {value} is no limit; leave it out, or write a number"
        elif argument in LISTS and isinstance(value, list | tuple | set) and None in value:
            yield f"{argument}: {NO_NULL if argument == 'value_set' else 'null stands for nothing here'}"
    pairs = given.get("value_pairs_set")
    if isinstance(pairs, list | tuple) and all(value is None for pair in pairs for value in pair):
        yield f"value_pairs_set: {NO_NULL}"


# --- limits


def _limits(name: str, given: Mapping[str, Any], fact: Fact) -> Iterator[str]:
    """Limits between which nothing lies, and those beyond which nothing lies."""
    low, high = given.get("min_value"), given.get("max_value")
    yield from _empty(low, high, bool(given.get("strict_min") or given.get("strict_max")))
    if (
        name == "table_row_count_to_be_between"
        and not given.get("row_condition")
        and high is not None
        and _number(high)
        and high < 1
    ):
        yield f"max_value {high:g}: a table without rows closes its gate, {ALWAYS}"
    for span in _spans(name, fact):
        yield from _beyond(low, high, span, given)


def _empty(low: Any, high: Any, strict: bool) -> Iterator[str]:
    if not (_number(low) and _number(high)):
        return
    if low > high:
        yield f"min_value {low:g} is greater than max_value {high:g}, {ALWAYS}"
    elif low == high and strict:
        yield f"nothing lies between {low:g} and itself where strict_min or strict_max leave it out, {ALWAYS}"


def _beyond(low: Any, high: Any, span: Span, given: Mapping[str, Any]) -> Iterator[str]:
    """A limit bites where it is inside of what is possible, or, if the limits may be repeated, where it is
    their end.
    """
    if not all(limit is None or _number(limit) for limit in (low, high)):
        return
    bites_below = low is not None and (
        low > span.least or (low == span.least and (span.repeated or bool(given.get("strict_min"))))
    )
    bites_above = high is not None and (
        high < span.most or (high == span.most and (span.repeated or bool(given.get("strict_max"))))
    )
    told = ", ".join(
        f"{word} {limit:g}" for word, limit in (("min_value", low), ("max_value", high)) if limit is not None
    )
    if not told:
        return
    if not bites_below and not bites_above:
        yield f"{told}: {span.why}, {NEVER}"
    elif (low is not None and low > span.most) or (high is not None and high < span.least):
        yield f"{told}: {span.why}, {ALWAYS}"


def _spans(name: str, fact: Fact) -> Iterator[Span]:
    """What the number that an expectation looks at can be; the narrowest one that is known."""
    if name == "column_proportion_of_unique_values_to_be_between" and fact.unique:
        yield Span(
            1, 1, f"{fact.named} is the key, which the built-in expectations ask to be unique", repeated=True
        )
    elif name == "column_proportion_of_non_null_values_to_be_between" and fact.filled:
        yield Span(
            1,
            1,
            f"{fact.named or 'the column'} has a value in every row, as the built-in expectations ask",
            repeated=True,
        )
    elif name in NATURAL:
        yield NATURAL[name]
    elif name == "column_sum_to_be_between" and fact.low is not None and fact.low >= 0:
        yield Span(0, math.inf, f"{fact.named}: no value is negative")
    elif name in OF_VALUES | OF_MIDDLES:
        yield from _of_column(fact, repeated=name in OF_VALUES)


def _of_column(fact: Fact, *, repeated: bool) -> Iterator[Span]:
    if fact.low is not None or fact.high is not None:
        low, high = -math.inf if fact.low is None else fact.low, math.inf if fact.high is None else fact.high
        yield Span(low, high, f"{fact.named} leaves no values but those {_bounds(fact)}", repeated)
    elif fact.type in OF_TYPES:
        yield OF_TYPES[fact.type]


def _bounds(fact: Fact) -> str:
    if fact.low is None:
        return f"up to {fact.high:g}"
    return f"from {fact.low:g} on" if fact.high is None else f"between {fact.low:g} and {fact.high:g}"


def _quantiles(given: Mapping[str, Any]) -> Iterator[str]:
    wanted = given.get("quantile_ranges") or {}
    quantiles, ranges = wanted.get("quantiles") or [], wanted.get("value_ranges") or []
    if not quantiles or len(quantiles) != len(ranges):
        yield (
            f"quantile_ranges: {len(quantiles)} quantiles and {len(ranges)} value_ranges; write one range for"
            " each quantile"
        )
        return
    for quantile, limits in zip(quantiles, ranges, strict=True):
        if not 0 <= quantile <= 1:
            yield f"quantile {quantile:g} is no share: write one between 0 and 1"
        if len(limits) != 2 or any(limit is not None and not math.isfinite(limit) for limit in limits):
            yield (
                f"quantile {quantile:g}: write its range as two numbers; null stands for no limit on its side"
            )
        elif limits[0] is limits[1] is None:
            yield f"quantile {quantile:g}: its range has no limit, {NEVER}"
        elif None not in limits and limits[0] > limits[1]:
            yield f"quantile {quantile:g}: its range ends before it begins, {ALWAYS}"


def _deviations(given: Mapping[str, Any]) -> Iterator[str]:
    threshold = given["threshold"]
    if threshold <= 0:
        yield (
            f"threshold {threshold:g}: half of the values are no less than the mean; write a number of"
            " standard deviations"
        )
    if threshold > MOST_DEVIATIONS:
        yield (
            f"threshold {threshold:g}: of a million values none can be further from their mean than 1,000"
            f" deviations, {NEVER}"
        )


def _divergence(given: Mapping[str, Any]) -> Iterator[str]:
    if not 0 < given["threshold"] <= MOST_DIVERGENCE:
        yield (
            f"threshold {given['threshold']:g}: write one above 0 and up to {MOST_DIVERGENCE}; no divergence"
            " is negative, and hardly one is greater"
        )
    yield from (
        f"{limit} says nothing here; the limit is threshold"
        for limit in ("min_value", "max_value")
        if limit in given
    )


def _equal(given: Mapping[str, Any]) -> Iterator[str]:
    value = given["value"]
    if value != int(value) or value < 0:
        yield f"value {value:g}: it is a number of characters, whole and not negative, {ALWAYS}"


def _rows(given: Mapping[str, Any]) -> Iterator[str]:
    if given["value"] < 0 or (given["value"] == 0 and not given.get("row_condition")):
        yield f"value {given['value']}: a table without rows closes its gate, {ALWAYS}"


# --- shares, sets, patterns and columns


def _mostly(name: str, given: Mapping[str, Any], fact: Fact) -> Iterator[str]:
    mostly = given.get("mostly", 1)
    if mostly < FEW:
        yield (
            f"mostly {mostly:g} lets nearly everything pass; from {FEW:g} on it says something (of a column"
            " that is seldom filled, ask expect_column_proportion_of_non_null_values_to_be_between)"
        )
    elif name == "column_values_to_not_be_null" and mostly < 1 and fact.filled:
        yield (
            f"mostly {mostly:g}: {fact.named or 'the column'} has a value in every row, as the built-in"
            f" expectations ask, {NEVER}"
        )
    elif name == "column_values_to_be_unique" and mostly < 1 and fact.unique:
        yield (
            f"mostly {mostly:g}: {fact.named} is the key, which the built-in expectations ask to be unique,"
            f" {NEVER}"
        )


def _sets(name: str, given: Mapping[str, Any], fact: Fact) -> Iterator[str]:
    values = given.get("value_set")
    if not isinstance(values, list | tuple | set):
        return
    there: Collection[Any] = (
        fact.allowed if fact.allowed is not None else (False, True) if fact.type == "BOOLEAN" else ()
    )
    if not there:
        return
    source = fact.named if fact.allowed is not None else "a boolean is false or true"
    all_of_it = all(value in values for value in there)
    repeats = (
        fact.allowed is not None
        and len(values) == len(there)
        and name != "column_most_common_value_to_be_in_set"
    )
    if name in IN_SETS and all_of_it and not repeats:
        yield f"value_set: {source}: these are all of the values that there can be, {NEVER}"
    elif name == "column_values_to_not_be_in_set" and not any(value in there for value in values):
        yield f"value_set: {source}: none of these values can be there, {NEVER}"


def _types(given: Mapping[str, Any]) -> Iterator[str]:
    if set(TYPES.values()) <= {str(name).upper() for name in given["type_list"]}:
        yield f"type_list: these are all of the types that there are, {NEVER}"


def _columns(name: str, given: Mapping[str, Any], facts: Mapping[str, Fact]) -> Iterator[str]:
    if name in PAIRS and given.get("column_A") == given.get("column_B"):
        yield f"column_A and column_B are both {given.get('column_A')}: compare two columns"
    columns = given.get("column_list")
    if name == "table_columns_to_match_ordered_list" or not isinstance(columns, list | tuple):
        return
    if twice := sorted({column for column in columns if columns.count(column) > 1}):
        yield f"column_list: {', '.join(twice)} stands there twice"
    key = next((column for column in columns if facts.get(column, Fact()).unique), None)
    if name == "compound_columns_to_be_unique" and key is not None and len(columns) > 1:
        yield (
            f"column_list: {key} is the key, which the built-in expectations ask to be unique by itself,"
            f" {NEVER}"
        )


CHECKS: tuple[tuple[frozenset[str], Callable[[Mapping[str, Any]], Iterator[str]]], ...] = (
    (frozenset({"column_quantile_values_to_be_between"}), _quantiles),
    (frozenset({"column_value_z_scores_to_be_less_than"}), _deviations),
    (frozenset({"column_kl_divergence_to_be_less_than"}), _divergence),
    (frozenset({"column_value_lengths_to_equal"}), _equal),
    (frozenset({"table_row_count_to_equal", "table_column_count_to_equal"}), _rows),
    (frozenset({"column_values_to_be_in_type_list"}), _types),
    (patterns.EXPECTATIONS, patterns.mistakes),
)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
