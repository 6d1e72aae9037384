"""A catalogue of Great Expectations: of each expectation a form that nothing can break, which is refused or
closes the gate, a good one, and its damage.
"""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from pipelines.core.config import Expectation
from pipelines.gates.fact import Fact
from pipelines.gates.findings import JUDGED_NOTHING, Finding
from pipelines.gates.gx import suite
from pipelines.gates.gx.suite import Stated
from tests.gates.gx.test_engine import CASES, ROWS
from tests.helpers.asked import findings

FACTS = {
    "id": Fact("INTEGER", unique=True, filled=True, named="columns.id"),
    "amount": Fact("DOUBLE", 0, 100, named="columns.amount"),
    "select": Fact("VARCHAR", allowed=frozenset({"x", "y"}), named="columns.select"),
    "flag": Fact("BOOLEAN"),
    **{name: Fact() for name in ("word", "double_id", "at", "order", "nothing")},
}
ANY = "SELECT *, NULL::DOUBLE AS nothing FROM ({})"
NO_ROW = {"row_condition": 'col("id")>99', "condition_parser": "great_expectations"}
INF, NAN = float("inf"), float("nan")

# Expectation -> arguments with which it can never fail (or never hold), as the file alone tells.
REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("column_distinct_values_to_be_in_set", {"column": "select", "value_set": ["x", "y", "z"]}),
    ("column_distinct_values_to_be_in_set", {"column": "word", "value_set": ["z", None]}),
    ("column_distinct_values_to_contain_set", {"column": "select", "value_set": [None, None]}),
    ("column_distinct_values_to_equal_set", {"column": "select", "value_set": ["x", None]}),
    ("column_kl_divergence_to_be_less_than", {"column": "select", "partition_object": {"values": ["x"], "weights": [1]}, "threshold": INF}),
    ("column_kl_divergence_to_be_less_than", {"column": "select", "partition_object": {"values": ["x"], "weights": [1]}, "threshold": 1e6}),
    ("column_max_to_be_between", {"column": "amount", "max_value": 1000}),
    ("column_max_to_be_between", {"column": "amount", "min_value": -INF}),
    ("column_mean_to_be_between", {"column": "amount", "min_value": 0, "max_value": 100}),
    ("column_mean_to_be_between", {"column": "word", "min_value": 5, "max_value": 1}),
    ("column_median_to_be_between", {"column": "amount", "min_value": -1, "max_value": 101}),
    ("column_median_to_be_between", {"column": "double_id", "min_value": NAN}),
    ("column_min_to_be_between", {"column": "amount", "min_value": -5}),
    ("column_most_common_value_to_be_in_set", {"column": "select", "value_set": ["x", "y"]}),
    ("column_pair_values_a_to_be_greater_than_b", {"column_A": "id", "column_B": "id", "or_equal": True}),
    ("column_pair_values_to_be_equal", {"column_A": "id", "column_B": "id"}),
    ("column_pair_values_to_be_in_set", {"column_A": "id", "column_B": "word", "value_pairs_set": [[None, None]]}),
    ("column_proportion_of_non_null_values_to_be_between", {"column": "word", "min_value": 0, "max_value": 1}),
    ("column_proportion_of_non_null_values_to_be_between", {"column": "id", "min_value": 0.9}),
    ("column_proportion_of_unique_values_to_be_between", {"column": "word", "min_value": 0, "max_value": 1}),
    ("column_proportion_of_unique_values_to_be_between", {"column": "id", "min_value": 0.9}),
    ("column_quantile_values_to_be_between", {"column": "id", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[None, None]]}}),
    ("column_quantile_values_to_be_between", {"column": "id", "quantile_ranges": {"quantiles": [0.5, 0.9], "value_ranges": [[1, 2]]}}),
    ("column_quantile_values_to_be_between", {"column": "id", "quantile_ranges": {"quantiles": [], "value_ranges": []}}),
    ("column_quantile_values_to_be_between", {"column": "id", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[-INF, INF]]}}),
    ("column_stdev_to_be_between", {"column": "id", "min_value": 0}),
    ("column_sum_to_be_between", {"column": "amount", "min_value": 0}),
    ("column_unique_value_count_to_be_between", {"column": "word", "min_value": 0, "max_value": 10**12}),
    ("column_value_lengths_to_be_between", {"column": "word", "min_value": 0}),
    ("column_value_lengths_to_equal", {"column": "word", "value": 2.5}),
    ("column_value_z_scores_to_be_less_than", {"column": "amount", "threshold": 1e6, "double_sided": True}),
    ("column_value_z_scores_to_be_less_than", {"column": "amount", "threshold": NAN, "double_sided": True}),
    ("column_values_to_be_between", {"column": "amount", "min_value": -1, "max_value": 101}),
    ("column_values_to_be_between", {"column": "flag", "min_value": 0, "max_value": 1.5}),
    ("column_values_to_be_between", {"column": "double_id", "max_value": NAN}),
    ("column_values_to_be_between", {"column": "double_id", "min_value": 3, "max_value": 3, "strict_min": True}),
    ("column_values_to_be_between", {"column": "double_id", "min_value": {"$PARAMETER": "least"}}),
    ("column_values_to_be_in_set", {"column": "flag", "value_set": [True, False]}),
    ("column_values_to_be_in_set", {"column": "select", "value_set": ["x", "y", "z"]}),
    ("column_values_to_be_in_type_list", {"column": "id", "type_list": ["VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP"]}),
    ("column_values_to_be_null", {"column": "word", "mostly": 0.001}),
    ("column_values_to_be_unique", {"column": "id", "mostly": 0.9}),
    ("column_values_to_match_like_pattern", {"column": "word", "like_pattern": "%%"}),
    ("column_values_to_match_like_pattern_list", {"column": "word", "like_pattern_list": ["a%", "%"]}),
    *(("column_values_to_match_regex", {"column": "word", "regex": regex}) for regex in (".*", "^", "|x", "(a)?", "^.*$", r"[\s\S]*", "a*")),
    ("column_values_to_match_regex", {"column": "word", "regex": "("}),
    ("column_values_to_match_regex_list", {"column": "word", "regex_list": ["^a", ""]}),
    ("column_values_to_not_be_in_set", {"column": "select", "value_set": ["z"]}),
    ("column_values_to_not_be_in_set", {"column": "word", "value_set": [None]}),
    ("column_values_to_not_be_null", {"column": "word", "mostly": 0.001}),
    ("column_values_to_not_be_null", {"column": "id", "mostly": 0.99}),
    ("column_values_to_not_match_like_pattern", {"column": "word", "like_pattern": "%"}),
    ("column_values_to_not_match_like_pattern_list", {"column": "word", "like_pattern_list": ["z%", "%"]}),
    ("column_values_to_not_match_regex", {"column": "word", "regex": ".*"}),
    ("column_values_to_not_match_regex_list", {"column": "word", "regex_list": ["z", "z*"]}),
    ("compound_columns_to_be_unique", {"column_list": ["id", "word"]}),
    ("compound_columns_to_be_unique", {"column_list": ["word", "word"]}),
    ("multicolumn_sum_to_equal", {"column_list": ["id", "double_id"], "sum_total": NAN}),
    ("multicolumn_values_to_be_equal", {"column_list": ["double_id", "double_id"]}),
    ("multicolumn_values_to_be_equal", {"column_list": ["double_id"]}),
    ("select_column_values_to_be_unique_within_record", {"column_list": ["double_id"]}),
    ("table_column_count_to_be_between", {"min_value": 0}),
    ("table_column_count_to_equal", {"value": -1}),
    ("table_columns_to_match_ordered_list", {"column_list": []}),
    ("table_columns_to_match_set", {"column_set": [None], "exact_match": False}),
    ("table_row_count_to_be_between", {"min_value": 0}),
    ("table_row_count_to_be_between", {"max_value": 0}),
    ("table_row_count_to_equal", {"value": 0}),
]  # fmt: skip
# These ask only whether there is a column, and of which type: no table without it fulfils them, and no other
# form of them exists.
COUNT_COLUMNS = (
    "table_column_count_to_be_between",
    "table_column_count_to_equal",
    "table_columns_to_match_ordered_list",
)
OF_THE_SCHEMA = {"column_to_exist", "column_type_to_be", "column_values_to_be_of_type"}


