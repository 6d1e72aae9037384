"""One delivered file, opened as ingest opens it, without a run around it."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from pipelines.core.config import Column, FileFormat
from pipelines.core.errors import BadInput
from pipelines.core.rendered import MAX_LINES
from pipelines.sources import files
from pipelines.sources.declared import Declared

COLUMNS = {"id": "string", "n": "integer", "x": "number", "note": "string"}


def declared(personal: frozenset[str] = frozenset()) -> Declared:
    """The schema of these files."""
    columns = {name: Column.model_validate({"type": type_}) for name, type_ in COLUMNS.items()}
    return Declared(
        columns=columns,
        given=tuple(columns),
        derived={},
        assign_days=None,
        codes={},
        key="id",
        time="n",
        label="x",
        afterwards=frozenset(),
        late={},
        personal=personal,
    )


def rows(
    path: Path, type: str = "csv", personal: frozenset[str] = frozenset(), **format: Any
) -> list[tuple[Any, ...]]:
    """What is read of it, first in haste and then patiently, or the refusal."""
    stated = FileFormat.model_validate({"type": type, **format})
    with duckdb.connect() as connection:
        for patient in (False, True):
            piece = files.piece(path, stated, declared(personal), connection, patient=patient)
            try:
                return piece.rows.fetchall()
            except duckdb.Error as error:
                if not piece.hasty:
                    raise piece.diagnose() or error from error
    raise AssertionError("a patient reader is not hasty")


def refusal(path: Path, type: str = "csv", personal: frozenset[str] = frozenset(), **format: Any) -> str:
    """How it is refused."""
    with pytest.raises(BadInput) as refused:
        rows(path, type, personal, **format)
    said = str(refused.value)
    assert len(said.splitlines()) <= MAX_LINES
    assert "way out: " in said
    return said


def packed(content: bytes, suffix: str) -> bytes:
    """The content as a file of that name holds it."""
    if suffix == ".gz":
        return gzip.compress(content)
    if suffix != ".zst":
        return content
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(
        sink, "zstd"
    ) as stream:  # as pandas and Spark write it, without a checksum
        stream.write(content)
    return bytes(sink.getvalue())
