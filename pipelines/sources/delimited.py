"""CSV and its relatives: read by DuckDB, on all cores.

What that gives up on, by the standard library, one line after another.

DuckDB guesses where a line begins when it reads a file at several places at once: quoted lines that look like
rows mislead it, and line ends of several kinds end it. So a file is blamed only after a reader that guesses
nothing has read it, too.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import TextIO

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.core.config import FileFormat
from pipelines.core.errors import BadInput, brief
from pipelines.core.sql import text as literal
from pipelines.sources.declared import Declared
from pipelines.sources.draft import Draft, one_file
from pipelines.sources.names import mistakes_of

WAY_OUT = "correct the file, or source.format"
MOST_MISTAKES = 100  # of a malformed file, before reading ends
LONGEST = 16_000_000  # characters of a line, or of a value
BATCH = 10_000  # rows on their way
HEAVY = 4_000_000  # characters of such rows
CHUNK = 1 << 20  # bytes
_BLANK_BEHIND = "a blank behind a quote that ends a value: leave it out"
SEPARATORS = (",", ";", "\t", "|", "^", "~", "\x01", " ")
LINES_ABOVE = 30  # among which a header is looked for


def rows(
    path: Path, format: FileFormat, names: Sequence[str], connection: duckdb.DuckDBPyConnection
) -> duckdb.DuckDBPyRelation:
    """DuckDB's reader with nothing left to guess: where it sniffs, it leaves out lines that do not fit its
    guess.
    """
    types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    options = (
        literal(one_file(path)),
        "auto_detect = false",
        "hive_partitioning = false",  # a folder `day=7` would replace the file's own column
        f"header = {str(format.header).lower()}",
        f"delim = {literal(format.separator)}",
        f"quote = {literal(format.quote)}",
        f"escape = {literal(format.quote)}",
        "encoding = 'utf-8'",
        f"columns = {{{types}}}",
    )
    return connection.sql(f"SELECT * FROM read_csv({', '.join(options)})")


def misleads(text: Path, format: FileFormat, width: int) -> bool:
    """Whether a text holds what DuckDB reads otherwise than it stands there.

    It takes the blanks around a quoted value for none, so that a quote behind a blank opens a value, with all
    lines up to the next one; it reads a byte order mark as a letter, where two files stand one behind the
    other; and a blank line as a row of one column.
    """
    if width == 1:
        return True
    quote, separator, mark = format.quote.encode(), format.separator.encode(), codecs.BOM_UTF8
    odd = [re.compile(rb"[\r\n]%s" % mark)]
    if quote:
        # several blanks: of a text, or before a quote
        q, ends = (re.escape(quote), (b"\r", b"\n", b" ", re.escape(separator)))
        odd += [
            re.compile(rb" %s(?:%s)" % (q, b"|".join(rb"(?<=%s %s)" % (end, q) for end in ends))),
            re.compile(rb"%s +(?:[\r\n]|%s|%s)" % (q, re.escape(separator), q)),
        ]
    with text.open("rb") as file:
        rest = b"\n" + file.read(len(mark)).removeprefix(mark)
        while block := file.read(CHUNK):
            block = rest + block
            if _may_be_odd(block, quote) and any(each.search(block) for each in odd):
                return True
            rest = block[len(block.rstrip(b" \r\n" + separator + quote + mark)) :][-CHUNK:]
    return any(each.search(rest + b"\n") for each in odd)


def _may_be_odd(block: bytes, quote: bytes) -> bool:
    """False of most blocks, and far quicker than to look for what is odd: bytes are sought alone first."""
    spaced = quote and quote in block and (b" " + quote in block or quote + b" " in block)
    return bool(spaced) or (codecs.BOM_UTF8[:1] in block and codecs.BOM_UTF8 in block)


def patiently(text: Path, of: Path, format: FileFormat, names: Sequence[str], declared: Declared) -> Draft:
    """Read a text line by line, and write its rows as Parquet.

    Args:
        text: The text, as it is read.
        of: The file as it was delivered, which messages name.
        format: Its format.
        names: Its columns.
        declared: The schema.

    Raises:
        BadInput: lines are wrong; all of them at once.
    """
    draft = Draft(".parquet")
    mistakes: list[str] = []
    schema = pa.schema([(name, pa.string()) for name in names])
    with _lines(text) as lines, pq.ParquetWriter(draft.path, schema, compression="lz4") as writer:
        found = _read(lines, format, len(names), mistakes)
        while batch := _batch(found):
            if not mistakes:
                columns = [
                    pa.array([value or None for value in column], pa.string())
                    for column in zip(*batch, strict=True)
                ]
                writer.write_batch(pa.record_batch(columns, schema))
    if mistakes:
        hint = _hint(text, format, names, declared)
        raise BadInput(f"{of.name} cannot be read as csv", details=[*hint, *mistakes], at=of, fix=WAY_OUT)
    return draft


def header(text: Path, of: Path, format: FileFormat, declared: Declared) -> tuple[str, ...]:
    """The columns' names, as the first line says.

    Raises:
        BadInput: it says none, or not one name for each column.
        UnicodeError: it is no UTF-8.
    """
    try:
        # surrogateescape: the text is decoded in blocks, and what is wrong in a later line is not the
        # header's mistake.
        with _lines(text) as lines:
            names = next(_reader(lines, format), None)
    except csv.Error as error:
        hint = _hint(text, format, declared.given, declared)
        raise BadInput(
            f"the first line is no header: {_quoting(str(error))}",
            where=of.name,
            details=hint,
            at=of,
            fix=WAY_OUT,
        ) from error
    if not names:
        found = (
            "is empty: not even a header"
            if names is None
            else "begins with a blank line, where the header should be"
        )
        raise BadInput(f"{of.name} {found}", at=of, fix="a day without rows is a file with its header line")
    "".join(names).encode()  # refuses what was escaped
    _refuse_no_header(names, text, of, format, declared)
    return tuple(names)


def _refuse_no_header(names: list[str], text: Path, of: Path, format: FileFormat, declared: Declared) -> None:
    if names[0].lower() in ("sep=", f"sep={format.separator}") or (
        len(names) == 1 and names[0].lower().startswith("sep=")
    ):
        raise BadInput(
            "line 1 is a hint for Excel (sep=), and no header",
            where=of.name,
            at=of,
            fix="have the file written without that line",
        )
    unknown = not set(map(declared.called, names)) & set(declared.given)
    if unknown and (line := _header_below(text, format, declared)):
        raise BadInput(
            f"the header stands in line {line}, below others",
            where=of.name,
            at=of,
            fix="have the file written without the lines above it",
        )
    if unknown and (hint := _hint(text, format, declared.given, declared)):
        raise BadInput(
            f"separated by {format.separator!r}, its first line names none of the schema's columns",
            where=of.name,
            details=hint,
            at=of,
            fix=WAY_OUT,
        )
    if mistakes := mistakes_of(names, header=True):
        if unknown:  # they may be values, personal ones among them: none is quoted
            mistakes = ["it names none of the schema's columns: has the file lost its header line?"]
        raise BadInput(
            "the header does not give each column a name of its own",
            where=of.name,
            details=mistakes,
            at=of,
            fix="give each column its own name, and each line as many separators as it needs",
        )


def _header_below(text: Path, format: FileFormat, declared: Declared) -> int | None:
    """The line that names most of the schema's columns, if the first one names none."""
    with _lines(text) as lines, suppress(csv.Error):
        for names in islice(_reader(lines, format), LINES_ABOVE):
            if 2 * len(set(map(declared.called, names)) & set(declared.given)) > len(declared.given):
                return lines.number
    return None


