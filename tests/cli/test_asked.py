"""Answers for programs, and words that a shell completes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from pipelines.__main__ import main
from pipelines.cli import asked
from pipelines.cli.app import NAME


@dataclass(frozen=True)
class Found:
    day: date
    moment: datetime
    values: dict[str, float | None]
    inner: tuple[Path, ...]


def test_an_answer_in_json_holds_days_and_paths_as_texts_and_no_number_that_is_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    day = datetime(2026, 2, 1, 3, tzinfo=UTC)
    asked.print_json([Found(day.date(), day, {"a": 0.5, "b": float("nan"), "c": None}, (Path("/x"),))])
    assert json.loads(capsys.readouterr().out) == [
        {
            "day": "2026-02-01",
            "moment": "2026-02-01T03:00:00+00:00",
            "values": {"a": 0.5, "b": None, "c": None},
            "inner": ["/x"],
        }
    ]


def test_a_text_of_a_row_takes_no_hold_of_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    asked.print_json({"key": "\x1b[2J\u202e"})
    assert capsys.readouterr().out.replace("\n", "").isprintable()


@pytest.mark.parametrize(("typed", "completed"), [("sluice run t", ["tiny"]), ("sluice run x", [])])
def test_a_shell_completes_use_cases(
    place: Path,
    typed: str,
    completed: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(f"_{NAME.upper()}_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", "2")
    assert main([]) == 0
    assert capfd.readouterr().out.split() == completed


def test_where_use_cases_cannot_be_read_nothing_is_completed(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_USE_CASES", str(place / "nowhere"))
    assert asked._completed("t") == []
