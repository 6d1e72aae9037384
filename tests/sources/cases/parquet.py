"""Parquet: what a column of one type is read as where another is declared."""

from __future__ import annotations

import io
from base64 import b64encode
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe

from tests.sources.cases import Deliveries, Delivery

NO_TEXT = (
    "d.parquet: column 'v' is declared as string and holds {} values: declare their own type, or have texts"
    " delivered"
)
NO_UTF_8 = (
    "d.parquet, row 1, column v: '{}' is not text: it is of another type, or its bytes are no text in UTF-8"
)
FRACTION = (
    "d.parquet, row 1, column v: '{}' is not text: a number with a fraction, or a float beyond its exact"
    " digits; declare the column as number, or have texts delivered"
)
TEN = datetime(2026, 2, 1, 10)


def written(columns: dict[str, Any], **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, **options)
    return sink.getvalue()


def column(values: pa.Array, **options: Any) -> bytes:
    return written({"id": [f"r{n}" for n in range(len(values))], "v": values}, **options)


def read(title: str, values: pa.Array, type_: str, *right: Any, **options: Any) -> Delivery:
    rows = [(f"r{n}", value) for n, value in enumerate(right)]
    return Delivery(
        title, column(values, **options), rows, name="d.parquet", columns={"v": {"type": type_}}, shown="v"
    )


def refused(title: str, values: pa.Array, type_: str, says: str, **options: Any) -> Delivery:
    return Delivery(
        title,
        column(values, **options),
        says=(says,),
        name="d.parquet",
        columns={"v": {"type": type_}},
        shown="v",
    )


def broken(title: str, content: bytes, says: str) -> Delivery:
    return Delivery(title, content, says=(says,), name="d.parquet", columns={"v": {"type": "integer"}})


def encrypted() -> bytes:
    """A file whose list of columns is not encrypted, and whose columns are."""
    keys = pe.EncryptionConfiguration(
        footer_key="footer", column_keys={"footer": ["v"]}, plaintext_footer=True, double_wrapping=False
    )
    properties = pe.CryptoFactory(lambda _: Keys()).file_encryption_properties(pe.KmsConnectionConfig(), keys)
    return written({"id": ["a"], "v": [1]}, encryption_properties=properties)


class Keys(pe.KmsClient):  # type: ignore[misc]
    """Keys that everybody knows."""

    def wrap_key(self, key: bytes, _: str) -> bytes:
        return b64encode(key)


BESIDE = {"v": {"type": "integer"}, "address": {"type": "string", "role": "ignored"}}
NO_TEXTS = pa.Array.from_buffers(
    pa.string(), 2, [None, pa.py_buffer(bytes([0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0])), pa.py_buffer(b"a\xff")]
)
WHOLE = column(pa.array([7]))
NANOSECONDS = pa.array([TEN], pa.timestamp("us")).cast(pa.timestamp("ns"))
PANDAS = written({"id": ["a"], "v": [1], "__index_level_0__": [0]})

