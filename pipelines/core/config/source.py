"""Where the rows come from."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from pipelines.core.config.base import (
    LONGEST_PATH,
    ConnectedPart,
    ConnectionId,
    Day,
    Days,
    Identifier,
    ReadPath,
)
from pipelines.core.config.expected import Expected
from pipelines.core.errors import brief
from pipelines.core.strict import Strict

QUOTE = "'\"'"
LONGEST_PART = 200  # bytes of a file's name

# Every kind may `derive` columns from the source's own by SQL, e.g. a timestamp from a date and an hour.
DERIVE: Any = Field(
    default={},
    description=(
        "Column -> SQL over the source's columns, for what the schema needs and the source says in pieces."
    ),
)


def _public(value: str) -> str:
    if "@" in value.split("://", 1)[-1].split("/", 1)[0]:
        raise ValueError(
            "holds a user or a password, which this file is no place for: write a public address"
        )
    return value


def _plain_path(value: str) -> str:
    """A path that is also written to, below a folder of Sluice's own: nothing but names of files."""
    if (
        any(part in ("", ".", "..") or len(part.encode()) > LONGEST_PART for part in value.split("/"))
        or "\\" in value
    ):
        raise ValueError(
            f"{brief(value)} is no path below a folder: write names with / between them, such as"
            " shop/orders.csv, and no `..`"
        )
    return value


WrittenPath = Annotated[str, AfterValidator(_plain_path), Field(min_length=1, max_length=LONGEST_PATH)]


# Names of Python's codecs; a file in another one is made UTF-8 by whoever delivers it.
Encoding = Literal[
    "utf-8",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "cp1252",
    "latin-1",
    "iso-8859-15",
    "cp1250",
    "cp1251",
    "cp850",
    "cp932",
    "gb18030",
]


class FileFormat(Strict):
    """How to read a file of rows. Compression is told by the file's name: .gz and .zst are read.

    A compressed file is proven to its last checksum before anything is published. A .zst without a checksum,
    and pages of Parquet without one, can only be proven to be whole.
    """

    type: Literal["csv", "jsonl", "json", "parquet"] = Field(
        description=(
            "csv also stands for tab-separated text: set `separator`. jsonl is an object a line, json one"
            " array of objects."
        )
    )
    separator: str = Field(default=",", min_length=1, max_length=1, description="CSV only.")
    header: bool = Field(
        default=True,
        description=(
            "CSV only: false when the first line is already a row; the columns are then the schema's, in"
            " order."
        ),
    )
    quote: str = Field(
        default='"',
        max_length=1,
        description="CSV only: the quoting character; empty for files whose quotes mean nothing.",
    )
    encoding: Encoding = Field(default="utf-8", description="CSV only; a byte order mark is understood.")
    decimal: Literal[".", ","] = Field(
        default=".",
        description=(
            "CSV only: the sign before a number's decimals. Where it is a comma, a number with a point is"
            " refused: nobody knows whether that parts thousands."
        ),
    )

    @model_validator(mode="after")
    def _apart(self) -> FileFormat:
        for name, sign in (("separator", self.separator), ("quote", self.quote)):
            if sign and (sign.isalnum() or sign in "\r\n.-+"):
                raise ValueError(
                    f"{name}: {sign!r} is of values, or ends lines; write another sign, such as"
                    f" {',' if name == 'separator' else QUOTE}"
                )
        if not self.quote.isascii():
            raise ValueError(
                f"quote: {self.quote!r} is none of ASCII; write {QUOTE}, or '' where quotes mean nothing"
            )
        if self.decimal == self.separator:
            raise ValueError(
                f"separator and decimal are both {self.decimal!r}; write the file's own separator"
            )
        if self.separator == self.quote:
            raise ValueError(f"separator and quote are both {self.quote!r}; give them different signs")
        return self

    @model_validator(mode="after")
    def _csv_only(self) -> FileFormat:
        others = sorted(self.model_fields_set - {"type"})
        if self.type != "csv" and others:
            raise ValueError(f"{', '.join(others)}: for csv only; {self.type} files say it themselves")
        return self


