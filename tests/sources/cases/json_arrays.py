"""JSON arrays: one document of objects, whose values are read as those of JSON lines."""

from __future__ import annotations

import json
from typing import Any

from tests.sources.cases import Deliveries, Delivery

V = {"v": {"type": "string"}}
ROWS = [{"id": "a", "v": "x"}, {"id": "b", "v": "[{\\]"}]


def read(title: str, content: str | bytes, *right: tuple[Any, ...], **more: Any) -> Delivery:
    encoded = content.encode() if isinstance(content, str) else content
    return Delivery(title, encoded, right, name="d.json", columns=V, shown="v", **more)


def refused(title: str, content: str | bytes, *says: str) -> Delivery:
    encoded = content.encode() if isinstance(content, str) else content
    columns = V if b'"v"' in encoded else {}
    return Delivery(title, encoded, says=says, name="d.json", columns=columns)


JSON_ARRAYS = Deliveries(
    (
        read("an array of objects", json.dumps(ROWS), ("a", "x"), ("b", "[{\\]")),
        read("the same over many lines", json.dumps(ROWS, indent=2), ("a", "x"), ("b", "[{\\]")),
        read("`1.10`, a number for a text", '[{"id": "a", "v": 1.10}]', ("a", "1.10")),
        refused("`[]`, a day without rows", "[]\n", "tiny: no rows for 2026-02-01; d.json gave none"),
        refused("an empty file", "", "line 1, character 1: it is empty: an array without rows is []"),
        refused("a file that is cut off", '[{"id": "a"},\n{"id": "b', "object 2, line 2, character 8: Unterminated string starting; is the file cut off?"),
        refused("an array that does not end", '[{"id": "a"}\n', "object 1, line 2, character 1: no comma, and no end of the array; is the file cut off?"),
        refused("two arrays in a file", '[{"id": "a"}] []', "object 1, line 1, character 15: something stands behind the array"),
        refused("an object that holds an array", '{"rows": [{"id": "a"}]}', "line 1, character 1: it begins with an object, not with an array of them: is it jsonl (source.format.type)? of rows that stand under a key, `jq -c '.key[]'` writes lines"),
        refused("a number among the objects", '[{"id": "a"}, 5]', 'object 2, line 1, character 15: not an object of the form {"column": value}'),
        refused("`NaN`", '[{"id": "a", "v": NaN}]', "object 1: NaN is no number of JSON; null says that there is none"),
        refused("a byte order mark", b'\xef\xbb\xbf[{"id": "a"}]', "line 1, character 1: starts with a byte order mark, which JSON does not allow; save the file without"),
    ),
    (
        refused("a comma behind the last object", '[{"id": "a"},]', "object 2, line 1, character 14: Expecting value"),
        refused("no comma between objects", '[{"id": "a"}\n{"id": "b"}]', "object 1, line 2, character 1: no comma, and no end of the array"),
        refused("CSV that is said to be json", "id,v\na,1\n", "line 1, character 1: it begins with no array of objects, such as [{...}, {...}]"),
        refused("UTF-16", json.dumps(ROWS).encode("utf-16"), "line 1, character 1: it looks like UTF-16: have it saved as UTF-8, which JSON is written in"),
        refused("Latin-1", b'[{"id": "a"},\n{"id": "\xe9"}]', "line 1, character 1: not utf-8 text; save the file as UTF-8"),
        refused("a key twice in an object", '[{"id": "a"},\n\n{"id": "b", "id": "c"}]', "object 2: the key 'id' stands there twice"),
        refused("a list in a text column", '[{"id": "a", "v": [1]}]', "object 1: v is a list, not a text"),
        refused("keys that differ in case", '[{"id": "a"}, {"Id": "b"}]', "'Id' and 'id' differ in upper and lower case only"),
        refused("a key that the schema does not know", '[{"id": "a", "idd": 1}]', "d.json: a column 'idd' that the schema does not know; did you mean 'id'?"),
        refused("values inside of one another, far too deep", "[" + '{"v": ' * 100_000, "object 1, line 1, character 2: values inside of one another, too deep to be read"),
        refused("an object that is far too long", '[{"id": "' + "x" * 17_000_000 + '"}]', "object 1, line 1, character 2: longer than 16,777,216 signs, the longest that is read"),
        read("a number of thousands of digits", '[{"id": "a", "v": ' + "1" * 5_000 + "}]", ("a", "1" * 5_000)),
        read("a line end of Windows, and blanks", '\r\n [\r\n{"id":\r\n"a",\t"v": null} ]\r\n\r\n', ("a", None)),
    ),
)  # fmt: skip
