"""Lines put into a use-case file and taken out of it: every other line stays, and what cannot be edited
safely is refused.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.core.config import Expectation, GatedTable
from pipelines.core.errors import BadUseCase
from pipelines.core.use_cases import load_file
from pipelines.gates import edit
from pipelines.storage.settings import ROOT
from tests.helpers import tiny

NEW = Expectation(
    name="expect_column_values_to_be_in_set",
    kwargs={"column": "channel", "value_set": ["chip"]},
    why="proposed from x",
)
OLD = "    - expect_column_values_to_not_be_null: {column: amount}\n      why: proposed from y\n"
OWN = "    - expect_column_values_to_not_be_null: {column: id}  # by hand\n"
LINES = (
    "    - expect_column_values_to_be_in_set: {column: channel, value_set: [chip]}\n      why: proposed"
    " from x\n"
)


def proposed(expectation: Expectation) -> bool:
    return (expectation.why or "").startswith("proposed")


def edited(folder: Path, gates: str, added: edit.Added) -> str:
    """What becomes of the lines of `gates`, which stand in the middle of the file."""
    head, tail = tiny.YAML.split("demo:")
    path = folder / "tiny.yaml"
    path.write_bytes((head + gates + "demo:" + tail).encode())
    before, after = edit.edit(load_file(path), proposed, added)
    assert before == path.read_bytes().decode()
    assert after.startswith(head)
    assert after.endswith("demo:" + tail)
    return after[len(head) : -len("demo:" + tail)]


@pytest.mark.parametrize(
    ("gates", "table", "becomes"),
    [
        (f"gates:\n  raw:\n{OWN}", "raw", f"gates:\n  raw:\n{OWN}{LINES}"),
        (f"gates:\n  raw:\n{OWN}\n# above demo\n", "raw", f"gates:\n  raw:\n{OWN}{LINES}\n# above demo\n"),
        (f"gates:\n  raw:\n{OWN}", "clean", f"gates:\n  raw:\n{OWN}  clean:\n{LINES}"),
        (f"gates:\n  clean:\n{OWN}", "raw", f"gates:\n  raw:\n{LINES}  clean:\n{OWN}"),
        (f"gates:  # all\n  # raw\n  raw:\n{OWN}  # predictions\n  predictions: []\n", "clean", f"gates:  # all\n  # raw\n  raw:\n{OWN}  clean:\n{LINES}  # predictions\n  predictions: []\n"),
        (f"gates:\n  raw:\n{OLD}{OWN}{OLD}", "raw", f"gates:\n  raw:\n{OWN}{LINES}"),
        (f"gates:\n  raw:\n    # before\n{OLD}    # between\n\n{OWN}    # after\n", "raw", f"gates:\n  raw:\n    # before\n    # between\n\n{OWN}{LINES}    # after\n"),
        (f"gates:\n  raw:\n{OLD}", "raw", f"gates:\n  raw:\n{LINES}"),
        ("gates:\n  raw:\n  - expect_column_to_exist:\n      column:\n        id\n", "raw", "gates:\n  raw:\n  - expect_column_to_exist:\n      column:\n        id\n" + LINES.replace("    - ", "  - ").replace("      why", "    why")),
        ("gates:\n  raw:\n    -\n      expect_column_to_exist: {column: id}\n      why: |\n        proposed\n        long ago\n", "raw", f"gates:\n  raw:\n{LINES}"),
        ("gates:\n  raw:\n    - expect_column_to_exist:\n        {column: id,\n         }\n", "raw", f"gates:\n  raw:\n    - expect_column_to_exist:\n        {{column: id,\n         }}\n{LINES}"),
    ],
)  # fmt: skip
def test_lines_are_put_in_where_they_belong_and_all_others_stay(
    tmp_path: Path, gates: str, table: GatedTable, becomes: str
) -> None:
    assert edited(tmp_path, gates, {table: [NEW]}) == becomes


def test_a_file_without_gates_gets_them_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(tiny.YAML.rstrip())
    _, after = edit.edit(load_file(path), proposed, {"clean": [NEW], "raw": [NEW]})
    assert after == f"{tiny.YAML}\ngates:\n  raw:\n{LINES}  clean:\n{LINES}"


def test_line_ends_stay_as_they_are(tmp_path: Path) -> None:
    windows = f"gates:\r\n  raw:\r\n{OWN}".replace("{column: id}  # by hand\n", "{column: id}\r\n")
    path = tmp_path / "tiny.yaml"
    path.write_bytes((tiny.YAML + windows).replace("\r\n", "\n").replace("\n", "\r\n").encode())
    _, after = edit.edit(load_file(path), proposed, {"raw": [NEW]})
    assert after.count("\n") == after.count("\r\n")


def test_a_long_expectation_has_a_line_for_each_argument(tmp_path: Path) -> None:
    kwargs: dict[str, Any] = {
        "column": "channel",
        "value_set": [f"value number {n}" for n in range(20)],
        "mostly": 0.5,
    }
    long = Expectation(
        name="expect_column_values_to_be_in_set", kwargs=kwargs, severity="warn", why="proposed"
    )
    lines = edited(tmp_path, f"gates:\n  raw:\n{OWN}", {"raw": [long]}).splitlines()
    assert lines[3:5] == ["    - expect_column_values_to_be_in_set:", "        column: channel"]
    assert lines[-3:] == ["        mostly: 0.5", "      severity: warn", "      why: proposed"]
    assert max(map(len, lines)) <= edit.WIDTH + 8


words = st.one_of(
    st.text(max_size=30),
    st.text("ab \n#:'\"", max_size=200),
    st.sampled_from(["yes", "1", "null", "1e5", "- x", "2026-01-01"]),
)


@given(st.lists(words, max_size=20), words, st.floats(allow_nan=False, allow_infinity=False))
@settings(deadline=None)
def test_whatever_a_value_is_it_is_read_as_it_was_written(values: list[str], why: str, number: float) -> None:
    expectation = Expectation(
        name="expect_x", kwargs={"value_set": values, "number": number}, why=why or None
    )
    (found,) = yaml.load("\n".join(edit._items([expectation], 4)), Loader=yaml.CSafeLoader)
    assert Expectation.model_validate(found) == expectation


@pytest.mark.parametrize(
    ("gates", "sentence"),
    [
        ("gates: {raw: [expect_column_to_exist: {column: id}]}\n", "gates is not written as a block"),
        ("gates:\n  raw: [expect_column_to_exist: {column: id}]\n", "gates.raw is not written as a block"),
        ("gates:\n  clean: &same\n    - expect_column_to_exist: {column: id}\n  raw: *same\n", "not YAML"),
        (
            (
                "gates:\n  clean:\n    - &same\n      expect_column_to_exist: {column: id}\n  raw:\n    -"
                " *same\n"
            ),
            "the new lines would not say what they should",
        ),
    ],
)
def test_what_cannot_be_edited_safely_is_refused(tmp_path: Path, gates: str, sentence: str) -> None:
    with pytest.raises(BadUseCase, match="cannot be edited safely, nothing was written") as error:
        edited(tmp_path, gates, {"raw": [NEW]})
    assert sentence in str(error.value)


def test_a_file_that_has_changed_since_it_was_loaded_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(tiny.YAML)
    loaded = load_file(path)
    path.write_text(tiny.YAML + "# a thought\n")
    with pytest.raises(BadUseCase, match="has changed meanwhile"):
        edit.edit(loaded, proposed, {})


def test_writing_keeps_the_files_permissions_and_links(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text(tiny.YAML)
    (tmp_path / "real.yaml").chmod(0o664)
    path = tmp_path / "tiny.yaml"
    path.symlink_to("real.yaml")
    edit.write(load_file(path), "new")
    assert path.is_symlink()
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o664


@pytest.mark.parametrize(
    "path", sorted((ROOT / "include" / "use_cases").glob("*.yaml")), ids=lambda path: path.stem
)
def test_the_shipped_files_can_be_edited(path: Path) -> None:
    every: edit.Added = {"raw": [NEW], "clean": [NEW], "features": [NEW], "scores": [NEW]}
    before, after = edit.edit(load_file(path), lambda _: False, every)
    changes = [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[0] in "-+"]
    assert {line[0] for line in changes} == {"+"}
    assert sum(NEW.name in line for line in changes) == 4
