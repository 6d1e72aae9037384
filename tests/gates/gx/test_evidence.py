"""What is kept of Great Expectations' results is its own JSON, which it can read again, without clock, place
or personal value.
"""

from __future__ import annotations

import json
from typing import Any

import duckdb
import pytest
from great_expectations.core.expectation_validation_result import expectationSuiteValidationResultSchema

from pipelines.core.config import Expectation
from pipelines.gates.gx import engine, evidence
from pipelines.gates.gx.suite import Stated
from tests.gates.gx.test_engine import CASES, ROWS
from tests.helpers.asked import findings


def judged(
    *expectations: Expectation, rows: str = ROWS, personal: frozenset[str] = frozenset()
) -> list[dict[str, Any]]:
    """Great Expectations' results, in the order of the verdict."""
    connection = duckdb.connect()
    stated = [
        Stated(expectation, where=f"gates.raw.{n}", why="so") for n, expectation in enumerate(expectations)
    ]
    return [
        finding.result
        for finding in findings(connection.sql(rows), connection, stated, personal)
        if finding.result
    ]


def test_it_is_what_great_expectations_says_but_for_what_differs_from_run_to_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    results: list[Any] = []
    observed = engine._observation

    def remember(result: Any, count: Any) -> engine.Observation:
        results.append(result)
        return observed(result, count)

    monkeypatch.setattr(engine, "_observation", remember)
    (kept,) = judged(
        Expectation(name="expect_column_values_to_be_between", kwargs={"column": "amount", "max_value": 3})
    )
    told = results[0].to_json_dict()
    assert kept["result"] == told["result"]
    assert kept["success"] == told["success"]
    assert kept["exception_info"] == told["exception_info"]
    assert kept["expectation_config"]["type"] == told["expectation_config"]["type"]
    assert kept["expectation_config"]["kwargs"] == {
        name: value for name, value in told["expectation_config"]["kwargs"].items() if name != "batch_id"
    }


def test_great_expectations_reads_it_again() -> None:
    kept = judged(*(Expectation(name=f"expect_{name}", kwargs=bad) for name, _, bad in CASES))
    read = expectationSuiteValidationResultSchema.load(
        json.loads(evidence.results("gate_raw", kept, run_name="a night", not_asked=[]))
    )
    assert not read.success
    assert read.suite_name == "gate_raw"
    assert read.statistics["unsuccessful_expectations"] == len(read.results) == len(CASES)
    assert read.results[0].expectation_config.meta == {"where": "gates.raw.0", "why": "so"}


def test_the_suite_succeeds_when_all_was_asked_and_holds() -> None:
    good, bad = (
        Expectation(name="expect_table_row_count_to_equal", kwargs={"value": value}) for value in (5, 6)
    )

    def success(kept: list[dict[str, Any]], not_asked: list[str]) -> Any:
        return json.loads(evidence.results("gate_raw", kept, run_name="a night", not_asked=not_asked))[
            "success"
        ]

    assert success(judged(good), []) is True
    assert success(judged(good, bad), []) is False
    assert success(judged(good), ["no such expectation"]) is False
    assert success([], []) is False


def test_a_reason_why_it_could_not_be_computed_is_told_without_a_stack_trace() -> None:
    (kept,) = judged(
        Expectation(name="expect_column_mean_to_be_between", kwargs={"column": "word", "max_value": 1})
    )
    assert kept["exception_info"]["raised_exception"]
    assert kept["exception_info"]["exception_message"].startswith("Binder Error: ")
    assert "site-packages" not in json.dumps(kept)


@pytest.mark.parametrize(
    "value",
    [
        "'nan'::DOUBLE",
        "'-inf'::DOUBLE",
        "1.5::DECIMAL(9,2)",
        "'\\x00'::BLOB",
        "[1, 2]",
        "TIME '10:00'",
        "uuid()",
    ],
)
def test_any_value_becomes_json(value: str) -> None:
    expectation = Expectation(name="expect_column_values_to_be_null", kwargs={"column": "x"})
    (kept,) = judged(expectation, rows=f"SELECT {value} AS x")
    assert (
        json.loads(evidence.results("gate_raw", [kept], run_name="a night", not_asked=[]))["results"][0][
            "result"
        ]["unexpected_count"]
        == 1
    )


def test_it_and_our_own_words_stay_small_however_many_values_there_are() -> None:
    partition = {"values": ["x"], "weights": [1.0]}
    stated = [
        Stated(Expectation(name=f"expect_{name}", kwargs={"column": "word", **kwargs}))
        for name, kwargs in (
            ("column_kl_divergence_to_be_less_than", {"threshold": 0.1, "partition_object": partition}),
            ("column_most_common_value_to_be_in_set", {"value_set": ["x"]}),
            ("column_distinct_values_to_be_in_set", {"value_set": ["x"]}),
        )
    ]
    connection = duckdb.connect()
    found = findings(connection.sql("SELECT 'v' || range AS word FROM range(10000)"), connection, stated)
    assert len(found) == 3
    assert all(len(repr(finding)) < 5_000 for finding in found)


def test_no_personal_value_is_in_it() -> None:
    every = [
        Expectation(name=f"expect_{name}", kwargs=bad) for name, _, bad in CASES if "word" in bad.values()
    ]
    kept = judged(
        *every,
        rows=ROWS.replace("'ab'", "'anna'").replace("'cd 1'", "'anna 1'"),
        personal=frozenset({"word"}),
    )
    assert len(kept) == len(every)
    assert "anna" not in json.dumps(kept)
    assert "•••" in json.dumps(kept, ensure_ascii=False)


def test_the_last_digits_of_a_float_which_differ_from_run_to_run_are_no_evidence() -> None:
    assert (
        evidence.plain({"mean": 41.26632176799808})
        == evidence.plain({"mean": 41.26632176799821})
        == {"mean": 41.266321768}
    )
    assert evidence.plain([0.1, 1e-300, 1.7976931348623157e308, float("nan")]) == [
        0.1,
        1e-300,
        1.79769313486e308,
        "nan",
    ]
