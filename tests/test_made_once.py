"""What is made once: DVC's repository, MLflow's database, secrets.

Half made, it is mended; whole, it is left alone; and it is its user's alone.
"""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from alembic import command
from mlflow.store.db.utils import InitialBase
from sqlalchemy import create_engine

from pipelines.core.errors import TableCorrupt, TryAgain
from pipelines.registry import mlflow_database, snapshot, tracking
from pipelines.run.run import Run
from pipelines.storage import sqlite
from pipelines.storage.settings import ROOT, Settings
from scripts import prepare
from tests.helpers import tiny

DAY = date(2026, 1, 31)
OLDER = "451aebb31d03"  # the first migration of MLflow's


@pytest.fixture
def run(open_run: Callable[..., Run]) -> Run:
    run = open_run("training", DAY)
    run.store.write("features", pa.table({"id": [1, 2]}))
    return run


# --- DVC


def config_of(settings: Settings) -> Path:
    return settings.disk / ".dvc" / "config"


@pytest.mark.parametrize(
    "half", ["no config", "an empty config", "no remote", "DVC's own .dvcignore", "an empty .dvcignore"]
)
def test_half_a_dvc_repository_is_mended(run: Run, settings: Settings, half: str) -> None:
    version = snapshot.publish(run)
    config, ignore = config_of(settings), settings.disk / ".dvcignore"
    whole = config.read_bytes(), ignore.read_bytes()
    if half == "no config":
        config.unlink()
    elif half == "an empty config":
        config.write_bytes(b"")
    elif half == "no remote":
        config.write_bytes(b"[core]\n    no_scm = True\n")
    elif half == "DVC's own .dvcignore":
        ignore.write_bytes(b"# Add patterns of files dvc should ignore\n")
    else:
        ignore.write_bytes(b"")
    assert snapshot.publish(run) == version
    assert b"remote = local" in config.read_bytes()
    assert set(whole[1].splitlines()) <= set(ignore.read_bytes().splitlines())


def test_a_configuration_that_somebody_has_made_stays_to_the_byte(
    run: Run, settings: Settings, tmp_path: Path
) -> None:
    snapshot.publish(run)
    own = (
        "# ours\n[core]\n    no_scm = true\n    analytics = false\n    check_update = false\n    autostage ="
        f" false\n    remote = nas\n['remote \"nas\"']\n    url = {tmp_path}/nas\n"
    )
    config_of(settings).write_text(own)
    snapshot.publish(run)
    assert config_of(settings).read_text() == own
    assert list((tmp_path / "nas").rglob("*.dir"))


def test_a_damaged_configuration_of_dvc_is_a_sentence(run: Run, settings: Settings) -> None:
    snapshot.publish(run)
    for damage in (b"[core\n", b"\xff\xfe", b"core = 1\n"):
        config_of(settings).write_bytes(damage)
        with pytest.raises(
            TableCorrupt, match=r"\.dvc/config: DVC's configuration cannot be read.*\n.*way out"
        ):
            snapshot.publish(run)


@pytest.mark.parametrize(
    "lock", [b"", b"{", b'{"write": {"x": {"pid": 1, "cmd": "python -m airflow"}}, "read": {}}']
)
def test_who_was_killed_with_dvcs_own_lock_in_hand_holds_nobody_up(
    run: Run, settings: Settings, lock: bytes
) -> None:
    version = snapshot.publish(run)
    (settings.disk / ".dvc" / "tmp" / "rwlock").write_bytes(
        lock.replace(b'"x"', json.dumps(f"{run.store.disk}/features").encode())
    )
    assert snapshot.publish(run) == version


# --- MLflow


@pytest.fixture
def old(settings: Settings) -> Path:
    """A database that an earlier version of MLflow has made."""
    path = settings.var / "mlflow.db"
    engine = create_engine(sqlite.url(path))
    InitialBase.metadata.create_all(engine)
    with engine.begin() as connection:
        config = mlflow_database._alembic_config(sqlite.url(path))
        config.attributes["connection"] = connection
        command.upgrade(config, OLDER)
    engine.dispose()
    return path


