"""JSON lines: an object a line, read by DuckDB. So are the objects of an array, which `arrays` makes lines.

Every digit is kept, and a key that only one line has is not overlooked.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from pipelines.core.errors import BadInput, brief
from pipelines.core.sql import text as literal
from pipelines.sources import draft, encoded
from pipelines.sources.declared import Declared
from pipelines.sources.names import mistakes_of

WAY_OUT = "correct the file, or source.format"
MOST_MISTAKES = 100
UNITS = {"jsonl": "line", "json": "object"}  # what a row stands in, whose number messages tell
LONGEST = 16_777_216  # bytes of a line: DuckDB's `maximum_object_size`
_ANY_TEXT = r'"(?:[^"\\]|\\.)*"'
_ESCAPED = r'"[^"\\]*\\(?:[^"\\]|\\.)*"'  # such as "gr\u00f6\u00dfe", which most writers make of größe
_ONE_A_LINE = "one a line is read; `jq -c .` writes it so"
_ARRAY = "an array, not objects, one a line: is it json (source.format.type)?"


def rows(
    path: Path, of: Path, type_: str, declared: Declared, connection: duckdb.DuckDBPyConnection
) -> tuple[duckdb.DuckDBPyRelation, draft.Draft | None]:
    """The rows, and the file that they are read from if it is another than the given one.

    Args:
        path: The lines.
        of: The file as it was delivered, which messages name.
        type_: `jsonl`, or `json`, of whose objects these are the lines.
        declared: The schema.
        connection: The DuckDB that reads.

    Raises:
        BadInput: two keys are alike, or a value that should be a text is none.
        duckdb.Error: it is no JSON; `mistakes` says why.
    """
    keys, odd, objects = _survey(path, declared, connection)
    if not objects and (told := refusal(path, of, type_, declared)):
        raise told  # DuckDB takes a line such as `null` or `5` for a row
    empty = ["a key that is empty"] if "" in keys else []
    if mistakes := empty + mistakes_of([key for key in keys if key]):
        raise BadInput(
            "its keys are no names of columns",
            where=of.name,
            details=mistakes,
            at=of,
            fix=f"give each column one name, spelt the same in each {UNITS[type_]}",
        )
    exact = draft.of(of, _exactly(path, of, type_, declared), ".jsonl") if odd else None
    # An empty file is a day without rows.
    types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in keys or declared.given)
    place = literal(draft.one_file(exact.path if exact else path))
    # Without `hive_partitioning = false` a folder `day=7` would replace the file's own column.
    options = f"format = 'newline_delimited', hive_partitioning = false, columns = {{{types}}}"
    return connection.sql(f"SELECT * FROM read_json({place}, {options})"), exact


def refusal(path: Path, of: Path, type_: str, declared: Declared) -> BadInput | None:
    """What is wrong with the lines, if it is the lines."""
    found = list(_mistakes(path, UNITS[type_]))
    if not found:
        return None
    hint = _hint(path, declared) if type_ == "jsonl" else []
    return BadInput(f"{of.name} cannot be read as {type_}", details=[*hint, *found], at=of, fix=WAY_OUT)


def _survey(
    path: Path, declared: Declared, connection: duckdb.DuckDBPyConnection
) -> tuple[Sequence[str], bool, bool]:
    """All keys of all lines, whether any value has to be read by `_exactly`, and whether each line is an
    object.
    """
    # Most lines have the same keys: to tell lists apart by their hashes of 64 bits is a fifth cheaper than by
    # themselves. DuckDB writes 1.10 as 1.1, -0 as 0 and 1e2 as 100.0, and takes NaN, a boolean or a list for
    # a text.
    names = [name for name in declared.given if _is_exact(name, declared)]
    exact = [re.escape(json.dumps(name, ensure_ascii=False)) for name in names]
    if names and declared.in_snake_case:
        exact = [_ANY_TEXT]  # any key may be one of them
    elif names:
        exact.append(_ESCAPED)  # and so may one that is written in other signs
    odd = literal(rf"(?:{'|'.join(exact)})\s*:\s*(?:[tf\[{{NI]|-?\d+[.eE]|-[0NI])") if exact else "'^$'"
    ((keys, odd_lines, objects),) = connection.sql(
        f"""SELECT list_sort(list_distinct(flatten(list(keys)))), bool_or(odd), bool_and(object) FROM (
                SELECT any_value(keys) AS keys, bool_or(regexp_matches(json, {odd})) AS odd,
                    bool_and(starts_with(ltrim(json), '{{')) AS object
                FROM (SELECT json, json_keys(json) AS keys
                    FROM read_json_objects({literal(draft.one_file(path))}, format = 'newline_delimited'))
                GROUP BY hash(keys))"""
    ).fetchall()
    return keys or (), bool(odd_lines), objects is not False


def _is_exact(name: str, declared: Declared) -> bool:
    """Whether a number in that column means its digits: of a `number` it means the value."""
    return declared.columns[name].type in ("string", "integer") and declared.columns[name].role != "ignored"


def _exactly(path: Path, of: Path, type_: str, declared: Declared) -> Iterator[bytes]:
    """The lines with each number as the text that it is written as.

    Raises:
        BadInput: what should be a text is none, or no JSON at all.
    """
    texts = {
        name
        for name in declared.given
        if declared.columns[name].type == "string" and declared.columns[name].role != "ignored"
    }
    mistakes: list[str] = []
    unit = UNITS[type_]
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                found = _parse_line(line)
            except ValueError as error:
                mistakes.append(f"{unit} {number}: {error}")
                found = {}
            wrong = (
                name
                for name, value in found.items()
                if declared.called(name) in texts and isinstance(value, bool | list | dict)
            )
            mistakes.extend(f"{unit} {number}: {name} is {_kind(found[name])}, not a text" for name in wrong)
            if len(mistakes) > MOST_MISTAKES:
                break
            yield json.dumps(found).encode() + b"\n"
    if mistakes:
        raise BadInput(f"{of.name} cannot be read as {type_}", details=mistakes, at=of, fix=WAY_OUT)


def _kind(value: Any) -> str:
    return "a boolean" if isinstance(value, bool) else "a list" if isinstance(value, list) else "an object"


def _mistakes(path: Path, unit: str) -> Iterator[str]:
    told = 0
    with path.open("rb") as lines:
        for number, line in enumerate(iter(partial(lines.readline, LONGEST + 1), b""), start=1):
            if len(line) > LONGEST:
                yield f"{unit} {number}: longer than {LONGEST:,} bytes, the longest that is read"
                return
            if number == 1 and line.startswith(codecs.BOM_UTF8):
                yield (
                    "line 1: starts with a byte order mark, which JSON does not allow; save the file without"
                )
                line = line.removeprefix(codecs.BOM_UTF8)  # noqa: PLW2901
            try:
                if line.strip():
                    _parse_line(line)
            except ValueError as error:
                yield f"{unit} {number}: {error}"
                told += 1
                if told > MOST_MISTAKES:
                    return


def _parse_line(line: bytes) -> dict[str, Any]:
    """An object whose numbers are the texts that they are written as.

    Raises:
        ValueError: it is none; says why, without a value.
    """
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise ValueError("not utf-8 text; save the file as UTF-8") from None
    try:
        found = json.loads(
            text, object_pairs_hook=_object, parse_int=str, parse_float=str, parse_constant=_no_number
        )
        json.dumps(found, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{error.msg.removesuffix(' at')} at character {error.pos + 1}{_half(text, error)}"
        ) from None
    except UnicodeEncodeError:
        raise ValueError("half a sign: an escape like \\ud83d, without the one that completes it") from None
    except RecursionError:
        raise ValueError("values inside of one another, too deep to be read") from None
    if not isinstance(found, dict):
        raise ValueError(
            f'not an object of the form {{"column": value}}{f" but {_ARRAY}" if found == [] else ""}'
        )
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {brief(twice)} stands there twice")
    return found


def _no_number(said: str) -> Any:
    raise ValueError(f"{said} is no number of JSON; null says that there is none")


def _half(text: str, error: json.JSONDecodeError) -> str:
    at_end = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
    return (
        "; is the file cut off?"
        if at_end and not text.endswith("\n") and text.lstrip().startswith("{")
        else ""
    )


def _hint(path: Path, declared: Declared) -> list[str]:
    """What the file may be instead, by its beginning."""
    with path.open("rb") as file:
        first = file.read(4_096)
    if encoded.is_utf16(first):
        return ["it looks like UTF-16: have it saved as UTF-8, which JSON is written in"]
    line = first.decode("utf-8", "replace").lstrip("\ufeff \t\r\n").split("\n", 1)[0].strip()
    if line.startswith("["):
        return [f"it looks like {_ARRAY}"]
    if line.startswith("{"):
        over_several = f"it looks like an object over several lines; {_ONE_A_LINE}"
        return [] if line.endswith("}") else [over_several]
    shown = "" if declared.personal else f"; line 1 is {brief(line)}"
    return [f"its first line is no object{shown}: is it csv (source.format.type)?"]
