"""Each decision of a night has to follow from its score, by the threshold of the version that has scored."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from pipelines.commands.selftest import plain
from pipelines.core.config import Kind
from pipelines.core.errors import GateClosed
from pipelines.gates import gate
from pipelines.run.run import Run
from pipelines.storage.store import as_json
from tests.helpers import tables
from tests.helpers.tables import replaced

SCORED_BY = {"version": "1", "threshold": 0.5}
DAMAGES = {
    "no alarm is raised": replaced(decision="0::TINYINT"),
    "every row is an alarm": replaced(decision="1::TINYINT"),
    "decisions are exchanged": replaced(decision="(1 - decision)::TINYINT"),
    "one alarm is lost": replaced(decision="if(score = max(score) OVER (), 0, decision)::TINYINT"),
    "scores are another model's": replaced(score="1 - score"),
    "another version has scored": replaced(model_version="'2'"),
}


@pytest.fixture
def night(open_run: Callable[[Kind, date], Run]) -> Callable[[str], Run]:
    """Predictions, damaged, beside the word of the step that has scored them."""

    def opened(damage: str) -> Run:
        run = open_run("scoring", tables.PARTITIONS["scoring"])
        decided = (
            "FROM (SELECT * REPLACE ((score >= 0.5)::TINYINT AS decision, '1' AS model_version) FROM rows) AS"
            " rows"
        )
        tables.write(run, "predictions", damage.replace("FROM rows", decided))
        run.store.write_file("scored_by.json", as_json(SCORED_BY))
        return run

    return opened


def test_decisions_that_follow_from_their_scores_are_good(night: Callable[[str], Run]) -> None:
    run = night("FROM rows")
    ((alarms, rows),) = run.store.read("predictions").aggregate("sum(decision), count(*)").fetchall()
    assert 0 < alarms < rows
    assert gate.verdict_on(run, "predictions").passed


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_decisions_that_do_not_close_the_gate(night: Callable[[str], Run], damage: str) -> None:
    verdict = gate.verdict_on(night(damage), "predictions")
    assert {finding.subject for finding in verdict.failed("stop")} & {"score", "model_version"}


NEARLY = {
    what: replaced(decision=f"({decision})::TINYINT") for what, decision in plain.other_alarms("id").items()
}
GREATEST = NEARLY | {
    "the greatest score is no alarm": replaced(
        decision="if(score = max(score) OVER (), 0, decision)::TINYINT"
    ),
    "the least score is an alarm": replaced(decision="if(score = min(score) OVER (), 1, decision)::TINYINT"),
    "other rows are the alarms": replaced(decision="(row_number() OVER (ORDER BY score) <= 5)::TINYINT"),
}


def with_five_alarms(night: Callable[[str], Run], damage: str) -> Run:
    greatest = "(row_number() OVER (ORDER BY score DESC, id) <= 5)::TINYINT"
    run = night(
        damage.replace("FROM rows", f"FROM (SELECT * REPLACE ({greatest} AS decision) FROM rows) AS rows")
    )
    run.store.write_file("scored_by.json", as_json(SCORED_BY | {"alarms": 5}))
    return run


def test_as_many_alarms_as_a_night_has_are_good(night: Callable[[str], Run]) -> None:
    assert gate.verdict_on(with_five_alarms(night, "SELECT * FROM rows"), "predictions").passed


@pytest.mark.parametrize("damage", GREATEST.values(), ids=GREATEST)
def test_other_alarms_than_the_greatest_scores_close_the_gate(
    night: Callable[[str], Run], damage: str
) -> None:
    verdict = gate.verdict_on(with_five_alarms(night, damage), "predictions")
    assert {finding.subject for finding in verdict.failed("stop")} & {"score", "decision"}


@pytest.mark.parametrize(("what", "by"), zip(NEARLY, ("decision", "decision", "score"), strict=True))
def test_the_self_test_s_own_damages_to_a_night_with_so_many_alarms_are_told_by_what_they_break(
    night: Callable[[str], Run], what: str, by: str
) -> None:
    verdict = gate.verdict_on(with_five_alarms(night, NEARLY[what]), "predictions")
    assert by in {finding.subject for finding in verdict.failed("stop")}
    assert (by == "decision") == ("decision" in {finding.subject for finding in verdict.failed("stop")})


@pytest.mark.parametrize("damage", NEARLY.values(), ids=NEARLY)
def test_nearly_the_right_alarms_close_the_gate_of_a_night_with_a_threshold_too(
    night: Callable[[str], Run], damage: str
) -> None:
    verdict = gate.verdict_on(night(damage), "predictions")
    assert "score" in {finding.subject for finding in verdict.failed("stop")}


def test_a_closed_gate_says_which_it_is(night: Callable[[str], Run]) -> None:
    with pytest.raises(GateClosed) as closed:
        gate.verdict_on(night(DAMAGES["no alarm is raised"]), "predictions").raise_if_closed("page.html")
    assert closed.value.gate == "gate_predictions"


def test_a_night_of_before_that_tells_no_threshold_is_judged_by_the_rest(night: Callable[[str], Run]) -> None:
    run = night(DAMAGES["no alarm is raised"])
    (run.store.disk / "scored_by.json").unlink()
    assert gate.verdict_on(run, "predictions").passed


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"version": "3", "threshold": "much"}', b'{"version": 3, "threshold": [1]}'],
)
def test_a_damaged_threshold_closes_the_gate_and_is_named(
    night: Callable[[str], Run], content: bytes
) -> None:
    run = night("SELECT * FROM rows")
    run.store.write_file("scored_by.json", content)
    assert "scored_by.json is damaged: " in str(gate.verdict_on(run, "predictions").refusal)
