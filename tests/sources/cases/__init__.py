"""What is delivered, what the use-case file says of it, and what is right: proven by tests, and told in
docs/what-is-read.md.

A case is data: the bytes, and the rows or the sentence. `telling` cases stand in the document; the `more` are
their neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.sources.casts import ARTICLES
from pipelines.sources.refusals import LONGEST_VALUE

Row = tuple[Any, ...]
TYPES = ("csv", "jsonl", "json", "parquet")
CELLS: Mapping[str, Mapping[str, Any]] = {
    "n": {"type": "integer"},
    "x": {"type": "number"},
    "note": {"type": "string"},
}


@dataclass(frozen=True)
class Refused:
    """A value is none of its column's; why, where there is more to say than that."""

    why: str = ""


@dataclass(frozen=True)
class Values:
    """Texts of one column, each with what is read, or `Refused`."""

    type: str
    telling: Mapping[str, Any]
    more: Mapping[str, Any] = field(default_factory=dict)
    format: str | None = None

    @property
    def column(self) -> dict[str, str]:
        """The column as it is declared."""
        return {"type": self.type} | ({"format": self.format} if self.format else {})

    @property
    def every(self) -> Mapping[str, Any]:
        """All of them."""
        return {**self.telling, **self.more}

    def sentence(self, written: str) -> str:
        """How a value is refused, behind the words that say where it stands."""
        why = self.every[written].why
        shown = written if len(written) <= LONGEST_VALUE else f"{written[:LONGEST_VALUE]}..."
        return f"{shown!r} is not {ARTICLES[self.type]}" + (f": {why}" if why else "")


@dataclass(frozen=True)
class Delivery:
    """A file, and what ingest gives of it for 1 February 2026.

    Attributes:
        title: What is delivered, as the document says it.
        content: Its bytes; None where there is no file.
        reads: The rows: the key, and the columns declared here.
        says: Whole lines of the sentence with which it is refused, of which the first is the one that tells
            most.
        name: Its name, which tells its format, too.
        path: What `source.path` says, where that is not the name.
        format: What `source.format` says besides the type.
        columns: The columns besides the key. A time that is not among them is the day's beginning.
        source: What else `source` says.
        shown: The column that the document shows of what is read.
        beside: Other files of the same folder: their names, and their bytes.
    """

    title: str
    content: bytes | None
    reads: Sequence[Row] | None = None
    says: Sequence[str] = ()
    name: str = "d.csv"
    path: str = ""
    format: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: CELLS)
    source: Mapping[str, Any] = field(default_factory=dict)
    shown: str = ""
    beside: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """The type of its format."""
        found = [suffix for suffix in self.name.split(".")[1:] if suffix in TYPES]
        return found[0] if found else "csv"


@dataclass(frozen=True)
class Deliveries:
    """Files of one kind."""

    telling: Sequence[Delivery]
    more: Sequence[Delivery] = ()

    def __iter__(self) -> Iterator[Delivery]:
        yield from (*self.telling, *self.more)
