"""Of each day of a report, the rows that people look at are its greatest scores, as many as the file
declares.
"""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from pipelines.commands.selftest import taken
from pipelines.core import sql
from pipelines.gates import findings
from pipelines.gates.built_in import outcomes
from pipelines.gates.gate import verdict_on
from pipelines.gates.measure import answers
from pipelines.gates.questions import Questions
from pipelines.metrics import daily
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from tests.helpers import tables, tiny

A_DAY = 3
# Two days of five rows, of which two share a score, and one of two.
ROWS = f"""
    SELECT *, {daily.column("score", "time::DATE", "key", A_DAY)} FROM (VALUES
        ('a1', TIMESTAMP '2026-02-02 10:00', 0.9::DOUBLE), ('a2', TIMESTAMP '2026-02-02 11:00', 0.1), ('a3', TIMESTAMP '2026-02-02 12:00', 0.4),
        ('a4', TIMESTAMP '2026-02-02 13:00', 0.4), ('a5', TIMESTAMP '2026-02-02 14:00', 0.6),
        ('b1', TIMESTAMP '2026-02-03 10:00', 0.2), ('b2', TIMESTAMP '2026-02-03 11:00', 0.3), ('b3', TIMESTAMP '2026-02-03 12:00', 0.4),
        ('b4', TIMESTAMP '2026-02-03 13:00', 0.5), ('b5', TIMESTAMP '2026-02-03 14:00', 0.6),
        ('c1', TIMESTAMP '2026-02-04 10:00', 0.2), ('c2', TIMESTAMP '2026-02-04 11:00', 0.3)) AS t(key, time, score)"""


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def wrong(connection: duckdb.DuckDBPyConnection, damage: str) -> list[str]:
    """Of which columns something is wrong, after some damage."""
    rows = sql.select(connection.sql(ROWS), "rows", damage)
    asked = Questions(outcomes.days(rows, A_DAY), tuple(outcomes.taken(A_DAY)), key="day")
    found = [findings.of(answer) for answer in answers(asked, connection)]
    return [finding.subject for finding in found if not finding.success]


COLUMNS = {
    "none is taken": ["taken, ought"],
    "a row of each day is not taken": ["taken, ought", "least_taken, greatest_left"],
    "another row is taken in place of the greatest score": ["taken, ought", "least_taken, greatest_left"],
    "nobody knows which are taken": ["neither", "taken, ought"],
}


def test_each_day_s_greatest_scores_are_good(connection: duckdb.DuckDBPyConnection) -> None:
    assert wrong(connection, "FROM rows") == []


@pytest.mark.parametrize("what", taken.CHANGES)
def test_others_are_not(connection: duckdb.DuckDBPyConnection, what: str) -> None:
    assert wrong(connection, taken.statement(taken.CHANGES[what])) == COLUMNS[what]


def test_one_that_scores_less_in_place_of_one_that_scores_more_is_noticed(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    swapped = "if(key = 'b5', 0, if(key = 'b1', 1, taken))"
    assert wrong(connection, taken.statement(swapped)) == ["least_taken, greatest_left"]


def test_the_gate_of_a_week_asks_where_the_file_declares_how_many(settings: Settings) -> None:
    declared = tiny.YAML.replace("{name: aucpr}", f"{{name: precision_at_k, k: {A_DAY}}}")
    (settings.use_cases / "tiny.yaml").write_text(declared)
    week = Run.open(tiny.NAME, "drift", tables.PARTITIONS["drift"], settings)
    tables.write(
        week, "drift", "SELECT * REPLACE (replace(subject, 'aucpr', 'precision_at_k') AS subject) FROM rows"
    )
    for damage, good in {"FROM rows": True, taken.statement(taken.CHANGES["none is taken"]): False}.items():
        week.store.write("outcomes", week.store.connection.sql(f"WITH rows AS ({ROWS}) {damage}"))
        verdict = verdict_on(week, "drift")
        assert verdict.passed is good, verdict.failed("stop")
    assert [finding.subject for finding in verdict.failed("stop")] == ["taken, ought"]
