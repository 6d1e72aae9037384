"""The alias moves when the held-out rows speak for it, and each decision is written down once."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import date
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from pipelines.core.config import Promotion
from pipelines.core.errors import TableMissing, TryAgain
from pipelines.registry import approval, registry, tracking
from pipelines.registry.history import History
from pipelines.run.run import Run
from pipelines.steps.promote import promote
from tests.helpers import evaluated, fitted


@pytest.fixture
def run(open_run: Callable[..., Run], mlflow_uri: str) -> Run:
    return trained(open_run("training", date(2026, 1, 31)))


UNSURE = (0.1, -0.1, 0.3)


def trained(run: Run, **found: Any) -> Run:
    """A training that has come as far as promotion, of which only the winner is registered."""
    exported = fitted.exported(partition=run.partition.isoformat())
    winner = {"xgboost": exported.graphs["xgboost"]}
    registry.register(run, replace(exported, graphs=winner), fitted.verdict())
    evaluated.leave(run, winner["xgboost"], **found)
    return run.task()


def graph(run: Run) -> bytes:
    return run.store.read_file("models/xgboost.onnx")


def history(run: Run) -> History:
    return History.of(run.settings, "tiny")


def champion_version_or_none(run: Run) -> str | None:
    return history(run).champion


def champion_version(run: Run) -> str | None:
    """The champion by the history, which MLflow's alias agrees with."""
    aliases = tracking.connect(run.settings).get_registered_model("tiny").aliases
    assert str(aliases.get("champion")) == str(history(run).champion)
    return history(run).champion


def test_the_first_challenger_that_beats_the_baseline_becomes_champion(run: Run) -> None:
    said = promote(run)
    found = registry.champion(run)
    assert found.metadata["family"] == "xgboost"
    better = (
        "on the held-out rows better than the baseline by 0.6000 aucpr (99.8% interval +0.5000 to +0.7000)"
    )
    assert (
        said
        == f"version {found.version} (xgboost) promoted: {better}; no slice is surely worse than the baseline"
        " by more than 0 (1 judged)"
    )
    (line,) = history(run).read()
    assert (line.version, line.previous, line.decision, line.partition) == (
        found.version,
        None,
        "promoted",
        "2026-01-31",
    )
    assert line.values == {"linear": 0.8, "xgboost": 0.9, "baseline": 0.3}


def test_a_better_challenger_dethrones_the_champion(run: Run, open_run: Callable[..., Run]) -> None:
    promote(run)
    first = champion_version(run)
    second = trained(open_run("training", date(2026, 2, 28)), version=first)
    promote(second)
    assert champion_version(run) != first
    assert [(line.previous, line.decision) for line in history(run).read()] == [
        (None, "promoted"),
        (first, "promoted"),
    ]


def test_a_challenger_that_breaks_one_rule_stays_one_and_is_told_that_rule_only(
    run: Run, open_run: Callable[..., Run]
) -> None:
    promote(run)
    first = champion_version(run)
    second = trained(open_run("training", date(2026, 2, 28)), version=first, champion=UNSURE)
    told = (
        f"not promoted: on the held-out rows better than champion version {first} by 0.1000 aucpr (99.8%"
        " interval -0.1000 to +0.3000): not surely more than the margin of 0.005"
    )
    assert promote(second).endswith(told)
    assert champion_version(run) == first
    assert history(run).read()[-1].decision == "kept"


def test_without_a_champion_the_baseline_must_be_beaten_too(run: Run) -> None:
    evaluated.leave(run, graph(run), baseline=evaluated.WORSE)
    promote(run)
    assert champion_version(run) is None


def test_promoting_twice_is_promoting_once(run: Run) -> None:
    promote(run)
    assert "champion already" in promote(run)
    assert len(history(run).read()) == 1


def test_keeping_twice_is_one_line(run: Run) -> None:
    evaluated.leave(run, graph(run), baseline=evaluated.WORSE)
    assert promote(run) == promote(run)
    assert len(history(run).read()) == 1


def test_a_step_killed_before_the_alias_moved_has_promoted_and_the_alias_follows_when_it_runs_again(
    run: Run,
) -> None:
    promote(run)
    tracking.connect(run.settings).delete_registered_model_alias("tiny", "champion")
    assert registry.champion(run).metadata["family"] == "xgboost"
    promote(run)
    assert champion_version(run) is not None
    assert len(history(run).read()) == 1


