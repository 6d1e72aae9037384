"""Versions of training data: kept, listed, and brought back."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from pipelines.core.errors import BadInput, TableMissing
from pipelines.registry import snapshot, versions
from pipelines.run.run import Run
from pipelines.storage.settings import ROOT, Settings
from pipelines.storage.store import Version
from tests.helpers import tiny

DAY = date(2026, 1, 31)


@pytest.fixture
def run(open_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    return open_run("training", DAY)


def write(run: Run, labels: list[int]) -> None:
    run.store.write("features", pa.table({"id": list(range(len(labels))), "bad": labels}))


def classes(folder: Path) -> list[tuple[int, int]]:
    return (
        duckdb.connect()
        .sql(f"SELECT bad, count(*) FROM '{folder}/*.parquet' GROUP BY bad ORDER BY bad")
        .fetchall()
    )


def test_an_earlier_version_comes_back_with_its_class_counts(
    run: Run, settings: Settings, tmp_path: Path
) -> None:
    write(run, [0, 0, 0, 1])
    first = snapshot.publish(run)
    write(run, [0, 1, 1])
    second = snapshot.publish(run)

    assert classes(snapshot.restore(settings, tiny.NAME, first.md5, tmp_path / "first")) == [(0, 3), (1, 1)]
    assert classes(snapshot.restore(settings, tiny.NAME, str(DAY), tmp_path / "now")) == [(0, 1), (1, 2)]
    assert run.store.read("features").aggregate("bad, count(*)").order("bad").fetchall() == [(0, 1), (1, 2)]
    assert versions.every(settings, tiny.NAME) == [first, second]
    assert versions.of(run.store) == second
    assert not list(settings.disk.glob(".restore-*"))


def test_the_same_features_are_the_same_version(run: Run, settings: Settings) -> None:
    write(run, [0, 1])
    first = snapshot.publish(run)
    write(run, [0, 1])
    assert snapshot.publish(run) == first
    assert versions.every(settings, tiny.NAME) == [first]


def test_the_same_rows_made_by_other_code_are_the_same_version(run: Run) -> None:
    write(run, [0, 1])
    first = snapshot.publish(run)
    version = Version(use_case=run.loaded.sha256, code="another commit")
    run = replace(run, store=replace(run.store, version=version))
    write(run, [0, 1])
    assert run.store.manifest("features").code == "another commit"
    assert snapshot.publish(run) == first


def test_a_version_comes_from_the_remote_when_the_cache_is_gone(
    run: Run, settings: Settings, tmp_path: Path
) -> None:
    write(run, [0, 1])
    version = snapshot.publish(run)
    shutil.rmtree(settings.disk / ".dvc" / "cache")
    assert classes(
        snapshot.restore(settings, tiny.NAME, version.md5.removesuffix(".dir"), tmp_path / "back")
    ) == [(0, 1), (1, 1)]


def test_a_damaged_cache_is_not_what_comes_back(run: Run, settings: Settings, tmp_path: Path) -> None:
    write(run, [0, 1])
    version = snapshot.publish(run)
    for file in (settings.disk / ".dvc" / "cache").rglob("*"):
        if file.is_file() and file.suffix != ".dir":
            file.chmod(0o644)
            file.write_bytes(b"damaged")
    assert classes(snapshot.restore(settings, tiny.NAME, version.md5, tmp_path / "back")) == [(0, 1), (1, 1)]


def test_a_version_that_is_nowhere_is_a_sentence(run: Run, settings: Settings, tmp_path: Path) -> None:
    write(run, [0, 1])
    version = snapshot.publish(run)
    with pytest.raises(BadInput, match=rf"no version '2026-01-01'; there are\n  - 2026-01-31  {version.md5}"):
        snapshot.restore(settings, tiny.NAME, "2026-01-01", tmp_path / "back")
    with pytest.raises(BadInput, match="neither in DVC's cache nor at its remote"):
        snapshot.restore(settings, tiny.NAME, "0" * 32, tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_nothing_is_overwritten(run: Run, settings: Settings, tmp_path: Path) -> None:
    write(run, [0, 1])
    snapshot.publish(run)
    with pytest.raises(BadInput, match="exists already"):
        snapshot.restore(settings, tiny.NAME, str(DAY), tmp_path)


def test_without_features_there_is_nothing_to_keep(run: Run) -> None:
    with pytest.raises(TableMissing, match="no table 'features'"):
        snapshot.publish(run)


def test_git_does_not_see_what_dvc_keeps_in_an_ignored_folder(run: Run, settings: Settings) -> None:
    settings.disk.mkdir()
    shutil.copy(ROOT / "data" / ".gitignore", settings.disk)
    for command in (
        ["init", "-q"],
        ["add", "data"],
        ["-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "t"],
    ):
        subprocess.run(["git", *command], cwd=settings.disk.parent, check=True)
    write(run, [0, 1])
    snapshot.publish(run)
    status = subprocess.run(
        ["git", "status", "--short", "data"],
        cwd=settings.disk.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert status.stdout == ""
