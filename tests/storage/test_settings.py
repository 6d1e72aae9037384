"""Where things lie is read from the environment, from the project's root on."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.storage.settings import ROOT, Settings

NAMES = ("SLUICE_DATA", "SLUICE_USE_CASES", "SLUICE_VAR", "MLFLOW_TRACKING_URI", "SLUICE_DATA_MIRROR")


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def test_without_a_word_all_lies_below_the_projects_root() -> None:
    found = Settings.from_env()
    assert (found.data, found.var, found.mirror) == (ROOT / "data", ROOT / "var", None)
    assert found.use_cases == ROOT / "include/use_cases"
    assert found.cache.parent == found.artifacts.parent == found.var
    assert "mlflow.db" in found.mlflow


def test_relative_places_are_meant_from_the_root_whatever_the_working_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("SLUICE_DATA", "SLUICE_USE_CASES", "SLUICE_VAR", "SLUICE_DATA_MIRROR"):
        monkeypatch.setenv(name, f"elsewhere/{name}")
    found = Settings.from_env()
    assert found.data == ROOT / "elsewhere/SLUICE_DATA"
    assert found.use_cases == ROOT / "elsewhere/SLUICE_USE_CASES"
    assert found.var == ROOT / "elsewhere/SLUICE_VAR"
    assert found.mirror == ROOT / "elsewhere/SLUICE_DATA_MIRROR"


def test_mlflow_goes_by_its_own_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    assert Settings.from_env().mlflow == "http://mlflow:5000"
