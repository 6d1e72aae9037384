"""Cases are read as a night reads its source, by the whole of ingest.

Values of a column all at once, since each has a row of its own.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import yaml

from pipelines.core import dates
from pipelines.core.config import FileFormat, UseCase
from pipelines.core.errors import BadInput
from pipelines.core.sql import name as quoted
from pipelines.run.run import Run
from pipelines.sources import files, refusals
from pipelines.sources.declared import Declared
from pipelines.sources.piece import Piece
from pipelines.sources.typed import ROW, WRONG, typed_rows
from pipelines.steps import ingest
from pipelines.storage.settings import Settings
from tests.sources.cases import Delivery, Row, Values

DAY = date(2026, 2, 1)
KEY = {"type": "string", "role": "key"}
TIME = {"type": "timestamp", "role": "time"}
LABEL = {"type": "integer", "role": "label", "allowed": [0, 1]}


def stated(source: Mapping[str, Any], columns: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A use case of a key, these columns, and a label that is always no."""
    derive = {"bad": "0"} if "at" in columns else {"at": f"TIMESTAMP '{DAY}'", "bad": "0"}
    return {
        "name": "tiny",
        "title": "Which rows are bad?",
        "task": "binary",
        "source": {**source, "derive": derive},
        "columns": {"id": KEY, **columns, "at": TIME, "bad": LABEL},
        "label": {"positive": 1},
        "features": {"numbers": {"one": "1"}},
        "split": {"window_days": 20, "by": "time", "test": 0.25, "folds": {"by": "time", "n": 3}},
        "candidates": {"baseline": {}, "linear": {"grid": {"C": [1]}}},
        "metric": {"name": "aucpr"},
        "threshold": {"policy": "max_recall", "precision": 0.5},
        "demo": {"training": date(2026, 1, 31)},
    }


def delivered(case: Delivery, settings: Settings, folder: Path) -> list[Row] | BadInput:
    """The rows of a delivery, or how it is refused."""
    for name, content in {case.name: case.content, **case.beside}.items():
        if content is not None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    source = {
        "kind": "file",
        "path": str(folder / (case.path or case.name)),
        "format": {"type": case.type, **case.format},
        **case.source,
    }
    (settings.use_cases / "tiny.yaml").write_text(
        yaml.safe_dump(stated(source, case.columns), sort_keys=False)
    )
    run = Run.open("tiny", "scoring", DAY, settings)
    try:
        rows = ingest.stream(run, dates.Days(DAY, DAY), pa.RecordBatchReader.read_all)
    except BadInput as refusal:
        return refusal
    columns = ["id", *case.columns]
    return [tuple(row[name] for name in columns) for row in rows.to_pylist()]


def one_by_one(values: Values, folder: Path) -> dict[str, Any]:
    """What is read of each value, or the line of the sentence that refuses it, behind the words that say
    where it stands.
    """
    written = list(values.every)
    with (folder / "d.csv").open("w", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("id", "v"), *enumerate(written)])
    source = {"kind": "file", "path": "d.csv", "format": {"type": "csv"}}
    declared = Declared.of(UseCase.model_validate(stated(source, {"v": values.column})))
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        piece = files.piece(folder / "d.csv", FileFormat(type="csv"), declared, connection)
        rows = typed_rows(piece, declared, numbered=True)
        found = rows.project(f"v, {quoted(WRONG)}").fetchall()
        return {
            value: (
                _refusal(piece, rows.filter(f"{quoted(ROW)} = {number}"), number, declared) if wrong else read
            )
            for number, (value, (read, wrong)) in enumerate(zip(written, found, strict=True), start=1)
        }


def _refusal(piece: Piece, row: duckdb.DuckDBPyRelation, number: int, declared: Declared) -> str:
    try:
        refusals.refuse_broken_values([(piece, row)], declared, "tiny")
    except BadInput as refusal:
        said = str(refusal).splitlines()
        assert said[0].startswith("tiny: 1 value is not of the declared type")
        return said[1].removeprefix(f"  - d.csv, row {number}, column v: ")
    raise AssertionError("a wrong value is refused")
