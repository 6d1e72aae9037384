"""Tables in a bucket: what holds of them on a disk holds there, to the byte."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines import runner
from pipelines.commands.reproduce import reproduce
from pipelines.commands.trace import trace
from pipelines.core.errors import TableCorrupt, TableMissing
from pipelines.registry import dvc_root, registry, snapshot, versions
from pipelines.registry.history import History
from pipelines.storage import manifest, parts, places, spill
from pipelines.storage.backends.bucket_path import BucketPath
from pipelines.storage.backends.protocol import Tag
from pipelines.storage.backends.s3 import S3
from pipelines.storage.notes import RUNS
from pipelines.storage.parts import Part
from pipelines.storage.settings import Settings
from pipelines.storage.store import Store, Version
from tests.helpers import s3
from tests.helpers import two_champions as world

NIGHT = date(2026, 2, 1)
ROWS = pa.table({"id": ["a", "b", "c"], "n": [1, 2, 3]})


@pytest.fixture
def store(bucket: BucketPath) -> Store:
    """The store of a night."""
    return Store(bucket, "tiny", "scoring", NIGHT, Version(use_case="f00", code="c0de"))


def again(store: Store) -> Store:
    """As another task opens it, on another machine."""
    return Store(store.root, store.use_case, store.kind, store.partition, store.version)


def test_a_table_is_read_by_another_task_and_is_the_same_to_the_byte_as_on_a_disk(
    store: Store, tmp_path: Path
) -> None:
    on_disk = Store(tmp_path, "tiny", "scoring", NIGHT, store.version)
    assert store.write("raw", ROWS) == on_disk.write("raw", ROWS)
    assert again(store).read("raw").fetchall() == [("a", 1), ("b", 2), ("c", 3)]
    assert store.has("raw")
    assert not store.has("clean")
    everything = {
        path.relative_to(tmp_path).as_posix(): path.read_bytes()
        for path in tmp_path.rglob("*")
        if path.suffix in (".parquet", ".json")
    }
    assert s3.files(store.root) == everything  # type: ignore[arg-type]


def test_a_table_is_split_by_its_footers_and_a_shard_is_streamed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "ROW_GROUP", 10)
    monkeypatch.setattr(parts, "GROUPS", 2)
    assert len(store.write("raw", pa.table({"n": range(55)})).parts) == 3
    brought: list[str] = []
    download = S3.download

    def seen(self: S3, path: Path) -> None:
        brought.append(self.path.name)
        download(self, path)

    monkeypatch.setattr(S3, "download", seen)
    shards = again(store).shards("raw", 20)
    assert brought == []
    assert [shard.rows for shard in shards] == [20, 20, 15]
    assert again(store).stream("raw", shards[1]).read_all().column("n").to_pylist() == list(range(20, 40))
    assert len(brought) == 1


def test_pieces_are_joined_and_a_night_keeps_its_revisions(store: Store) -> None:
    for piece, rows in (("0001-of-0002", ROWS.slice(0, 1)), ("0002-of-0002", ROWS.slice(1))):
        store.write("predictions", rows, piece=piece)
    joined = store.join("predictions", ["0001-of-0002", "0002-of-0002"])
    assert again(store).read("predictions").fetchall() == [("a", 1), ("b", 2), ("c", 3)]
    corrected = again(store).write("predictions", ROWS.slice(0, 2))
    assert again(store).write("predictions", ROWS.slice(0, 2)) == corrected
    assert again(store).revisions("predictions") == [joined, corrected]
    assert again(store).read("predictions", revision=1).count("*").fetchall() == [(3,)]


@pytest.mark.parametrize(
    ("damage", "words"), [("change", "is not the file that was published"), ("remove", "is gone")]
)
def test_a_part_that_is_not_what_was_published_is_named(store: Store, damage: str, words: str) -> None:
    rows = pa.table({"of": [damage]})  # that this process has not brought before
    part = store.folder / "raw" / store.write("raw", rows).parts[0].file
    assert isinstance(part, BucketPath)
    (there := S3(part)).publish(there.read()[:-1] + b"!") if damage == "change" else S3(part).unlink()
    with pytest.raises(TableCorrupt, match=f"{part.name} {words}"):
        again(store).read("raw")


def test_tables_that_belong_together_appear_together_or_not_at_all(store: Store) -> None:
    def fail_between() -> None:
        with store.together() as aside:
            aside.write("quarantine", ROWS)
            raise KeyError

    with pytest.raises(KeyError):
        fail_between()
    assert s3.files(store.root) == {}  # type: ignore[arg-type]
    with store.together() as aside:
        aside.write("quarantine", ROWS.slice(0, 0))
        aside.write("clean", ROWS)
    assert again(store).read("clean").count("*").fetchall() == [(3,)]
    assert again(store).read("quarantine").columns == ["id", "n"]


def test_what_lies_beside_is_adopted_and_discarded(store: Store) -> None:
    aside = store.beside("replay")
    aside.write("raw", ROWS)
    aside.write_file("judged_good.json", b"{}")
    assert not store.has("raw")
    store.adopt("raw", aside)
    aside.discard()
    assert again(store).read("raw").count("*").fetchall() == [(3,)]
    with pytest.raises(TableMissing):
        again(store).beside("replay").read_file("judged_good.json")


def test_files_notes_and_partitions_are_found_again(store: Store) -> None:
    store.write_file("reports/gate_raw.html", b"<p>")
    for task in ("ingest", "gate_raw"):
        store.note({"task": task})
    other = again(store)
    assert other.read_file("reports/gate_raw.html") == b"<p>"
    assert [note["task"] for note in other.notes()] == ["ingest", "gate_raw"]
    assert other.at("training", NIGHT).notes() == []
    assert other.partitions("scoring") == [NIGHT]
    assert other.partitions("drift") == []


def test_two_that_publish_at_once_end_as_one(store: Store) -> None:
    with ThreadPoolExecutor(4) as writers:
        list(writers.map(lambda n: again(store).write("raw", ROWS.slice(0, 1 + n % 2)), range(12)))
    found = again(store).revisions("raw")
    assert again(store).read("raw").count("*").fetchall()[0][0] in (1, 2)
    # Each revision but the newest was replaced by another one: no write is lost, and none is kept twice in a
    # row.
    assert all(one.parts != other.parts for one, other in pairwise(found))


def test_parts_that_nothing_names_go_when_nobody_can_read_them_any_more(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = store.at("training", NIGHT)
    first, second = training.write("features", ROWS.slice(0, 1)), training.write("features", ROWS.slice(0, 2))
    folder = training.folder / "features"

    def parts_there() -> set[str]:
        return {path.name for path in places.at(folder).glob("part-*")}

    def later(self: S3) -> tuple[bytes, Tag]:
        content, tag = read(self)
        return content, replace(tag, modified=tag.modified - timedelta(days=2))

    def two_days_ago(moment: datetime) -> datetime:
        return moment - timedelta(days=2)

    read, files = S3.tagged, S3.files
    with (
        monkeypatch.context() as old_parts
    ):  # who has read the manifest that was replaced just now is still reading
        old_parts.setattr(
            S3, "files", lambda self: ((path, two_days_ago(written)) for path, written in files(self))
        )
        training.write("features", ROWS)
    assert len(parts_there()) == 3
    monkeypatch.setattr(S3, "tagged", later)
    training.write("features", ROWS)  # the parts are young: somebody may be about to name them
    assert len(parts_there()) == 3
    monkeypatch.setattr(
        S3, "files", lambda self: ((path, two_days_ago(written)) for path, written in files(self))
    )
    training.write("features", ROWS)
    assert parts_there() == {training.manifest("features").parts[0].file}
    assert not {*map(_file, first.parts), *map(_file, second.parts)} & parts_there()
    assert manifest.revisions(folder) == [training.manifest("features")]


def _file(part: Part) -> str:
    return part.file


# --- the whole way


@pytest.fixture
def lived(
    two_champions: Settings, bucket: BucketPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """The use case of the two champions, whose data lie in a bucket, after its first training."""
    monkeypatch.setattr("pipelines.storage.backends.s3_client.TRIES", 2)
    shutil.copytree(two_champions.use_cases, tmp_path / "use_cases")
    (tmp_path / "var").mkdir()
    own = Settings(
        data=bucket,
        use_cases=tmp_path / "use_cases",
        var=tmp_path / "var",
        mlflow=f"sqlite:///{tmp_path}/var/mlflow.db",
        mirror=None,
    )
    runner.run_all(world.way_of(own, "training", world.FIRST_TRAINING))
    return own


def tables(files: dict[str, bytes]) -> dict[str, bytes]:
    """Tables, evidence and graphs.

    Reports show moments, notes are about runs, and DVC's remote is its own business.
    """
    return {
        name: content
        for name, content in files.items()
        if name.endswith((".parquet", "manifest.json", ".onnx", "snapshot.json"))
    }


def test_a_training_a_night_and_what_is_asked_of_them_are_the_same_in_a_bucket(
    lived: Settings, two_champions: Settings, bucket: BucketPath
) -> None:
    runner.run_all(world.way_of(lived, "scoring", NIGHT))
    found = tables(s3.files(bucket))
    on_disk = two_champions.disk
    assert [name for name in found if name.endswith("predictions/manifest.json")] == [
        "tiny/scoring/2026-02-01/predictions/manifest.json"
    ]
    for name, content in found.items():
        if name.startswith(f"tiny/training/{world.FIRST_TRAINING}/"):
            assert content == (on_disk / name).read_bytes(), name
    assert History.of(lived, "tiny").champion == "1"
    assert registry.champion(world.way_of(lived, "scoring", NIGHT)).version == "1"
    # DVC: the training's data come back from the bucket alone, into any folder.
    (version,) = versions.every(lived, "tiny")
    back = snapshot.restore(lived, "tiny", str(world.FIRST_TRAINING), lived.var / "back")
    assert sorted(path.name for path in back.iterdir()) == sorted(
        part.file
        for part in world.way_of(lived, "training", world.FIRST_TRAINING).store.manifest("features").parts
    )
    assert any(name.startswith(dvc_root.REMOTE) for name in s3.files(bucket))
    assert version.path == f"tiny/training/{world.FIRST_TRAINING}/features"
    told = str(trace(world.way_of(lived, "scoring", NIGHT), "20260201-07"))
    assert "version 1 promoted" in told
    assert any("same" in line for line in reproduce(lived, "tiny", "1"))
    assert not list(spill.folder().glob("dvc-*"))
    assert RUNS in {path.name for path, _ in S3(bucket).files()}
