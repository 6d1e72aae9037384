"""A place with one use case, of which nothing has run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers import tiny


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_cases = tmp_path / "use_cases"
    use_cases.mkdir()
    (use_cases / "tiny.yaml").write_text(tiny.YAML)
    for name, folder in (("SLUICE_USE_CASES", "use_cases"), ("SLUICE_DATA", "data"), ("SLUICE_VAR", "var")):
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


@pytest.fixture
def decided(place: Path) -> Path:
    """A promotion, and a retirement a week later."""
    (place / "data" / "tiny").mkdir(parents=True)
    (place / "data" / "tiny" / "promotions.jsonl").write_text(
        '{"time": "2026-02-01T03:00:00+00:00", "decision": "promoted", "version": "1", "previous": null,'
        ' "reason": "better than the baseline", "partition": "2026-01-31", "metric": "aucpr",'
        ' "values": {"linear": 0.5, "baseline": 0.1}}\n'
        '{"time": "2026-02-08T09:00:00+00:00", "decision": "retired", "version": null, "previous": "1",'
        ' "reason": "its features are gone", "by": "ann"}\n'
    )
    return place
