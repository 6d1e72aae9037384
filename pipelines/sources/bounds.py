"""How much of a delivery is taken: counted while it comes, and refused before it has filled a disk, the
memory or the night.

A limit of `limits.delivery` ends in a sentence that names it. What a line may be at most is no option: DuckDB
passes over one of 40,000,000 bytes without a word.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.core.config import Delivery
from pipelines.core.errors import BadInput

EVERYDAY = Delivery()
CHUNK = 1 << 20
HARMLESS = 10_000_000  # unpacked bytes, however small they were packed
LONGEST_LINE = 16_000_000  # bytes
SAMPLE = 1 << 16
ENDS = (b"\n", b"\r")
UNITS = {
    "bytes": "bytes",
    "unpacked_bytes": "bytes when unpacked",
    "rows": "rows",
    "columns": "columns",
    "seconds": "seconds",
}


def refuse(what: str, place: str, found: int, limits: Delivery, at: str = "") -> BadInput:
    """The sentence about a delivery that is more than a limit allows.

    Args:
        what: The limit's name.
        place: How messages name what is delivered.
        found: How much was found: so much at least, where reading ended there.
        limits: What is allowed.
        at: Where it lies.
    """
    allowed: int = getattr(limits, what)
    return BadInput(
        f"{place} is too much: {found:,} {UNITS[what]} or more, and limits.delivery.{what} allows"
        f" {allowed:,}",
        at=at,
        fix=f"ask its producer whether that is meant; if it is, raise limits.delivery.{what}",
    )


def require(what: str, place: str, found: int, limits: Delivery, at: str = "") -> None:
    """Make sure that a delivery is not more than a limit allows.

    Raises:
        BadInput: it is.
    """
    if found > getattr(limits, what):
        raise refuse(what, place, found, limits, at)


class Clock:
    """The time that a delivery may take; it begins to run when it is made."""

    def __init__(self, place: str, limits: Delivery) -> None:
        self.place, self.limits = place, limits
        self.end = time.monotonic() + limits.seconds

    @property
    def is_over(self) -> bool:
        """Whether it has taken as long as it may."""
        return time.monotonic() >= self.end

    def require(self) -> None:
        """Make sure that there is time left.

        Raises:
            BadInput: there is none.
        """
        if self.is_over:
            raise refuse("seconds", self.place, self.limits.seconds, self.limits)


@dataclass
class Unpacking:
    """Counts what comes out of something packed, chunk by chunk.

    Attributes:
        place: How messages name it.
        packed: How many bytes it had before.
        limits: What is allowed.
        at: Where it lies.
        unpacked: How many bytes have come out.
    """

    place: str
    packed: int
    limits: Delivery
    at: str = ""
    unpacked: int = 0

    def more(self, n: int) -> None:
        """Count bytes that have come out, before they are written anywhere.

        Raises:
            BadInput: they are too many, by themselves or for what they were packed in.
        """
        self.unpacked += n
        require("unpacked_bytes", self.place, self.unpacked, self.limits, self.at)
        if self.unpacked > max(self.limits.ratio * self.packed, HARMLESS):
            raise BadInput(
                f"{self.place} is too much: {self.packed:,} bytes become {self.unpacked:,} or more when"
                f" unpacked, and limits.delivery.ratio allows {self.limits.ratio:,} times as many",
                at=self.at,
                fix="ask its producer whether that is meant; if it is, raise limits.delivery.ratio",
            )

    def copy(self, content: IO[bytes], sink: IO[bytes]) -> None:
        """Write all that comes out.

        Raises:
            BadInput: it is too much.
        """
        while chunk := content.read(CHUNK):
            self.more(len(chunk))
            sink.write(chunk)


def too_long(what: str, at: str) -> BadInput:
    """The sentence about a line, or a row."""
    return BadInput(
        f"{what} is longer than {LONGEST_LINE:,} bytes, the longest that is read",
        at=at,
        fix=(
            "see whether it is a file of rows, and whether each quote is closed; leave out what is so long,"
            " or deliver Parquet"
        ),
    )


def refuse_long_lines(text: Path, of: Path) -> None:
    """Look for a line that is far too long: of most texts, a sixteenth is read.

    Args:
        text: The text, as it is read.
        of: The file as it was delivered, which messages name.

    Raises:
        BadInput: there is one.
    """

    def read(at: int, n: int) -> bytes:
        file.seek(at)
        return file.read(n)

    with text.open("rb") as file:
        for at in range(0, text.stat().st_size, CHUNK):
            # A line that is longer than both together covers one of these places, and so much after it.
            if (
                _is_within(read(at, SAMPLE))
                and len(after := read(at, LONGEST_LINE)) == LONGEST_LINE
                and _is_within(after)
            ):
                raise too_long(f"{of.name}: a line", str(of))


def _is_within(text: bytes) -> bool:
    """Whether no line ends in it."""
    return not any(end in text for end in ENDS)


def within_bounds(blocks: Iterable[bytes], path: Path, limits: Delivery) -> Iterator[bytes]:
    """What comes out of a compressed file, block by block, until it is too much.

    Raises:
        BadInput: it is.
    """
    unpacking = Unpacking(path.name, path.stat().st_size, limits, str(path))
    for block in blocks:
        unpacking.more(len(block))
        yield block


def refuse_large_parquet(content: Path, path: Path, limits: Delivery) -> None:
    """Look at what a Parquet file says of itself. Whether it is one is for its reader to say.

    Args:
        content: The file, as it is read.
        path: The file as it was delivered, which messages name.
        limits: What is allowed.

    Raises:
        BadInput: it has more rows, columns or bytes than is allowed.
    """
    try:
        told = pq.read_metadata(content)
    except (OSError, pa.ArrowException):
        return
    require("rows", path.name, told.num_rows, limits, str(path))
    require("columns", path.name, told.num_columns, limits, str(path))
    # No ratio: of a column with one value in all its rows, Parquet makes a few bytes, and whoever reads it no
    # more.
    unpacked = sum(told.row_group(n).total_byte_size for n in range(told.num_row_groups))
    require("unpacked_bytes", path.name, unpacked, limits, str(path))
