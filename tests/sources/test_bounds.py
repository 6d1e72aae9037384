"""A delivery that is too much ends in a sentence, before it has filled anything."""

from __future__ import annotations

import io
import os
import sqlite3
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.core.config import Column, Delivery, FileFormat
from pipelines.core.errors import BadInput
from pipelines.sources import bounds, delimited, files
from pipelines.storage.settings import Settings
from tests.helpers import tiny
from tests.helpers.sourced import GOOD, open_run, read
from tests.sources.delivered import declared

CSV, JSONL, PARQUET = FileFormat(type="csv"), FileFormat(type="jsonl"), FileFormat(type="parquet")


DECLARED = replace(declared(), columns={name: Column(type="string") for name in "ab"}, given=("a", "b"))


def rows_of(path: Path, format: FileFormat = CSV, **limits: int) -> int:
    for patient in (False, True):
        piece = files.piece(
            path, format, DECLARED, duckdb.connect(), Delivery.model_validate(limits), patient=patient
        )
        try:
            return int(piece.rows.aggregate("count(*)").fetchall()[0][0])
        except duckdb.Error:
            assert piece.hasty
    raise AssertionError("a patient reader is not hasty")


def refusal(path: Path, format: FileFormat = CSV, **limits: int) -> str:
    with pytest.raises(BadInput) as refused:
        rows_of(path, format, **limits)
    assert "way out: " in str(refused.value)
    assert len(str(refused.value).splitlines()) <= 10
    return str(refused.value)


def written(folder: Path, content: bytes, name: str = "d.csv") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def compressed(folder: Path, codec: str, content: bytes) -> Path:
    with pa.CompressedOutputStream(folder / f"d.csv.{codec}", {"gz": "gzip", "zst": "zstd"}[codec]) as sink:
        sink.write(content)
    return folder / f"d.csv.{codec}"


# --- bytes


def test_a_file_of_as_many_bytes_as_are_allowed_is_read_and_one_of_more_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, b"a,b\n1,2\n")
    assert rows_of(path, bytes=8) == 1
    said = refusal(path, bytes=7)
    assert said.startswith("d.csv is too much: 8 bytes or more, and limits.delivery.bytes allows 7\n  at: ")


@pytest.mark.parametrize("codec", ["gz", "zst"])
def test_a_compressed_file_is_counted_while_it_is_unpacked(tmp_path: Path, codec: str) -> None:
    path = compressed(tmp_path, codec, b"a,b\n" + b"1,2\n" * 1_000)
    assert rows_of(path, unpacked_bytes=4_004) == 1_000
    assert "4,004 bytes when unpacked or more, and limits.delivery.unpacked_bytes allows 4,003" in refusal(
        path, unpacked_bytes=4_003
    )


@pytest.mark.parametrize("codec", ["gz", "zst"])
def test_a_bomb_is_told_by_how_many_times_as_large_it_becomes(tmp_path: Path, codec: str) -> None:
    path = compressed(tmp_path, codec, b"a,b\n" + b"1,2\n" * 3_000_000)
    assert "limits.delivery.ratio allows 250 times as many" in refusal(path)
    assert rows_of(path, ratio=100_000) == 3_000_000


def test_what_stays_small_may_have_been_packed_as_tightly_as_can_be(tmp_path: Path) -> None:
    assert rows_of(compressed(tmp_path, "gz", b"a,b\n" + b"1,2\n" * 1_000), ratio=1) == 1_000


def test_a_parquet_file_tells_its_bytes_and_rows_itself(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"a": ["x" * 50] * 100, "b": ["y"] * 100}), tmp_path / "d.parquet", use_dictionary=False
    )
    assert rows_of(tmp_path / "d.parquet", PARQUET, rows=100, unpacked_bytes=10_000) == 100
    assert "100 rows or more, and limits.delivery.rows allows 99" in refusal(
        tmp_path / "d.parquet", PARQUET, rows=99
    )
    assert "limits.delivery.unpacked_bytes allows 100" in refusal(
        tmp_path / "d.parquet", PARQUET, unpacked_bytes=100
    )


# --- columns


def test_too_many_columns_are_refused_by_the_header_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, ",".join(f"c{n}" for n in range(2_001)).encode() + b"\n")
    monkeypatch.setattr(delimited, "rows", None)  # DuckDB is not even asked
    assert "d.csv is too much: 2,001 columns or more, and limits.delivery.columns allows 2,000" in refusal(
        path
    )


def test_columns_of_other_files_are_counted_too(tmp_path: Path) -> None:
    assert "3 columns or more" in refusal(
        written(tmp_path, b'{"a": 1}\n{"b": 1, "c": 2}\n', "d.jsonl"), JSONL, columns=2
    )
    pq.write_table(pa.table({"a": [1], "b": [1], "c": [1]}), tmp_path / "d.parquet")
    assert "3 columns or more" in refusal(tmp_path / "d.parquet", PARQUET, columns=2)
    # each field of a struct is one
    pq.write_table(pa.table({"a": [{"x": 1, "y": 2}], "b": [1]}), tmp_path / "d.parquet")
    assert "3 columns or more" in refusal(tmp_path / "d.parquet", PARQUET, columns=2)


# --- lines