def finding(name: str, kwargs: dict[str, Any], rows: str = ROWS, **stated: Any) -> Finding:
    connection = duckdb.connect()
    relation = connection.sql(ANY.format(rows))
    each = Stated(Expectation(name=f"expect_{name}", kwargs=kwargs), where="gates.raw.0", **stated)
    (found,) = findings(relation, connection, [each], known=FACTS)
    return found


@pytest.mark.parametrize(("name", "kwargs"), REFUSED, ids=[name for name, _ in REFUSED])
def test_an_expectation_that_no_table_can_break_or_none_fulfil_is_refused_from_the_file(
    name: str, kwargs: dict[str, Any]
) -> None:
    sentences = suite.mistakes(Expectation(name=f"expect_{name}", kwargs=kwargs), FACTS, FACTS)
    assert sentences
    assert all(sentence.startswith(f"expect_{name}: ") for sentence in sentences)
    assert finding(name, kwargs).unjudged == "mistaken"


def test_every_expectation_is_in_the_catalogue() -> None:
    assert {name for name, _ in REFUSED} | OF_THE_SCHEMA == {name for name, _, _ in CASES}


HONEST = [
    case
    for case in CASES
    if case[0] not in ("multicolumn_values_to_be_equal", "column_pair_values_to_be_equal", *COUNT_COLUMNS)
]
HONEST += [
    (
        "column_pair_values_to_be_equal",
        {"column_A": "id", "column_B": "same"},
        {"column_A": "id", "column_B": "double_id"},
    )
]
HONEST += [
    ("multicolumn_values_to_be_equal", {"column_list": ["id", "same"]}, {"column_list": ["id", "double_id"]})
]


