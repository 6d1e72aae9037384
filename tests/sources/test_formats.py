"""A table of any values, written in every format, encoding, compression and line end, reads the same."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from pipelines.core.config.source import FileFormat
from pipelines.core.errors import BadInput
from pipelines.sources import arrays
from pipelines.storage import spill
from tests.sources.delivered import packed, rows

Row = tuple[str, int | None, float | None, str | None]

# Signs that mean something to some format, line ends above all, others of every length in bytes, and any that
# there are.
SIGNS = st.sampled_from(list("ab \t,;|\"'\\#€ëß日😀\0\x1a\ufeff") + 4 * ["\n", "\r"]) | st.characters(
    exclude_categories=["Cs"]
)


def tables(signs: st.SearchStrategy[str]) -> st.SearchStrategy[list[Row]]:
    """Rows whose texts are made of these signs."""
    texts = st.text(signs, min_size=1, max_size=12)
    number = st.none() | st.integers(-(2**63), 2**63 - 1)
    return st.lists(
        st.tuples(
            texts, number, st.none() | st.floats(allow_nan=False, allow_infinity=False), st.none() | texts
        ),
        max_size=6,
    )


ROWS = tables(SIGNS)
LINES_WITHIN: list[Row] = [("a", 1, 2.0, "x\r\nfake,1,2,y"), ("b", None, None, "\r")]
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030")
ONE_BYTE = ("cp1252", "latin-1", "iso-8859-15", "cp1251", "cp850")
COMPRESSIONS = ("", ".gz", ".zst")
COMMON = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def as_csv(table: list[Row], separator: str, ends: list[str]) -> str:
    """All texts quoted, and the lines ended as `ends` says in turns."""
    text = ""
    for number, row in enumerate([("id", "n", "x", "note"), *table]):
        line = io.StringIO(newline="")
        csv.writer(line, delimiter=separator, quoting=csv.QUOTE_ALL, lineterminator="").writerow(row)
        text += line.getvalue() + ends[number % len(ends)]
    return text


def as_json(table: list[Row]) -> str:
    return "".join(json.dumps(dict(zip(("id", "n", "x", "note"), row, strict=True))) + "\n" for row in table)


def values(found: list[tuple[Any, ...]]) -> list[Row]:
    """What texts mean."""
    return [
        (row[0], None if row[1] is None else int(row[1]), None if row[2] is None else float(row[2]), row[3])
        for row in found
    ]


@COMMON
@given(
    table=ROWS,
    separator=st.sampled_from([",", ";", "\t", "|"]),
    ends=st.sampled_from([["\n"], ["\r\n"], ["\r"], ["\n", "\r\n"], ["\r\n", "\n"], ["\r", "\n"]]),
    encoding=st.sampled_from(ENCODINGS),
    compression=st.sampled_from(COMPRESSIONS),
)
@example(table=LINES_WITHIN, separator=",", ends=["\r\n", "\n"], encoding="utf-8", compression="")
def test_csv_reads_as_it_was_written(
    tmp_path: Path, table: list[Row], separator: str, ends: list[str], encoding: str, compression: str
) -> None:
    path = tmp_path / f"a.csv{compression}"
    path.write_bytes(packed(as_csv(table, separator, ends).encode(encoding), compression))
    declared = {"utf-8-sig": "utf-8"}.get(encoding, encoding)
    assert values(rows(path, separator=separator, encoding=declared)) == table


@pytest.mark.parametrize("encoding", ONE_BYTE)
@settings(COMMON, max_examples=20)
@given(data=st.data(), ends=st.sampled_from([["\n"], ["\r\n"]]), compression=st.sampled_from(COMPRESSIONS))
def test_csv_of_one_byte_a_sign_reads_as_it_was_written(
    tmp_path: Path, encoding: str, data: st.DataObject, ends: list[str], compression: str
) -> None:
    # No text has the signs from U+0080 to U+009F.
    table = data.draw(tables(st.characters(codec=encoding).filter(lambda sign: not "\x80" <= sign <= "\x9f")))
    content = as_csv(table, ",", ends).encode(encoding)
    assume(content.isascii() or not is_utf8(content))  # what may be UTF-8 is refused
    path = tmp_path / f"a.csv{compression}"
    path.write_bytes(packed(content, compression))
    assert values(rows(path, encoding=encoding)) == table


def is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


@COMMON
@given(table=ROWS, compression=st.sampled_from(COMPRESSIONS))
def test_json_lines_read_as_they_were_written(tmp_path: Path, table: list[Row], compression: str) -> None:
    path = tmp_path / f"a.jsonl{compression}"
    path.write_bytes(packed(as_json(table).encode(), compression))
    found = rows(path, "jsonl")
    assert sorted(map(repr, values([(row[0], row[1], row[3], row[2]) for row in found]))) == sorted(
        map(repr, table)
    )


@COMMON
@given(
    table=ROWS,
    compression=st.sampled_from(COMPRESSIONS),
    blanks=st.lists(st.sampled_from(["", " ", "\n", "\r\n  "]), min_size=3, max_size=3),
)
def test_an_array_reads_as_its_objects_do_line_by_line(
    tmp_path: Path, table: list[Row], compression: str, blanks: list[str]
) -> None:
    before, between, behind = blanks
    lines = as_json(table)
    (tmp_path / "a.jsonl").write_text(lines)
    array = f"{before}[{behind}{f'{before},{between}'.join(lines.splitlines())}{between}]{behind}"
    path = tmp_path / f"a.json{compression}"
    path.write_bytes(packed(array.encode(), compression))
    assert sorted(map(repr, rows(path, "json"))) == sorted(map(repr, rows(tmp_path / "a.jsonl", "jsonl")))


@COMMON
@given(
    objects=st.lists(st.dictionaries(st.text(SIGNS), st.text(SIGNS) | st.lists(st.integers()), max_size=3)),
    size=st.integers(1, 9),
    indent=st.sampled_from([None, 1]),
)
def test_an_array_is_taken_apart_wherever_its_blocks_are_cut(
    objects: list[dict[str, object]], size: int, indent: int | None
) -> None:
    content = json.dumps(objects, indent=indent, ensure_ascii=False).encode()
    blocks = [content[at : at + size] for at in range(0, len(content), size)]
    found = b"".join(arrays.lines(blocks, Path("d.json")))
    assert [json.loads(line) for line in found.split(b"\n") if line] == objects


@COMMON
@given(table=ROWS, compression=st.sampled_from(COMPRESSIONS), checksum=st.booleans())
def test_parquet_reads_as_it_was_written(
    tmp_path: Path, table: list[Row], compression: str, *, checksum: bool
) -> None:
    path = tmp_path / f"a.parquet{compression}"
    path.write_bytes(packed(as_parquet(table, checksum=checksum), compression))
    assert rows(path, "parquet") == table


def as_parquet(table: list[Row], *, checksum: bool) -> bytes:
    columns = list(zip(*table, strict=True)) or [()] * 4
    types = (pa.string(), pa.int64(), pa.float64(), pa.string())
    arrays = [pa.array(column, type_) for column, type_ in zip(columns, types, strict=True)]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, ["id", "n", "x", "note"]), sink, write_page_checksum=checksum)
    return sink.getvalue()


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, str, bytes, bytes]:
    """A table's format and compression, the file, and the same cut off or with one bit flipped."""
    table, type_, compression = (
        draw(ROWS),
        draw(st.sampled_from(["csv", "jsonl", "json", "parquet"])),
        draw(st.sampled_from([".gz", ".zst"])),
    )
    if type_ == "parquet":
        content = as_parquet(table, checksum=False)
    else:
        text = as_csv(table, ",", ["\n"]) if type_ == "csv" else as_json(table)
        content = (f"[{','.join(text.splitlines())}]" if type_ == "json" else text).encode()
    # What is stored as it is shows each bit that has flipped.
    whole = (
        packed(content, compression)
        if compression == ".zst"
        else gzip.compress(content, draw(st.sampled_from([0, 6])))
    )
    if compression == ".zst" or draw(
        st.booleans()
    ):  # this writer's .zst have no checksum: a bit that flips may be a value
        return type_, compression, whole, whole[: draw(st.integers(0, len(whole) - 1))]
    bit = draw(st.integers(0, 8 * len(whole) - 1))
    return type_, compression, whole, (int.from_bytes(whole) ^ 1 << bit).to_bytes(len(whole))


