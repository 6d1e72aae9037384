"""Files of rows: CSV and its relatives, JSON lines, Parquet; compressed or not, read by DuckDB."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from glob import glob
from itertools import takewhile
from pathlib import Path
from stat import S_ISREG

import duckdb
import pyarrow as pa

from pipelines.config import FileFormat, FileSource
from pipelines.dates import Days
from pipelines.errors import BadInput, TryAgain, listed
from pipelines.settings import ROOT
from pipelines.sources.piece import Piece
from pipelines.sql import name as quoted
from pipelines.sql import text as literal

PARTITION = "{partition}"
WAY_OUT = "way out: correct the file, or source.format"
MOST_LINES = 100  # of a malformed file, read to tell what is wrong with it


def read(
    source: FileSource, days: Days, columns: tuple[str, ...], connection: duckdb.DuckDBPyConnection, *, may_miss: bool = False
) -> list[Piece]:
    """Open the files of a path or glob, in order of name; where the path names the partition, those of the days.

    Raises:
        BadInput: no file, a day without a file (unless `may_miss`), or a file that is not of its format.
    """
    if PARTITION not in source.path:
        paths = _found(source.path)
        if not paths:
            raise BadInput(f"no file {source.path!r}\n  looked for: {ROOT / source.path}\n  way out: put it there, or correct source.path")
        return [replace(piece(path, source.format, columns, connection), place=_place(path, source.path)) for path in paths]
    of_day = {day: _found(source.path.replace(PARTITION, day.isoformat())) for day in days}
    missing = [day for day, paths in of_day.items() if not paths]
    if missing and not may_miss:
        raise BadInput(
            f"no file {source.path!r} for {len(missing)} of {len(of_day)} days\n{listed(map(str, missing), 5)}\n"
            f"  looked for: {ROOT / source.path}\n  way out: put them there; a day without rows is a file with nothing but its header"
        )
    return [
        replace(piece(path, source.format, columns, connection), place=_place(path, source.path), day=day)
        for day, paths in of_day.items()
        for path in paths
    ]


def piece(path: Path, format: FileFormat, columns: tuple[str, ...], connection: duckdb.DuckDBPyConnection) -> Piece:
    """Open one file. CSV and JSON values stay text, so that one of the wrong type can be shown with its row.

    Raises:
        BadInput: the file is not of its format, in sentences with line numbers.
        TryAgain: it is being written, or gone since it was found.
    """
    refuse_change = partial(_refuse_change, path, _State.of(path))
    reader: Callable[[], duckdb.DuckDBPyRelation]
    if format.type == "csv":
        reader = partial(_csv, path, format, columns, connection)
    elif format.type == "jsonl":
        reader = partial(_jsonl, path, columns, connection)
    else:
        reader = partial(connection.read_parquet, str(path))
    diagnose = partial(_diagnose, path, format, columns)
    try:
        return Piece(reader(), path.name, diagnose=diagnose, refuse_change=refuse_change)
    except (duckdb.Error, UnicodeError, OSError) as error:
        refuse_change()
        told = diagnose() or BadInput(
            f"{path.name} cannot be read as {format.type}: {str(error).splitlines()[0]}\n  at: {path}\n  {WAY_OUT}"
        )
        raise told from error


def _found(pattern: str) -> list[Path]:
    return sorted(ROOT / name for name in glob(pattern, root_dir=ROOT, recursive=True))


def _place(path: Path, pattern: str) -> str:
    """How messages name one of the pattern's files: from the first folder that differs from file to file."""
    fixed = takewhile(lambda part: not set("*?[{").intersection(part), Path(pattern).parent.parts)
    return path.relative_to(ROOT.joinpath(*fixed)).as_posix()


# --- a file that its producer is writing


@dataclass(frozen=True)
class _State:
    """What tells that a file has been written to, or that another one has taken its name."""

    size: int
    written: int  # nanoseconds
    inode: int

    @classmethod
    def of(cls, path: Path) -> _State:
        try:
            found = path.stat()
            if not S_ISREG(found.st_mode):
                raise BadInput(
                    f"{path.name} is no file of rows, but a folder, a pipe or a device\n  at: {path}\n  way out: correct source.path"
                )
        except FileNotFoundError as error:
            raise TryAgain(f"{path.name} was there a moment ago, and is gone\n  at: {path}\n  {_WAIT}") from error
        return cls(found.st_size, found.st_mtime_ns, found.st_ino)


def _refuse_change(path: Path, opened: _State) -> None:
    """Make sure that a file is the one that was opened."""
    now = _State.of(path)
    if now == opened:
        return
    if now.size != opened.size:
        change = f"it had {opened.size:,} bytes, and has {now.size:,} now"
    else:
        change = "it was replaced by another file" if now.inode != opened.inode else "it was written to"
    raise TryAgain(f"{path.name} changed while it was read: {change}; nothing is published\n  at: {path}\n  {_WAIT}")


_WAIT = "way out: run it again when its producer has finished; one that writes under another name and renames the file at the end is never met halfway"


# --- CSV


