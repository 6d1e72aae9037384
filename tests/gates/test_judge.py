"""A gate's verdict: closed whenever something could not be judged, short to read, and the same for the same
table.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest

from pipelines import runner
from pipelines.core.config import Expectation, GatedTable, Kind, UseCase
from pipelines.core.errors import GateClosed
from pipelines.core.rendered import MAX_LINES
from pipelines.core.use_cases import load
from pipelines.gates import ask, gate, show
from pipelines.gates.gx import data_docs
from pipelines.gates.gx.suite import Stated
from pipelines.gates.verdict import GateVerdict
from pipelines.run.run import Run
from pipelines.run.tables import TABLES
from pipelines.storage.settings import Settings
from tests.helpers import tables, tiny
from tests.helpers.asked import findings
from tests.helpers.tables import replaced
from tests.helpers.ways import WAYS

OpenRun = Callable[[Kind, date], Run]
NIGHT = tables.PARTITIONS["scoring"]
AGAIN = "run it again: python -m pipelines run tiny scoring 2026-02-01 (in Airflow: clear its first task)"


@pytest.fixture
def night(settings: Settings) -> Callable[..., Run]:
    """A night of the tiny use case with more lines in its file, and with damage done to its raw table."""

    def opened(more: str = "", damage: str = "SELECT * FROM rows", yaml: str = tiny.YAML) -> Run:
        (settings.use_cases / "tiny.yaml").write_text(yaml + more)
        run = Run.open(tiny.NAME, "scoring", NIGHT, settings)
        tables.write(run, "raw", damage)
        return run

    return opened


def message(verdict: GateVerdict) -> str:
    with pytest.raises(GateClosed) as closed:
        verdict.raise_if_closed("tiny/scoring/2026-02-01/reports/gate_raw.html")
    assert closed.value.report == "tiny/scoring/2026-02-01/reports/gate_raw.html"
    return str(closed.value)


def test_an_open_gate_says_so_in_one_line(night: Callable[..., Run]) -> None:
    verdict = gate.verdict_on(night(), "raw")
    verdict.raise_if_closed("report.html")
    assert verdict.summary() == "gate_raw of tiny scoring 2026-02-01 is open: 15 of 15 expectations hold"


def test_a_closed_gate_says_what_was_found_what_is_allowed_and_the_way_out(night: Callable[..., Run]) -> None:
    run = night(
        "gates:\n  raw:\n    - expect_column_mean_to_be_between: {column: amount, max_value: 10}\n",
        replaced(channel="1"),
    )
    verdict = gate.verdict_on(run, "raw")
    assert verdict.summary() == "gate_raw of tiny scoring 2026-02-01 is closed: 2 of 16 expectations failed"
    assert message(verdict).splitlines() == [
        "gate_raw of tiny scoring 2026-02-01 is closed: 2 of 16 expectations failed",
        "  - channel: expect_column_type_to_be: observed INTEGER; allowed: type_ VARCHAR",
        "  - amount: expect_column_mean_to_be_between: observed 19.5; allowed: max_value 10",
        "  report: tiny/scoring/2026-02-01/reports/gate_raw.html",
        f"  way out: mend the cause, in the data or in tiny.yaml; then {AGAIN}",
    ]


@pytest.mark.parametrize("rows", [1, 25_000])  # forty and a million
def test_the_message_has_at_most_ten_lines_at_any_size(night: Callable[..., Run], rows: int) -> None:
    own = "gates:\n  raw:\n" + "".join(
        f"    - expect_column_mean_to_be_between: {{column: amount, max_value: {-n}}}\n" for n in range(1, 20)
    )
    text = "repeat('long' || chr(10), 20)"
    run = night(own, f"SELECT x.* REPLACE ({text} || r.range AS channel) FROM rows AS x, range({rows}) AS r")
    lines = message(gate.verdict_on(run, "raw")).splitlines()
    assert len(lines) <= MAX_LINES
    assert lines[-3] == "  ... and 13 more"
    assert max(map(len, lines)) < 400


# --- fail closed


def test_a_missing_table_closes_the_gate_and_is_evidence(open_run: OpenRun) -> None:
    verdict = gate.verdict_on(open_run("scoring", NIGHT), "raw")
    assert "there is nothing to judge\n  - tiny scoring 2026-02-01: no table 'raw'" in message(verdict)
    assert json.loads(verdict.evidence())["passed"] is False


def test_a_damaged_part_closes_the_gate(night: Callable[..., Run]) -> None:
    run = night()
    (part,) = (run.store.disk / "raw").glob("part-*.parquet")
    part.write_bytes(part.read_bytes()[:-1] + b"!")
    assert "is not the file that was published" in message(gate.verdict_on(run, "raw"))


def test_a_table_that_was_made_of_other_rows_than_stand_there_closes_the_gate(open_run: OpenRun) -> None:
    store = open_run("scoring", NIGHT).task().store
    store.write("raw", store.connection.sql(tables.GOOD["raw"]))
    store.read("raw")
    store.write("clean", store.connection.sql(tables.GOOD["clean"]))
    store.write(
        "raw", store.connection.sql(f"SELECT * REPLACE (amount + 1 AS amount) FROM ({tables.GOOD['raw']})")
    )
    assert "clean was made of another raw than is there now" in message(
        gate.verdict_on(open_run("scoring", NIGHT), "clean")
    )


def test_a_missing_table_to_agree_with_closes_the_gate(open_run: OpenRun) -> None:
    run = open_run("scoring", NIGHT)
    run.store.write("clean", run.store.connection.sql(tables.GOOD["clean"]))
    assert "no table 'raw'" in message(gate.verdict_on(run, "clean"))


def test_a_clean_table_that_is_empty_since_all_rows_went_to_quarantine_tells_their_reasons(
    open_run: OpenRun,
) -> None:
    run = open_run("scoring", NIGHT)
    reasons = (
        "VALUES ('1', 'amount: missing', true), ('2', 'amount: missing', true), ('3', 'channel: not allowed',"
        " true)"
    )
    for table, statement in {
        "raw": f"SELECT * FROM ({tables.GOOD['raw']}) LIMIT 3",
        "clean": f"SELECT * FROM ({tables.GOOD['clean']}) WHERE false",
        "quarantine": f"SELECT * FROM ({reasons}) AS t(key, reasons, rejected)",
    }.items():
        run.store.write(table, run.store.connection.sql(statement))
    said = (
        "the table has no rows: all went to quarantine, most for amount: missing (2 rows); channel: not"
        " allowed (1 rows)"
    )
    assert said in message(gate.verdict_on(run, "clean"))


def test_an_empty_table_closes_the_gate(night: Callable[..., Run]) -> None:
    verdict = gate.verdict_on(night(damage="SELECT * FROM rows WHERE false"), "raw")
    assert "  - the table has no rows" in message(verdict)
    assert json.loads(verdict.evidence())["passed"] is False


def test_an_empty_suite_closes_the_gate(night: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    run = night()
    monkeypatch.setattr(ask, "expectations", lambda *_: ())
    assert "no expectation is stated" in message(gate.verdict_on(run, "raw"))


@pytest.mark.parametrize(
    ("expectation", "sentence"),
    [
        (
            "expect_column_values_to_be_uniqe: {column: id}",
            "did you mean 'expect_column_values_to_be_unique'?",
        ),
        ("expect_column_values_to_be_unique: {colum: id}", "did you mean 'column'?"),
        ("expect_column_values_to_be_unique: {column: amout}", "no column 'amout'; did you mean 'amount'?"),
        ("expect_column_values_to_be_increasing: {column: amount}", "cannot be computed by DuckDB"),
        ("expect_column_mean_to_be_between: {column: channel, min_value: 1}", "Binder Error: "),
        ("expect_column_values_to_match_regex: {column: channel, regex: '('}", "missing )"),
    ],
)
def test_an_expectation_that_cannot_be_judged_closes_the_gate(
    night: Callable[..., Run], expectation: str, sentence: str
) -> None:
    verdict = gate.verdict_on(night(f"gates:\n  raw:\n    - {expectation}\n"), "raw")
    assert sentence in message(verdict)
    assert len(verdict.failed("stop")) == 1, "the other expectations are judged all the same"


@pytest.mark.parametrize(
    ("expectation", "found", "way"),
    [
        (
            "expect_column_mean_to_be_between: {column: channel, min_value: 1}",
            "it could not be judged: Binder Error",
            "state gates.raw.0 in tiny.yaml so that it can be computed",
        ),
        (
            "expect_column_values_to_match_regex: {column: channel, regex: '.*'}",
            "regex '.*' is found in every text",
            "state gates.raw.0 in tiny.yaml so that it can be computed",
        ),
        (
            (
                "expect_column_max_to_be_between: {column: amount, max_value: 99, row_condition:"
                ' \'col("channel")=="post"\', condition_parser: great_expectations}'
            ),
            "it judged no row, so it says nothing: no row that meets its row_condition has a value",
            "state gates.raw.0 in tiny.yaml so that it judges some rows, or as severity: warn",
        ),
    ],
)
def test_an_expectation_that_could_not_be_judged_says_why_and_does_not_send_anybody_to_mend_the_data(
    night: Callable[..., Run], expectation: str, found: str, way: str
) -> None:
    run = night(f"gates:\n  raw:\n    - {expectation}\n")
    verdict = gate.verdict_on(run, "raw")
    told = message(verdict).splitlines()
    assert told[0].endswith("1 of 16 expectations failed, 1 of them could not be judged")
    assert found in told[1]
    assert told[-1] == f"  way out: {way}; then {AGAIN}"
    assert json.loads(verdict.evidence())["findings"][0]["unjudged"] in ("raised", "mistaken", "no values")
    html = show.page(run, verdict)
    assert ">not judged<" in html
    assert way.partition(",")[0] in html


def test_both_ways_out_are_told_where_data_are_bad_and_an_expectation_is(night: Callable[..., Run]) -> None:
    own = "gates:\n  raw:\n    - expect_column_values_to_match_regex: {column: customer, regex: '^'}\n"
    run = night(own, replaced(channel="1"))
    assert (
        message(gate.verdict_on(run, "raw")).splitlines()[-1]
        == "  way out: mend the cause, in the data or in tiny.yaml; state gates.raw.0 in tiny.yaml so that"
        f" it can be computed; then {AGAIN}"
    )


def test_what_the_file_says_anyway_is_refused_at_night_as_by_check(night: Callable[..., Run]) -> None:
    own = "gates:\n  clean:\n    - expect_column_values_to_be_between: {column: amount, min_value: -1}\n"
    run = night(own)
    tables.write(run, "clean")
    assert "columns.amount leaves no values but those from 0 on, so it can never fail" in message(
        gate.verdict_on(run, "clean")
    )
    ((place, sentence),) = ask.check(run.use_case)
    assert (place, sentence.endswith("so it can never fail")) == ("gates.clean.0", True)


def test_a_warning_is_shown_and_neither_closes_the_gate_nor_hides_a_stop(night: Callable[..., Run]) -> None:
    own = (
        "gates:\n  raw:\n    - {expect_column_mean_to_be_between: {column: amount, max_value: 10}, severity:"
        " warn}\n"
    )
    warned = gate.verdict_on(night(own), "raw")
    warned.raise_if_closed("report.html")
    assert "15 of 16 expectations hold, 1 warned: amount (observed " in warned.summary()
    assert warned.summary().endswith("; allowed: max_value 10)")
    stop = "    - expect_column_mean_to_be_between: {column: amount, max_value: 9}\n"
    both = gate.verdict_on(night(own + stop), "raw")
    assert "closed: 1 of 17 expectations failed" in message(both)
    assert [finding.severity for finding in both.findings[:2]] == ["stop", "warn"]


# --- evidence and page


def test_evidence_is_the_same_bytes_for_the_same_table(night: Callable[..., Run]) -> None:
    run = night(
        "gates:\n  raw:\n    - expect_column_values_to_be_between: {column: at, max_value: 2026-02-01}\n"
    )
    first, second = gate.verdict_on(run, "raw").evidence(), gate.verdict_on(run, "raw").evidence()
    assert first == second
    told = json.loads(first)
    assert told["digest"] == run.store.manifest("raw").digest
    failed = told["findings"][0]
    assert failed["where"] == "gates.raw.0"
    assert failed["kwargs"] == {"column": "at", "max_value": "2026-02-01"}
    assert (failed["success"], failed["severity"], failed["unexpected"], len(failed["examples"])) == (
        False,
        "stop",
        39,
        10,
    )


def test_evidence_can_hold_numbers_that_json_cannot(open_run: OpenRun) -> None:
    run = open_run("training", tables.PARTITIONS["training"])
    tables.write(run, "features", replaced(amount="'nan'::FLOAT", log_amount="'-inf'::FLOAT"))
    assert b'"nan"' in gate.verdict_on(run, "features").evidence()


def test_trials_are_judged_over_all_families(open_run: OpenRun) -> None:
    run = open_run("training", tables.PARTITIONS["training"])
    tables.write(run, "trials")
    before = gate.verdict_on(run, "trials")
    tables.write(run, "trials", replaced(params="'{\"C\": 1}'"))
    after = gate.verdict_on(run, "trials")
    assert before.rows == after.rows == 4
    assert before.digest != after.digest


def test_the_gate_writes_its_evidence_and_pages_before_it_closes(night: Callable[..., Run]) -> None:
    run = night(damage=replaced(customer="'<script>' || customer", at='"at" - INTERVAL 1 DAY'))
    with pytest.raises(GateClosed):
        runner.gate(run, "raw")
    assert json.loads(run.store.read_file("gates/raw.json"))["passed"] is False
    assert json.loads(run.store.read_file("gates/raw.gx.json"))["success"] is False
    assert b"gate_raw is closed" in run.store.read_file("reports/gate_raw.html")
    assert b"gate_raw is closed" in run.store.read_file("reports/gate_raw_full.html")


def test_what_lets_a_table_through_is_written_when_all_else_is_there(
    night: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise OSError("the disk is full")

    run = night()
    monkeypatch.setattr(data_docs, "enter", failing)
    with pytest.raises(OSError, match="full"):
        runner.gate(run, "raw")
    assert not (run.store.disk / "gates" / "raw.json").exists()


def test_ten_rows_that_break_it_are_evidence_and_on_the_page(night: Callable[..., Run]) -> None:
    own = "gates:\n  raw:\n    - expect_column_values_to_be_in_set: {column: channel, value_set: [chip]}\n"
    verdict = gate.verdict_on(
        run := night(own, replaced(id="'k' || lpad(substr(id, 2), 2, '0')", channel="'<i>' || channel")),
        "raw",
    )
    (failed,) = json.loads(verdict.evidence())["findings"][:1]
    assert [row["id"] for row in failed["rows"]] == [f"k{n:02}" for n in range(10)]
    assert failed["rows"][1] == {
        "id": "k01",
        "channel": "<i>online",
        "at": "2026-02-01T00:10:00",
        "customer": "c1",
        "amount": "1.0",
        "bad": "null",
    }
    html = show.page(run, verdict)
    assert html.count('<td class="bad">&lt;i&gt;') == 10
    assert "k10" not in html
    assert '<a href="gate_raw_full.html">' in html


def test_the_page_shows_what_failed_first_and_escapes_values(night: Callable[..., Run]) -> None:
    own = "gates:\n  raw:\n    - expect_column_values_to_be_in_set: {column: channel, value_set: [chip]}\n"
    run = night(own, replaced(channel="'<script>alert(1)</script>'"))
    html = show.page(run, gate.verdict_on(run, "raw"))
    assert "&lt;script&gt;alert(1)" in html
    assert "<script" not in html
    assert html.index("values to be in set") < html.index("column type to be")
    assert "gates.raw.0" in html
    assert len(html) < 40_000


def test_the_page_of_a_missing_table_says_so(open_run: OpenRun) -> None:
    run = open_run("scoring", NIGHT)
    html = show.page(run, gate.verdict_on(run, "raw"))
    assert "There was nothing to judge" in html


@pytest.mark.parametrize(
    "expectation",
    [
        "expect_column_values_to_be_in_set: {column: customer, value_set: [x]}",
        "expect_column_distinct_values_to_be_in_set: {column: customer, value_set: [x]}",
        "expect_column_distinct_values_to_equal_set: {column: customer, value_set: [x]}",
        "expect_column_most_common_value_to_be_in_set: {column: customer, value_set: [x]}",
        "expect_column_max_to_be_between: {column: customer, min_value: 1}",
        "expect_column_pair_values_to_be_equal: {column_A: customer, column_B: id}",
        "expect_compound_columns_to_be_unique: {column_list: [customer, channel]}",
        "expect_column_mean_to_be_between: {column: customer, min_value: 1}",
    ],
)
def test_personal_values_are_masked_wherever_they_could_be_read(
    night: Callable[..., Run], expectation: str
) -> None:
    personal = tiny.YAML.replace(
        "{type: string, required: true}", "{type: string, required: true, pii: true}"
    )
    own = f"gates:\n  raw:\n    - {expectation}\n"
    run = night(
        own,
        replaced(customer="'secret' || (i % 2)")
        .replace("FROM rows", "FROM (SELECT *, row_number() OVER () AS i FROM rows)")
        .replace("* REPLACE", "* EXCLUDE (i) REPLACE"),
        personal,
    )
    verdict = gate.verdict_on(run, "raw")
    for shown in (message(verdict), show.page(run, verdict), verdict.evidence().decode()):
        assert "secret" not in shown


@pytest.mark.parametrize(("table", "column"), [("raw", "kunde"), ("clean", "customer"), ("features", "who")])
def test_a_personal_column_is_personal_under_its_source_name_and_in_features(
    table: GatedTable, column: str, settings: Settings
) -> None:
    personal = tiny.YAML.replace(
        "{type: string, required: true}", "{type: string, required: true, pii: true}"
    )
    personal = personal.replace("cleanse:\n", "cleanse:\n  rename: {kunde: customer}\n").replace(
        "{channel: channel}", "{channel: channel, who: lower(customer)}"
    )
    (settings.use_cases / "tiny.yaml").write_text(personal)
    use_case = load(settings.use_cases, "tiny").use_case
    assert column in ask.personal(use_case, table)
    assert "channel" not in ask.personal(use_case, table)


# --- checking a file


def test_a_file_is_checked_with_its_places(settings: Settings) -> None:
    gates = """
