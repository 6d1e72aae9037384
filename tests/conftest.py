"""Fixtures that every test may use: a place of one's own, and runs of the tiny use case."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from pipelines.config import Kind
from pipelines.run import Run
from pipelines.settings import Settings
from tests import tiny


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose every place lies in the test's own folder, with the tiny use case."""
    use_cases = tmp_path / "use_cases"
    use_cases.mkdir()
    (use_cases / f"{tiny.NAME}.yaml").write_text(tiny.YAML)
    var = tmp_path / "var"
    var.mkdir()
    return Settings(data=tmp_path / "data", use_cases=use_cases, var=var, mlflow=f"sqlite:///{var / 'mlflow.db'}", mirror=None)


@pytest.fixture
def open_run(settings: Settings) -> Callable[..., Run]:
    """Open a run of the tiny use case: `open_run("scoring", date(2026, 2, 1))`."""

    def opened(kind: Kind, partition: date) -> Run:
        return Run.open(tiny.NAME, kind, partition, settings)

    return opened
