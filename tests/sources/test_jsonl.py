from __future__ import annotations

from pathlib import Path

import pytest

from tests.sources.delivered import refusal, rows


def write(folder: Path, content: str) -> Path:
    (folder / "a.jsonl").write_bytes(content.encode())
    return folder / "a.jsonl"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1.10", "1.10"),
        ("123.0", "123.0"),
        ("1e2", "1e2"),
        ("-0", "-0"),
        ("-0.0", "-0.0"),
        ("0.1234567890123456789", "0.1234567890123456789"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("-7", "-7"),
        ('"1.10"', "1.10"),
        ('"x \\"id\\": 1.50"', 'x "id": 1.50'),
        ("null", None),
    ],
)
def test_a_text_is_what_is_written_to_the_last_digit(tmp_path: Path, written: str, read: str | None) -> None:
    assert rows(write(tmp_path, f'{{"id": {written}, "n": 1}}\n'), "jsonl") == [(read, "1")]


def test_an_integer_written_as_a_float_keeps_its_digits(tmp_path: Path) -> None:
    assert rows(write(tmp_path, '{"n": 9007199254740993.0}\n'), "jsonl") == [("9007199254740993.0",)]


def test_a_number_that_has_to_be_kept_changes_nothing_about_the_others(tmp_path: Path) -> None:
    content = '{"id": 1.10, "x": 1.50, "note": "é \\u0000 \\ud83d\\ude00"}\n\n{"id": "b", "n": 2}'
    assert rows(write(tmp_path, content), "jsonl") == [("1.10", None, "é \0 😀", "1.50"), ("b", "2", None, None)]


@pytest.mark.parametrize(
    ("content", "sentences"),
    [
        ('{"id": NaN}\n', ["line 1: NaN is no number of JSON; null says that there is none"]),
        ('{"id": "a"}\n{"id": -Infinity}\n', ["line 2: -Infinity is no number of JSON"]),
        ('{"id": true}\n{"id": [1]}\n{"id": {}}\n', ["line 1: id is a boolean", "line 2: id is a list", "line 3: id is an object"]),
        ('{"id": "a"}\n{"id": "b", "id": "c"}\n', ["line 2: the key 'id' stands there twice"]),
        ('{"id": "\\ud83d"}\n', ["line 1: half a sign"]),
        ('{"id": "a"}\n{"id": "b', ["line 2: Unterminated string starting at character 8; is the file cut off?"]),
        ('{"id": "a"}\n{"id": ', ["line 2: Expecting value", "is the file cut off?"]),
        ('{"id": "a"} {"id": "b"}\n', ["line 1: Extra data at character 13\n"]),
        ('[{"id": "a"},\n{"id": "b"}]\n', ["it looks like an array, not objects, one a line; `jq -c '.[]'`"]),
        ('{\n  "id": "a"\n}\n', ["it looks like an object over several lines"]),
        ("id,n\na,1\n", ["its first line is no object; line 1 is 'id,n': is it csv"]),
        ('{"id": "a", "ID": "b"}\n', ["'ID' and 'id' differ in upper and lower case only"]),
        ('{"id": "a"}\n{"Id": "b"}\n', ["'Id' and 'id' differ in upper and lower case only"]),
        ('{"": 1}\n', ["a key that is empty"]),
        ('null\n{"id": "a"}\n', ["line 1: not an object"]),
        ('{"id": "a"}\n5\n', ["line 2: not an object"]),
        ("{'id': 1}\n", ["line 1: Expecting property name enclosed in double quotes at character 2\n"]),
    ],
)
def test_what_is_no_json_lines_is_refused_with_its_lines(tmp_path: Path, content: str, sentences: list[str]) -> None:
    said = refusal(write(tmp_path, content), "jsonl")
    for sentence in sentences:
        assert sentence in said


def test_no_line_is_shown_where_columns_are_personal(tmp_path: Path) -> None:
    assert "secret" not in refusal(write(tmp_path, "secret,1\n"), "jsonl", frozenset({"id"}))


def test_utf_16_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes('{"id": "é"}'.encode("utf-16"))
    assert "it looks like UTF-16: have it saved as UTF-8" in refusal(tmp_path / "a.jsonl", "jsonl")