class SourceKind(Strict):
    """What others have to know of a source: `kind` is a literal, its name in use-case files."""

    @property
    def told(self) -> str:
        """Where the rows come from, for the card."""
        raise NotImplementedError

    @property
    def has_days(self) -> bool:
        """Whether it is asked for days, rather than for all its rows at once."""
        return True

    def expects(self, day: date) -> bool:  # noqa: ARG002
        """Whether there is a delivery on a day."""
        return True


class FileSource(SourceKind):
    """Files on disk, a path or glob from the project's root (or an absolute one, without `..`).

    `{partition}` in it stands for the partition's date.
    """

    kind: Literal["file"]
    path: ReadPath
    format: FileFormat
    expected: Expected | None = Field(
        default=None,
        description=(
            "Where the path names `{partition}`: on which days there is a file. By default on every day."
        ),
    )
    derive: dict[Identifier, str] = DERIVE

    @model_validator(mode="after")
    def _of_days(self) -> FileSource:
        if self.expected and "{partition}" not in self.path:
            raise ValueError(
                "expected: says which days have a file, and this path names no day; put {partition} where the"
                " date stands, or leave expected out"
            )
        return self

    @property
    def told(self) -> str:
        """The path, as the file says it."""
        return self.path

    @property
    def has_days(self) -> bool:
        """Whether each day has files of its own."""
        return "{partition}" in self.path

    def expects(self, day: date) -> bool:
        """Whether there is a file on a day."""
        return self.expected is None or day in self.expected


class HttpSource(SourceKind):
    """One public file, fetched once, checked against its sha256 and kept in the cache."""

    kind: Literal["http"]
    url: Annotated[str, AfterValidator(_public)] = Field(pattern=r"^https?://")
    member: str | None = Field(
        default=None, description="The file's name inside the archive, when the address names a zip."
    )
    sha256: str = Field(
        pattern=r"^[0-9a-f]{64}$", description="Of the file itself, after it is taken out of its archive."
    )
    mirror: WrittenPath = Field(
        description=(
            "Where the file lies below SLUICE_DATA_MIRROR, a folder that replaces the download, and below the"
            " cache: names with / between them."
        )
    )
    licence: str
    format: FileFormat
    derive: dict[Identifier, str] = DERIVE

    @property
    def told(self) -> str:
        """The address, and what may be done with the rows."""
        return f"{self.url} ({self.licence})"

    @property
    def has_days(self) -> bool:
        """It is one file."""
        return False


class SqlSource(ConnectedPart, SourceKind):
    """A query through SQLAlchemy.

    `:start` and `:end` in it are the partition's first moment and the first one after it.

    Its session changes nothing (PostgreSQL, SQLite), and is ended when `limits.delivery.seconds` are over.
    """

    kind: Literal["sql"]
    connection: ConnectionId = Field(
        description=(
            "The id of an Airflow connection (read from AIRFLOW_CONN_<ID> outside Airflow), never a password."
        )
    )
    query: str
    derive: dict[Identifier, str] = DERIVE

    @property
    def told(self) -> str:
        """The connection: what is asked is for those who know the database."""
        return f"a query through the connection {self.connection}"


class PythonSource(SourceKind):
    """A function of one's own, `package.module:function`: given a date, it returns that day's rows as a
    pyarrow Table.
    """

    kind: Literal["python"]
    function: str = Field(pattern=r"^[a-zA-Z_][\w.]*:[a-zA-Z_]\w*$")
    derive: dict[Identifier, str] = DERIVE

    @property
    def told(self) -> str:
        """The function's name."""
        return f"the function {self.function}"


Source = Annotated[FileSource | HttpSource | SqlSource | PythonSource, Field(discriminator="kind")]


class DayAssignment(Strict):
    """How rows without a date are assigned to daily partitions, so that a public data set can live like a
    nightly feed.

    `order` assigns them in the file's order (for files that are in order of time), `hash` by the md5 of the
    row number. Either way a row always falls on the same day. Ingest adds the key (the row number, from 1)
    and the time.
    """

    rule: Literal["order", "hash"]
    start: Day
    days: Days = Field(ge=2)
    key: Identifier = Field(description="The schema's key column, which ingest fills with the row number.")
    time: Identifier = Field(description="The schema's time column, which ingest fills.")

    @property
    def end(self) -> date:
        """The last day that has rows."""
        return self.start + timedelta(days=self.days - 1)
