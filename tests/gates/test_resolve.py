"""What Sluice's own expectations mean on a night: plain expectations, whose limits come from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from pipelines.core.config import Expectation, GatedTable, Kind
from pipelines.core.errors import BadUseCase
from pipelines.gates import gate, resolve
from pipelines.gates.earlier import steady
from pipelines.gates.findings import Finding
from pipelines.gates.gx.suite import Stated
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from tests.helpers import tables, tiny
from tests.helpers.tables import replaced

NIGHT = tables.PARTITIONS["scoring"]  # a Sunday
DAY = timedelta(days=1)
ROWS = "expect_table_row_count_to_be_like_past_partitions"
LABEL = "expect_feature_not_to_tell_the_label"

Opened = Callable[..., Run]


@pytest.fixture
def opened(settings: Settings) -> Opened:
    """A run of the tiny use case, whose file says more, with its good table."""

    def opened(
        table: GatedTable,
        *lines: str,
        kind: Kind | None = None,
        damage: str = "SELECT * FROM rows",
        yaml: str = tiny.YAML,
    ) -> Run:
        gates = f"gates:\n  {table}:\n" + "".join(f"    - {line}\n" for line in lines) if lines else ""
        (settings.use_cases / "tiny.yaml").write_text(yaml + gates)
        kind = kind or tables.KINDS[table]
        run = Run.open(tiny.NAME, kind, tables.PARTITIONS[kind], settings)
        tables.write(run, table, damage)
        return run

    return opened


def meant(run: Run, table: GatedTable, name: str, **kwargs: Any) -> Stated:
    (stated,) = resolve.resolve(run, table, [Stated(Expectation(name=name, kwargs=kwargs))])
    return stated


def own(run: Run, table: GatedTable) -> list[Finding]:
    """What the gate found for the file's expectations."""
    return [finding for finding in gate.verdict_on(run, table).findings if finding.where != "built in"]


def past(run: Run, *rows: int, every: timedelta = 7 * DAY) -> None:
    for n, count in enumerate(rows, start=1):
        tables.clearance(
            run, "raw", run.partition - n * every, f"SELECT rows.* FROM rows, range(99) LIMIT {count}"
        )


# --- the number of rows


def test_rows_are_compared_with_the_median_of_the_same_weekday(opened: Opened) -> None:
    run = opened("raw")
    past(run, 100, 400, 120, 110, 999)
    stated = meant(run, "raw", ROWS, margin=0.4)
    assert stated.expectation == Expectation(
        name="expect_table_row_count_to_be_between", kwargs={"min_value": 69, "max_value": 161}
    )
    assert (
        stated.why
        == "median of the 4 earlier partitions 2026-01-04 to 2026-01-25 (of a Sunday): 115 rows, margin 0.4"
    )


def test_rows_of_other_weekdays_only_warn(opened: Opened) -> None:
    run = opened("raw")
    past(run, 100, 100, every=2 * DAY)
    assert meant(run, "raw", ROWS).expectation.severity == "warn"
    verdict = gate.verdict_on(run, "raw")
    (warned,) = verdict.failed("warn")
    assert verdict.passed
    assert (
        warned.sentence()
        == "table: expect_table_row_count_to_be_between: observed 40; allowed: min_value 50, max_value 150"
        " (median of the 2 earlier partitions 2026-01-28 to 2026-01-30 (none of a Sunday, hence only a"
        " warning): 100 rows, margin 0.5)"
    )


def test_a_few_rows_vary_by_chance(opened: Opened) -> None:
    run = opened("raw")
    past(run, 9)
    assert meant(run, "raw", ROWS, margin=0.1).expectation.kwargs == {"min_value": 1, "max_value": 18}


def test_the_first_partition_of_all_is_not_closed_and_says_that_it_was_compared_with_nothing(
    opened: Opened,
) -> None:
    run = opened(
        "raw",
        f"{ROWS}: {{partitions: 2}}",
        "expect_column_values_to_be_known: {column: customer, mostly: 0.5}",
    )
    rows, known = own(run, "raw")
    assert rows.success
    assert known.success
    assert {rows.why, known.why} == {"no earlier partition to compare with"}


def test_trainings_are_compared_with_trainings(opened: Opened) -> None:
    run = opened("raw", kind="training", damage=replaced(at='"at" - INTERVAL 10 DAY'))
    past(run, 10, every=30 * DAY)
    assert "median of the earlier partition 2026-01-01: 10 rows" in meant(run, "raw", ROWS).why
    assert not gate.verdict_on(run, "raw").passed


