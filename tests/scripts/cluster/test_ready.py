"""A process refuses to start with a sentence that names the setting: each is shown against real servers, and
their absence.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psycopg
import pytest
from cryptography.fernet import Fernet

from pipelines.core.errors import SluiceError
from pipelines.storage.settings import ROOT
from scripts.cluster import ready
from tests.helpers import servers

PASSWORD = "-".join(["for", "these", "tests", "only"])


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A PostgreSQL with a database of Airflow's present version, one of an older, and one that is empty."""
    port = free_port()
    with servers.postgres(port, PASSWORD):
        base = f"postgresql://postgres:{PASSWORD}@127.0.0.1:{port}"
        with psycopg.connect(f"{base}/postgres", autocommit=True) as admin:
            for database in ("present", "older", "empty"):
                admin.execute(f"CREATE DATABASE {database}".encode())
        for database, version in (
            ("present", ready.head("airflow", "migrations/versions")),
            ("older", "0123456789ab"),
        ):
            with psycopg.connect(f"{base}/{database}") as connection:
                connection.execute("CREATE TABLE alembic_version (version_num text)")
                connection.execute("INSERT INTO alembic_version VALUES (%s)", (version,))
        yield base


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    port = free_port()
    with servers.redis(port, PASSWORD):
        yield f"redis://:{PASSWORD}@127.0.0.1:{port}/0"


@pytest.fixture(scope="module")
def mlflow() -> Iterator[str]:
    """A server that answers as MLflow's health check does."""

    class Well(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = HTTPServer(("127.0.0.1", 0), Well)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def environment(
    address: str, broker: str, mlflow: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """Everything as it should be."""
    monkeypatch.setenv("SLUICE_DATA", str(tmp_path / "data"))
    return {
        ready.FERNET: Fernet.generate_key().decode(),
        ready.JWT: "j" * 64,
        ready.PAGES: "p" * 64,
        ready.DATABASE: address.replace("postgresql:", "postgresql+psycopg2:") + "/present",
        ready.RESULTS: "db+" + address.replace("postgresql:", "postgresql+psycopg2:") + "/empty",
        ready.BROKER: broker,
        ready.MLFLOW: mlflow,
        ready.DATA: str(tmp_path / "data"),
    }


COMMANDS = [
    ["airflow", "api-server"],
    ["airflow", "scheduler", "--skip-serve-logs"],
    ["airflow", "celery", "worker"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_process_that_has_everything_starts(command: list[str], environment: dict[str, str]) -> None:
    ready.require(command, environment)


@pytest.mark.parametrize("words", ready.NEEDS, ids=" ".join)
def test_each_missing_variable_is_named(words: tuple[str, ...], environment: dict[str, str]) -> None:
    for variable in ready.NEEDS[words]:
        present = {
            needed: environment[needed]
            for needed in ready.NEEDS[words]
            if needed in environment and needed != variable
        }
        if variable == next((needed for needed in ready.NEEDS[words] if needed not in present), None):
            with pytest.raises(ready.NotReady, match=f"{' '.join(words)} needs {variable}, which is not set"):
                ready.require(words, present)


NOBODY = "127.0.0.1:1"  # a port at which nobody listens
WRONG = {
    "template": (ready.JWT, "<secret>", "AIRFLOW__API_AUTH__JWT_SECRET is still a template's value"),
    "short": (ready.JWT, "x" * 63, "AIRFLOW__API_AUTH__JWT_SECRET has 63 bytes; 64 or more are needed"),
    "no key": (ready.FERNET, "bm90IGEga2V5", "AIRFLOW__CORE__FERNET_KEY is no Fernet key"),
    "no database": (
        ready.DATABASE,
        f"postgresql+psycopg2://a:s3cret@{NOBODY}/a",
        "postgresql+psycopg2://a:***@127.0.0.1:1/a, cannot be used",
    ),
    "SQLite": (
        ready.DATABASE,
        "sqlite:///x.db",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN is sqlite:///x.db; several machines need PostgreSQL",
    ),
    "no broker": (
        ready.BROKER,
        f"redis://:s3cret@{NOBODY}/0",
        "the broker at redis://:***@127.0.0.1:1/0 does not answer",
    ),
    "no address": (
        ready.BROKER,
        "127.0.0.1",
        "the broker at 127.0.0.1 does not answer: Redis URL must specify one of",
    ),
    "no MLflow": (ready.MLFLOW, f"http://{NOBODY}", "MLflow at http://127.0.0.1:1 does not answer"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_a_sentence_without_a_password(wrong: str, environment: dict[str, str]) -> None:
    variable, value, sentence = WRONG[wrong]
    words = next(words for words, needed in ready.NEEDS.items() if variable in needed)
    with pytest.raises(ready.NotReady) as refused:
        ready.require(words, environment | {variable: value})
    assert sentence in str(refused.value)
    assert variable in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_a_wrong_password_is_told_without_the_right_one(environment: dict[str, str]) -> None:
    for variable, words in (
        (ready.BROKER, ("airflow", "scheduler")),
        (ready.DATABASE, ("airflow", "triggerer")),
    ):
        wrong = environment[variable].replace(PASSWORD, "s3cret")
        with pytest.raises(ready.NotReady, match=r"(?i)password") as refused:
            ready.require(words, environment | {variable: wrong})
        assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("database", "told"),
    [
        ("older", "has revision 0123456789ab, the installed Airflow wants"),
        ("empty", "has no tables of Airflow yet"),
    ],
)
def test_a_schema_that_does_not_fit_is_told_with_the_way_out(
    database: str, told: str, environment: dict[str, str], address: str
) -> None:
    with pytest.raises(ready.NotReady, match=told) as refused:
        ready.require(("airflow", "scheduler"), environment | {ready.DATABASE: f"{address}/{database}"})
    assert "docker compose run --rm init" in str(refused.value)


def test_a_storage_that_is_another_on_each_machine_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(SluiceError, match="SLUICE_DATA is s3//bucket, a folder beside the code"):
        ready.require(("airflow", "celery", "worker"), environment | {ready.DATA: "s3//bucket"})


def test_a_storage_that_cannot_be_written_is_told(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SLUICE_DATA", str(tmp_path / "file" / "data"))
    with pytest.raises(SluiceError, match=r"SLUICE_DATA: .*/file/data cannot be written"):
        ready.require(("airflow", "api-server"), environment)


def test_the_revisions_are_those_that_the_installed_versions_want() -> None:
    code = "from airflow.utils.db import _REVISION_HEADS_MAP as heads; print(list(heads.values())[-1])"
    airflow = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert airflow.stdout.split()[-1] == ready.head("airflow", "migrations/versions")
    code = "from mlflow.store.db.utils import _get_latest_schema_revision as latest; print(latest())"
    mlflow = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert mlflow.stdout.split()[-1] == ready.head("mlflow", "store/db_migrations/versions")


def test_the_command_takes_its_place_or_one_sentence_does() -> None:
    entry = [sys.executable, "-m", "scripts.cluster.ready"]
    started = subprocess.run(
        [*entry, "sh", "-c", "echo started"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (started.returncode, started.stdout) == (0, "started\n")
    bare = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    refused = subprocess.run(
        [*entry, "airflow", "scheduler"], cwd=ROOT, env=bare, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 1
    assert refused.stderr.startswith(
        "airflow scheduler needs AIRFLOW__CORE__FERNET_KEY, which is not set\n  way out:"
    )