gates:
  raw:
    - expect_column_values_to_be_unique: {column: id}
    - expect_column_values_to_be_uniqe: {column: id}
  clean:
    - expect_column_mean_to_be_between: {column: amuont, max_value: 3}
  predictions:
    - expect_column_mean_to_be_between: {column: score, max_value: 1, mostly: 1}
"""
    (settings.use_cases / "tiny.yaml").write_text(tiny.YAML + gates)
    found = dict(ask.check(load(settings.use_cases, "tiny").use_case))
    assert set(found) == {"gates.raw.1", "gates.clean.0", "gates.predictions.0"}
    assert "did you mean 'expect_column_values_to_be_unique'?" in found["gates.raw.1"]
    assert "did you mean 'amount'?" in found["gates.clean.0"]
    assert "no argument 'mostly'" in found["gates.predictions.0"]


@pytest.mark.parametrize("name", ["bank_marketing", "bike_demand", "card_fraud", "sms_spam"])
def test_the_shipped_files_have_no_mistakes_in_their_gates(name: str) -> None:
    assert ask.check(load(Settings.from_env().use_cases, name).use_case) == []


def test_every_gated_table_of_the_way_has_built_in_expectations_and_columns(open_run: OpenRun) -> None:
    use_case: UseCase = open_run("scoring", NIGHT).use_case
    gated = {table for way in WAYS.values() for _, table in way if table}
    assert gated == set(tables.KINDS)
    assert all(TABLES[table].columns(use_case) for table in gated)


# --- quiet


def test_judging_is_silent_and_leaves_no_file_behind(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.chdir(tmp_path)
    connection = duckdb.connect()
    expectation = Expectation(
        name="expect_column_mean_to_be_between", kwargs={"column": "word", "min_value": 1}
    )
    (finding,) = findings(connection.sql("SELECT 'a' AS word"), connection, [Stated(expectation)])
    assert not finding.success
    assert caplog.messages == []
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.rglob("*")) == []
