"""Published results are read as far as their gates have let them through, and nothing that lies beside."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest

from pipelines import runner
from pipelines.__main__ import main
from pipelines.commands.read import read, write
from pipelines.core.errors import BadInput
from pipelines.storage.settings import ROOT, Settings
from tests.helpers import tiny
from tests.helpers import two_champions as world
from tests.helpers.judged import clearance as leave

DAYS = [date(2026, 2, day) for day in (1, 2, 3)]


@pytest.fixture(scope="module")
def scored(two_champions: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Three nights: the second is there twice, since it ran again, and the gate of the third is closed."""
    place = tmp_path_factory.mktemp("read")
    shutil.copytree(two_champions.disk, place / "data")
    own = replace(two_champions, data=place / "data")
    for day in DAYS:
        runner.run_all(world.way_of(own, "scoring", day))
    night = world.way_of(own, "scoring", DAYS[1]).store
    night.write("predictions", night.read("predictions").filter("id < '20260202-30'"))
    runner.run_all(world.way_of(own, "scoring", DAYS[1]))
    closed = world.way_of(own, "scoring", DAYS[2]).store
    leave(closed, "predictions", passed=False)
    return own


def names(day: date) -> list[str]:
    return [f"{day:%Y%m%d}-{n:02}" for n in range(tiny.ROWS_A_DAY)]


def test_of_each_night_the_rows_are_read_that_its_gate_has_let_through(scored: Settings) -> None:
    found = read(tiny.NAME, "predictions", "2026-02-01", "2026-02-04", settings=scored)
    assert sorted(key for (key,) in found.rows.project("id").fetchall()) == names(DAYS[0]) + names(DAYS[1])
    assert found.partitions == tuple(DAYS[:2])
    assert found.left_out.keys() == {DAYS[2], date(2026, 2, 4)}
    assert "gate_predictions" in found.left_out[DAYS[2]]
    assert found.left_out[date(2026, 2, 4)] == "it has none"
    # What a glob finds instead: revisions of before, and the closed night's part.
    every = (scored.disk / "tiny" / "scoring").glob("*/predictions/**/*.parquet")
    everything = len(duckdb.read_parquet([str(path) for path in every]).fetchall())
    assert everything > 2 * tiny.ROWS_A_DAY


def test_a_table_without_a_partition_gets_one_and_quarantine_goes_by_the_gate_of_clean(
    scored: Settings,
) -> None:
    found = read(tiny.NAME, "features", "2026-02-01", "2026-02-03", settings=scored)
    days = found.rows.project('"partition"').distinct().order("1").fetchall()
    assert days == [(str(day),) for day in DAYS]
    assert read(tiny.NAME, "quarantine", "2026-02-01", "2026-02-01", settings=scored).partitions == (DAYS[0],)


@pytest.mark.parametrize("name", ["week.parquet", "week.csv"])
def test_all_rows_come_into_a_file_of_ones_own(scored: Settings, tmp_path: Path, name: str) -> None:
    found = read(tiny.NAME, "predictions", "2026-02-01", "2026-02-02", settings=scored)
    assert write(found, tmp_path / name) == 2 * tiny.ROWS_A_DAY
    there = duckdb.connect().execute(f"SELECT id, score FROM '{tmp_path / name}' ORDER BY id").fetchall()
    assert there == found.rows.project("id, score").order("id").fetchall()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    with pytest.raises(BadInput, match="is there already"):
        write(found, tmp_path / name)


@pytest.mark.parametrize(
    ("table", "first", "last", "said"),
    [
        ("prediction", "2026-02-01", "2026-02-02", "no table 'prediction'; did you mean"),
        ("predictions", "2026-02-03", "2026-02-01", "the range ends on 2026-02-01, before it begins"),
        ("predictions", "2026-02-03", "2026-02-05", "nothing of predictions is let through"),
        ("drift", "2026-02-01", "2026-02-02", "drift is a table of a report"),
        ("predictions", "2026-2-1", "2026-02-02", "is not"),
    ],
)
def test_what_cannot_be_read_is_told(scored: Settings, table: str, first: str, last: str, said: str) -> None:
    with pytest.raises(BadInput, match=re.escape(said)):
        read(tiny.NAME, table, first, last, settings=scored)


@pytest.mark.parametrize("name", ["week.xlsx", "gone/week.csv"])
def test_a_file_that_cannot_be_written_is_told(scored: Settings, tmp_path: Path, name: str) -> None:
    found = read(tiny.NAME, "predictions", "2026-02-01", "2026-02-02", settings=scored)
    with pytest.raises(BadInput, match=r"names no format|there is no folder"):
        write(found, tmp_path / name)


def test_the_command_shows_rows_without_personal_values_and_says_what_is_left_out(
    scored: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_cases = tmp_path / "use_cases"
    use_cases.mkdir()
    text = tiny.YAML.replace("role: key}", "role: key, pii: true}")
    (use_cases / "tiny.yaml").write_text(text)
    monkeypatch.setenv("SLUICE_USE_CASES", str(use_cases))
    monkeypatch.setenv("SLUICE_DATA", str(scored.data))
    asked = ["read", "tiny", "predictions", "--from", "2026-02-01", "--to", "2026-02-03"]
    assert main(asked) == 0
    shown, told = capsys.readouterr()
    assert "20260201-00" not in shown
    assert "•••" in shown
    assert "left out 2026-02-03: gate_predictions: closed" in told
    assert main([*asked, "--into", str(tmp_path / "week.csv")]) == 0
    assert "80 rows" in capsys.readouterr().out


def test_the_two_lines_of_the_readme_read_a_week(scored: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = (ROOT / "README.md").read_text()
    lines = re.search(r"```python\n(from pipelines.commands.read import read\n.*?)```", readme, re.S)
    assert lines is not None
    monkeypatch.setenv("SLUICE_USE_CASES", str(scored.use_cases))
    monkeypatch.setenv("SLUICE_DATA", str(scored.data))
    code = (
        lines[1]
        .replace("card_fraud", "tiny")
        .replace("2026-03-02", "2026-02-01")
        .replace("2026-03-08", "2026-02-02")
    )
    world_of: dict[str, object] = {}
    exec(code, world_of)  # noqa: S102
    assert len(world_of["week"]) == 2 * tiny.ROWS_A_DAY  # type: ignore[arg-type]