@pytest.mark.parametrize(("name", "good", "bad"), HONEST, ids=[name for name, _, _ in HONEST])
def test_an_honest_expectation_is_judged_and_holds_until_the_data_break_it(
    name: str, good: dict[str, Any], bad: dict[str, Any]
) -> None:
    """Without what the file says of these columns, which would let some of the cases go without saying."""
    connection = duckdb.connect()
    stated = [
        Stated(Expectation(name=f"expect_{name}", kwargs=kwargs), where="gates.raw.0")
        for kwargs in (good, bad)
    ]
    found = findings(connection.sql(f"SELECT *, id AS same FROM ({ROWS})"), connection, stated, known={})
    assert [(each.success, each.unjudged) for each in sorted(found, key=lambda each: each.success)] == [
        (False, None),
        (True, None),
    ]


# --- what shows on the table only

OF_A_COLUMN: list[tuple[str, dict[str, Any]]] = [
    ("column_distinct_values_to_be_in_set", {"value_set": [1.0]}),
    (
        "column_kl_divergence_to_be_less_than",
        {"partition_object": {"values": ["1"], "weights": [1]}, "threshold": 0.1},
    ),
    ("column_max_to_be_between", {"max_value": 9}),
    ("column_mean_to_be_between", {"max_value": 9}),
    ("column_median_to_be_between", {"max_value": 9}),
    ("column_min_to_be_between", {"min_value": 9}),
    ("column_proportion_of_unique_values_to_be_between", {"max_value": 0.9}),
    (
        "column_quantile_values_to_be_between",
        {"quantile_ranges": {"quantiles": [0.5], "value_ranges": [[None, 3]]}},
    ),
    ("column_stdev_to_be_between", {"max_value": 9}),
    ("column_sum_to_be_between", {"max_value": 9}),
    ("column_unique_value_count_to_be_between", {"max_value": 9}),
    ("column_value_z_scores_to_be_less_than", {"threshold": 3, "double_sided": True}),
    ("column_values_to_be_between", {"max_value": 9}),
    ("column_values_to_be_in_set", {"value_set": [1.0]}),
    ("column_values_to_be_unique", {}),
    ("column_values_to_not_be_in_set", {"value_set": [1.0]}),
    ("column_correlation_to_be_at_most", {"label": "double_id", "max_value": 0.9}),
]


