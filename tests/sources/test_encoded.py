from __future__ import annotations

import codecs
import gzip
from pathlib import Path

import pytest

from pipelines.sources import encoded
from tests.sources.delivered import refusal, rows

# Of each encoding that can be declared: a text which only few others can write.
TEXTS = {
    "utf-8": "Zoë 😀",
    "utf-16": "Zoë 😀",
    "utf-16-le": "Zoë 😀",
    "utf-16-be": "Zoë 😀",
    "cp1252": "5 € „Zoë“",
    "latin-1": "José ½",
    "iso-8859-15": "5 € Zoë",
    "cp1250": "Łódź, święto",
    "cp1251": "Привет, мир",
    "cp850": "Müller straße ░",
    "cp932": "日本語テキスト",
    "gb18030": "中文文本 😀",
}


def table(text: str) -> str:
    return f'id,n,x,note\na,1,2.5,"{text}"\n'


def test_there_is_a_text_of_each_encoding() -> None:
    assert set(TEXTS) == set(encoded.ENCODINGS)


@pytest.mark.parametrize("encoding", TEXTS)
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_each_encoding_is_read(tmp_path: Path, encoding: str, name: str) -> None:

    content = table(TEXTS[encoding]).encode(encoding)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert rows(tmp_path / name, encoding=encoding) == [("a", "1", "2.5", TEXTS[encoding])]


@pytest.mark.parametrize(
    ("mark", "order"),
    [
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (b"", "utf-16-le"),
        (b"", "utf-16-be"),
    ],
)
@pytest.mark.parametrize("header", [True, False])
def test_utf_16_is_read_in_either_order_with_and_without_its_mark(
    tmp_path: Path, mark: bytes, order: str, *, header: bool
) -> None:
    text = table("Zoë 😀") if header else table("Zoë 😀").split("\n", 1)[1]
    (tmp_path / "a.csv").write_bytes(mark + text.encode(order))
    for declared in ("utf-16", order):
        assert rows(tmp_path / "a.csv", encoding=declared, header=header) == [("a", "1", "2.5", "Zoë 😀")]


@pytest.mark.parametrize("size", range(1, 12))
def test_a_sign_may_lie_across_two_blocks(tmp_path: Path, size: int) -> None:
    content = table("Zoë 😀").encode("utf-16")
    blocks = (content[at : at + size] for at in range(0, len(content), size))
    if size > 1:  # the mark is looked for in the first block
        assert (
            b"".join(encoded.utf8(blocks, "utf-16", tmp_path / "a.csv", hidden=False))
            == table("Zoë 😀").encode()
        )


def test_the_line_is_not_shown_where_columns_are_personal(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(table("José").encode("cp1252"))
    said = refusal(tmp_path / "a.csv", personal=frozenset({"note"}))
    assert "line 2: not utf-8 text" in said
    assert "cp1252 or " in said
    assert "Jos" not in said


def test_zeros_within_values_do_not_make_a_text_utf_16(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"id,n,x,note\na\0b,1,2.5,x\n")
    assert rows(tmp_path / "a.csv") == [("a\0b", "1", "2.5", "x")]
