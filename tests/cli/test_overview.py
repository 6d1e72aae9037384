"""Who says nothing but `sluice` sees what there is, and what to do next."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.__main__ import main


def told(capsys: pytest.CaptureFixture[str]) -> str:
    assert main([]) == 0
    return capsys.readouterr().out


def test_use_cases_and_the_next_commands_are_shown(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = told(capsys)
    assert out.startswith(f"Use cases in {place}/use_cases:\n  tiny  no champion yet\n\nWhat to do next:\n")
    for command in ("sluice check", "sluice run tiny training DAY", "sluice --help"):
        assert f"\n  {command}" in out


def test_the_champion_is_named(decided: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = decided / "data" / "tiny" / "promotions.jsonl"
    path.write_text(path.read_text().splitlines()[0] + "\n")
    assert "  tiny  champion: version 1\n" in told(capsys)


def test_a_damaged_history_hides_nothing_else(decided: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (decided / "data" / "tiny" / "promotions.jsonl").write_text("{")
    out = told(capsys)
    assert "  tiny  champion unknown: " in out
    assert "What to do next" in out


def test_where_there_is_no_use_case_it_says_how_one_is_written(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "use_cases" / "tiny.yaml").unlink()
    assert "docs/use-case-file.md" in told(capsys)