@pytest.mark.parametrize(("name", "kwargs"), OF_A_COLUMN, ids=[name for name, _ in OF_A_COLUMN])
def test_an_expectation_on_a_column_without_values_says_nothing(name: str, kwargs: dict[str, Any]) -> None:
    found = finding(name, {"column": "nothing", **kwargs})
    assert (found.success, found.severity) == (False, "stop")
    assert found.unjudged == ("raised" if "z_scores" in name else "no values")
    assert "z_scores" in name or found.found == f"{JUDGED_NOTHING}: the column has no value"


@pytest.mark.parametrize(("name", "kwargs"), [
    *((name, {"column": "double_id", **kwargs}) for name, kwargs in OF_A_COLUMN if "correlation" not in name and "z_scores" not in name),
    ("column_proportion_of_non_null_values_to_be_between", {"column": "word", "max_value": 0.9}),
    ("column_value_lengths_to_be_between", {"column": "word", "max_value": 3}),
    ("column_value_lengths_to_equal", {"column": "word", "value": 3}),
    ("column_values_to_be_null", {"column": "word"}),
    ("column_values_to_not_be_null", {"column": "word"}),
    ("column_values_to_match_regex", {"column": "word", "regex": "^a"}),
    ("column_values_to_not_match_regex", {"column": "word", "regex": "^a"}),
    ("column_values_to_match_like_pattern", {"column": "word", "like_pattern": "a%"}),
    ("column_pair_values_to_be_equal", {"column_A": "id", "column_B": "double_id"}),
    ("column_pair_values_a_to_be_greater_than_b", {"column_A": "id", "column_B": "double_id"}),
    ("compound_columns_to_be_unique", {"column_list": ["word", "flag"]}),
    ("multicolumn_sum_to_equal", {"column_list": ["id", "double_id"], "sum_total": 3}),
    ("multicolumn_values_to_be_equal", {"column_list": ["id", "double_id"]}),
    ("select_column_values_to_be_unique_within_record", {"column_list": ["id", "double_id"]}),
])  # fmt: skip
def test_a_condition_that_no_row_meets_closes_the_gate(name: str, kwargs: dict[str, Any]) -> None:
    found = finding(name, kwargs | NO_ROW)
    assert (found.success, found.unjudged) == (False, "no values")
    assert found.found.startswith(f"{JUDGED_NOTHING}: no row ")


@pytest.mark.parametrize(("name", "kwargs"), [
    ("column_pair_values_to_be_equal", {"column_A": "id", "column_B": "nothing", "ignore_row_if": "either_value_is_missing"}),
    ("column_pair_values_a_to_be_greater_than_b", {"column_A": "id", "column_B": "nothing", "ignore_row_if": "either_value_is_missing"}),
    ("compound_columns_to_be_unique", {"column_list": ["word", "nothing"], "ignore_row_if": "any_value_is_missing"}),
    ("multicolumn_sum_to_equal", {"column_list": ["id", "nothing"], "sum_total": 3, "ignore_row_if": "any_value_is_missing"}),
])  # fmt: skip
def test_rows_that_are_all_left_out_close_the_gate(name: str, kwargs: dict[str, Any]) -> None:
    assert finding(name, kwargs).found == f"{JUDGED_NOTHING}: in every row a value is missing"


@pytest.mark.parametrize("or_equal", [True, False])
def test_a_missing_value_is_not_greater_and_adds_up_to_nothing(or_equal: bool) -> None:
    greater = finding(
        "column_pair_values_a_to_be_greater_than_b",
        {"column_A": "id", "column_B": "nothing", "or_equal": or_equal},
    )
    total = finding("multicolumn_sum_to_equal", {"column_list": ["id", "nothing"], "sum_total": 3})
    assert (greater.unexpected, total.unexpected) == (5, 5)