def insert_run(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute(
            "INSERT INTO experiments (experiment_id, name, lifecycle_stage) VALUES (7, 'tiny', 'active')"
        )
        database.execute(
            "INSERT INTO runs (run_uuid, name, experiment_id, lifecycle_stage, status, source_type, user_id, start_time, end_time) VALUES (?, 'a', 7, 'active', 'FINISHED', 'LOCAL', 'me', 1, 2)",
            ("0" * 32,),
        )


def test_a_database_that_was_half_migrated_is_made_anew(old: Path, settings: Settings) -> None:
    tracking.connect(settings)
    assert sqlite.revision(old) == mlflow_database._newest()


def test_a_database_with_runs_is_brought_up_to_date_by_the_setup_alone(old: Path, settings: Settings) -> None:
    insert_run(old)
    before = old.read_bytes()
    with pytest.raises(
        mlflow_database.OldDatabase,
        match=r"made by another version of MLflow.*\n.*way out: .*scripts/setup\.sh",
    ):
        tracking.connect(settings)
    assert old.read_bytes() == before
    tracking.upgrade(settings)
    assert tracking.connect(settings).get_run("0" * 32).info.experiment_id == "7"


def test_a_migration_that_fails_leaves_the_database_as_it_was(old: Path) -> None:
    insert_run(old)
    before = old.read_bytes()

    def failing(address: str) -> None:
        path = sqlite.path_of(address)
        assert path is not None
        with sqlite3.connect(path) as database:
            database.execute("DROP TABLE runs")
        raise TryAgain("the disk is full")

    with pytest.raises(TryAgain):
        sqlite.migrate(old, failing, anew=False)
    assert old.read_bytes() == before
    assert [path.name for path in old.parent.iterdir()] == [old.name]


def test_what_is_no_database_is_a_sentence(settings: Settings) -> None:
    (settings.var / "mlflow.db").write_bytes(b"no database" * 1000)
    with pytest.raises(TableCorrupt, match=r"mlflow\.db is damaged.*\n.*way out"):
        tracking.connect(settings)


@pytest.mark.parametrize(
    "name", ["Müller", "a b", "a'b", 'a"b', "a#b", "a%20b", "a%b", "a?b", "a&b=c;d", "[a]*"]
)
def test_an_address_leads_to_its_path_whatever_its_signs(tmp_path: Path, name: str) -> None:
    path = tmp_path / name / "x.db"
    assert sqlite.path_of(sqlite.url(path)) == path
    path.parent.mkdir()
    with create_engine(sqlite.url(path)).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE x (y)")
    assert path.is_file()
    assert list(tmp_path.iterdir()) == [path.parent]


# --- secrets


def test_secrets_that_are_whole_stay_and_half_ones_are_made_anew(tmp_path: Path) -> None:
    prepare.make_secrets(tmp_path)
    names = ("jwt_secret", "secret_key", "fernet_key", "users.json")
    first = {name: (tmp_path / name).read_bytes() for name in names}
    prepare.make_secrets(tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in names} == first
    for name in names:
        for half in (b"", first[name][: len(first[name]) // 2], b"\xff"):
            (tmp_path / name).write_bytes(half)
            prepare.make_secrets(tmp_path)
            made = (tmp_path / name).read_bytes()
            assert len(made) == len(first[name])
            assert made != first[name]
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


# --- whose they are

TRAINED = """
import os, sys
os.umask(0o022)
from datetime import date
from pathlib import Path
from pipelines import runner
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
runner.run_all(Run.open("tiny", "training", date(2026, 1, 31), Settings.from_env()))
"""


def test_a_training_in_a_folder_with_signs_leaves_nothing_that_others_can_read(tmp_path: Path) -> None:
    place = tmp_path / "Mü b'l?a%41n#k"
    (place / "use_cases").mkdir(parents=True)
    use_case = tiny.YAML.replace("  xgboost: {grid: {n_estimators: [20], max_depth: [2, 3]}}\n", "").replace(
        "[0.1, 1]", "[1]"
    )
    (place / "use_cases" / "tiny.yaml").write_text(use_case)
    places = {
        "SLUICE_DATA": place / "data",
        "SLUICE_VAR": place / "var",
        "SLUICE_USE_CASES": place / "use_cases",
    }
    environment = {key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"}
    environment |= {name: str(path) for name, path in places.items()} | {
        "PYTHONPATH": str(ROOT),
        "LC_ALL": "POSIX",
        "LANG": "",
    }
    done = subprocess.run(
        [sys.executable, "-c", TRAINED],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert [path.name for path in tmp_path.iterdir()] == [place.name]
    found = [path for root in ("data", "var") for path in (place / root, *(place / root).rglob("*"))]
    open_to_others = [str(path.relative_to(place)) for path in found if path.lstat().st_mode & 0o077]
    assert open_to_others == []
    assert {"data/.dvc", "var/dvc_remote", "var/mlflow.db", "var/mlartifacts"} <= {
        str(path.relative_to(place)) for path in found
    }
