from __future__ import annotations

from pathlib import Path

from tests.sources.delivered import refusal, rows


def write(folder: Path, content: str) -> Path:
    (folder / "a.jsonl").write_bytes(content.encode())
    return folder / "a.jsonl"


def test_a_number_that_has_to_be_kept_changes_nothing_about_the_others(tmp_path: Path) -> None:
    content = '{"id": 1.10, "x": 1.50, "note": "é \\u0000 \\ud83d\\ude00"}\n\n{"id": "b", "n": 2}'
    assert rows(write(tmp_path, content), "jsonl") == [
        ("1.10", None, "é \0 😀", "1.50"),
        ("b", "2", None, None),
    ]


def test_no_line_is_shown_where_columns_are_personal(tmp_path: Path) -> None:
    assert "secret" not in refusal(write(tmp_path, "secret,1\n"), "jsonl", frozenset({"id"}))