@COMMON
@given(file=damaged())
def test_a_damaged_file_is_refused_or_reads_the_same(
    tmp_path: Path, file: tuple[str, str, bytes, bytes]
) -> None:
    type_, compression, whole, delivered = file
    path = tmp_path / f"a.{type_}{compression}"
    path.write_bytes(whole)
    before = rows(path, type_)
    path.write_bytes(delivered)
    try:
        found = rows(path, type_)
    except BadInput:
        return
    assert len(delivered) == len(whole)
    assert found == before


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_what_is_unpacked_is_gone_when_nobody_reads_it_any_longer(tmp_path: Path, compression: str) -> None:
    before = set(spill.folder().iterdir())
    path = tmp_path / f"a.csv{compression}"
    path.write_bytes(packed(b"id,n,x,note\na,1,2,x\r\nb,1,2,x\n", compression))
    assert len(rows(path)) == 2
    assert set(spill.folder().iterdir()) == before


def test_decimals_and_values_are_not_told_apart_by_one_sign() -> None:
    with pytest.raises(ValueError, match="separator and decimal are both ','"):
        FileFormat(type="csv", decimal=",")


def test_a_decimal_comma_is_of_csv_alone() -> None:
    with pytest.raises(ValueError, match="decimal, separator: for csv only"):
        FileFormat(type="jsonl", decimal=",", separator=";")
