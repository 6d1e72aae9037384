"""Files of rows: which they are, that they are whole, and that nobody writes to them.

How each format is read, others say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from glob import escape, glob, has_magic
from itertools import takewhile
from pathlib import Path
from stat import S_ISREG

import duckdb

from pipelines.core.calendar import named
from pipelines.core.config import Delivery, FileFormat, FileSource
from pipelines.core.dates import Days
from pipelines.core.errors import BadInput, TryAgain
from pipelines.sources import arrays, bounds, compressed, delimited, draft, encoded, jsonl, parquet
from pipelines.sources.declared import Declared
from pipelines.sources.piece import Piece
from pipelines.storage.settings import ROOT

PARTITION = "{partition}"
ANY_DAY = "[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]"
ANY_HOUR = f"{ANY_DAY}T[0-2][0-9]"
A_NAME = re.compile(r"[12]\d{3}-[01]\d-[0-3]\d(?:T[0-2]\d)?", re.ASCII)
WAY_OUT = "correct the file, or source.format"
HIDDEN = "the reason is hidden, since it may quote personal values"


def read(
    source: FileSource,
    days: Days,
    declared: Declared,
    connection: duckdb.DuckDBPyConnection,
    *,
    limits: Delivery,
    may_miss: bool = False,
    patient: bool = False,
) -> list[Piece]:
    """Open the files of a path or glob, in order of name.

    Where the path names the partition, those of the days.

    Raises:
        BadInput: no file, a day on which one is expected without a file (unless `may_miss`, and it is before
            the first of all), or a file that is not of its format.
    """
    opened = partial(
        piece, format=source.format, declared=declared, connection=connection, limits=limits, patient=patient
    )
    if PARTITION not in source.path:
        paths = _files_of(source.path)
        if not paths:
            raise BadInput(
                f"no file {source.path!r}", at=ROOT / source.path, fix="put it there, or correct source.path"
            )
        return [replace(opened(path), place=_place(path, source.path)) for path in paths]
    of_day = {day: _files_of(source.path.replace(PARTITION, day.isoformat())) for day in days}
    missing = [day for day, paths in of_day.items() if not paths and _is_expected(day, source)]
    if missing and may_miss:
        begins = _first_day(source.path, ANY_HOUR if days.calendar.every == "hour" else ANY_DAY)
        missing = [day for day in missing if begins and day > begins]
    if missing:
        raise _missing_files(source, missing, sum(_is_expected(day, source) for day in of_day))
    return [
        replace(opened(path), place=_place(path, source.path), day=day)
        for day, paths in of_day.items()
        for path in paths
    ]


def _missing_files(source: FileSource, missing: Sequence[date], expected: int) -> BadInput:
    return BadInput(
        f"no file {source.path!r} for {len(missing)} of {expected}"
        f" {'expected days' if source.expected else 'days'}",
        details=map(str, missing),
        at=ROOT / source.path,
        fix=(
            "put them there; a day without rows is a file with nothing but its header, and a day on"
            " which none is to come one that source.expected"
            f" {'leaves out' if source.expected else 'may leave out'}"
        ),
    )


def piece(
    path: Path,
    format: FileFormat,
    declared: Declared,
    connection: duckdb.DuckDBPyConnection,
    limits: Delivery = bounds.EVERYDAY,
    *,
    patient: bool = False,
) -> Piece:
    """Open one file. CSV and JSON values stay text, so that one of the wrong type can be shown with its row.

    Args:
        path: Where it is.
        format: What it is.
        declared: The schema.
        connection: The DuckDB that reads.
        limits: How much may come.
        patient: Whether to read CSV line by line, since DuckDB has given up on it.

    Raises:
        BadInput: the file is broken, not of its format, in sentences with line numbers, or more than is
            allowed.
        TryAgain: it is being written, or gone since it was found.
    """
    state = _State.of(path)
    refuse_change = partial(_refuse_change, path, state)
    bounds.require("bytes", path.name, state.size, limits, str(path))
    try:
        found = _opened(path, format, declared, connection, limits, patient=patient)
        bounds.require("columns", path.name, len(found.rows.columns), limits, str(path))
    except TryAgain:
        raise
    except BadInput:
        refuse_change()  # what is half there yet is no mistake
        raise
    except (duckdb.Error, UnicodeError, OSError) as error:
        refuse_change()
        raise _unread(path, format, declared, error) from error
    return replace(found, refuse_change=refuse_change)


def _opened(
    path: Path,
    format: FileFormat,
    declared: Declared,
    connection: duckdb.DuckDBPyConnection,
    limits: Delivery,
    *,
    patient: bool,
) -> Piece:
    if path.name.startswith("_") and path.stat().st_size == 0:
        raise BadInput(
            f"{path.name} is empty, as marks are that a writer such as Spark leaves beside its parts",
            at=path,
            fix="let source.path fit the parts alone, such as folder/part-*",
        )
    compressed.refuse_other(path, format.type)
    kept = _draft(path, format, declared, limits)
    text = kept.path if kept else path
    if kept:
        compressed.refuse_content(text, path, format.type)
    if format.type == "csv":
        encoded.refuse_utf16(text, path)
        bounds.refuse_long_lines(text, path)
    if format.type == "parquet":
        bounds.refuse_large_parquet(text, path, limits)
        why = partial(parquet.refusal, text, path)
        return Piece(parquet.rows(text, path, connection), path.name, diagnose=why, kept=kept)
    if format.type in jsonl.UNITS:
        try:
            rows, exact = jsonl.rows(text, path, format.type, declared, connection)
        except duckdb.Error as error:
            raise jsonl.refusal(text, path, format.type, declared) or error from error
        why = partial(jsonl.refusal, text, path, format.type, declared)
        return Piece(rows, path.name, diagnose=why, kept=(kept, exact))
    return _delimited(path, text, kept, format, declared, connection, limits, patient=patient)


def _delimited(
    path: Path,
    text: Path,
    kept: draft.Draft | None,
    format: FileFormat,
    declared: Declared,
    connection: duckdb.DuckDBPyConnection,
    limits: Delivery,
    *,
    patient: bool,
) -> Piece:
    try:
        names = delimited.header(text, path, format, declared) if format.header else declared.given
    except UnicodeError:
        patient = True
        names = ()
    bounds.require("columns", path.name, len(names), limits, str(path))  # DuckDB takes seconds for many
    if patient or delimited.misleads(text, format, len(names)):
        _refuse_no_text(text, path, declared)
        read = delimited.patiently(text, path, format, names, declared)
        rows = connection.read_parquet(draft.one_file(read.path))
        return Piece(rows, path.name, header=format.header, kept=read)
    rows = delimited.rows(text, format, names, connection)
    return Piece(rows, path.name, header=format.header, kept=kept, hasty=True)


def _draft(path: Path, format: FileFormat, declared: Declared, limits: Delivery) -> draft.Draft | None:
    """The file's content as a file of our own, where DuckDB could not read, or not prove, the file itself."""
    packed = compressed.is_packed(path)
    foreign = format.type == "csv" and format.encoding != "utf-8"
    if not packed and not foreign and format.type != "json":
        return None
    blocks = (
        bounds.within_bounds(compressed.blocks(path), path, limits) if packed else compressed.blocks(path)
    )
    if foreign:
        blocks = encoded.utf8(blocks, format.encoding, path, hidden=bool(declared.personal))
    if format.type == "json":
        blocks = arrays.lines(blocks, path)
    return draft.of(path, blocks, f".{format.type}")


