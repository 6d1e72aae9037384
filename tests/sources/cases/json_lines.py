"""JSON lines: what their values are read as, and lines that are none."""

from __future__ import annotations

from typing import Any

from tests.sources.cases import Deliveries, Delivery


def value(title: str, written: str, type_: str, right: Any) -> Delivery:
    """One value of one line."""
    content = f'{{"id": "a", "v": {written}}}\n'.encode()
    return Delivery(
        title, content, (("a", right),), name="d.jsonl", columns={"v": {"type": type_}}, shown="v"
    )


def wrong(title: str, written: str, type_: str, said: str) -> Delivery:
    content = f'{{"id": "a", "v": {written}}}\n'.encode()
    return Delivery(title, content, says=(said,), name="d.jsonl", columns={"v": {"type": type_}}, shown="v")


def lines(title: str, content: str, *says: str) -> Delivery:
    return Delivery(title, content.encode(), says=says, name="d.jsonl", columns={})


def text(written: str, right: str | None = None) -> Delivery:
    return value(f"`{written}`", written, "string", written if right is None else right)


JSON_LINES = Deliveries(
    (
        text("1.10"),
        text("12345678901234567890123"),
        value("`9007199254740993.0`", "9007199254740993.0", "integer", 9007199254740993),
        value("`0.1234567890123456789`", "0.1234567890123456789", "number", 0.12345678901234568),
        value("`null`, or no such key", "null", "string", None),
        value("`true`", "true", "boolean", True),
        wrong("`true`", "true", "string", "line 1: v is a boolean, not a text"),
        wrong("`NaN`", "NaN", "string", "line 1: NaN is no number of JSON; null says that there is none"),
        wrong("`NaN`", "NaN", "number", "d.jsonl, row 1, column v: 'NaN' is not a number: no model takes it; if it stands for a missing value, declare it under cleanse.missing"),
        lines("a last line that is cut off", '{"id": "a"}\n{"id": "b', "line 2: Unterminated string starting at character 8; is the file cut off?"),
        lines("keys that differ in case, also from line to line", '{"id": "a"}\n{"Id": "b"}\n', "'Id' and 'id' differ in upper and lower case only"),
        lines("half of a sign: `\"\\ud83d\"`", '{"id": "\\ud83d"}\n', "line 1: half a sign: an escape like \\ud83d, without the one that completes it"),
        lines("an array of objects", '[{"id": "a"},\n{"id": "b"}]\n', "it looks like an array, not objects, one a line: is it json (source.format.type)?"),
        lines("an object over several lines", '{\n  "id": "a"\n}\n', "it looks like an object over several lines; one a line is read; `jq -c .` writes it so"),
        lines("CSV that is said to be jsonl", "id,n\na,1\n", "its first line is no object; line 1 is 'id,n': is it csv (source.format.type)?"),
        Delivery("UTF-16", '{"id": "\u00e9"}'.encode("utf-16"), says=("it looks like UTF-16: have it saved as UTF-8, which JSON is written in",), name="d.jsonl", columns={}),
    ),
    (
        Delivery("an object and a list in a column that is ignored", b'{"id": "a", "v": 1.10, "o": {"b": [true]}}\n{"id": "b", "v": 2, "o": [null]}\n', (("a", "1.10", '{"b":[true]}'), ("b", "2", "[null]")), name="d.jsonl", columns={"v": {"type": "string"}, "o": {"type": "string", "role": "ignored"}}),
        lines("a key twice in an object", '{"id": "a"}\n{"id": "b", "id": "c"}\n', "line 2: the key 'id' stands there twice"),
        *(text(written) for written in ("123.0", "1e2", "-0", "-0.0", "0.1234567890123456789", "-7")),
        text('"1.10"', "1.10"),
        text('"x \\"v\\": 1.50"', 'x "v": 1.50'),
        Delivery("a number under a key that is written by escapes", b'{"id": "a", "\\u0076": 1.10}\n', (("a", "1.10"),), name="d.jsonl", columns={"v": {"type": "string"}}),
        lines("a boolean under a key that is written by escapes", '{"\\u0069d": true}\n', "line 1: id is a boolean, not a text"),
        text('"\u00e9 \\u0000 \\ud83d\\ude00"', "\u00e9 \0 \U0001f600"),
        Delivery("a key that a line has not, another order, and a blank line", b'{"id": "a", "v": 1.10}\n\n{"id": "b"}\n{"v": 2, "id": "c"}', (("a", "1.10"), ("b", None), ("c", "2")), name="d.jsonl", columns={"v": {"type": "string"}}),
        wrong("`true` among integers", "true", "integer", "d.jsonl, row 1, column v: 'true' is not an integer: write digits alone, such as 1234"),
        wrong("`-Infinity` in a text column", "-Infinity", "string", "line 1: -Infinity is no number of JSON; null says that there is none"),
        wrong("a list in a text column", "[1]", "string", "line 1: v is a list, not a text"),
        wrong("an object in a text column", "{}", "string", "line 1: v is an object, not a text"),
        lines("a last line that is cut off behind a colon", '{"id": "a"}\n{"id": ', "line 2: Expecting value at character 8; is the file cut off?"),
        lines("two objects in a line", '{"id": "a"} {"id": "b"}\n', "line 1: Extra data at character 13"),
        lines("keys that differ in case in one line", '{"id": "a", "ID": "b"}\n', "'ID' and 'id' differ in upper and lower case only"),
        lines("a key that is empty", '{"": 1}\n', "a key that is empty"),
        lines("null before the objects", 'null\n{"id": "a"}\n', 'line 1: not an object of the form {"column": value}'),
        lines("a number behind the objects", '{"id": "a"}\n5\n', 'line 2: not an object of the form {"column": value}'),
        lines("a list behind the objects", '{"id": "a"}\n[1]\n', 'line 2: not an object of the form {"column": value}'),
        lines("keys in single quotes", "{'id': 1}\n", "line 1: Expecting property name enclosed in double quotes at character 2"),
        Delivery("a byte order mark", b'\xef\xbb\xbf{"id": "a"}\n', says=("line 1: starts with a byte order mark, which JSON does not allow; save the file without",), name="d.jsonl", columns={}),
        Delivery("Latin-1", b'{"id": "\xe9"}\n', says=("line 1: not utf-8 text; save the file as UTF-8",), name="d.jsonl", columns={}),
        lines("a key that the schema does not know, in one line", '{"id": "a"}\n{"id": "b", "idd": 1}\n', "d.jsonl: a column 'idd' that the schema does not know; did you mean 'id'?"),
    ),
)  # fmt: skip
