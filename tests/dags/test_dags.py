"""What Airflow makes of the files in `dags/`."""

from __future__ import annotations

import subprocess
import sys
from copy import deepcopy
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from airflow.sdk.exceptions import ParamValidationError
from airflow.serialization.encoders import coerce_to_core_timetable
from airflow.timetables.base import TimeRestriction
from pendulum import instance

from pipelines.core.config import Kind
from pipelines.storage.settings import ROOT
from scripts import prepare
from sluice_airflow.dags import TRAINING_POOL
from sluice_airflow.operators import GateOperator
from tests.helpers import tiny
from tests.helpers.awkward import AWKWARD, SOUND, lay_out
from tests.helpers.ways import WAYS
from tests.test_layers import HEAVY

KINDS: tuple[Kind, ...] = get_args(Kind)
OURS = ("bank_marketing", "bike_demand", "card_fraud", "sms_spam")
WITH_SOURCES = ("card_fraud",)
DAY = datetime(2026, 11, 20, tzinfo=UTC)


def bag() -> DagBag:
    return DagBag(dag_folder=str(ROOT / "dags"))


@pytest.fixture(scope="module")
def dags() -> dict[str, DAG]:
    """The DAGs of the four use cases."""
    found = bag()
    assert found.import_errors == {}
    return found.dags


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of use cases of the test's own."""
    monkeypatch.setenv("SLUICE_USE_CASES", str(tmp_path))
    return tmp_path


def tasks_in_order(kind: Kind, use_case: str) -> list[str]:
    """The task ids that `WAYS` asks for, in order: also `past`, for runs whose file looks back though
    this one does not. One that reads other sources does so before its features.
    """
    found = [
        task_id for step, table in WAYS[kind] for task_id in (step, f"gate_{table}") if task_id != "gate_None"
    ]
    if use_case in WITH_SOURCES and "features" in found:
        found[found.index("features") : found.index("features")] = ["sources", "gate_sources"]
    return found


