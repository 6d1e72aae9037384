"""What docs/reading-results.md shows works as it stands there."""

from __future__ import annotations

import logging
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.__main__ import main
from pipelines.storage.settings import Settings
from tests.commands.read import lines
from tests.helpers import published, tiny

DAYS = (date(2026, 3, 1), date(2026, 3, 2))


@pytest.fixture(autouse=True)
def place(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The use case that the lines name, with two nights that are open and one that is closed."""
    for name, folder in (("USE_CASES", settings.use_cases), ("DATA", settings.disk), ("VAR", settings.var)):
        monkeypatch.setenv(f"SLUICE_{name}", str(folder))
    text = tiny.YAML.replace("name: tiny", "name: card_fraud")
    (settings.use_cases / "card_fraud.yaml").write_text(text)
    monkeypatch.setattr(tiny, "NAME", "card_fraud")
    for day in DAYS:
        published.night(settings, day, published.scores(day, [0.25, 0.75], model_version=["1", "2"]))
    rows = published.scores(date(2026, 3, 3), [0.99], model_version=["3"])
    published.night(settings, date(2026, 3, 3), rows, closed="predictions")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said_by(python: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(python, names)  # noqa: S102
    return names


def test_duckdb_aggregates_what_is_open(capsys: pytest.CaptureFixture[str]) -> None:
    said_by(lines.DUCKDB)
    shown = capsys.readouterr().out
    assert shown.count("0.5") == 2
    assert "2026-03-02" in shown
    assert "2026-03-03" not in shown


def test_duckdbs_sql_finds_the_rows_by_the_name_of_the_variable(capsys: pytest.CaptureFixture[str]) -> None:
    found = said_by(lines.DUCKDB_SQL)["predictions"]
    assert len(found) == 4
    assert "0.99" not in capsys.readouterr().out


def test_pandas_has_them_with_their_types() -> None:
    frame = said_by(lines.PANDAS)["frame"]
    assert list(frame["score"]) == [0.25, 0.75, 0.25, 0.75]
    assert frame["at"].dtype.kind == "M"


def test_a_stream_gives_every_row() -> None:
    assert said_by(lines.STREAM)["batch"].num_rows > 0


def test_what_is_left_out_is_logged_in_a_notebook(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        said_by(lines.PANDAS)
    (told,) = caplog.messages
    assert told.splitlines()[1:] == [
        "  - 2026-03-03 is closed: gate_predictions",
        "  - 2026-03-04 to 2026-03-07: nothing is published",
    ]


def test_each_line_of_the_shell_works(place: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    for line in lines.SHELL.strip().splitlines():
        assert main(line.split()[1:]) == 0
    assert len(duckdb.read_parquet(str(place / "week.parquet"))) == 4


def test_paths_are_read_by_who_has_no_sluice(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(lines.SHELL.strip().splitlines()[-1].split()[1:]) == 0
    (place / "paths.txt").write_text(capsys.readouterr().out)
    expected = duckdb.read_parquet((place / "paths.txt").read_text().split())
    assert len(expected) == 4
    said_by(lines.WITHOUT_SLUICE)