def test_what_the_file_says_of_rows_stands_instead_of_the_built_in(opened: Opened) -> None:
    run = opened("raw", f"{ROWS}: {{margin: 3}}")
    past(run, 11)
    findings = [
        finding
        for finding in gate.verdict_on(run, "raw").findings
        if finding.name == "expect_table_row_count_to_be_between"
    ]
    assert [(finding.where, finding.kwargs["max_value"], finding.success) for finding in findings] == [
        ("gates.raw.0", 44, True)
    ]


# --- the newest row


@pytest.mark.parametrize(("hours", "good"), [(17.5, True), (17.4, False)])  # the newest row is of 06:30
def test_the_newest_row_is_compared_with_the_end_of_the_day(opened: Opened, hours: float, good: bool) -> None:
    (finding,) = own(opened("raw", f"expect_newest_row_to_be_within: {{hours: {hours}}}"), "raw")
    assert finding.success is good
    assert finding.found == "observed 2026-02-01T06:30:00"


def test_the_time_of_raw_goes_by_the_sources_name(opened: Opened) -> None:
    renamed = tiny.YAML.replace("cleanse:\n", "cleanse:\n  rename: {wann: at}\n")
    run = opened("raw", yaml=renamed)
    assert meant(run, "raw", "expect_newest_row_to_be_within", hours=6).expectation.kwargs == {
        "column": "wann",
        "min_value": "2026-02-01T18:00:00",
    }
    assert meant(run, "clean", "expect_newest_row_to_be_within", hours=6).expectation.kwargs["column"] == "at"


# --- known values


def test_enough_rows_have_a_value_that_is_known_from_earlier(opened: Opened) -> None:
    run = opened(
        "raw",
        "expect_column_values_to_be_known: {column: customer, mostly: 0.5}",
        "expect_column_values_to_be_known: {column: customer, mostly: 0.51, partitions: 1}",
    )
    tables.clearance(run, "raw", NIGHT - 2 * DAY, "SELECT * FROM rows WHERE customer <= 'c4'")
    tables.clearance(run, "raw", NIGHT - DAY, "SELECT * FROM rows WHERE customer <= 'c3'")
    few, enough = own(run, "raw")
    assert (few.success, few.unexpected, few.examples[0]) == (False, 24, "'c4'")
    assert (
        few.sentence()
        == "customer: expect_column_values_to_be_in_past: 24 of 40 values (60 %), e.g. 'c4', 'c5', 'c6'; "
        "allowed: mostly 0.51, past customer of the earlier partition 2026-01-31"
    )
    assert (enough.success, enough.unexpected) == (True, 20)


# --- the label


@pytest.mark.parametrize(
    ("column", "damage"), [("amount", "bad::FLOAT"), ("channel", "if(bad = 1, 'chip', 'online')")]
)
@pytest.mark.parametrize("limit", ["", "0.999"])
def test_a_feature_that_tells_the_label_is_a_leak(
    opened: Opened, column: str, damage: str, limit: str
) -> None:
    lines = [f"{LABEL}: {{column: {column}, max_value: {limit}}}"] if limit else []
    verdict = gate.verdict_on(opened("features", *lines, damage=replaced(**{column: damage})), "features")
    (finding,) = verdict.failed("stop")
    assert (finding.subject, finding.observed) == (column, 1.0)
    assert finding.where == ("gates.features.0" if limit else "built in")
    assert finding.why == "a feature that tells the label by itself is a leak"


def test_the_file_may_allow_a_feature_to_tell_more(opened: Opened) -> None:
    telling = replaced(amount="(bad + 0.09 * (substr(id, 2)::INT % 5))::FLOAT")  # 0.97
    assert [
        finding.subject
        for finding in gate.verdict_on(opened("features", damage=telling), "features").failed("stop")
    ] == ["amount"]
    run = opened("features", f"{LABEL}: {{column: amount, max_value: 0.98}}", damage=telling)
    assert gate.verdict_on(run, "features").passed


def test_a_night_is_not_asked_what_only_a_training_knows(opened: Opened) -> None:
    lines = [
        "expect_column_mean_to_be_between: {column: bad, max_value: 0.1}",
        (
            'expect_column_mean_to_be_between: {column: amount, max_value: 1, row_condition: \'col("split")'
            ' == "train"\', condition_parser: great_expectations}'
        ),
        f"{LABEL}: {{column: amount, max_value: 0.9}}",
        "expect_column_mean_to_be_between: {column: amount, max_value: 1}",
    ]
    training = opened("features", *lines)
    assert len(own(training, "features")) == 4
    night = opened("features", *lines, kind="scoring", damage="SELECT * EXCLUDE (split) FROM rows")
    assert [finding.where for finding in own(night, "features")] == ["gates.features.3"]