# --- line by line


class _Lines:
    """A text's lines, each with its own end, counted; none is longer than can be held."""

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self.number = 0
        self.end = ""
        self.read: list[str] = []  # since `read` was emptied

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.file.readline(LONGEST)
        if not line:
            raise StopIteration
        if len(line) == LONGEST:
            raise csv.Error(f"a line of more than {LONGEST:,} characters")
        self.number += 1
        self.end = line[-2:]
        self.read.append(line)
        return line


@contextmanager
def _lines(path: Path) -> Iterator[_Lines]:
    # utf-8-sig: a byte order mark is no part of the first name.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        yield _Lines(file)


def _reader(lines: _Lines, format: FileFormat) -> Iterator[list[str]]:
    csv.field_size_limit(LONGEST)  # the process's, of a library that nothing else here reads with
    if format.quote:
        return csv.reader(lines, delimiter=format.separator, quotechar=format.quote, strict=True)
    return csv.reader(lines, delimiter=format.separator, quoting=csv.QUOTE_NONE)


def _read(lines: _Lines, format: FileFormat, width: int, mistakes: list[str]) -> Iterator[list[str]]:
    """The rows of as many values as there are columns; what is wrong with others is added to the mistakes."""
    reader = _reader(lines, format)
    if format.header:
        next(reader, None)
    while len(mistakes) < MOST_MISTAKES:
        line = lines.number + 1
        lines.read.clear()
        try:
            row = next(reader, None)
        except csv.Error as error:
            mistakes.append(
                f"line {line}: {_BLANK_BEHIND if _is_blank_behind(lines, format) else _quoting(str(error))}"
            )
            return  # where the next row begins is anybody's guess
        if row is None:
            return
        if len(row) > width and not any(row[width:]):
            row = row[:width]  # separators at the end of each line, as some writers leave them
        if unclear := _unclear(row, lines, format):
            mistakes.append(f"line {line}: {unclear}")
        elif len(row) == width:
            yield row
        elif row:  # a blank line is none
            mistakes.append(
                f"line {line}: {_values(len(row))} where there are {width} columns{_cause(row, lines)}"
            )
    mistakes.append("perhaps more: the rest was not read")


