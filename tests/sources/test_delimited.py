from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.core.config import FileFormat
from pipelines.sources import delimited, files
from tests.sources.delivered import declared, refusal

HEADER = "id,n,x,note\n"


def write(folder: Path, content: str) -> Path:
    (folder / "a.csv").write_bytes(content.encode())
    return folder / "a.csv"


def test_a_value_that_never_ends_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "LONGEST", 1_000)
    path = write(tmp_path, f'{HEADER}a,1,2,"x\n' + "b,1,2,y\n" * 1_000)
    assert "line 2: a value of more than 1,000 characters; is a quote opened here" in refusal(path)


def test_without_a_header_the_separator_is_told_by_the_number_of_values(tmp_path: Path) -> None:
    path = write(tmp_path, "secret;1;2;x\n")
    said = refusal(path, header=False)
    assert "line 1: 'secret;1;2;x'\n  - likeliest separators: ';' (4 of 4 columns)" in said
    said = refusal(path, header=False, personal=frozenset({"id"}))
    assert "likeliest separators: ';' (4 of 4 columns)" in said
    assert "secret" not in said


@pytest.mark.parametrize("format", [{}, {"separator": "|"}, {"quote": "'"}, {"quote": ""}, {"header": False}])
def test_both_readers_read_the_same(tmp_path: Path, format: dict[str, Any]) -> None:
    stated = FileFormat.model_validate({"type": "csv", **format})
    quote, separator = stated.quote, stated.separator
    values = [
        ["a", "1", "2", f"{quote}x{quote}"],
        ["#b", "", " 4 ", f"{quote}{quote}"],
        ["c", "5", "6", "7\t" + '5"'[: 3 - len(quote)]],
    ]
    lines = [separator.join(row) for row in values]
    path = write(
        tmp_path, "\n".join(([] if not stated.header else [separator.join(declared().given)]) + lines)
    )
    with duckdb.connect() as connection:
        pieces = [
            files.piece(path, stated, declared(), connection, patient=patient) for patient in (False, True)
        ]
        hasty, patient = (piece.rows.fetchall() for piece in pieces)
    assert hasty == patient
    assert [row[0] for row in hasty] == ["a", "#b", "c"]
