"""What commands answer that read files alone, as lines and in JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.__main__ import main
from pipelines.registry.versions import Snapshot


def answer(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    assert main([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_the_history_is_told_with_all_fields(decided: Path, capsys: pytest.CaptureFixture[str]) -> None:
    promoted, retired = answer(capsys, "models", "history", "tiny")
    assert (promoted["decision"], promoted["version"], promoted["champion"]) == ("promoted", "1", "1")
    assert (promoted["since"], promoted["values"]) == ("2026-02-01", {"linear": 0.5, "baseline": 0.1})
    assert (retired["decision"], retired["champion"], retired["by"]) == ("retired", None, "ann")
    assert main(["models", "history", "tiny"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == (
        "2026-02-08T09:00:00+00:00  2026-02-08  champion retired by ann: its features are gone"
    )


@pytest.mark.parametrize(
    ("day", "champion", "since", "line"),
    [
        ("2026-01-01", None, None, "2026-01-01: no champion yet"),
        (
            "2026-02-03",
            "1",
            "2026-02-01T03:00:00+00:00",
            "2026-02-03: version 1, since 2026-02-01T03:00+00:00: promoted 2026-02-01T03:00:00+00:00: better"
            " than the baseline",
        ),
        (
            "2026-03-01",
            None,
            "2026-02-08",
            "2026-03-01: no champion since 2026-02-08: its features are gone",
        ),
    ],
)
def test_who_was_champion_is_told(
    decided: Path,
    day: str,
    champion: str | None,
    since: str | None,
    line: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = answer(capsys, "models", "at", "tiny", day)
    assert (told["moment"], told["champion"], told["since"]) == (day, champion, since)
    assert main(["models", "at", "tiny", day]) == 0
    assert capsys.readouterr().out == f"{line}\n"


def test_versions_of_data_are_listed(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from datetime import date

    kept = Snapshot(md5="ab.dir", size=1234, nfiles=1, path="tiny/x/features", partition=date(2026, 1, 31))
    folder = place / "data" / "tiny" / "training" / "2026-01-31"
    (folder / "versions").mkdir(parents=True)
    for path in (folder / "snapshot.json", folder / "versions" / "ab.dir.json"):
        path.write_bytes(kept.as_json())
    (told,) = answer(capsys, "data", "list", "tiny")
    assert (told["md5"], told["size"], told["partition"]) == ("ab.dir", 1234, "2026-01-31")
    assert main(["data", "list", "tiny"]) == 0
    assert capsys.readouterr().out == "2026-01-31  ab.dir         1,234 bytes\n"


def test_mistakes_of_a_files_form_are_told_with_their_lines(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = place / "use_cases" / "tiny.yaml"
    lines = path.read_text().splitlines()
    number = next(n for n, line in enumerate(lines) if line.startswith("task:"))
    lines[number] = lines[number].replace("task:", "tsak:")
    path.write_text("\n".join(lines))
    (told,) = answer(capsys, "check", "tiny", code=1)
    assert (told["use_case"], told["good"]) == ("tiny", False)
    assert {"line": number + 1, "mistake": "tsak: unknown key; did you mean 'task'?"} in told["mistakes"]


def test_deep_mistakes_are_told_with_their_lines_and_a_good_file_beside(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = (place / "use_cases" / "tiny.yaml").read_text()
    (place / "use_cases" / "other.yaml").write_text(
        good.replace("name: tiny", "name: other").replace("ln(1 + amount)", "ln(1 + amuont)")
    )
    wrong, right = answer(capsys, "check", code=1)
    assert (wrong["use_case"], wrong["good"], right["good"]) == ("other", False, True)
    assert (wrong["error"]["where"], wrong["error"]["found"]) == ("other.yaml", "1 mistake")
    assert right["error"] is None
    ((mistake),) = wrong["mistakes"]
    assert "'amuont'" in mistake["mistake"]
    assert (
        "ln(1 + amuont)" in (place / "use_cases" / "other.yaml").read_text().splitlines()[mistake["line"] - 1]
    )
    assert main(["check", "other", "--json"]) == 1
    assert "other.yaml: 1 mistake\n" in capsys.readouterr().err