def _unclear(row: list[str], lines: _Lines, format: FileFormat) -> str:
    """What of a row may mean one thing or another."""
    if "".join(lines.read[:1]).startswith("\ufeff"):
        return "begins with a byte order mark: do two files stand one behind the other?"
    # Where the value itself is quoted, it may begin as it likes: the row is looked at once more, sign by
    # sign.
    blank_first = format.quote and any(
        value[:1] == " " and value.lstrip(" ")[:1] == format.quote for value in row
    )
    if blank_first and _has_blank_before("".join(lines.read), format):
        return (
            "a blank before a quote: leave it out if the value is quoted; if it is not, quote the value, and"
            " write its own quotes twice"
        )
    return ""


def _has_blank_before(row: str, format: FileFormat) -> bool:
    """Whether a value of a row, as it is written, begins with blanks and a quote."""
    quote, separator = re.escape(format.quote), re.escape(format.separator)
    quoted, plain = rf"{quote}(?:[^{quote}]|{quote}{quote})*{quote}", rf"[^{separator}]*"
    at = 0
    while at <= len(row):
        if re.compile(rf" +{quote}").match(row, at):
            return True
        value = re.compile(rf"(?:{quoted}|{plain})(?:{separator}|$)", re.DOTALL).match(row, at)
        if value is None or value.end() == at:
            return False
        at = value.end()
    return False


def _is_blank_behind(lines: _Lines, format: FileFormat) -> bool:
    """Whether the line that could not be read has a closing quote with a blank behind it."""
    separator, quote = re.escape(format.separator), re.escape(format.quote)
    return (
        bool(lines.read)
        and re.search(rf"{quote} +(?:{separator}|{quote}|$)", lines.read[-1].rstrip("\r\n")) is not None
    )


def _cause(row: list[str], lines: _Lines) -> str:
    if not "".join(row).strip():
        return "; it is blank but for white space"
    if lines.end.endswith("\r"):
        return "; a carriage return ends it: if that is of a value, have the value quoted"
    return ""


def _quoting(said: str) -> str:
    if "unexpected end of data" in said:
        return "a quote is opened here, and never closed; is the file cut off?"
    if "field larger" in said or "characters" in said:
        return f"a value of more than {LONGEST:,} characters; is a quote opened here that is never closed?"
    if "expected after" in said:
        return "a quote inside of a quoted value: write it twice there"
    return said


def _values(count: int) -> str:
    return "1 value" if count == 1 else f"{count} values"


def _batch(rows: Iterator[list[str]]) -> list[list[str]]:
    """The next rows, as many as can be held."""
    batch, weight = [], 0
    for row in islice(rows, BATCH):
        batch.append(row)
        weight += sum(map(len, row))
        if weight > HEAVY:
            break
    return batch


# --- what the author may have meant


def _hint(text: Path, format: FileFormat, names: Sequence[str], declared: Declared) -> list[str]:
    """The two separators that fit the first line best, if another one does better than the stated one.

    Else nothing.
    """
    with _lines(text) as lines:
        first = next(lines, "").rstrip("\r\n")
    if first.startswith("{"):
        return ["its first line looks like JSON: is it jsonl (source.format.type)?"]
    fits = {one: _fit(first, one, format, names) for one in (*SEPARATORS, format.separator)}
    best = sorted((one for one in SEPARATORS if fits[one]), key=lambda one: -fits[one])[:2]
    if not best or fits[best[0]] <= fits[format.separator]:
        return []
    found = ", ".join(f"{one!r} ({fits[one]} of {len(names)} columns)" for one in best)
    # Names are no values; a file without a header begins with some.
    shown = [f"line 1: {brief(first)}"] if format.header or not declared.personal else []
    return [*shown, f"likeliest separators: {found}"]


def _fit(line: str, separator: str, format: FileFormat, names: Sequence[str]) -> int:
    """How many columns a line has by a separator: by their names, or as many values as there are columns."""
    found = [value.strip().strip(format.quote or '"') for value in line.split(separator)]
    if format.header:
        return len(set(found) & set(names))
    return len(names) if len(found) == len(names) else 0
