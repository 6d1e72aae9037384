"""What is kept as JSON and was damaged: a sentence that names the file, and nothing is opened, promoted or
decided by it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from pipelines.commands import champions
from pipelines.core.errors import GateClosed, NoChampion, TableCorrupt
from pipelines.evaluation import verdict
from pipelines.gates.earlier import partitions
from pipelines.registry import approval, registry, snapshot, versions
from pipelines.registry.history import History
from pipelines.run import clearance
from pipelines.run.run import Run
from pipelines.storage.manifest import MANIFEST
from pipelines.storage.settings import Settings
from tests.helpers import fitted, judged, tiny
from tests.registry.test_history import FIRST

DAY = date(2026, 1, 31)


def _first(content: bytes) -> dict[str, Any]:
    """The first object of a file: of indented JSON, or of a line each."""
    found: dict[str, Any] = json.JSONDecoder().raw_decode(content.decode())[0]
    return found


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda whole: whole[: len(whole) // 2],
    "empty": lambda whole: b"",
    "no JSON": lambda whole: b"\x00\x01 not JSON",
    "a list": lambda whole: b"[]",
    "a number": lambda whole: b"7",
    "an empty object": lambda whole: b"{}",
    "other values": lambda whole: json.dumps(dict.fromkeys(_first(whole), "no")).encode(),
    "not UTF-8": lambda whole: whole.replace(b'"', b'"\xff', 1),
    "nested": lambda whole: b"[" * 100_000,
}
damaged = pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)


@pytest.fixture
def run(open_run: Callable[..., Run]) -> Run:
    return open_run("training", DAY)


def one_line(whole: bytes) -> bytes:
    """Files are written over several lines; a damage is the same on one."""
    return json.dumps(json.loads(whole)).encode()


def told(error: pytest.ExceptionInfo[Any], file: str) -> None:
    assert file in str(error.value)
    assert "is damaged" in str(error.value)
    assert "way out: " in str(error.value)
    assert len(str(error.value).splitlines()) <= 10


@damaged
def test_a_manifest_and_the_step_that_writes_it_mends_it(run: Run, damage: Callable[[bytes], bytes]) -> None:
    rows = pa.table({"id": [1, 2]})
    written = run.store.write("features", rows)
    path = run.store.disk / "features" / MANIFEST
    path.write_bytes(damage(one_line(path.read_bytes())))
    with pytest.raises(TableCorrupt) as error:
        run.task().store.read("features")
    told(error, str(path))
    run.task().store.write("features", rows)
    assert run.store.manifest("features").parts == written.parts


@damaged
def test_a_revision_of_a_night_and_the_next_one_is_published_all_the_same(
    open_run: Callable[..., Run], damage: Callable[[bytes], bytes]
) -> None:
    store = open_run("scoring", DAY).store
    for ids in ([1], [1, 2]):
        store.write("predictions", pa.table({"id": ids}))
    path = store.disk / "predictions" / "revisions" / "0001.json"
    path.write_bytes(damage(one_line(path.read_bytes())))
    with pytest.raises(TableCorrupt) as error:
        store.revisions("predictions")
    told(error, str(path))
    store.write("predictions", pa.table({"id": [1, 2, 3]}))
    assert store.manifest("predictions").rows == 3


@damaged
def test_evidence_of_a_gate_opens_nothing(run: Run, damage: Callable[[bytes], bytes]) -> None:
    run.store.write("raw", pa.table({"id": [1]}))
    judged.clearance(run.store, "raw")
    assert clearance.is_cleared(run.store, run.use_case, "raw")
    run.store.write_file("gates/raw.json", damage(run.store.read_file("gates/raw.json")))
    assert not clearance.is_cleared(run.store, run.use_case, "raw")
    with pytest.raises(GateClosed, match="gate_raw of tiny training 2026-01-31"):
        clearance.require(run, "cleanse")


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"7", b"\xff"])
def test_what_a_nights_gate_has_said_of_its_rows_is_a_sentence_where_it_is_damaged(
    run: Run, content: bytes
) -> None:
    run.store.write("clean", pa.table({"id": [1]}))
    run.store.write_file("gates/clean.json", content)
    with pytest.raises(TableCorrupt) as error:
        partitions.stopped_by(run.store)
    told(error, "gates/clean.json")


def test_why_evidence_opens_nothing_is_told(run: Run) -> None:
    run.store.write("raw", pa.table({"id": [1]}))
    run.store.write_file("gates/raw.json", b"[]")
    with pytest.raises(GateClosed, match=r"gates/raw\.json is damaged: it holds \[\]"):
        clearance.require(run, "cleanse")


@damaged
def test_a_verdict_promotes_nothing(damage: Callable[[bytes], bytes]) -> None:
    whole = one_line(fitted.verdict().as_json())
    with pytest.raises(TableCorrupt) as error:
        verdict.read(damage(whole))
    told(error, "verdict.json")


def test_a_verdict_whose_rules_hold_no_is_none(run: Run) -> None:
    found = json.loads(fitted.verdict().as_json())
    found["rules"] = [{"name": "baseline", "holds": "no", "sentence": "worse"}]
    with pytest.raises(TableCorrupt, match=r"rules\.0\.holds"):
        verdict.read(json.dumps(found).encode())


@damaged
def test_an_answer_approves_of_nothing(
    run: Run, settings: Settings, damage: Callable[[bytes], bytes]
) -> None:
    (settings.use_cases / "tiny.yaml").write_text(
        tiny.YAML.replace("slice_rows: 20", "slice_rows: 20, approval: 3d")
    )
    asking = Run.open(tiny.NAME, "training", DAY, settings)
    asking.store.write_file("verdict.json", fitted.verdict().as_json())
    asking.store.write_file("models/xgboost.onnx", b"a graph")
    approval.give(asking, "approved", "anna", "fine")
    path = asking.store.disk / approval.FILE
    path.write_bytes(damage(one_line(path.read_bytes())))
    with pytest.raises(TableCorrupt) as error:
        approval.rule(asking, b"a graph")
    told(error, str(path))
    approval.give(asking, "approved", "anna", "fine")
    assert approval.rule(asking, b"a graph")[0].holds


@damaged
def test_a_version_of_data(run: Run, settings: Settings, damage: Callable[[bytes], bytes]) -> None:
    run.store.write("features", pa.table({"id": [1]}))
    version = snapshot.publish(run)
    path = run.store.disk / versions.FILE
    path.write_bytes(damage(one_line(path.read_bytes())))
    with pytest.raises(TableCorrupt) as error:
        versions.of(run.store)
    told(error, str(path))
    assert snapshot.publish(run) == version


@damaged
def test_a_history_decides_nothing(
    run: Run, settings: Settings, mlflow_uri: str, damage: Callable[[bytes], bytes]
) -> None:
    history = History.of(settings, tiny.NAME)
    history.append(FIRST)
    path = settings.disk / tiny.NAME / "promotions.jsonl"
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    with pytest.raises(TableCorrupt) as error:
        history.read()
    told(error, str(path))
    before = path.read_bytes()
    for decide in (lambda: registry.champion(run), lambda: champions.retire(settings, tiny.NAME, "why not")):
        with pytest.raises(TableCorrupt, match="is damaged"):
            decide()
    assert path.read_bytes() == before


def test_only_where_there_is_no_history_there_is_no_champion_yet(
    run: Run, settings: Settings, mlflow_uri: str
) -> None:
    with pytest.raises(NoChampion):
        registry.champion(run)


def test_a_history_without_its_last_newline_goes_on_in_a_new_line(settings: Settings) -> None:
    history = History.of(settings, tiny.NAME)
    history.append(FIRST)
    path = settings.disk / tiny.NAME / "promotions.jsonl"
    path.write_bytes(path.read_bytes().rstrip())
    history.append(replace(FIRST, version="4", previous="3"))
    assert [line.version for line in history.read()] == ["3", "4"]


@pytest.mark.parametrize(
    ("field", "value"), [("time", "yesterday"), ("partition", "2026-13-01"), ("decision", "crowned")]
)
def test_a_decision_that_cannot_be_is_damaged(settings: Settings, field: str, value: str) -> None:
    history = History.of(settings, tiny.NAME)
    history.append(FIRST)
    path = settings.disk / tiny.NAME / "promotions.jsonl"
    path.write_text(json.dumps(asdict(FIRST) | {field: value}) + "\n")
    with pytest.raises(TableCorrupt, match="line 1, is damaged"):
        history.read()


def test_notes_of_killed_tasks_are_left_out_and_spoil_no_other(run: Run) -> None:
    run.store.note({"task": "ingest", "run": "one", "summary": "raw"})
    path = run.store.disk / ".runs.jsonl"
    path.write_bytes(path.read_bytes() + b'{"task": "cleanse", "ru')
    run.store.note({"task": "features", "run": "two", "summary": "features"})
    path.write_bytes(path.read_bytes() + b"[]\n\xff\n{}\n")
    assert [note["task"] for note in run.store.notes()] == ["ingest", "features", "?"]
