"""MLflow as a server, as several machines have it: the same registry, and sentences when it is away or has
lost a file.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import httpx
import pytest

from pipelines.core.errors import TableCorrupt, TryAgain
from pipelines.registry import registry, tracking
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from tests.helpers import fitted, tiny
from tests.helpers.waiting import PATIENCE, until


@dataclass(frozen=True)
class Served:
    """A server, the folder of its artifacts, and a run that talks to it."""

    process: subprocess.Popen[bytes]
    artifacts: Path
    run: Run


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path) -> Iterator[Served]:
    place = tmp_path_factory.mktemp("served")
    (place / "use_cases").mkdir()
    (place / "use_cases" / f"{tiny.NAME}.yaml").write_text(tiny.YAML)
    shutil.copy(mlflow_database, place / "mlflow.db")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    stated = [
        "--backend-store-uri",
        f"sqlite:///{place}/mlflow.db",
        "--artifacts-destination",
        str(place / "artifacts"),
    ]
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        *stated,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "1",
    ]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
    try:
        _wait(f"http://127.0.0.1:{port}/health", process, place / "log")
        own = Settings(
            data=place / "data",
            use_cases=place / "use_cases",
            var=place / "var",
            mlflow=f"http://127.0.0.1:{port}",
            mirror=None,
        )
        yield Served(process, place / "artifacts", Run.open(tiny.NAME, "training", date(2026, 1, 31), own))
    finally:
        _end(process)


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    def answers() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            return httpx.get(address).status_code == 200
        except httpx.HTTPError:
            return False

    until(answers, log.read_text)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, 15)
        process.wait(PATIENCE)


def test_what_is_registered_with_a_server_comes_back_from_it(served: Served) -> None:
    registry.register(served.run, fitted.exported(), fitted.verdict())
    version = registry.version_of(served.run.settings, tiny.NAME, fitted.exported().graphs["xgboost"])
    found = registry.champion(replace(served.run, model_version=version))
    assert found.graph == fitted.exported().graphs["xgboost"]
    assert not served.run.settings.artifacts.exists()  # nothing of it lies on the machine that asked


def test_a_file_that_the_server_has_lost_is_gone_and_one_that_cannot_be_asked_for_is_worth_another_try(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.register(served.run, fitted.exported(), fitted.verdict())
    asked = replace(
        served.run,
        model_version=registry.version_of(served.run.settings, tiny.NAME, fitted.exported().graphs["linear"]),
    )
    (lost,) = (
        path
        for path in served.artifacts.rglob("model.onnx")
        if path.read_bytes() == fitted.exported().graphs["linear"]
    )
    shutil.rmtree(lost.parent)
    with pytest.raises(TableCorrupt, match="the model's file cannot be read"):
        registry.champion(asked)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    _end(served.process)
    with pytest.raises(TryAgain, match="does not answer"):
        tracking.bring(served.run.settings, str(served.artifacts), run_id="0" * 32, artifact_path="x")
    with pytest.raises(TryAgain, match="does not answer"):
        registry.champion(asked)