def test_a_line_that_is_too_long_is_told_as_that_and_never_passed_over(tmp_path: Path) -> None:
    long = b"x" * 40_000_000  # of which DuckDB says nothing, and reads no row
    for path in (
        written(tmp_path, b"a,b\n1," + long + b"\n"),
        compressed(tmp_path, "zst", b"a,b\n1," + long + b"\n"),
    ):
        assert "a line is longer than 16,000,000 bytes, the longest that is read" in refusal(
            path, ratio=100_000
        )


def test_a_line_that_is_not_too_long_is_read(tmp_path: Path) -> None:
    assert rows_of(written(tmp_path, b"a,b\n0,0\n1," + b"x" * 3_000_000 + b"\n2,2\n")) == 3


def test_a_line_of_json_that_is_too_long_is_told_with_its_number(tmp_path: Path) -> None:
    path = written(tmp_path, b'{"a": 1}\n{"b": "' + b"x" * 40_000_000 + b'"}\n', "d.jsonl")
    assert "line 2: longer than 16,777,216 bytes, the longest that is read" in refusal(path, JSONL)


@pytest.mark.parametrize("end", [b"\n", b"\r"])
def test_a_line_that_is_far_too_long_is_found_wherever_it_lies(
    monkeypatch: pytest.MonkeyPatch, end: bytes
) -> None:
    for name, value in {"CHUNK": 32, "SAMPLE": 4, "LONGEST_LINE": 40}.items():
        monkeypatch.setattr(bounds, name, value)
    for length in range(0, 110, 3):
        found = {is_found(end * before + b"x" * length + 50 * end) for before in range(65)}
        assert found == {True} if length > 40 + 32 else length > 40 or found == {False}


def is_found(text: bytes) -> bool:
    """Whether a line of the text is told as too long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "open", lambda *_, **__: io.BytesIO(text))
        patch.setattr(Path, "stat", lambda *_: os.stat_result((0, 0, 0, 0, 0, 0, len(text), 0, 0, 0)))
        try:
            bounds.refuse_long_lines(Path(os.devnull), Path(os.devnull))
        except BadInput:
            return True
    return False


# --- rows, whatever gives them


def many(day: date) -> pa.Table:
    return tiny.payments(day)


def uneven(day: date) -> pa.Table:
    return tiny.payments(day).slice(0, 40 if day.day == 20 else 3)


def limited(settings: Settings, source: dict[str, Any], **limits: int) -> str:
    with pytest.raises(BadInput) as refused:
        read(open_run(settings, source, limits={"delivery": limits}))
    return str(refused.value)


def test_a_file_of_more_rows_than_are_allowed_is_refused_while_it_streams(
    settings: Settings, tmp_path: Path
) -> None:
    for name in ("d.csv", "{partition}.csv"):
        written(tmp_path, GOOD.encode(), name.replace("{partition}", "2026-02-01"))
        source = {"kind": "file", "path": str(tmp_path / name), "format": {"type": "csv"}}
        assert len(read(open_run(settings, source, limits={"delivery": {"rows": 2}}))) == 2
        said = limited(settings, source, rows=1)
        assert "2 rows or more, and limits.delivery.rows allows 1" in said


def test_rows_that_are_left_to_other_days_are_counted_too(settings: Settings, tmp_path: Path) -> None:
    path = written(tmp_path, GOOD.replace("b,2026-02-01", "b,2026-02-02").encode())
    source = {"kind": "file", "path": str(path), "format": {"type": "csv"}}
    assert "d.csv is too much: 2 rows or more, and limits.delivery.rows allows 1" in limited(
        settings, source, rows=1
    )


def test_each_of_a_function_s_tables_is_measured_by_itself(settings: Settings) -> None:
    run = open_run(
        settings,
        {"kind": "python", "function": "tests.sources.test_bounds:uneven"},
        "training",
        date(2026, 1, 31),
        limits={"delivery": {"rows": 39}},
    )
    with pytest.raises(
        BadInput,
        match=r"uneven\(2026-01-20\) is too much: 40 rows or more, and limits.delivery.rows allows 39",
    ):
        read(run)


def test_a_function_s_table_is_measured(settings: Settings) -> None:
    source = {"kind": "python", "function": "tests.sources.test_bounds:many"}
    assert "(2026-02-01) is too much: 40 rows or more, and limits.delivery.rows allows 39" in limited(
        settings, source, rows=39
    )
    assert "6 columns or more, and limits.delivery.columns allows 5" in limited(settings, source, columns=5)


def test_an_answer_is_measured_while_it_comes(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute("create table payments (id, at, customer, amount, channel, bad)")
        connection.executemany(
            "insert into payments values (?, '2026-02-01', 'c', 1, 'chip', 0)", [(str(n),) for n in range(3)]
        )
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", f"sqlite:///{tmp_path}/shop.db")
    source = {"kind": "sql", "connection": "shop", "query": "select * from payments"}
    assert "connection shop is too much: 3 rows or more, and limits.delivery.rows allows 2" in limited(
        settings, source, rows=2
    )
    assert "6 columns or more" in limited(settings, source, columns=5)
    endless = (
        "with recursive n(i) as (select 1 union all select i + 1 from n) select i as id, '2026-02-01' as at,"
        " 'c' as customer"
    )
    endless += ", 1 as amount, 'chip' as channel, 0 as bad from n"
    assert "limits.delivery.rows allows 2" in limited(settings, source | {"query": endless}, rows=2)
    monkeypatch.setattr(bounds.Clock, "is_over", True)
    assert "limits.delivery.seconds allows 21,600" in limited(settings, source, rows=3)
