"""`sluice read`: rows on standard output or in a file, and what is told of them beside."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from pipelines.__main__ import main
from pipelines.storage.settings import Settings
from tests.helpers import published, tiny

DAY = date(2026, 2, 1)
WORDS = ["read", "tiny", "predictions", "--from", "2026-02-01", "--to", "2026-02-02"]


@pytest.fixture(autouse=True)
def nights(place: Path) -> Settings:
    """A night with a text that is none for a terminal, and a number that is none."""
    own = Settings.from_env()
    rows = published.scores(DAY, [0.5, float("nan"), 1], reasons=["a\x1b[31m\u202eb", 'x, "y"\n', None])
    published.night(own, DAY, rows)
    published.night(own, DAY + timedelta(days=1), closed="clean")
    return own


def test_some_rows_are_shown_and_what_is_not_among_them_is_told_beside(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(WORDS) == 0
    answer = capsys.readouterr()
    assert "2026-02-01-0" in answer.out
    assert "\x1b" not in answer.out
    assert "\u202e" not in answer.out
    assert answer.err.splitlines() == [
        "tiny scoring 2026-02-01 to 2026-02-02: predictions of 1 night, 3 rows; not among them: 1 closed",
        "  - 2026-02-02 is closed: gate_clean, before this table was made",
    ]


def test_of_many_rows_the_first_are_shown(nights: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    published.night(nights, DAY, published.scores(DAY, [0.5] * 100))
    assert main(WORDS) == 0
    answer = capsys.readouterr()
    assert "2026-02-01-19" in answer.out
    assert "2026-02-01-20" not in answer.out
    assert "100 rows" in answer.err


def test_all_rows_are_printed_as_lines_of_json_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS, "--json"]) == 0
    out = capsys.readouterr().out
    assert out.isascii()
    first, second, third = map(json.loads, out.splitlines())
    assert (first["reasons"], first["partition"]) == ("a\x1b[31m\u202eb", "2026-02-01")
    assert (second["score"], third["reasons"]) == (None, None)


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_all_rows_go_into_a_file_whose_ending_says_its_form(
    place: Path, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = place / f"out.{ending}"
    assert main([*WORDS, "--into", str(path)]) == 0
    assert capsys.readouterr().out == ""
    read = {"parquet": duckdb.read_parquet, "csv": duckdb.read_csv, "jsonl": duckdb.read_json}[ending]
    rows = read(str(path)).project("id, reasons, score").fetchall()
    assert [row[:2] for row in rows] == [
        ("2026-02-01-0", "a\x1b[31m\u202eb"),
        ("2026-02-01-1", 'x, "y"\n'),
        ("2026-02-01-2", None),
    ]
    assert [path.name for path in place.iterdir() if path.is_file()] == [path.name]


def test_an_error_is_told_in_json_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS[:2], "predictoins", *WORDS[3:], "--json"]) == 1
    assert "did you mean 'predictions'?" in json.loads(capsys.readouterr().out)["error"]["found"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--into", "there.csv"], "there.csv is there already"),
        (["--into", "out.xlsx"], "'out.xlsx' does not say in which form the rows are to be written"),
        (["--into", "no/where.csv"], "where.csv: there is no folder"),
        (["--json", "--paths"], "--json and --paths exclude one another"),
    ],
)
def test_what_cannot_be_written_is_a_sentence_and_nothing_is_written(
    place: Path,
    more: list[str],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(place)
    (place / "there.csv").write_text("mine")
    assert main([*WORDS, *more]) == 1
    assert told in capsys.readouterr().err
    assert (place / "there.csv").read_text() == "mine"
    assert [path.name for path in place.iterdir() if path.is_file()] == ["there.csv"]


def test_paths_of_personal_values_are_told_to_who_says_so(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "use_cases" / "tiny.yaml").write_text(
        tiny.YAML.replace("{type: string, role: key}", "{type: string, role: key, pii: true}")
    )
    assert main([*WORDS, "--paths"]) == 1
    assert "these parts hold personal values as they are: id" in capsys.readouterr().err
    assert main([*WORDS, "--paths", "--personal"]) == 0
    (path,) = capsys.readouterr().out.splitlines()
    assert len(duckdb.read_parquet(path)) == 3
    assert main(WORDS) == 0
    answer = capsys.readouterr()
    assert "2026-02-01-0" not in answer.out
    assert "personal values are masked: id" in answer.err


def test_an_empty_night_is_read_with_its_columns(
    nights: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    published.night(nights, DAY, published.scores(DAY, []).slice(0, 0).cast(published.scores(DAY).schema))
    assert main(WORDS) == 0
    assert "score" in capsys.readouterr().out