def test_the_label_of_raw_goes_by_the_sources_name(opened: Opened) -> None:
    renamed = tiny.YAML.replace("cleanse:\n", "cleanse:\n  rename: {fraud: bad}\n")
    run = opened("raw", yaml=renamed)
    about = {
        column: Expectation(name="expect_column_values_to_not_be_null", kwargs={"column": column})
        for column in ("fraud", "bad")
    }
    assert resolve.only_trainings_know(run.use_case, "raw", about["fraud"])
    assert not resolve.only_trainings_know(run.use_case, "raw", about["bad"])
    assert resolve.only_trainings_know(run.use_case, "clean", about["bad"])
    assert not resolve.only_trainings_know(run.use_case, "predictions", about["bad"])


# --- mistakes


@pytest.mark.parametrize(
    ("table", "name", "kwargs", "sentence"),
    [
        (
            "trials",
            "expect_newest_row_to_be_within",
            {"hours": 1},
            "the rows of trials have no time; state it under raw, clean",
        ),
        (
            "clean",
            LABEL,
            {"column": "amount", "max_value": 0.9},
            "clean has no features; state it under features",
        ),
        ("features", LABEL, {"column": "bad", "max_value": 0.9}, "no feature 'bad'; known: amount"),
        (
            "features",
            LABEL,
            {"column": "words", "max_value": 0.9},
            "words is a text, and no single number says what a text tells",
        ),
    ],
)
def test_an_expectation_in_the_wrong_place_is_a_mistake_of_the_file(
    opened: Opened, table: GatedTable, name: str, kwargs: dict[str, Any], sentence: str
) -> None:
    with_text = tiny.YAML.replace(
        "  categories: {channel: channel}", "  categories: {channel: channel}\n  texts: {words: customer}"
    )
    run = opened(table, kind="training", yaml=with_text)
    assert sentence in (
        resolve.why_misplaced(run.use_case, table, Expectation(name=name, kwargs=kwargs)) or ""
    )
    with pytest.raises(BadUseCase, match=f"tiny.yaml: built in: {name}: "):
        meant(run, table, name, **kwargs)


@pytest.mark.parametrize("kind", ["scoring", "training"])
@pytest.mark.parametrize(
    "line",
    [
        "expect_column_values_to_be_known: {column: customer}",
        "expect_column_values_to_be_nown: {column: customer}",
        (
            "expect_column_values_to_not_be_null: {column: amount, row_condition: 'col(', condition_parser:"
            " great_expectations}"
        ),
        "expect_column_values_to_be_known: {column: customers, mostly: 1}",
    ],
)
def test_a_mistaken_expectation_closes_the_gate(opened: Opened, line: str, kind: Kind) -> None:
    (finding,) = own(opened("raw", line, kind=kind), "raw")
    assert not finding.success


# --- leaks whose past windows may read

LATE = tiny.YAML.replace(
    "  bad:      {", "  tip:      {type: number, role: leak, known_after: 3d, max: 50}\n  bad:      {"
)
TIP = "SELECT *, {}::DOUBLE AS tip FROM rows"


def test_a_leak_that_a_night_knows_of_its_own_rows_closes_the_gate(opened: Opened) -> None:
    assert gate.verdict_on(opened("raw", yaml=LATE, damage=TIP.format("NULL")), "raw").passed
    (finding,) = gate.verdict_on(
        opened("raw", yaml=LATE, damage=TIP.format("if(id = 'k7', 3, NULL)")), "raw"
    ).failed("stop")
    assert (finding.subject, finding.unexpected) == ("tip", 1)
    assert finding.why == "a row's own value of a leak is known only after it is scored"


def test_what_is_expected_of_a_leak_is_asked_in_trainings_alone(opened: Opened) -> None:
    tables_: tuple[GatedTable, ...] = ("raw", "clean")
    for table in tables_:
        asked = [
            "expect_column_mean_to_be_between: {column: tip, max_value: 9}",
            "expect_column_mean_to_be_between: {column: amount, max_value: 99}",
        ]
        run = opened(table, *asked, yaml=LATE, damage=TIP.format("NULL"))
        assert [finding.subject for finding in own(run, table)] == ["amount"]
        unknown = [
            resolve.only_trainings_know(run.use_case, table, each) for each in run.use_case.gates[table]
        ]
        assert unknown == [True, False]


def test_a_leak_of_which_a_night_has_no_value_is_compared_with_no_earlier_day(opened: Opened) -> None:
    run = opened("clean", yaml=LATE, damage=TIP.format("NULL"))
    asked = {
        finding.subject
        for finding in gate.verdict_on(run, "clean").findings
        if finding.name in ("expect_column_to_exist", steady.COLUMN)
    }
    assert "amount" in asked
    assert "tip" not in asked
    with pytest.raises(BadUseCase, match="'tip' is not compared with earlier days"):
        meant(run, "clean", steady.COLUMN, column="tip")