PARQUET = Deliveries(
    (
        read("integers and floats of integers (`123.0`)", pa.array([123.0, None]), "string", "123", None),
        read("bytes in UTF-8", pa.array([b"Zo\xc3\xab"]), "string", "Zo\u00eb"),
        read("nanoseconds", NANOSECONDS.cast(pa.int64()).cast(pa.timestamp("ns")), "timestamp", TEN),
        read("moments of a zone", pa.array([TEN.replace(tzinfo=UTC)], pa.timestamp("us", "Europe/Berlin")), "timestamp", TEN),
        read("int96 (Spark's timestamps)", pa.array([TEN]), "timestamp", TEN, use_deprecated_int96_timestamps=True),
        read("decimals", pa.array([Decimal("1.10"), None]), "number", 1.1, None),
        read("floats of integers", pa.array([3.0, None]), "integer", 3, None),
        refused("booleans", pa.array([True]), "string", NO_TEXT.format("BOOLEAN")),
        refused("moments", pa.array([TEN]), "string", NO_TEXT.format("TIMESTAMP")),
        refused("numbers with a fraction", pa.array([1.5]), "string", FRACTION.format("1.5")),
        refused("bytes that are no text, such as a binary UUID", pa.array([b"\xab" * 2], pa.binary(2)), "string", NO_UTF_8.format(r"\\xAB\\xAB")),
        refused("NaN", pa.array([float("nan")]), "number", "d.parquet, row 1, column v: 'nan' is not a number: no model takes it; if it stands for a missing value, declare it under cleanse.missing"),
        refused("floats beyond 2^53", pa.array([2.0**53]), "integer", "d.parquet, row 1, column v: '9007199254740992.0' is not an integer: a float, which does not tell it from the next whole number"),
        refused("moments that are no midnights", pa.array([TEN]), "date", "d.parquet, row 1, column v: '2026-02-01 10:00:00' is not a date: it has a time or an offset, and a day has none: give the column type timestamp"),
        broken("the index that pandas has written", PANDAS, "d.parquet: a column '__index_level_0__' that the schema does not know; known: id, v"),
        broken("half of a file", WHOLE[: len(WHOLE) // 2], "d.parquet is a broken delivery: it is cut off: a Parquet file ends with its list of columns, and this one does not"),
    ),
    (
        broken("no rows", written({"id": pa.array([], pa.string()), "v": pa.array([], pa.int64())}), "tiny: no rows for 2026-02-01; d.parquet gave none"),
        read("moments that are midnights", pa.array([datetime(2026, 2, 1)]), "date", date(2026, 2, 1)),
        read("unsigned integers", pa.array([2**64 - 1, 1], pa.uint64()), "number", float(2**64), 1.0),
        refused("lists", pa.array([["a"]]), "string", NO_TEXT.format("VARCHAR[]")),
        read("a dictionary (a pandas category)", pa.array(["chip"]).dictionary_encode(), "string", "chip"),
        read("decimals without a fraction", pa.array([Decimal("123.00")]), "string", "123"),
        read("integers as texts", pa.array([7, None]), "string", "7", None),
        read("unsigned integers as texts", pa.array([123], pa.uint64()), "string", "123"),
        read("texts, and nothing", pa.array(["007", None]), "string", "007", None),
        read("microseconds kept of nanoseconds", pa.array([1769940000123456789], pa.timestamp("ns")), "timestamp", datetime(2026, 2, 1, 10, 0, 0, 123456)),
        refused("days as texts", pa.array([date(2026, 2, 1)]), "string", NO_TEXT.format("DATE")),
        refused("moments of a zone as texts", pa.array([TEN], pa.timestamp("us", "UTC")), "string", NO_TEXT.format("TIMESTAMP WITH TIME ZONE")),
        refused("structs as texts", pa.array([{"a": 1}]), "string", NO_TEXT.format("STRUCT(a BIGINT)")),
        refused("floats beyond 2^53 as texts", pa.array([1e16]), "string", FRACTION.format("1e+16")),
        refused("bytes in Latin-1", pa.array([b"caf\xe9"]), "string", NO_UTF_8.format(r"caf\\xE9")),
        refused("bytes that are UTF-8 by chance", pa.array([b"\x01" * 2], pa.binary(2)), "string", NO_UTF_8.format(r"\\x01\\x01")),
        refused("infinity", pa.array([float("inf")]), "number", "d.parquet, row 1, column v: 'inf' is not a number: no model takes it; if it stands for a missing value, declare it under cleanse.missing"),
        refused("44 BC", pa.array([-735160], pa.date32()), "date", "d.parquet, row 1, column v: '0044-03-15 (BC)' is not a date: no year before 1900 is read; if it stands for a missing value, declare it under cleanse.missing"),
        refused("NaN as a text", pa.array([float("nan")]), "string", "d.parquet, row 1, column v: 'nan' is not text: a number that is none; if it stands for a missing value, declare it under cleanse.missing"),
        refused("infinity as a text", pa.array([float("-inf")]), "string", "d.parquet, row 1, column v: '-inf' is not text: a number that is none; if it stands for a missing value, declare it under cleanse.missing"),
        read("decimals with three places", pa.array([Decimal("1.000")]), "integer", 1),
        refused("a span of time", pa.array([90_000], pa.duration("ms")), "integer", "d.parquet, row 1, column v: '00:01:30' is not an integer: a span of time: have it delivered as a number, such as that of its seconds"),
        refused("a span of time as a text", pa.array([90], pa.duration("s")), "string", NO_TEXT.format("INTERVAL")),
        read("JSON", pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a": 1}'])), "string", '{"a": 1}'),
        refused("bytes that are said to be UTF-8, and are not", NO_TEXTS, "string", "column 'v', row 2: its bytes are no text in UTF-8"),
        broken("a file that is encrypted", b"PARE" + WHOLE[4:-4] + b"PARE", "d.parquet is encrypted, and cannot be read as parquet"),
        broken("a file whose columns are encrypted", encrypted(), "d.parquet is encrypted, and cannot be read as parquet"),
        Delivery("a struct in a column that is ignored", written({"id": ["a"], "v": [1], "address": [{"zip": "1"}]}), (("a", 1, "{'zip': 1}"),), name="d.parquet", columns=BESIDE),
        broken("nothing", b"", "d.parquet is a broken delivery: it is empty"),
        broken("text that is called .parquet", b"id,v\na,1\n", "d.parquet cannot be read as parquet: it does not begin as Parquet does"),
        broken("columns that differ in case", written({"id": ["a"], "v": [1], "V": [2]}), "'v' and 'V' differ in upper and lower case only"),
    ),
)  # fmt: skip
