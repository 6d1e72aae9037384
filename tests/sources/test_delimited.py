from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.config import FileFormat
from pipelines.sources import delimited, files
from tests.sources.delivered import declared, refusal, rows

HEADER = "id,n,x,note\n"


def write(folder: Path, content: str) -> Path:
    (folder / "a.csv").write_bytes(content.encode())
    return folder / "a.csv"


@pytest.mark.parametrize(
    "content",
    [
        "id,n,x,note\na,1,2,x\r\nb,3,4,y\n",
        "id,n,x,note\r\na,1,2,x\nb,3,4,y\r\n",
        "id,n,x,note\ra,1,2,x\nb,3,4,y\r\n",
        "id,n,x,note\ra,1,2,x\rb,3,4,y",
        "id,n,x,note\na,1,2,x\n\r\nb,3,4,y\n\n",
        "id,n,x,note\na,1,2,x,\nb,3,4,y,\n",
        'id,n,x,note\r\n"a",1,2,"x"\nb,3,4,y,,\n',
    ],
)
def test_line_ends_may_be_mixed_and_lines_may_end_in_separators(tmp_path: Path, content: str) -> None:
    assert rows(write(tmp_path, content)) == [("a", "1", "2", "x"), ("b", "3", "4", "y")]


def test_what_duckdb_gives_up_on_is_read_line_by_line(tmp_path: Path) -> None:
    """As quoted lines that look like rows, in a file of many megabytes: its reader begins in the middle of them."""
    path = write(tmp_path, 'id,n,x,note\na,1,2,"x\nfake,1,2,y\r\nfake,1,2,z"\r\nb,3,4,\n')
    assert rows(path) == [("a", "1", "2", "x\nfake,1,2,y\r\nfake,1,2,z"), ("b", "3", "4", None)]


def test_a_text_of_several_megabytes_is_a_value(tmp_path: Path) -> None:
    assert rows(write(tmp_path, f"{HEADER}a,1,2,{'x' * 3_000_000}\n"))[0][3] == "x" * 3_000_000


def test_a_value_that_never_ends_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "LONGEST", 1_000)
    path = write(tmp_path, f'{HEADER}a,1,2,"x\n' + "b,1,2,y\n" * 1_000)
    assert "line 2: a value of more than 1,000 characters; is a quote opened here" in refusal(path)


@pytest.mark.parametrize(
    ("content", "sentences"),
    [
        (f"{HEADER}a,1,2\nb,1,2,x,y\n", ["line 2: 3 values where there are 4 columns", "line 3: 5 values where"]),
        (f"{HEADER}a,1,2,x\n   \n", ["line 3: 1 value where there are 4 columns; it is blank but for white space"]),
        (f"{HEADER}a\rb,1,2,x\n", ["line 2: 1 value where there are 4 columns; a carriage return ends it"]),
        (f'{HEADER}a,1,2,x\nb,1,2,"y\n', ["line 3: a quote is opened here, and never closed; is the file cut off?"]),
        (f'{HEADER}a,1,2,"x"y"\n', ["line 2: a quote inside of a quoted value"]),
        (f'{HEADER}a,1,2,"x\\"y"\n', ["line 2: a quote inside of a quoted value"]),
        (f'{HEADER}"a\nb",1,2,x\nc,1,2\n', ["line 4: 3 values"]),
        (HEADER + "a,1\n" * 300, ["line 2: 2 values", "line 7: 2 values", "... and 95 more"]),
    ],
)
def test_lines_that_are_wrong_are_each_told_once(tmp_path: Path, content: str, sentences: list[str]) -> None:
    said = refusal(write(tmp_path, content))
    for sentence in sentences:
        assert said.count(sentence) == 1


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("", "a.csv is empty: not even a header"),
        ("\nid,n,x,note\n", "a.csv begins with a blank line, where the header should be"),
        ("sep=,\nid,n,x,note\n", "line 1 is a hint for Excel (sep=), and no header"),
        ("sep=;\nid,n,x,note\n", "line 1 is a hint for Excel (sep=), and no header"),
        ("id,n,x,note,,\n", "columns 5, 6 have no name: the header ends in 2 separators too many"),
        (",id,n,x,note\n", "column 1 has no name: the number of each row, as pandas writes it"),
        ("id,,x,note\n", "column 2 has no name\n"),
        ("id,n,n,x,note\n", "'n' stands there twice"),
        ("id,n,N,x,note\n", "'n' and 'N' differ in upper and lower case only"),
        ("id;n;x;note\n", "likeliest separators: ';' (4 of 4 columns)\n"),
        ('"id";"n";"x";"note"\n', "likeliest separators: ';' (4 of 4 columns)\n"),
        ("id\tn\tx;note\n", "likeliest separators: '\\t' (2 of 4 columns), ';' (1 of 4 columns)\n"),
        ('{"id": "a", "n": 1}\n', "its first line looks like JSON: is it jsonl (source.format.type)?"),
        ('{"id": "a"}\n', "its first line looks like JSON: is it jsonl (source.format.type)?"),
    ],
)
def test_a_header_that_is_none_is_refused_with_what_it_may_be(tmp_path: Path, header: str, sentence: str) -> None:
    assert sentence in refusal(write(tmp_path, header))


def test_without_a_header_the_separator_is_told_by_the_number_of_values(tmp_path: Path) -> None:
    path = write(tmp_path, "secret;1;2;x\n")
    said = refusal(path, header=False)
    assert "line 1: 'secret;1;2;x'\n  likeliest separators: ';' (4 of 4 columns)" in said
    said = refusal(path, header=False, personal=frozenset({"id"}))
    assert "likeliest separators: ';' (4 of 4 columns)" in said
    assert "secret" not in said


@pytest.mark.parametrize("format", [{}, {"separator": "|"}, {"quote": "'"}, {"quote": ""}, {"header": False}])
def test_both_readers_read_the_same(tmp_path: Path, format: dict[str, Any]) -> None:
    stated = FileFormat.model_validate({"type": "csv", **format})
    quote, separator = stated.quote, stated.separator
    values = [["a", "1", "2", f"{quote}x{quote}"], ["#b", "", " 4 ", f"{quote}{quote}"], ["c", "5", "6", "7\t" + '5"'[: 3 - len(quote)]]]
    lines = [separator.join(row) for row in values]
    path = write(tmp_path, "\n".join(([] if not stated.header else [separator.join(declared().given)]) + lines))
    with duckdb.connect() as connection:
        pieces = [files.piece(path, stated, declared(), connection, patient=patient) for patient in (False, True)]
        hasty, patient = (piece.rows.fetchall() for piece in pieces)
    assert hasty == patient
    assert [row[0] for row in hasty] == ["a", "#b", "c"]