def test_great_expectations_own_error_over_no_rows_closes_the_gate_too() -> None:
    pairs = {"column_A": "id", "column_B": "double_id", "value_pairs_set": [[1, 2]]}
    assert finding("column_pair_values_to_be_in_set", pairs | NO_ROW).unjudged == "raised"


def test_no_rows_may_be_what_is_asked() -> None:
    assert finding("table_row_count_to_equal", {"value": 0, **NO_ROW}).success


def test_a_built_in_one_may_be_asked_of_whatever_is_there() -> None:
    assert finding(
        "column_values_to_be_between", {"column": "nothing", "max_value": 9}, needs_values=False
    ).success


@pytest.mark.parametrize(
    ("values", "raised"),
    [("7", "all values are the same"), ("if(id = 1, 'inf'::DOUBLE, id)", "all of them are finite")],
)
def test_z_scores_that_do_not_exist_are_no_good_ones(values: str, raised: str) -> None:
    found = finding(
        "column_value_z_scores_to_be_less_than",
        {"column": "id", "threshold": 3, "double_sided": True},
        f"SELECT * REPLACE ({values} AS id) FROM ({ROWS})",
    )
    assert found.unjudged == "raised"
    assert raised in found.found


# --- no false refusals

GOOD: list[tuple[str, dict[str, Any]]] = [
    *(("column_values_to_match_regex", {"column": "word", "regex": regex}) for regex in
      ("^[^<>]*$", ".+", "^$", "^[a-z]*$", "^.{0,1000}$", r"^\S*$", r"^[^\n]*$", "^[ -~]*$", "a|b", r"\d", "(?i)^[a-zäöü -]*$", r"^\P{C}*$")),
    ("column_values_to_match_like_pattern", {"column": "word", "like_pattern": "_%"}),
    # what the file says, once more
    ("column_values_to_be_between", {"column": "amount", "min_value": 0, "max_value": 100}),
    ("column_values_to_be_between", {"column": "amount", "min_value": -1, "max_value": 99}),
    # infinity is beyond
    ("column_values_to_be_between", {"column": "double_id", "min_value": -1e300, "max_value": 1e300}),
    ("column_values_to_be_between", {"column": "at", "min_value": "2026-01-01"}),
    ("column_mean_to_be_between", {"column": "amount", "min_value": 0, "max_value": 60}),
    ("column_stdev_to_be_between", {"column": "amount", "min_value": 0, "strict_min": True}),
    ("column_unique_value_count_to_be_between", {"column": "word", "min_value": 1}),
    ("column_proportion_of_non_null_values_to_be_between", {"column": "word", "min_value": 0, "strict_min": True}),
    ("column_proportion_of_unique_values_to_be_between", {"column": "word", "max_value": 1, "strict_max": True}),
    ("column_values_to_be_in_set", {"column": "select", "value_set": ["x", "y"]}),
    ("column_values_to_be_in_set", {"column": "select", "value_set": ["x", "z"]}),
    ("column_values_to_not_be_in_set", {"column": "amount", "value_set": [INF, -1]}),
    ("column_values_to_not_be_null", {"column": "word", "mostly": 0.05}),
    ("column_pair_values_to_be_in_set", {"column_A": "id", "column_B": "word", "value_pairs_set": [[1, None], [2, "a"]]}),
    ("column_value_z_scores_to_be_less_than", {"column": "amount", "threshold": "6", "double_sided": True}),
    ("compound_columns_to_be_unique", {"column_list": ["word", "at"]}),
    ("table_row_count_to_be_between", {"min_value": 1}),
    ("table_row_count_to_be_between", {"min_value": 0, "max_value": 500}),
    ("table_row_count_to_be_between", {"max_value": 0, **NO_ROW}),
    ("column_values_to_be_in_type_list", {"column": "id", "type_list": ["INTEGER", "BIGINT"]}),
    ("column_to_exist", {"column": "id"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kwargs"), GOOD)
def test_an_honest_expectation_is_accepted(name: str, kwargs: dict[str, Any]) -> None:
    assert suite.mistakes(Expectation(name=f"expect_{name}", kwargs=kwargs), FACTS, FACTS) == []
