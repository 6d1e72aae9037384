"""Names of files and folders: what they look like to whoever reads patterns, or columns, in them."""

from __future__ import annotations

import gzip
from typing import Any

from tests.sources.cases import Deliveries, Delivery
from tests.sources.cases.parquet import written

V = {"v": {"type": "string"}}
A, B = (("a", "x"),), (("a", "x"), ("b", "y"))


def named(title: str, name: str, content: bytes, path: str = "", **more: Any) -> Delivery:
    return Delivery(title, content, A, name=name, path=path, columns=V, **more)


def both(title: str, name: str, *contents: bytes) -> Delivery:
    """A file of a name in brackets, and the one that is meant by it as a pattern."""
    first, second = contents
    return Delivery(
        title, first, B, name=f"d[1].{name}", path=f"*.{name}", columns=V, beside={f"d1.{name}": second}
    )


CSV, JSON, PARQUET = b"id,v\na,x\n", b'{"id": "a", "v": "x"}\n', written({"id": ["a"], "v": ["x"]})
PLACES = Deliveries(
    (
        both("a name with brackets, such as `d[1].csv`, beside `d1.csv`", "csv", CSV, b"id,v\nb,y\n"),
        named("a folder that is called like a column: `v=7/d.csv`", "v=7/d.csv", CSV),
    ),
    (
        both("brackets: JSON lines", "jsonl", JSON, b'{"id": "b", "v": "y"}\n'),
        both("brackets: Parquet", "parquet", PARQUET, written({"id": ["b"], "v": ["y"]})),
        named("a path whose only file has brackets", "d[1].csv", CSV),
        Delivery(
            "a path of brackets that is a file's own name, and a pattern of another",
            CSV,
            says=("d[1].csv is a file's name, and a pattern that fits d1.csv", "way out: write d[[]1].csv for the file, or rename it"),
            name="d[1].csv",
            columns=V,
            beside={"d1.csv": CSV},
        ),
        Delivery("a star in a name", CSV, B, name="d*.csv", path="*.csv", columns=V, beside={"dx.csv": b"id,v\nb,y\n"}),
        named("a quote in a name", "o'neill.csv", CSV, "o*.csv"),
        named("a folder that is called like a column: JSON lines", "v=7/d.jsonl", JSON),
        named("a folder that is called like a column: Parquet", "v=7/d.parquet", PARQUET),
        named("a folder that is called like a column: gzip", "v=7/d.csv.gz", gzip.compress(CSV)),
        named("a folder of a day, as Hive names it", "dt=2026-02-01/part-0.csv", CSV, "dt={partition}/*.csv"),
        named("a folder of a day: JSON lines", "dt=2026-02-01/part-0.jsonl", JSON, "dt={partition}/*.jsonl"),
        Delivery("a mark of Spark's as a file", b"", says=("_SUCCESS is empty, as marks are that a writer such as Spark leaves beside its parts",), name="_SUCCESS", columns=V),
        named("a folder of Spark's, with its marks beside the parts", "out/part-0.csv", CSV, "out/part-*", beside={"out/_SUCCESS": b"", "out/.part-0.csv.crc": b"crc"}),
    ),
)  # fmt: skip
