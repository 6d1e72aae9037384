"""Airflow for the tests of the plugin."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers import airflow_home, tiny


@pytest.fixture(autouse=True, scope="session")
def airflow_database() -> None:
    """A database, empty but for what these tests leave in it."""
    airflow_home.make_database()


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the tiny use case, where data and MLflow's database go, too."""
    use_cases = tmp_path / "use_cases"
    use_cases.mkdir()
    (use_cases / f"{tiny.NAME}.yaml").write_text(tiny.YAML)
    monkeypatch.setenv("SLUICE_USE_CASES", str(use_cases))
    monkeypatch.setenv("SLUICE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SLUICE_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    return tmp_path
