from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.sources.delivered import refusal, rows

TABLE = pa.table({"id": ["a", "b"], "n": [1, 2], "x": [0.5, 1.5], "note": ["x", None]})


def written(path: Path, table: pa.Table = TABLE, **options: Any) -> bytes:
    pq.write_table(table, path, **options)
    return path.read_bytes()


@pytest.mark.parametrize("options", [{}, {"use_dictionary": False}, {"data_page_version": "2.0"}])
def test_a_page_that_is_not_what_its_checksum_says_is_refused(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    path = tmp_path / "a.parquet"
    whole = written(path, write_page_checksum=True, compression="none", **options)
    assert len(rows(path, "parquet")) == 2
    at = whole.index(b"\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0")  # the column n
    path.write_bytes(whole[:at] + b"\x07" + whole[at + 1 :])
    assert "a.parquet is a broken delivery: the checksum of a page is not that of its content" in refusal(
        path, "parquet"
    )


def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    whole = written(path)
    for at in (0, 1, 3, 4, 100, len(whole) // 2, len(whole) - 4, len(whole) - 1):
        path.write_bytes(whole[:at])
        said = refusal(path, "parquet")
        assert "a.parquet is a broken delivery: " in said or "does not begin as Parquet does" in said


def test_a_damaged_list_of_columns_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    whole = written(path)
    path.write_bytes(whole[:-8] + b"\xff\xff\xff\x00" + whole[-4:])
    assert "broken delivery: its list of columns, at its end, is damaged" in refusal(path, "parquet")


def test_damaged_pages_without_a_checksum_are_told_where_they_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    whole = written(path, compression="snappy")
    path.write_bytes(whole[:4] + bytes(60) + whole[64:])
    assert "broken delivery: its pages are damaged" in refusal(path, "parquet")
