"""Great Expectations' pages: whole, harmless, alone, and all of them in the index, whoever writes at the same
time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from pipelines import runner
from pipelines.core import sql
from pipelines.core.config import Expectation
from pipelines.core.errors import GateClosed
from pipelines.gates import gate
from pipelines.gates.gx import data_docs, evidence
from pipelines.gates.gx.suite import Stated
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from tests.gates.gx.test_engine import CASES, ROWS
from tests.helpers import tables, tiny
from tests.helpers.asked import findings

NIGHT = date(2026, 2, 1)
EVIL = """<script>alert(1)</script><img src=x onerror="alert(2)">' & $x ${y} {{ 7 * 7 }}"""
ESCAPED = (
    "&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=&quot;alert(2)&quot;&gt;&#39; &amp; $x ${y}"
    " {{ 7 * 7 }}"
)


def rendered(*expectations: Expectation, rows: str = ROWS) -> str:
    connection = duckdb.connect()
    found = findings(connection.sql(rows), connection, [Stated(each) for each in expectations])
    results = evidence.results(
        "gate_raw", [finding.result for finding in found if finding.result], run_name="a night", not_asked=[]
    )
    return "".join(data_docs.sections(results))


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [(name, kwargs) for name, *both in CASES for kwargs in both],
    ids=lambda value: str(value)[:40],
)
def test_every_expectation_has_a_page(name: str, kwargs: dict[str, object]) -> None:
    html = rendered(Expectation(name=f"expect_{name}", kwargs=kwargs))
    assert "Observed Value" in html
    assert "<script" not in html


def test_great_expectations_own_words_and_values_are_on_it() -> None:
    text = words(
        rendered(
            Expectation(
                name="expect_column_values_to_be_between", kwargs={"column": "amount", "max_value": 3}
            ),
            Expectation(name="expect_column_mean_to_be_between", kwargs={"column": "word", "max_value": 3}),
            Expectation(
                name="expect_column_distinct_values_to_be_in_set",
                kwargs={"column": "select", "value_set": ["x"]},
            ),
        )
    )
    assert "values must be less than or equal to 3 ." in text
    assert "1 unexpected values found. 25% of 5 total rows." in text
    assert "Unexpected Value Count 40.0 1" in text
    assert "Sampled Unexpected Values y" in text
    assert "expect_column_mean_to_be_between raised an exception: Binder Error: " in text


def test_values_are_shown_as_they_are_and_do_nothing() -> None:
    rows = f"SELECT {sql.text(EVIL)} AS word, {sql.text(EVIL)} AS other UNION ALL SELECT 'b', 'c'"
    evil = {"type": "comparison", "column": {"name": "word"}, "operator": "<=", "parameter": EVIL}
    html = rendered(
        Expectation(
            name="expect_column_values_to_be_in_set", kwargs={"column": "word", "value_set": ["<b>b</b>"]}
        ),
        Expectation(
            name="expect_column_distinct_values_to_be_in_set", kwargs={"column": "word", "value_set": [EVIL]}
        ),
        Expectation(
            name="expect_column_pair_values_to_be_equal", kwargs={"column_A": "word", "column_B": "other"}
        ),
        Expectation(name="expect_compound_columns_to_be_unique", kwargs={"column_list": ["word", "other"]}),
        Expectation(name="expect_column_values_to_match_regex", kwargs={"column": "word", "regex": "^<i>"}),
        Expectation(
            name="expect_column_most_common_value_to_be_in_set", kwargs={"column": "word", "value_set": ["x"]}
        ),
        Expectation(name="expect_column_values_to_be_null", kwargs={"column": "word", "row_condition": evil}),
        rows=rows,
    )
    assert ESCAPED in html
    assert not re.search(r"<(script|img|b|i)\b(?! class=\"fas)", html)
    assert "alert(1)<" not in html


@pytest.mark.parametrize(
    "condition",
    [
        'col("n") > 0',
        'col("n").notNull()',
        f"""col("word") == '{"<script>alert(1)</script>&$x"}'""",
        'col("word") != "<b>b</b>"',
    ],
)
@pytest.mark.parametrize("parser", ["great_expectations", "great_expectations__experimental__"])
def test_a_condition_that_is_a_text_is_shown_and_does_nothing(condition: str, parser: str) -> None:
    kwargs = {"column": "n", "row_condition": condition, "condition_parser": parser}
    html = rendered(
        Expectation(name="expect_column_values_to_not_be_null", kwargs=kwargs),
        Expectation(name="expect_column_mean_to_be_between", kwargs={**kwargs, "min_value": 5}),
        rows="SELECT 1 AS n, '<script>alert(1)</script>&$x' AS word UNION ALL SELECT 2, 'b'",
    )
    assert "then values must never be null." in words(html)
    assert not re.search(r"<(script|b)>", html)


def test_the_page_stands_alone_and_leads_back(open_run: Callable[..., Run], settings: Settings) -> None:
    raising = "gates:\n  raw:\n    - expect_column_mean_to_be_between: {column: channel, min_value: 1}\n"
    (settings.use_cases / "tiny.yaml").write_text(tiny.YAML + raising)
    run = open_run("scoring", NIGHT)
    tables.write(run, "raw", tables.replaced(channel="'<script>'"))
    verdict = gate.verdict_on(run, "raw")
    html = data_docs.page(run, verdict, verdict.results())
    assert not re.search(r"https?://|<script|<link|@import|url\(", html)
    assert "default-src 'none'" in html
    assert '<a href="gate_raw.html">' in html
    assert html == data_docs.page(run, verdict, verdict.results())
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", html), (
        "an id by chance, which jinja draws once a process"
    )