def _csv(path: Path, format: FileFormat, columns: tuple[str, ...], connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    return connection.sql(f"SELECT * FROM {_csv_function(path, format, _header(path, format) if format.header else columns)}")


def _csv_function(path: Path, format: FileFormat, names: tuple[str, ...], *options: str) -> str:
    """DuckDB's reader with nothing left to guess: where it sniffs, it leaves out lines that do not fit its guess."""
    types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    every = (
        literal(str(path)),
        "auto_detect = false",
        f"header = {str(format.header).lower()}",
        f"delim = {literal(format.separator)}",
        f"quote = {literal(format.quote)}",
        f"escape = {literal(format.quote)}",
        f"encoding = {literal(format.encoding)}",
        f"columns = {{{types}}}",
        *options,
    )
    return f"read_csv({', '.join(every)})"


def _header(path: Path, format: FileFormat) -> tuple[str, ...]:
    # utf-8-sig: a byte order mark is no part of the first name.
    encoding = "utf-8-sig" if format.encoding == "utf-8" else format.encoding
    # surrogateescape: the text is decoded in blocks, and what is wrong in a later line is not the header's mistake.
    with io.TextIOWrapper(_opened(path), encoding=encoding, errors="surrogateescape", newline="") as text:
        lines = (
            csv.reader(text, delimiter=format.separator, quotechar=format.quote)
            if format.quote
            else csv.reader(text, delimiter=format.separator, quoting=csv.QUOTE_NONE)
        )
        names = next(lines, [])
    "".join(names).encode()  # refuses what was escaped
    if not names:
        raise BadInput(
            f"{path.name} is empty: not even a header\n  at: {path}\n  way out: a day without rows is a file with its header line"
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadInput(
            f"{path.name}: the header names {', '.join(map(repr, twice))} twice\n  at: {path}\n  way out: give each column its own name"
        )
    return tuple(names)


# --- JSON lines


def _jsonl(path: Path, columns: tuple[str, ...], connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """Read the keys first, since each line may have others: one that the schema does not know must be seen, not skipped."""
    keys = connection.sql(
        f"SELECT DISTINCT unnest(json_keys(json)) AS key FROM read_json_objects({literal(str(path))}, format = 'newline_delimited') ORDER BY key"
    ).fetchall()
    names = [key for (key,) in keys] or columns  # an empty file is a day without rows
    types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    return connection.sql(f"SELECT * FROM read_json({literal(str(path))}, format = 'newline_delimited', columns = {{{types}}})")


# --- what is wrong with a file


def _diagnose(path: Path, format: FileFormat, columns: tuple[str, ...]) -> BadInput | None:
    """Read a file again, line by line, to tell which lines are wrong; None when it is not the lines."""
    if format.type == "parquet":
        return None
    try:
        mistakes = list(_csv_mistakes(path, format, columns) if format.type == "csv" else _json_mistakes(path))
    except (duckdb.Error, OSError):
        return None  # not even readable to the end: the first error says why
    if not mistakes:
        return None
    return BadInput(f"{path.name} cannot be read as {format.type}\n{listed(mistakes, 6)}\n  at: {path}\n  {WAY_OUT}")


def _csv_mistakes(path: Path, format: FileFormat, columns: tuple[str, ...]) -> Iterator[str]:
    try:
        names = _header(path, format) if format.header else columns
    except UnicodeError:
        yield f"line 1: {_NOT_TEXT.format(format.encoding)}"
        return
    # A connection of its own: DuckDB writes what it rejects into tables.
    with duckdb.connect() as connection:
        function = _csv_function(path, format, names, "store_rejects = true", f"rejects_limit = {MOST_LINES}")
        connection.execute(f"SELECT {', '.join(f'count({quoted(name)})' for name in names)} FROM {function}").fetchall()
        rejected = connection.execute(
            "SELECT line, error_type::VARCHAR, error_message FROM reject_errors ORDER BY line, byte_position"
        ).fetchall()
    for line, kind, message in rejected:
        yield f"line {line}: {_NOT_TEXT.format(format.encoding) if kind == 'INVALID ENCODING' else message.splitlines()[0]}"


def _json_mistakes(path: Path) -> Iterator[str]:
    with _opened(path) as lines:
        for number, line in enumerate(lines, start=1):
            if number == 1 and line.startswith(codecs.BOM_UTF8):
                yield "line 1: starts with a byte order mark, which JSON does not allow; save the file without"
                line = line.removeprefix(codecs.BOM_UTF8)  # noqa: PLW2901
            try:
                if line.strip() and not isinstance(json.loads(line), dict):
                    yield f'line {number}: not an object of the form {{"column": value}}'
            except UnicodeDecodeError:
                yield f"line {number}: not utf-8 text; save the file as UTF-8"
            except json.JSONDecodeError as error:
                yield f"line {number}: {error.msg} at character {error.pos + 1}"


_NOT_TEXT = "not {} text; save the file as UTF-8, or say in source.format which encoding it has"


def _opened(path: Path) -> io.BufferedReader:
    """The file's bytes, decompressed as its name says."""
    return io.BufferedReader(pa.input_stream(path, compression="detect"))