def test_a_comparison_with_a_champion_of_yesterday_promotes_nobody(
    run: Run, open_run: Callable[..., Run]
) -> None:
    promote(run)
    first = champion_version(run)
    # This one was evaluated while there was no champion.
    late = trained(open_run("training", date(2026, 2, 28)), version=None)
    assert f"compared with no champion, but now there is champion version {first}" in promote(late)
    assert champion_version(run) == first


def test_a_winner_that_is_no_version_is_told(run: Run) -> None:
    evaluated.leave(run, fitted.exported(partition="2026-01-30").graphs["xgboost"])
    with pytest.raises(TableMissing, match="no registered version"):
        promote(run)


def test_of_two_trainings_that_finish_at_once_one_is_promoted_and_the_other_told_to_evaluate_again(
    run: Run, open_run: Callable[..., Run]
) -> None:
    # Both were compared with no champion, and each in a process of its own would promote its challenger.
    other = trained(open_run("training", date(2026, 2, 28)))
    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(promote, (run, other)))
    lines = history(run).read()
    assert sorted(line.decision for line in lines) == ["kept", "promoted"]
    assert sum("evaluate again" in sentence for sentence in said) == 1
    assert champion_version(run) == lines[0].version


def test_a_registry_that_cannot_be_reached_leaves_the_champion(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TryAgain, match="does not answer"):
        promote(replace(run, settings=replace(run.settings, mlflow="http://127.0.0.1:9")))
    assert history(run).read() == []


def test_a_registry_that_is_gone_in_the_middle_of_a_promotion_finds_it_done_when_it_is_back(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise MlflowException("the connection is lost")

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "set_registered_model_alias", gone)
        with pytest.raises(TryAgain, match="the connection is lost"):
            promote(run)
    # It was promoted when its line was written; only MLflow's alias is late.
    assert registry.champion(run).version == history(run).champion == "1"
    assert "champion already" in promote(run)
    assert champion_version(run) == "1"


def test_the_decision_record_says_which_rule_decided_what_from_which_numbers(run: Run) -> None:
    judged = evaluated.leave(run, graph(run), baseline=evaluated.WORSE)
    promote(run)
    record = json.loads(run.store.read_file("decision.json"))
    assert (record["decision"], record["reason"]) == ("kept", judged.rules[0].sentence)
    assert record["notes"] == [
        "best aucpr over the folds: linear 0.7000, xgboost 0.8000",
        "more rows would help",
        "that much is luck",
        "a look of a week",
        "there is no champion yet",
    ]
    assert record["rules"][0] == asdict(judged.rules[0])
    assert (record["rules"][0]["found"], record["rules"][0]["low"], record["rules"][0]["rows"]) == (
        -0.1,
        -0.2,
        100,
    )
    assert [rule["name"] for rule in record["rules"]] == ["baseline", "slices", "same champion"]


def with_promotion(run: Run, **asked: Any) -> Run:
    use_case = run.use_case.model_copy(
        update={"promotion": Promotion(**{"unit": "row", "slice_rows": 20} | asked)}
    )
    return replace(run, loaded=replace(run.loaded, use_case=use_case))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"max_megabytes": 0.001}, "but at most 0.001 allowed"),
        ({"min_rows_per_second": 1e12}, "but at least 1,000,000,000,000 asked"),
    ],
)
def test_a_model_that_is_too_large_or_too_slow_is_not_promoted(
    run: Run, asked: dict[str, float], told: str
) -> None:
    assert told in promote(with_promotion(run, **asked))
    assert champion_version_or_none(run) is None
    assert "promoted" in promote(with_promotion(run, max_megabytes=100, min_rows_per_second=1))


def test_a_model_that_a_person_must_approve_waits_for_the_command_or_airflow(run: Run) -> None:
    asking = with_promotion(run, approval="3d")
    assert "models approve tiny 2026-01-31 --reason" in promote(asking)
    approval.give(asking, "rejected", "anna", "no")
    assert "not promoted: rejected by anna: no" in promote(asking)
    approval.give(asking, "approved", "bob", "looked at it")
    promote(asking)
    assert [(line.decision, line.by) for line in history(run).read()] == [
        ("kept", None),
        ("kept", "anna"),
        ("promoted", "bob"),
    ]


def test_nobody_is_asked_to_approve_of_what_the_evidence_has_turned_down(run: Run) -> None:
    evaluated.leave(run, graph(run), baseline=evaluated.WORSE)
    said = promote(with_promotion(run, approval="3d"))
    assert "worse than the baseline" in said
    assert "approve" not in said
