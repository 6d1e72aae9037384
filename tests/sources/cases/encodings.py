"""Encodings of a CSV file."""

from __future__ import annotations

import codecs

from tests.sources.cases import Deliveries, Delivery

POLISH, RUSSIAN, JAPANESE = (
    "\u0141\u00f3d\u017a, \u015bwi\u0119to",
    "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440",
    "\u65e5\u672c\u8a9e",
)
ZOE, JOSE = "Zo\u00eb \U0001f600", "Jos\u00e9"


def table(text: str) -> str:
    return f'id,n,x,note\na,1,2.5,"{text}"\n'


def read(title: str, text: str, written: str, declared: str = "utf-8", mark: bytes = b"") -> Delivery:
    format = {} if declared == "utf-8" else {"encoding": declared}
    return Delivery(
        title, mark + table(text).encode(written), (("a", 1, 2.5, text),), format=format, shown="note"
    )


def refused(title: str, text: str, written: str, declared: str, *says: str) -> Delivery:
    return Delivery(
        title,
        table(text).encode(written),
        says=says,
        format={} if declared == "utf-8" else {"encoding": declared},
    )


def likeliest(*names: str) -> str:
    return f"way out: source.format.encoding: {' or '.join(names)} (likeliest); or correct the file"


ENCODINGS = Deliveries(
    (
        read("UTF-8, with a byte order mark", ZOE, "utf-8-sig"),
        read("UTF-16, with its mark", ZOE, "utf-16", "utf-16"),
        read("UTF-16 without a mark, in either order", ZOE, "utf-16-be", "utf-16"),
        read("Windows-1252", "5 \u20ac", "cp1252", "cp1252"),
        refused("Windows-1252 that is said to be UTF-8", JOSE, "cp1252", "utf-8", "line 2: not utf-8 text; save the file as UTF-8, or say in source.format which encoding it has", "as cp1252 it is 'a,1,2.5,\"Jos\u00e9\"'"),
        refused("Windows-1252 that is said to be Latin-1", "5 \u20ac", "cp1252", "latin-1", "line 2: not latin-1 text; save the file as UTF-8, or say in source.format which encoding it has", likeliest("cp1252", "cp1251")),
        refused("UTF-8 that is said to be Latin-1", JOSE, "utf-8", "latin-1", "d.csv is not latin-1 text: each sign beyond ASCII is one of utf-8", "way out: source.format.encoding: utf-8"),
        refused("UTF-16 that is said to be UTF-8", "Zo\u00eb", "utf-16", "utf-8", "d.csv cannot be read as csv: it is not utf-8 text, but looks like utf-16-le", "way out: source.format.encoding: utf-16 or utf-16-le (likeliest)"),
    ),
    (
        Delivery("UTF-16 that ends within a sign", table("Zo\u00eb").encode("utf-16")[:-1], says=("d.csv is a broken delivery: line 2 ends within a sign, as if the file were cut off",), format={"encoding": "utf-16"}),
        refused("UTF-8 that is said to be UTF-16", JOSE, "utf-8", "utf-16", "d.csv is not utf-16 text: it has no byte order mark, and looks like neither order"),
        read("UTF-16, the other order's mark", ZOE, "utf-16-be", "utf-16", codecs.BOM_UTF16_BE),
        read("UTF-16 without a mark", ZOE, "utf-16-le", "utf-16"),
        Delivery("a byte order mark before rows without a header", codecs.BOM_UTF8 + b"a,1,2.5,x\n", (("a", 1, 2.5, "x"),), format={"header": False}),
        Delivery("UTF-16, the other order, without a header", codecs.BOM_UTF16_BE + "a,1,2.5,x\n".encode("utf-16-be"), (("a", 1, 2.5, "x"),), format={"header": False, "encoding": "utf-16"}),
        Delivery("two files in UTF-16, one behind the other", 2 * "a,1,2.5,x\n".encode("utf-16"), says=("line 2: begins with a byte order mark: do two files stand one behind the other?",), format={"header": False, "encoding": "utf-16"}),
        refused("Windows-1250 that is said to be UTF-8", POLISH, "cp1250", "utf-8", likeliest("cp1250", "cp1252")),
        refused("Windows-1251 that is said to be UTF-8", RUSSIAN, "cp1251", "utf-8", f"as cp1251 it is 'a,1,2.5,\"{RUSSIAN}\"'"),
        refused("Shift JIS that is said to be UTF-8", JAPANESE, "cp932", "utf-8", likeliest("cp932", "gb18030")),
        refused("UTF-16, the other order, that is said to be UTF-8", "Zo\u00eb", "utf-16-be", "utf-8", "d.csv cannot be read as csv: it is not utf-8 text, but looks like utf-16-be"),
        refused("UTF-8 with its mark that is said to be Windows-1252", JOSE, "utf-8-sig", "cp1252", "d.csv is not cp1252 text: its byte order mark says utf-8"),
        refused("UTF-8 that is said to be Windows-1252", JOSE, "utf-8", "cp1252", "d.csv is not cp1252 text: each sign beyond ASCII is one of utf-8"),
        refused("UTF-16 that is said to be of the other order", JOSE, "utf-16", "utf-16-be", "d.csv is not utf-16-be text: its byte order mark says utf-16-le"),
        Delivery("Latin-1 in the header that is said to be UTF-8", b"id,n,x,caf\xe9\n", says=("line 1: not utf-8 text; save the file as UTF-8, or say in source.format which encoding it has",)),
    ),
)  # fmt: skip