def test_every_use_case_has_three_dags(dags: dict[str, DAG]) -> None:
    assert sorted(dags) == sorted(f"{name}_{kind}" for name in OURS for kind in KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_dags_tasks_are_one_chain_in_the_order_of_its_way(dags: dict[str, DAG], kind: Kind) -> None:
    for name in OURS:
        dag = dags[f"{name}_{kind}"]
        assert {task.task_id: task.downstream_task_ids for task in dag.tasks} == {
            **{before: {after} for before, after in pairwise(tasks_in_order(kind, name))},
            tasks_in_order(kind, name)[-1]: set(),
        }


def test_what_is_delivered_elsewhere_comes_last_and_only_where_there_is_a_sink(folder: Path) -> None:
    (folder / "tiny.yaml").write_text(tiny.YAML + "sink: {connection: warehouse, table: predictions}\n")
    found = bag().dags
    assert found["tiny_scoring"].get_task("deliver").upstream_task_ids == {"gate_predictions"}
    assert [task.task_id for task in found["tiny_scoring"].leaves] == ["deliver"]
    assert not any(found[f"tiny_{kind}"].has_task("deliver") for kind in ("training", "drift"))


@pytest.mark.parametrize("kind", KINDS)
def test_no_path_leads_around_a_gate(dags: dict[str, DAG], kind: Kind) -> None:
    dag = dags[f"card_fraud_{kind}"]
    for gate in (task_id for task_id in dag.task_ids if task_id.startswith("gate_")):
        before, after = (
            dag.get_task(gate).get_flat_relative_ids(upstream=True),
            dag.get_task(gate).get_flat_relative_ids(),
        )
        for task_id in before:
            assert dag.get_task(task_id).downstream_task_ids.isdisjoint(after)


def test_a_task_runs_only_when_everything_before_it_has_succeeded(dags: dict[str, DAG]) -> None:
    # A leaf that ran in spite of a closed gate would make the run a success.
    assert {task.trigger_rule for dag in dags.values() for task in dag.tasks} == {"all_success"}
    assert not any(task.is_setup or task.is_teardown for dag in dags.values() for task in dag.tasks)


def test_steps_and_gates_are_retried_by_our_policy(dags: dict[str, DAG]) -> None:
    for task in (task for dag in dags.values() for task in dag.tasks):
        assert task.retries == 2
        assert task.has_retry_policy


def test_nights_come_before_trainings_which_cannot_hold_every_worker(dags: dict[str, DAG]) -> None:
    turns = {
        kind: {
            (task.pool, task.priority_weight, str(task.weight_rule))
            for task in dags[f"sms_spam_{kind}"].tasks
        }
        for kind in KINDS
    }
    ((scoring, scoring_turn, rule),) = turns["scoring"]
    ((drift, drift_turn, _),) = turns["drift"]
    ((training, training_turn, _),) = turns["training"]
    assert scoring_turn > drift_turn > training_turn
    assert (scoring, drift, training) == ("default_pool", "default_pool", TRAINING_POOL)
    assert rule == "absolute"  # else the length of what is behind a task would count


def test_the_pool_of_trainings_is_made_by_the_setup() -> None:
    assert prepare.POOL[0] == TRAINING_POOL


def test_tune_is_one_task_a_family_of_the_runs_own_file(dags: dict[str, DAG]) -> None:
    tune: Any = dags["card_fraud_training"].get_task("tune")
    assert tune.expand_input.value["share"].operator.task_id == "snapshot"
    assert "share" in tune.partial_kwargs["map_index_template"]


def test_score_is_one_task_a_shard_of_what_its_gate_has_let_through(dags: dict[str, DAG]) -> None:
    score: Any = dags["card_fraud_scoring"].get_task("score")
    assert score.expand_input.value["share"].operator.task_id == "gate_features"


def test_every_dag_and_every_task_is_documented(dags: dict[str, DAG]) -> None:
    for dag in dags.values():
        assert dag.doc_md
        assert dag.description
        assert dag.description in dag.doc_md
        assert dag.dag_id.rsplit("_", 1)[1] in dag.tags
        assert all(task.doc_md for task in dag.tasks)


def test_parsing_loads_no_heavy_library() -> None:
    code = (
        "import sys; from airflow.dag_processing.dagbag import DagBag; bag = DagBag(dag_folder='dags');"
        f" assert len(bag.dags) == 12 and not bag.import_errors, bag.import_errors; print(*sorted({HEAVY!r} &"
        " set(sys.modules)))"
    )
    loaded = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert loaded.stdout.splitlines()[-1].split() == []


def test_a_broken_use_case_is_an_import_error_and_costs_no_other_use_case(folder: Path) -> None:
    (folder / "tiny.yaml").write_text(tiny.YAML)
    (folder / "broken.yaml").write_text(
        tiny.YAML.replace("name: tiny", "name: broken").replace("metric:", "metrik:")
    )
    found = bag()
    assert sorted(found.dags) == ["tiny_drift", "tiny_scoring", "tiny_training"]
    ((file, sentence),) = found.import_errors.items()
    assert file.endswith("use_case_files.py")
    assert "broken.yaml: 2 mistakes" in sentence
    assert "unknown key; did you mean 'metric'?" in sentence


def test_no_awkward_file_costs_another_use_case_a_dag_and_each_is_named(folder: Path) -> None:
    # Airflow keeps an import error in its database, which takes no text that is none.
    lay_out(folder, [*AWKWARD, *SOUND])
    found = bag()
    assert sorted(found.dags) == sorted(f"{name}_{kind}" for name in SOUND for kind in KINDS)
    ((file, sentence),) = found.import_errors.items()
    assert file.endswith("use_case_files.py")
    assert sentence.encode()
    assert all(told in sentence for _, told in AWKWARD.values())


def test_a_way_that_airflow_cannot_lay_costs_no_other_and_is_never_half_laid(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "tiny.yaml").write_text(tiny.YAML)
    (folder / "other.yaml").write_text(tiny.YAML.replace("name: tiny", "name: other"))

    def refused(**arguments: Any) -> object:
        if (arguments["use_case"], arguments["kind"], arguments["table"]) == ("other", "scoring", "features"):
            raise RuntimeError("Airflow has something against it")
        return GateOperator(**arguments)

    monkeypatch.setattr("sluice_airflow.dags.GateOperator", refused)
    found = bag()
    assert sorted(found.dags) == [
        "other_drift",
        "other_training",
        "tiny_drift",
        "tiny_scoring",
        "tiny_training",
    ]
    ((_, sentence),) = found.import_errors.items()
    assert "other.yaml: 1 mistake" in sentence
    assert (
        "Airflow can make no DAG for its scoring: it could not be judged, by RuntimeError: 'Airflow has"
        " something against it'" in sentence
    )


def test_a_source_whose_module_cannot_be_imported_costs_only_its_own_use_case(folder: Path) -> None:
    (folder / "lost.yaml").write_text(
        tiny.YAML.replace("name: tiny", "name: lost").replace("tests.helpers.tiny:", "no.such.module:")
    )
    (folder / "tiny.yaml").write_text(tiny.YAML)
    found = bag()
    assert found.import_errors == {}
    assert sorted(found.dags) == sorted(f"{name}_{kind}" for name in ("lost", "tiny") for kind in KINDS)


# --- schedules


def starters(dag: DAG) -> set[str]:
    """The assets that start a DAG."""
    return {key.name for key, _ in coerce_to_core_timetable(dag.timetable).asset_condition.iter_assets()}


def next_run(dag: DAG, now: datetime) -> tuple[datetime, datetime]:
    """When the scheduler starts the next run, and its logical date."""
    timetable = coerce_to_core_timetable(dag.timetable)
    info = timetable.next_dagrun_info(
        last_automated_data_interval=None, restriction=TimeRestriction(instance(now), None, catchup=True)
    )
    assert info is not None
    assert info.logical_date is not None
    return info.run_after, info.logical_date


@pytest.mark.parametrize(
    ("kind", "start", "partition"),
    [
        ("training", datetime(2026, 12, 1, 4, tzinfo=UTC), date(2026, 11, 30)),
        ("scoring", datetime(2026, 11, 20, 2, tzinfo=UTC), date(2026, 11, 19)),
        ("drift", datetime(2026, 11, 23, 5, tzinfo=UTC), date(2026, 11, 16)),
    ],
)
def test_a_scheduled_run_is_about_the_newest_partition_that_is_over(
    dags: dict[str, DAG], kind: Kind, start: datetime, partition: date
) -> None:
    run_after, logical_date = next_run(dags[f"card_fraud_{kind}"], DAY)
    assert run_after == start
    assert logical_date.date() == partition


def test_a_use_case_without_schedules_is_run_by_hand(dags: dict[str, DAG]) -> None:
    assert {dags[f"sms_spam_{kind}"].schedule for kind in KINDS} == {None}


def test_drift_starts_a_training_of_its_own_use_case_only(dags: dict[str, DAG]) -> None:
    assert starters(dags["card_fraud_training"]) == {"card_fraud_drift_found"}


def test_a_use_case_with_nights_only_is_retrained_when_drift_is_found(folder: Path) -> None:
    (folder / "tiny.yaml").write_text(tiny.YAML + 'schedule: {scoring: "0 2 * * *"}\n')
    assert starters(bag().dags["tiny_training"]) == {"tiny_drift_found"}


def test_no_dag_sets_off_itself_by_way_of_others(dags: dict[str, DAG]) -> None:
    # Only trainings are started by an asset, and what a training announces starts nothing.
    started = [dag for dag in dags.values() if starters(dag)]
    assert all(dag.dag_id.endswith("_training") for dag in started)
    announced = {outlet.name for dag in started for task in dag.tasks for outlet in task.outlets}
    assert announced.isdisjoint({name for dag in started for name in starters(dag)})


# --- params


@pytest.mark.parametrize(
    ("dag_id", "param", "value"),
    [
        ("card_fraud_scoring", "partition", "yesterday"),
        ("card_fraud_scoring", "partition", 20260302),
        ("card_fraud_scoring", "model_version", "latest"),
        ("card_fraud_training", "partition", "2026-02-30"),
    ],
)
def test_a_params_value_of_the_wrong_form_is_refused_before_anything_runs(
    dags: dict[str, DAG], dag_id: str, param: str, value: object
) -> None:
    with pytest.raises(ParamValidationError):
        deepcopy(dags[dag_id].params)[param] = value


def test_empty_params_are_allowed(dags: dict[str, DAG]) -> None:
    assert dags["card_fraud_scoring"].params.validate() == {
        "partition": None,
        "champion": "then",
        "model_version": None,
    }