def _refuse_no_text(text: Path, path: Path, declared: Declared) -> None:
    """Make sure that what is to be read as UTF-8 is."""
    for _ in encoded.utf8(compressed.blocks(text), "utf-8", path, hidden=bool(declared.personal)):
        pass


def _unread(path: Path, format: FileFormat, declared: Declared, error: Exception) -> BadInput:
    reason = HIDDEN if declared.personal else (str(error).splitlines() or [type(error).__name__])[0]
    return BadInput(f"{path.name} cannot be read as {format.type}: {reason}", at=path, fix=WAY_OUT)


def _is_expected(day: date, source: FileSource) -> bool:
    return source.expected is None or day in source.expected


def _first_day(pattern: str, any_of_them: str) -> date | None:
    """The first partition of all that has a file."""
    found = {
        name
        for path in glob(pattern.replace(PARTITION, any_of_them), root_dir=ROOT, recursive=True)
        for name in A_NAME.findall(path)
    }
    # A name may hold another date besides, such as the one on which it was written.
    names = (name for name in sorted(found) if named(name))
    first = next(
        (name for name in names if glob(pattern.replace(PARTITION, name), root_dir=ROOT, recursive=True)),
        None,
    )
    return named(first)


def _files_of(pattern: str) -> list[Path]:
    """The files of a pattern; one that is called exactly so is meant, unless the pattern fits others.

    Raises:
        BadInput: it may mean the one or the others.
    """
    found = sorted(ROOT / name for name in glob(pattern, root_dir=ROOT, recursive=True))
    itself = ROOT / pattern
    if itself in found or not has_magic(pattern) or not itself.is_file():
        return found
    if found:
        raise BadInput(
            f"{itself.name} is a file's name, and a pattern that fits {found[0].name}",
            at=itself,
            fix=f"write {escape(itself.name)} for the file, or rename it",
        )
    return [itself]


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
                    f"{path.name} is no file of rows, but a folder, a pipe or a device",
                    at=path,
                    fix="correct source.path",
                )
        except FileNotFoundError as error:
            raise TryAgain(f"{path.name} was there a moment ago, and is gone", at=path, fix=_WAIT) from error
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
    raise TryAgain(
        f"{path.name} changed while it was read: {change}; nothing is published", at=path, fix=_WAIT
    )


_WAIT = (
    "run it again when its producer has finished; one that writes under another name and renames the"
    " file at the end is never met halfway"
)
