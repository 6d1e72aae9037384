"""Fixtures that every test may use: a place of one's own, and runs of the tiny use case."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import settings as hypothesis

from pipelines.core import dates
from pipelines.core.config import Kind
from pipelines.run.run import Run
from pipelines.storage.backends.bucket_path import BucketPath
from pipelines.storage.settings import Settings
from tests.helpers import s3, tiny

# The same examples each time: a test that is red once in a hundred runs stops the wrong person. New ones are
# looked for by `pytest --hypothesis-profile=default`.
hypothesis.register_profile("same", derandomize=True, deadline=None)
hypothesis.load_profile("same")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep a part of the slow tests, where only that is asked for: SLUICE_PROOFS=2/3 is the third of three."""
    if asked := os.environ.get("SLUICE_PROOFS"):
        part, parts = map(int, asked.split("/"))
        slow = [item for item in items if item.get_closest_marker("slow")]
        others = [item for item in slow if crc32(item.nodeid.encode()) % parts != part % parts]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]


@pytest.fixture(scope="session", autouse=True)
def _today() -> Iterator[None]:
    """No test goes by the day on which it runs: all rows of the tests have been by this one."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(dates, "today", lambda: date(2026, 12, 31))
        yield


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose every place lies in the test's own folder, with the tiny use case."""
    use_cases = tmp_path / "use_cases"
    use_cases.mkdir()
    (use_cases / f"{tiny.NAME}.yaml").write_text(tiny.YAML)
    var = tmp_path / "var"
    var.mkdir()
    return Settings(
        data=tmp_path / "data",
        use_cases=use_cases,
        var=var,
        mlflow=f"sqlite:///{var / 'mlflow.db'}",
        mirror=None,
    )


@pytest.fixture
def open_run(settings: Settings) -> Callable[..., Run]:
    """Open a run of the tiny use case: `open_run("scoring", date(2026, 2, 1))`."""

    def opened(kind: Kind, partition: date) -> Run:
        return Run.open(tiny.NAME, kind, partition, settings)

    return opened


@pytest.fixture(scope="session")
def mlflow_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without content: its many migrations take seconds, so a test session pays for them
    once.
    """
    from pipelines.registry import tracking

    var = tmp_path_factory.mktemp("mlflow")
    path = var / "mlflow.db"
    tracking.connect(Settings(data=var, use_cases=var, var=var, mlflow=f"sqlite:///{path}", mirror=None))
    return path


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3.Server]:
    """An object store."""
    with s3.server(tmp_path_factory.mktemp("s3") / "log") as server:
        yield server


@pytest.fixture
def bucket(
    s3_server: s3.Server, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> BucketPath:
    """A place of the test's own in it, with an environment that leads there."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return s3_server.bucket(request.node.name)


@pytest.fixture(scope="session")
def two_champions(tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path) -> Settings:
    """See `tests.helpers.two_champions`: trained once a test session, and not to be changed.

    Tests copy what they change.
    """
    from tests.helpers import two_champions

    return two_champions.make(tmp_path_factory.mktemp("champions"), mlflow_database)


@pytest.fixture
def mlflow_uri(settings: Settings, mlflow_database: Path) -> str:
    """The test's own MLflow, ready at `settings.mlflow`: a copy of the database without content."""
    shutil.copy(mlflow_database, settings.var / "mlflow.db")
    return settings.mlflow
