"""A training that waits for a person: answered through Airflow's own API, by nobody in time, or not asked at
all.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import airflow.sdk.definitions.dag
import pytest
from airflow.jobs.job import Job
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from fastapi.testclient import TestClient
from sqlalchemy import select

from pipelines import flow, runner
from pipelines.registry import approval
from pipelines.run import clearance
from pipelines.run.plan import Outcome
from pipelines.run.run import Run
from tests.helpers import airflow_home, evaluated, fitted, tiny
from tests.helpers.dag_runs import dag_run, left, states, steps

YAML = tiny.YAML.replace("slice_rows: 20", "slice_rows: 20, approval: 3d")
GRAPH = b"a graph"


@pytest.fixture
def found() -> dict[str, Any]:
    """What the evaluation finds; a test may say otherwise."""
    return {}


@pytest.fixture
def asking() -> list[str]:
    """Whoever, beside the one who triggers the run, has asked for a part of it."""
    return []


@pytest.fixture(autouse=True)
def training(monkeypatch: pytest.MonkeyPatch, places: Path, found: dict[str, Any], asking: list[str]) -> None:
    """Quiet steps, but an evaluation that leaves its verdict, and a promotion that tells what the rule about
    approval says.
    """
    (places / "use_cases" / f"{tiny.NAME}.yaml").write_text(YAML)

    def evaluate(run: Run) -> Outcome:
        evaluated.leave(run, GRAPH, **found)
        for by in asking:
            replace(run, asked_by=by).note("tune linear", "again")
        return Outcome("judged", report=run.write_report("evaluate", "<p>the card"))

    def promote(run: Run) -> Outcome:
        (rule,) = approval.rule(run, GRAPH)
        run.store.write_file("said.json", json.dumps([rule.holds, rule.sentence]).encode())
        return Outcome(rule.sentence)

    monkeypatch.setattr(flow, "STEPS", steps(evaluate=evaluate, promote=promote))
    monkeypatch.setattr(runner, "gate", lambda run, table: Outcome(f"{table} of {run.partition} holds"))
    monkeypatch.setattr(clearance, "require", lambda run, step: None)


def waiting() -> TaskInstance | None:
    with create_session() as session:
        found = session.scalars(
            select(TaskInstance).where(TaskInstance.state == TaskInstanceState.AWAITING_INPUT)
        ).all()
        session.expunge_all()
        return found[0] if found else None


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[TaskInstance], object]], None]:
    """Do something when a task waits for a person.

    Not a moment sooner: when a task has ended, `DAG.test` writes its state once more, and an answer from
    another thread in between is lost.
    """
    run_task = airflow.sdk.definitions.dag._run_task

    def later(act: Callable[[TaskInstance], object]) -> None:
        def run_and_act(**of_a_task: Any) -> Any:
            result = run_task(**of_a_task)
            if task := waiting():
                try:
                    act(task)
                except (
                    Exception
                ) as error:  # whatever it is: `DAG.test` would swallow it, and wait for an answer for ever
                    raise pytest.fail.Exception("nobody has answered") from error
            return result

        monkeypatch.setattr(airflow.sdk.definitions.dag, "_run_task", run_and_act)

    return later


@pytest.fixture(scope="module")
def logged_in() -> Callable[[str], TestClient]:
    from airflow.api_fastapi.app import create_app

    server = create_app("core")

    def user(name: str) -> TestClient:
        client = TestClient(server)
        token = client.post("/auth/token", json=airflow_home.LOGIN | {"username": name}).json()[
            "access_token"
        ]
        client.headers["Authorization"] = f"Bearer {token}"
        return client

    return user


@pytest.fixture
def admin(logged_in: Callable[[str], TestClient]) -> TestClient:
    return logged_in("admin")


def answered(
    client: TestClient, option: str, reason: str, not_by: TestClient | None = None
) -> Callable[[TaskInstance], object]:
    """Answer as the page of required actions does; somebody else may try before, in vain."""

    def act(task: TaskInstance) -> None:
        path = f"/api/v2/dags/{task.dag_id}/dagRuns/{task.run_id}/taskInstances/{task.task_id}/-1/hitlDetails"
        asked = client.get(path).json()
        assert "better than the baseline" in asked["body"]
        card = asked["body"].rpartition("(")[2].removesuffix(")")
        assert client.get(card).text == "<p>the card"
        if not_by:
            assert (
                not_by.patch(
                    path, json={"chosen_options": ["Approve"], "params_input": {"reason": "me"}}
                ).status_code
                == 403
            )
        assert (
            client.patch(
                path, json={"chosen_options": [option], "params_input": {"reason": reason}}
            ).status_code
            == 200
        )

    return act


def said(run: Any) -> tuple[bool, str]:
    partition = Run.open(tiny.NAME, "training", run.logical_date.date()).store
    holds, sentence = json.loads(partition.read_file("said.json"))
    return holds, sentence


def test_an_approval_lets_the_promotion_go_on_and_is_remembered_with_its_reason(
    admin: TestClient, meanwhile: Any
) -> None:
    meanwhile(answered(admin, "Approve", "looked at the card"))
    run = dag_run("training")
    assert run.state == "success"
    assert said(run) == (True, "approved by admin: looked at the card")
    assert left(run, "report")["approve"] == left(run, "report")["evaluate"]


# --- who may


@pytest.fixture
def named(places: Path) -> None:
    """Two are named, of whom one has asked for the training."""
    (places / "use_cases" / f"{tiny.NAME}.yaml").write_text(
        YAML.replace("approval: 3d", "approval: 3d, approvers: [op, admin]")
    )


def in_turn(*acts: Callable[[TaskInstance], object]) -> Callable[[TaskInstance], object]:
    """Do one thing after the other, each when the task waits (again)."""
    left = list(acts)
    return lambda task: left.pop(0)(task)  # noqa: PLW0108  (a name for each turn)


@pytest.mark.usefixtures("named")
def test_only_whom_the_file_names_can_approve_or_reject_and_the_question_stands(
    logged_in: Any, admin: TestClient, meanwhile: Any
) -> None:
    user = logged_in("user")
    meanwhile(
        in_turn(
            answered(user, "Approve", "me"),
            answered(user, "Reject", "me"),
            answered(admin, "Approve", "looked at the card"),
        )
    )
    assert said(dag_run("training")) == (True, "approved by admin: looked at the card")


@pytest.mark.usefixtures("named")
def test_whoever_has_asked_for_a_training_cannot_approve_of_it(
    logged_in: Any, admin: TestClient, meanwhile: Any, asking: list[str]
) -> None:
    asking.append("op")
    meanwhile(in_turn(answered(logged_in("op"), "Approve", "mine"), answered(admin, "Reject", "not yet")))
    assert said(dag_run("training")) == (False, "rejected by admin: not yet")


@pytest.mark.usefixtures("named")
def test_an_answer_that_does_not_count_does_not_give_more_time(logged_in: Any, meanwhile: Any) -> None:
    due = []

    def later(task: TaskInstance) -> None:
        assert task.trigger_timeout is not None
        due.append(task.trigger_timeout)

    def first(task: TaskInstance) -> None:
        later(task)
        answered(logged_in("user"), "Approve", "me")(task)

    def second(task: TaskInstance) -> None:
        later(task)
        time_passes(task)

    meanwhile(in_turn(first, second))
    assert said(dag_run("training")) == (False, "nobody answered within 3d")
    assert abs(due[1] - due[0]) < timedelta(minutes=1)


def test_a_run_knows_who_has_asked_for_it(meanwhile: Any, admin: TestClient) -> None:
    meanwhile(answered(admin, "Approve", "fine"))
    run = dag_run("training")
    notes = Run.open(tiny.NAME, "training", run.logical_date.date()).store.notes()
    # as DAG.test calls whoever triggers it
    assert {note["by"] for note in notes if note["task"] == "ingest"} == {"dag_test"}


def test_a_rejection_skips_nothing_and_leaves_the_champion_whatever_a_viewer_tries(
    logged_in: Any, admin: TestClient, meanwhile: Any
) -> None:
    meanwhile(answered(admin, "Reject", "too many alarms", not_by=logged_in("viewer")))
    run = dag_run("training")
    assert states(run)["promote"] == "success"
    assert said(run) == (False, "rejected by admin: too many alarms")


def time_passes(task: TaskInstance) -> None:
    with create_session() as session:
        own = session.get(TaskInstance, task.id)
        assert own is not None
        assert own.trigger_timeout is not None
        own.trigger_timeout -= timedelta(days=3)
    SchedulerJobRunner(Job()).check_awaiting_input_timeouts()  # type: ignore[no-untyped-call]


def test_whom_nobody_answers_in_time_leaves_the_champion(meanwhile: Any) -> None:
    meanwhile(time_passes)
    assert said(dag_run("training")) == (False, "nobody answered within 3d")


def test_nobody_is_asked_about_a_challenger_that_the_evidence_has_turned_down(found: dict[str, Any]) -> None:
    found["baseline"] = evaluated.WORSE
    run = dag_run("training")
    assert states(run)["approve"] == "success"
    assert not said(run)[0]


def test_an_answer_to_another_graph_is_none(places: Path) -> None:
    run = Run.open(tiny.NAME, "training", fitted.rows()["at"][0].date())
    evaluated.leave(run, GRAPH)
    approval.give(run, "approved", "anna", "fine")
    assert approval.rule(run, GRAPH)[0].holds
    (rule,) = approval.rule(run, b"another graph")
    assert not rule.holds
    assert "nobody has approved of it" in rule.sentence
    assert places


def test_where_nobody_is_to_be_asked_there_is_no_task_and_no_rule(places: Path) -> None:
    (places / "use_cases" / f"{tiny.NAME}.yaml").write_text(tiny.YAML)
    run = Run.open(tiny.NAME, "training", fitted.rows()["at"][0].date())
    assert approval.rule(run, GRAPH) == ()
