"""What is wrong with a use-case file beyond its form: SQL, grids and expectations, which need libraries to
judge.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from glob import glob
from typing import TypeAlias

import yaml

from pipelines.core import connections, rendered, sql, use_cases, yaml_text
from pipelines.core.config import FileSource, PythonSource, Source, UseCase
from pipelines.core.config.base import ConnectedPart
from pipelines.core.dates import held_out_days, window_begins
from pipelines.core.errors import BadInput, SluiceError, brief
from pipelines.core.use_cases import Loaded, unforeseen
from pipelines.gates import ask, resolve
from pipelines.gates.gx import suite
from pipelines.metrics.bootstrap import LEAST_UNITS
from pipelines.model import families
from pipelines.preflight import check_columns, check_partitions, check_sources, check_sql, check_values
from pipelines.run.tables import TABLES
from pipelines.sources import python
from pipelines.steps import features
from pipelines.storage.settings import ROOT

Kind: TypeAlias = Callable[[UseCase], Iterable[tuple[str, str]]]


def check(loaded: Loaded) -> list[tuple[int, str]]:
    """Find every mistake that can be found without data, in whatever has been loaded.

    Returns:
        Pairs of a line of the file and a sentence that starts with the place it is about.
    """
    text, whole = yaml_text.text(loaded.content), yaml_text.compose(loaded.content)
    unquoted: Kind = partial(check_values.unquoted_texts, whole=whole)
    found = [mistake for kind in (unquoted, *KINDS) for mistake in _mistakes_of(kind, loaded.use_case)]
    return [
        (_line(loaded, text, whole, where, sentence), f"{where}: {sentence}") for where, sentence in found
    ]


def absent(loaded: Loaded) -> list[tuple[int, str]]:
    """Find what is not there, of all that can be seen without data: a source's files, its function, an
    address.

    For who checks a file, since who runs it is told by ingest, with the days that miss a file, or by Airflow,
    which may keep a connection that is not seen here.
    """
    use_case = loaded.use_case
    sources: list[tuple[tuple[str, ...], Source]] = [(("source",), use_case.source)]
    sources += [(("sources", name, "source"), other.source) for name, other in use_case.sources.items()]
    found: list[tuple[tuple[str, ...], str]] = [
        ((*where, place), sentence) for where, source in sources for place, sentence in _not_there(source)
    ]
    connected: list[tuple[tuple[str, ...], object]] = [*sources, (("sink",), use_case.sink)]
    for where, one in connected:
        if isinstance(one, ConnectedPart) and os.environ.get(one.variable):
            found += [((*where, "connection"), why) for why in _refusal(partial(connections.url, one))]
    return [(loaded.line(*where), f"{'.'.join(where)}: {sentence}") for where, sentence in found]


def _not_there(source: Source) -> Iterator[tuple[str, str]]:
    if isinstance(source, FileSource) and not glob(
        source.path.replace("{partition}", "*"), root_dir=ROOT, recursive=True
    ):
        yield (
            "path",
            f"no file {brief(source.path)} (looked for below {ROOT}); put it there, or correct the path",
        )
    if isinstance(source, PythonSource):
        place = f"source.function {source.function!r}: "
        for why in _refusal(partial(python.load, source.function)):
            yield "function", why.removeprefix(place)


def _refusal(attempt: Callable[[], object]) -> Iterator[str]:
    """How a try is refused, in one line."""
    try:
        attempt()
    except BadInput as refusal:
        yield rendered.in_one_line(refusal.parts)


def require(loaded: Loaded) -> None:
    """Let nobody go by a file that has mistakes: whoever runs a use case may not have checked it.

    Raises:
        BadUseCase: all mistakes that `check` finds, with their lines.
    """
    if found := check(loaded):
        raise use_cases.wrong(loaded.path, found)


def _mistakes_of(kind: Kind, use_case: UseCase) -> list[tuple[str, str]]:
    try:
        return list(kind(use_case))
    except SluiceError:
        raise
    except Exception as error:  # noqa: BLE001  (what nobody has thought of: it must not hide the mistakes of all other files)
        return [("name", unforeseen(error))]


def _promotion_mistakes(use_case: UseCase) -> Iterator[tuple[str, str]]:
    """So few days that no interval could ever be drawn from them, and no model ever be promoted."""
    last = use_case.calendar.of(datetime(2026, 1, 1))  # of months, any have about as many days
    held_out = len(held_out_days(use_case, use_case.calendar.span(window_begins(use_case, last), last)))
    if use_case.unit == "day" and use_case.split.by == "time" and held_out < LEAST_UNITS:
        yield (
            "split.window_days" if use_case.promotion.unit is None else "promotion.unit",
            (
                f"{held_out} days are held out, and an interval is drawn from {LEAST_UNITS} at least: hold"
                " out more days, or name another promotion.unit (row, or a column)"
            ),
        )


def _split_mistakes(use_case: UseCase) -> Iterator[tuple[str, str]]:
    """Units that a split by hash deals to both sides."""
    split, unit = use_case.split, use_case.unit_column
    if split.by == "hash" and split.folds.group is None and unit not in (None, use_case.key):
        yield (
            "split.by",
            (
                f"rows are dealt by hash one by one, and those of one {unit} (promotion.unit) come to both"
                f" sides: keep them together by split.folds: {{by: group, group: {unit}}}, or write by: time"
            ),
        )


def _misplaced_expectations(use_case: UseCase) -> Iterator[tuple[str, str]]:
    for table, expectations in use_case.gates.items():
        for n, expectation in enumerate(expectations):
            wrong = suite.mistakes(expectation, TABLES[table].columns(use_case))  # told already
            if not wrong and (sentence := resolve.why_misplaced(use_case, table, expectation)):
                yield f"gates.{table}.{n}", sentence


# --- the line of a mistake


def _line(loaded: Loaded, content: str, whole: yaml.Node | None, where: str, sentence: str) -> int:
    """The line of the place; of SQL over several lines, the line of what the sentence is about."""
    node = whole
    for part in where.split("."):
        if not isinstance(node, yaml.MappingNode):
            return loaded.line(*where.split("."))
        node = next((value for key, value in node.value if key.value == part), None)
    if not isinstance(node, yaml.ScalarNode) or node.start_mark.line == node.end_mark.line:
        return loaded.line(*where.split("."))
    return _line_in(node, content, _position(str(node.value), sentence))


def _position(expression: str, sentence: str) -> int:
    """The character of an expression that a mistake is about: where DuckDB stops reading, or the word that
    the sentence names.
    """
    try:
        sql.parse(expression)
    except sql.BadExpression as error:
        if error.position is not None:
            return min(error.position, len(expression.rstrip()) - 1)
    words = re.findall(r"'(\w+)'|(\w+)\(|name (\w+)", sentence)
    named = (re.search(rf"\b{re.escape(word)}\b", expression, re.IGNORECASE) for word in map("".join, words))
    return next((found.start() for found in named if found), 0)


def _line_in(node: yaml.ScalarNode, content: str, position: int) -> int:
    """The line of the file in which a character of a text over several lines stands.

    YAML may fold lines and cut indents, but leaves all other characters: they are counted.
    """
    start = node.start_mark.index
    start = content.index("\n", start) if node.style in ("|", ">") else start + len(node.style or "")
    before = len("".join(node.value[:position].split()))
    characters = [start + found.start() for found in re.finditer(r"\S", content[start : node.end_mark.index])]
    return content[: characters[min(before, len(characters) - 1)]].count("\n") + 1


# Each kind of mistakes is looked for by itself.
KINDS: tuple[Kind, ...] = (
    check_columns.columns,
    check_columns.label,
    check_values.mistakes,
    check_sql.derived_mistakes,
    check_sql.late,
    check_columns.repairs,
    check_sql.rules,
    check_sources.mistakes,
    features.check,
    families.check_grid,
    check_partitions.partitions,
    _promotion_mistakes,
    _split_mistakes,
    ask.check,
    _misplaced_expectations,
)
