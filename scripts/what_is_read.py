"""docs/what-is-read.md: tables of what is read how, made of the cases that tests/sources/test_cases.py
proves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import groupby
from typing import Any

from tests.sources.cases import Deliveries, Delivery, Refused, Values
from tests.sources.cases.archives import ARCHIVES, Archive
from tests.sources.cases.kinds import FILES
from tests.sources.cases.values import MOMENTS, VALUES
from tests.sources.cases.words import OTHERWISE

HEAD = """# What is read how

A value is read as exactly what it is, or the delivery is refused: nothing is guessed, and nothing is published of a file that is
in part wrong. This page shows what that means for values, files and days. A sentence in the last column is the line that tells
most: a message also says where (file, row, column), how many there are besides, and the way out.

In the file, `type` is a column's (`columns`), all else is the source's format (`source.format`): see
[the use-case file](use-case-file.md).

This page is made from the cases in `tests/sources/cases/` by `make docs`; `tests/sources/test_cases.py` proves each of them.
"""
FILES_HEAD = """
## Files

Columns of the CSV files here: `id` and `note` (string), `n` (integer), `x` (number). What has no other format is plain UTF-8 with
commas, double quotes and a header line.
"""
WORDS_HEAD = """
## Words of the use-case file

A word without quotes stands for what YAML 1.2 says. Of these, other readers of YAML, which go by YAML 1.1, make something else.

| written | read as |
| --- | --- |
"""
COLUMNS = "\n| as delivered | declared as | read as, or refused with |\n| --- | --- | --- |\n"


def page() -> str:
    """The document."""
    values = (_values_section(title, of) for title, of in (VALUES | MOMENTS).items())
    files = (f"\n### {title}\n{COLUMNS}{''.join(_file_rows(of))}" for title, of in FILES.items())
    archives = f"\n### Zip archives\n{COLUMNS}{''.join(map(_archive_row, ARCHIVES))}"
    words = f"{WORDS_HEAD}{''.join(_row(f'`{word}`', _shown(value)) for word, value in OTHERWISE.items())}"
    return "".join([HEAD, "\n## Values of a CSV file\n", *values, FILES_HEAD, *files, archives, words])


def _archive_row(case: Archive) -> str:
    answer = _refused([case.says]) if case.says else "the file, as meant"
    return _row(_escaped(case.title), f"`kind: http`, `member: {case.member}`", answer)


def _values_section(title: str, of: Iterable[Values]) -> str:
    return f"\n### {title}\n{COLUMNS}{''.join(row for values in of for row in _value_rows(values))}"


def _value_rows(values: Values) -> Iterator[str]:
    declared = ", ".join(f"`{key}: {value}`" for key, value in values.column.items())
    for answer, alike in groupby(values.telling, lambda written: _value_answer(values, written)):
        yield _row(", ".join(map(_delivered, alike)), declared, answer)


def _value_answer(values: Values, written: str) -> str:
    """What becomes of a value; alike for those that are refused for the same reason."""
    if not isinstance(values.telling[written], Refused):
        return _shown(values.telling[written])
    return _refused([values.sentence(written).replace(repr(written), "...", 1)])


def _file_rows(of: Deliveries) -> Iterator[str]:
    for case in of.telling:
        yield _row(_escaped(case.title), _declared(case), _answer(case))


def _declared(case: Delivery) -> str:
    format = {"type": case.type, **case.format}
    told = [f"`{key}: {_word(value)}`" for key, value in format.items()]
    if case.shown in case.columns and case.type != "csv":
        told.append(f"a column of `type: {case.columns[case.shown]['type']}`")
    if case.path:
        told = [f"`path: {case.path}`", *(f"`{key}: {_flow(value)}`" for key, value in case.source.items())]
    return ", ".join(told)


def _answer(case: Delivery) -> str:
    if case.reads is None:
        return _refused(case.says)
    if not case.reads:
        return "a night without rows"
    if case.shown:
        column = ["id", *case.columns].index(case.shown)
        return ", ".join(_shown(row[column]) for row in case.reads)
    return f"{len(case.reads)} row{'s' if len(case.reads) > 1 else ''}, as meant"


def _refused(says: Iterable[str]) -> str:
    return "**refused:** " + " / ".join(map(_escaped, says))


def _delivered(written: str) -> str:
    return f"`{written if written.strip() == written else repr(written)}`" if written else "an empty cell"


def _shown(value: Any) -> str:
    """A value as a reader who knows no Python writes it."""
    match value:
        case None:
            return "missing"
        case bool():
            return f"`{str(value).lower()}`"
        case str():
            return f"the text `{value!r}`"
        case datetime():
            return f"`{value}` UTC"
        case date():
            return f"`{value}`"
        case _:
            return f"`{value!r}`"


def _word(value: Any) -> str:
    return (
        str(value).lower()
        if isinstance(value, bool)
        else repr(value)
        if value in ("", "\t", "|", "'")
        else str(value)
    )


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in value.items()) + "}"
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _escaped(text: str) -> str:
    """Text in which no sign means anything to Markdown, but the backticks that stand there already."""
    for sign in "<_*":
        text = text.replace(sign, f"\\{sign}") if "`" not in text else text
    return text
