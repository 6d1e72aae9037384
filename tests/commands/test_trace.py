"""From a prediction back to what made it, also when the night has run again since.

And no personal value on the way.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from pipelines import flow, runner
from pipelines.__main__ import main
from pipelines.commands.read import read
from pipelines.commands.trace import trace
from pipelines.core.errors import BadInput, TableMissing
from pipelines.registry import snapshot
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from tests.helpers import tiny
from tests.helpers import two_champions as world

NIGHT = date(2026, 2, 2)
KEY = "20260202-07"


@pytest.fixture(scope="module")
def scored(two_champions: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The night, scored by version 1 in a run that Airflow has named."""
    place = tmp_path_factory.mktemp("scored")
    shutil.copytree(two_champions.disk, place / "data")
    own = replace(two_champions, data=place / "data")
    runner.run_all(replace(world.way_of(own, "scoring", NIGHT), orchestrator="scheduled__2026-02-03"))
    return own


@pytest.fixture
def own(scored: Settings, tmp_path: Path) -> Settings:
    shutil.copytree(scored.disk, tmp_path / "data")
    shutil.copytree(scored.use_cases, tmp_path / "use_cases")
    return replace(scored, data=tmp_path / "data", use_cases=tmp_path / "use_cases")


def night(settings: Settings) -> Run:
    return world.way_of(settings, "scoring", NIGHT)


def told(settings: Settings, key: str = KEY) -> str:
    return str(trace(night(settings), key))


def test_a_prediction_is_traced_to_its_rows_gates_runs_model_data_and_commit(scored: Settings) -> None:
    found = told(scored)
    ((score, amount),) = (
        night(scored).store.read("predictions").filter(f"id = '{KEY}'").project("score").fetchall()[0]
        + night(scored).store.read("raw").filter(f"id = '{KEY}'").project("amount").fetchall()[0],
    )
    for table in ("predictions", "features", "clean", "raw"):
        assert f"{table}: revision 1 of 1" in found
        assert f"gate_{table} open" in found
    assert f"score: {score}" in found
    assert f"amount: {amount}" in found
    assert "scheduled__2026-02-03" in found
    assert "model: version 1 (linear)" in found
    assert "version 1 promoted" in found
    training = world.way_of(scored, "training", world.FIRST_TRAINING)
    lineage = snapshot.lineage(training)
    for name in ("data_version", "use_case_sha256", "code", "lock"):
        assert lineage[name] in found
    assert f"data {lineage['data_version']} (kept in DVC)" in found


def test_what_is_read_of_the_night_is_what_was_published(scored: Settings) -> None:
    found = read(scored, "tiny", "predictions", NIGHT.isoformat(), NIGHT.isoformat())
    rows = found.relation(duckdb.connect()).fetchall()
    assert rows == night(scored).store.read("predictions").fetchall()
    assert found.told() == f"tiny scoring {NIGHT}: predictions of 1 night, {len(rows)} rows"
    for table in ("raw", "clean", "past", "days", "features", "quarantine"):
        assert read(scored, "tiny", table, NIGHT.isoformat(), NIGHT.isoformat()).told().count("\n") == 0
    for table in ("trials", "scores", "parity"):
        day = world.FIRST_TRAINING.isoformat()
        assert read(scored, "tiny", table, day, day).rows > 0


def test_a_night_that_has_run_again_is_followed_in_the_revision_that_the_prediction_came_from(
    own: Settings,
) -> None:
    # Redelivered, and run again up to its features only: the prediction is still that of the first delivery.
    world.delivered[NIGHT] = pa.Table.from_pylist(
        [row | {"amount": row["amount"] + 1} for row in tiny.payments(NIGHT).to_pylist()],
        schema=tiny.payments(NIGHT).schema,
    )
    try:
        for step in ("ingest", "cleanse", "features"):
            flow.STEPS[step](night(own).task())
    finally:
        world.delivered.clear()
    found = told(own)
    assert "raw: revision 1 of 2, not the newest" in found
    assert "gate_raw has judged" not in found  # its evidence is about this very revision
    ((amount,),) = (
        night(own).store.read("raw", revision=1).filter(f"id = '{KEY}'").project("amount").fetchall()
    )
    assert f"\n  amount: {amount}\n" in found


def test_personal_values_are_not_shown(own: Settings) -> None:
    path = own.use_cases / "tiny.yaml"
    path.write_text(
        path.read_text().replace(
            "customer: {type: string, required: true}", "customer: {type: string, required: true, pii: true}"
        )
    )
    found = told(own)
    assert "customer: •••" in found
    # a word of its own: the hashes of an honest page hold these two characters, too
    assert not re.search(r"\bc7\b", found)


def test_damaged_evidence_is_told_and_the_way_goes_on(own: Settings) -> None:
    path = night(own).store.disk / "gates" / "features.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"findings": 7}))
    assert "gate_features has left evidence that is damaged" in told(own)


def test_a_row_in_quarantine_is_told_with_its_reasons(own: Settings) -> None:
    rows = tiny.payments(NIGHT).to_pylist()
    rows[7]["amount"] = -5.0
    world.delivered[NIGHT] = pa.Table.from_pylist(rows, schema=tiny.payments(NIGHT).schema)
    try:
        runner.run_all(night(own))
    finally:
        world.delivered.clear()
    with pytest.raises(BadInput, match="it is in quarantine, for amount"):
        told(own)


@pytest.mark.parametrize("key", ["nobody", "' OR 1=1 --", ""])
def test_a_row_that_is_nowhere_is_told(scored: Settings, key: str) -> None:
    with pytest.raises(BadInput, match=r"no prediction for the row .* and none in quarantine"):
        told(scored, key)


def test_the_command_line_answers_in_json_too(
    scored: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pipelines.storage.settings.Settings.from_env", lambda: scored)
    assert main(["trace", "tiny", KEY, str(NIGHT), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [table["table"] for table in found["tables"]] == ["predictions", "features", "clean", "raw"]
    assert found["tables"][0]["row"]["id"] == repr(KEY)
    assert (found["model"]["version"], found["model"]["kept"]) == ("1", True)
    assert found["model"]["decisions"][0]["decision"] == "promoted"
    assert "scheduled__2026-02-03" in {task["run"] for task in found["tasks"]}
    assert main(["trace", "tiny", "-5", str(NIGHT)]) == 1  # a key may be a number below zero
    assert "no prediction for the row '-5'" in capsys.readouterr().err


def test_a_night_that_was_not_scored_has_no_traces(scored: Settings) -> None:
    with pytest.raises(TableMissing, match="predictions"):
        trace(world.way_of(scored, "scoring", date(2026, 2, 20)), KEY)