def test_what_could_not_be_asked_and_what_was_empty_is_told(
    open_run: Callable[..., Run], settings: Settings
) -> None:
    (settings.use_cases / "tiny.yaml").write_text(
        tiny.YAML + "gates:\n  raw:\n    - expect_column_values_to_be_uniqe: {column: id}\n"
    )
    run = open_run("scoring", NIGHT)
    tables.write(run, "raw")
    verdict = gate.verdict_on(run, "raw")
    text = words(data_docs.page(run, verdict, verdict.results()))
    assert "gate_raw is closed" in text
    assert "could not be asked" in text
    assert "did you mean" in text
    tables.write(run, "raw", "SELECT * FROM rows WHERE false")
    verdict = gate.verdict_on(run, "raw")
    assert "There was nothing to judge: the table has no rows" in words(
        data_docs.page(run, verdict, verdict.results())
    )


# --- the index


def gated(settings: Settings, day: date, damage: str = "SELECT * FROM rows") -> None:
    """Judge the raw table of a day, which is that of the literal night, later by some days."""
    run = Run.open(tiny.NAME, "scoring", day, settings)
    later = f'SELECT * REPLACE ("at" + INTERVAL {(day - NIGHT).days} DAY AS "at") FROM rows'
    tables.write(run, "raw", damage.replace("FROM rows", f"FROM ({later})"))
    runner.gate(run, "raw")


def index(settings: Settings) -> Path:
    return settings.disk / "tiny" / "data_docs" / "index.html"


def test_the_index_lists_the_newest_first_and_each_result_once(settings: Settings) -> None:
    gated(settings, NIGHT)
    gated(settings, NIGHT + timedelta(days=1))
    with pytest.raises(GateClosed):
        gated(settings, NIGHT, "SELECT * FROM rows WHERE false")
    assert re.findall(r"2026-\d\d-\d\d(?=</td>)", index(settings).read_text()) == ["2026-02-02", "2026-02-01"]
    assert [entry["passed"] for entry in json.loads(index(settings).with_suffix(".json").read_text())] == [
        False,
        True,
    ]


def test_a_gate_that_closes_takes_those_behind_it_out_of_the_index(settings: Settings) -> None:
    gated(settings, NIGHT)
    gated(settings, NIGHT + timedelta(days=1))
    kept = [
        entry | {"table": "clean"} for entry in json.loads(index(settings).with_suffix(".json").read_text())
    ]
    for entry in kept:  # what came behind gate_raw before
        (settings.disk / f"tiny/scoring/{entry['partition']}/reports/gate_clean.html").touch()
    every = json.loads(index(settings).with_suffix(".json").read_text()) + kept
    index(settings).with_suffix(".json").write_text(json.dumps(every))
    with pytest.raises(GateClosed):
        gated(settings, NIGHT, "SELECT * FROM rows WHERE false")
    told = [
        (entry["partition"], entry["table"])
        for entry in json.loads(index(settings).with_suffix(".json").read_text())
    ]
    assert told == [("2026-02-01", "raw"), ("2026-02-02", "raw"), ("2026-02-02", "clean")]


def test_what_a_champion_of_now_would_have_said_is_not_in_the_index(settings: Settings) -> None:
    gated(settings, NIGHT)
    beside = Run.open(tiny.NAME, "scoring", NIGHT, settings, what_if=True)
    tables.write(beside, "raw", "SELECT * FROM rows WHERE false")
    with pytest.raises(GateClosed):
        runner.gate(beside, "raw")
    assert [entry["passed"] for entry in json.loads(index(settings).with_suffix(".json").read_text())] == [
        True
    ]


def test_every_link_of_the_index_leads_to_a_page(settings: Settings) -> None:
    gated(settings, NIGHT)
    links = re.findall(r'href="([^"]+)"', index(settings).read_text())
    assert len(links) == 2
    assert all((index(settings).parent / link).resolve().is_file() for link in links)


def test_a_result_whose_page_is_gone_leaves_the_index(settings: Settings) -> None:
    gated(settings, NIGHT)
    (settings.disk / "tiny/scoring/2026-02-01/reports/gate_raw.html").unlink()
    gated(settings, NIGHT + timedelta(days=1))
    assert "2026-02-01" not in index(settings).read_text()


def test_gates_that_write_at_the_same_time_are_all_in_the_index(settings: Settings) -> None:
    run = Run.open(tiny.NAME, "scoring", NIGHT, settings)
    tables.write(run, "raw")
    verdict = gate.verdict_on(run, "raw")
    runs = [Run.open(tiny.NAME, "scoring", NIGHT + timedelta(days=n), settings) for n in range(30)]
    for each in runs:
        each.write_report("gate_raw", "")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda each: data_docs.enter(each, verdict), runs))
    assert len(json.loads(index(settings).with_suffix(".json").read_text())) == 30
