"""What is wrong with a use-case file beyond its form: SQL, grids and expectations, which need libraries to
judge.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from functools import partial
from glob import glob
from typing import TypeAlias

import yaml

from pipelines.core import connections, repair, row_rules, sql, yaml_text
from pipelines.core.config import Column, FileSource, PythonSource, Scalar, SqlSource, UseCase, limit_text
from pipelines.core.config.base import duration_text
from pipelines.core.dates import WEEK, Days, held_out_days, last_labelled
from pipelines.core.errors import BadInput, BadUseCase, SluiceError, brief, meant
from pipelines.core.snake_case import snake_case
from pipelines.core.use_cases import MOST_MISTAKES, Loaded, message, unforeseen
from pipelines.gates import ask, resolve
from pipelines.gates.gx import suite
from pipelines.metrics.bootstrap import LEAST_UNITS
from pipelines.model import families
from pipelines.preflight import check_values
from pipelines.run.tables import TABLES
from pipelines.sources import python, texts
from pipelines.sources.moments import FIRST_YEAR
from pipelines.steps import features
from pipelines.storage.settings import ROOT

Kind: TypeAlias = Callable[[UseCase], Iterable[tuple[str, str]]]


def check(loaded: Loaded) -> list[tuple[int, str]]:
    """Find every mistake that can be found without data, in whatever has been loaded.

    Returns:
        Pairs of a line of the file and a sentence that starts with the place it is about.
    """
    text, whole = yaml_text.text(loaded.content), yaml_text.compose(loaded.content)
    unquoted: Kind = partial(check_values.unquoted, whole=whole)
    found = [mistake for kind in (unquoted, *KINDS) for mistake in _found(kind, loaded.use_case)]
    return [
        (_line(loaded, text, whole, where, sentence), f"{where}: {sentence}") for where, sentence in found
    ]


def absent(loaded: Loaded) -> list[tuple[int, str]]:
    """Find what is not there, of all that can be seen without data: a source's files, its function, an
    address.

    For who checks a file, since who runs it is told by ingest, with the days that miss a file, or by Airflow,
    which may keep a connection that is not seen here.
    """
    source, sink = loaded.use_case.source, loaded.use_case.sink
    found: list[tuple[tuple[str, ...], str]] = []
    if isinstance(source, FileSource) and not glob(
        source.path.replace("{partition}", "*"), root_dir=ROOT, recursive=True
    ):
        sentence = (
            f"no file {brief(source.path)} (looked for below {ROOT}); put it there, or correct the path"
        )
        found.append((("source", "path"), sentence))
    if isinstance(source, PythonSource):
        place = f"source.function {source.function!r}: "
        found += [
            (("source", "function"), why.removeprefix(place))
            for why in _refused(partial(python.load, source.function))
        ]
    named = {"source": source if isinstance(source, SqlSource) else None, "sink": sink}
    for what, one in named.items():
        if one and os.environ.get(one.variable):
            found += [((what, "connection"), why) for why in _refused(partial(connections.url, one))]
    return [(loaded.line(*where), f"{'.'.join(where)}: {sentence}") for where, sentence in found]


def _refused(attempt: Callable[[], object]) -> Iterator[str]:
    """How a try is refused, in one line."""
    try:
        attempt()
    except BadInput as refusal:
        yield "; ".join(line.strip().removeprefix("way out: ") for line in str(refusal).splitlines())


def require(loaded: Loaded) -> None:
    """Let nobody go by a file that has mistakes: whoever runs a use case may not have checked it.

    Raises:
        BadUseCase: all mistakes that `check` finds, with their lines.
    """
    if found := check(loaded):
        way_out = (
            f"way out: correct the file; python -m pipelines check {loaded.use_case.name} says whether it is"
            " good"
        )
        raise BadUseCase(f"{message(loaded.path, found, MOST_MISTAKES - 1)}\n  {way_out}")


def _found(kind: Kind, use_case: UseCase) -> list[tuple[str, str]]:
    try:
        return list(kind(use_case))
    except SluiceError:
        raise
    except Exception as error:  # noqa: BLE001  (what nobody has thought of: it must not hide the mistakes of all other files)
        return [("name", unforeseen(error))]


def _column_mistakes(use_case: UseCase) -> Iterator[tuple[str, str]]:
    """Values that the column's type can never hold would be rules that never bite."""
    for name, column in use_case.columns.items():
        where = f"columns.{name}"
        for value in column.allowed or ():
            if not _fits(value, column):
                yield f"{where}.allowed", f"{value!r} is no {column.type}"
        if (column.min is not None or column.max is not None) and column.type in ("string", "boolean"):
            yield where, f"min and max are for numbers, dates and timestamps, and {name} is a {column.type}"
        else:
            yield from _limit_mistakes(where, column)
    label = use_case.columns[use_case.target]
    if use_case.task == "binary" and not label.allowed and label.type != "boolean":
        yield (
            f"columns.{use_case.target}",
            "a binary label names both of its values under allowed: any other is a mistake of the source",
        )
    if use_case.label.positive is not None and not _fits(use_case.label.positive, label):
        yield "label.positive", f"{use_case.label.positive!r} is no {label.type}"
    if label.required:
        yield (
            f"columns.{use_case.target}.required",
            (
                f"rows to be scored have no label; `cleanse.drop: [{use_case.target}]` leaves unlabelled rows"
                " out of training"
            ),
        )


def _limit_mistakes(where: str, column: Column) -> Iterator[tuple[str, str]]:
    limits = [
        (what, limit) for what, limit in (("min", column.min), ("max", column.max)) if limit is not None
    ]
    wrong = [
        (f"{where}.{what}", sentence)
        for what, limit in limits
        if (sentence := _wrong_limit(what, limit, column))
    ]
    yield from wrong
    if not wrong and len(limits) > 1 and row_rules.beyond(limits[0][1], limits[1][1]):
        low, high = (limit_text(limit) for _, limit in limits)
        yield where, f"min {low} is greater than max {high}, so no value would be good"


def _wrong_limit(what: str, limit: float | date, column: Column) -> str | None:
    """Why a limit is none of its column."""
    if isinstance(limit, date) != (column.type in ("date", "timestamp")):
        return f"{limit_text(limit)} is no {column.type}"
    if isinstance(limit, int) and not _fits(
        limit, column
    ):  # a float is what it is, be it a fraction between integers
        return (
            f"{limit} is no {column.type} that a table can hold: write one, or give the column another type"
        )
    if column.type == "date" and isinstance(limit, datetime):
        return f"{limit_text(limit)} is no date: write {limit.date()}"
    if (
        what == "max"
        and column.type == "timestamp"
        and isinstance(limit, date)
        and not isinstance(limit, datetime)
    ):
        return (
            f"{limit} would be the midnight with which that day begins: write the moment, such as"
            f" {limit}T23:59:59.999999"
        )
    if isinstance(limit, date) and limit.year < FIRST_YEAR:
        return f"{limit_text(limit)} is before {FIRST_YEAR}, and no such {column.type} is read"
    return None


def _repair_mistakes(use_case: UseCase) -> Iterator[tuple[str, str]]:
    repairs, columns = use_case.cleanse, use_case.columns
    for what in ("lower", "merge"):
        for name in getattr(repairs, what):
            if columns[name].type != "string":
                yield (
                    f"cleanse.{what}",
                    f"{name} is a {columns[name].type}; only strings have case and spellings",
                )
    for name, codes in repairs.missing.items():
        # A word among numbers may be a code (`n/a`); a number that the type cannot hold is a slip.
        for code in (code for code in codes if not isinstance(code, str) and not _fits(code, columns[name])):
            yield f"cleanse.missing.{name}", f"{code!r} is no {columns[name].type}, so it can never occur"
    for name, value in repairs.fill.items():
        if name == use_case.target:
            yield f"cleanse.fill.{name}", "a label that is made up teaches nothing; leave it missing"
        elif (value is None and columns[name].type != "string") or not _fits(value, columns[name]):
            yield f"cleanse.fill.{name}", f"{value!r} is no {columns[name].type}"
    for name in (name for name in repairs.merge if columns[name].type == "string"):
        yield from ((f"cleanse.merge.{name}", sentence) for sentence in _merged_twice(name, use_case))
    yield from _rename_mistakes(use_case)


def _rename_mistakes(use_case: UseCase) -> Iterator[tuple[str, str]]:
    """A column has one name in the source, and that name no other column. DuckDB knows no case in names."""
    names, columns = use_case.source_names, use_case.columns
    first: dict[str, str] = {}
    for source, name in use_case.cleanse.renames.items():
        where, same = (
            f"cleanse.rename.{source}",
            [other for other in names if names[other].lower() == source.lower()],
        )
        if name not in columns:
            yield where, f"no column {name!r}; {meant(name, columns)}"
        elif use_case.cleanse.snake_case and source != snake_case(source):
            yield where, f"in snake case, {source!r} is {snake_case(source)!r}; write that"
        elif name in first:
            yield (
                where,
                (
                    f"{name!r} is {first[name]!r} in the source already; a column has one name there, so"
                    " leave one of them out"
                ),
            )
        elif len(same) > 1:
            yield (
                where,
                (
                    f"in the source, {' and '.join(map(repr, same))} would both be {source!r}; give each"
                    " column a name of its own there"
                ),
            )
        first.setdefault(name, source)


def _merged_twice(column: str, use_case: UseCase) -> Iterator[str]:
    """Which list came first would decide, and nobody reads a mapping in its order."""
    becomes: dict[str, str] = {}
    for word, kept in repair.spellings(column, use_case):
        if (other := becomes.setdefault(word, kept)) != kept:
            yield f"{word!r} is to become {other!r} and {kept!r}; leave it in one of the two lists"


def _rule_mistakes(use_case: UseCase) -> Iterator[tuple[str, str]]:
    kept = {name: sql.TYPES[use_case.columns[name].type] for name in use_case.kept_columns}
    for reason, condition in use_case.cleanse.rules.items():
        where = f"cleanse.rules.{reason}"
        type_, found = _judged(condition, kept)
        yield from ((where, sentence) for sentence in found)
        if not found and type_ != "BOOLEAN":
            yield where, f"{condition!r} is a {type_}; write a condition, which is true or false"


def _derive_mistakes(use_case: UseCase) -> Iterator[tuple[str, str]]:
    called, derived = use_case.source_names, use_case.source.derive
    types = {
        called[name]: sql.TYPES[column.type]
        for name, column in use_case.columns.items()
        if name not in derived
    }
    for name, expression in derived.items():
        where = f"source.derive.{name}"
        if name not in use_case.columns:
            yield where, f"no column {name!r}; {meant(name, use_case.columns)}"
            continue
        type_, found = _judged(expression, types)
        yield from ((where, sentence) for sentence in [*found, *_told_afterwards(use_case, name)])
        if use_case.columns[name].type == "string" and type_ is not None and not texts.is_allowed(type_):
            yield (
                where,
                (
                    f"it is a {type_}, and {name} a string: say how it is spelt, such as CAST(... AS"
                    f" VARCHAR), or give {name} that type"
                ),
            )
        types[called[name]] = sql.TYPES[use_case.columns[name].type]  # those below may use it


def _told_afterwards(use_case: UseCase, name: str) -> Iterator[str]:
    """That a derived column, which a row has when it is scored, is made of what is known only later, by
    however many others.
    """
    if name in use_case.late:
        yield from _made_of_later(use_case, name)
    if name == use_case.target:
        yield from _labelled_too_early(use_case)
    # Of the label and leaks may be made what no feature reads.
    if use_case.columns[name].role in ("label", "leak", "ignored"):
        return
    for column in sorted(_made_of(use_case, name)):
        role, why = use_case.columns[column].role, use_case.columns[column].why
        if role in ("label", "leak"):
            what = "the label" if role == "label" else f"a leak{f': {why}' if why else ''}"
            yield (
                f"it is made of {column!r}, {what}; derive it of what is known when the row is scored, or"
                " give it the role leak"
            )


def _made_of_later(use_case: UseCase, name: str) -> Iterator[str]:
    """That a late column is made of what is known later than itself, or nobody knows when."""
    known = use_case.known_after(name)
    for column in sorted(_made_of(use_case, name)):
        if column in use_case.hidden_at_night and use_case.known_after(column) > known:
            least = duration_text(use_case.known_after(column))
            yield (
                f"it is made of {column!r}, which is known after {least}: its own known_after must be at"
                " least that"
            )
        elif column in use_case.leaks and column not in use_case.late:
            yield (
                f"it is made of {column!r}, a leak of which nobody knows when it is known: give that a"
                " known_after, too"
            )


def _labelled_too_early(use_case: UseCase) -> Iterator[str]:
    """That the label is made of what is known later than a day's labels are looked at: on the morning that
    `delay_days` names.
    """
    for column in sorted(_made_of(use_case, use_case.target) & set(use_case.late)):
        least = -(-use_case.known_after(column) // timedelta(days=1)) + 1  # of a day's last row, too
        if use_case.label.delay_days < least:
            after = duration_text(use_case.known_after(column))
            yield (
                f"it is made of {column!r}, which is known {after} after its row's moment: label.delay_days"
                f" must be at least {least}"
            )


def _late_mistakes(use_case: UseCase) -> Iterator[tuple[str, str]]:
    """What cannot be asked of a column that is missing when its row is scored, and is known later."""
    for name in use_case.late:
        where, said = (
            f"columns.{name}",
            f"{name} is known only {duration_text(use_case.known_after(name))} after its row's moment",
        )
        if use_case.columns[name].required:
            yield (
                f"{where}.required",
                f"{said}, so every row would go to quarantine when it is scored; leave it out",
            )
        if name in use_case.cleanse.drop:
            yield (
                "cleanse.drop",
                f"{said}, so every row would go to quarantine when it is scored; leave {name} out",
            )
        if name in use_case.cleanse.fill:
            yield (
                f"cleanse.fill.{name}",
                (
                    f"{said}, and would be filled until then; write coalesce({name}, ...) in the features"
                    " that read it"
                ),
            )
    for reason, condition in use_case.cleanse.rules.items():
        read = [name for name in use_case.hidden_at_night if name in _columns_of(condition)]
        if len(read) > 1:
            yield (
                f"cleanse.rules.{reason}",
                (
                    f"{condition!r} reads {' and '.join(map(repr, read))}, which are known one after the"
                    " other: a rule reads one of them at most"
                ),
            )


def _made_of(use_case: UseCase, name: str) -> set[str]:
    """The columns that a derived one is made of, and those that these are made of."""
    called = {source.lower(): column for column, source in use_case.source_names.items()}
    found: set[str] = set()
    unread = [name]
    while unread:
        text = use_case.source.derive.get(unread.pop())
        read = {called[column] for column in _columns_of(text) if column in called} - found
        found |= read
        unread += read
    return found


def _columns_of(text: str | None) -> frozenset[str]:
    try:
        return sql.parse(text).every_column if text is not None else frozenset()
    except sql.BadExpression:
        return frozenset()  # which is told where it stands


def _promotion_mistakes(use_case: UseCase) -> Iterator[tuple[str, str]]:
    """So few days that no interval could ever be drawn from them, and no model ever be promoted."""
    days = Days(date.min, date.min + timedelta(days=use_case.split.window_days - 1))
    held_out = len(held_out_days(use_case, days))
    if use_case.unit == "day" and use_case.split.by == "time" and held_out < LEAST_UNITS:
        yield (
            "split.window_days" if use_case.promotion.unit is None else "promotion.unit",
            (
                f"{held_out} days are held out, and an interval is drawn from {LEAST_UNITS} at least: hold"
                " out more days, or name another promotion.unit (row, or a column)"
            ),
        )


def _monitoring_mistakes(use_case: UseCase) -> Iterator[tuple[str, str]]:
    """A bound on labels that are never known when the week's report is made."""
    week = use_case.demo.training  # one day is like another
    if use_case.monitoring.min_performance is not None and last_labelled(use_case, "drift", week) < week:
        yield (
            "monitoring.min_performance",
            (
                f"it can never be judged: labels are known after {use_case.label.delay_days} days"
                f" (label.delay_days), and a week's report is made after {WEEK}; leave it out"
            ),
        )


def _misplaced(use_case: UseCase) -> Iterator[tuple[str, str]]:
    for table, expectations in use_case.gates.items():
        for n, expectation in enumerate(expectations):
            wrong = suite.mistakes(expectation, TABLES[table].columns(use_case))  # told already
            if not wrong and (sentence := resolve.misplaced(use_case, table, expectation)):
                yield f"gates.{table}.{n}", sentence


def _judged(expression: str, columns: Mapping[str, str]) -> tuple[str | None, list[str]]:
    """An expression's type over columns of these types, and what is wrong with it."""
    try:
        parsed = sql.parse(expression)
        found = [
            *(sql.in_quotes(expression, columns) or parsed.mistakes),
            *sql.unknown_columns(parsed, {column.lower() for column in columns}),
        ]
        return (None, found) if found else (sql.bind(expression, sql.row_of_nulls(columns)), [])
    except sql.BadExpression as error:
        # Of an expression over several lines the one that is wrong: the end, where something is missing
        # there.
        there = expression[: error.position].count("\n") if error.position is not None else 0
        lines = expression.rstrip().splitlines() or [""]
        sentence = f"{lines[min(there, len(lines) - 1)].strip()!r} cannot be read: {error}"
        return None, ["; ".join([sentence, *sql.in_quotes(expression, columns)])]


def _fits(value: Scalar, column: Column) -> bool:
    return sql.fits(value, sql.TYPES[column.type])


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
    _column_mistakes,
    check_values.mistakes,
    _derive_mistakes,
    _late_mistakes,
    _repair_mistakes,
    _rule_mistakes,
    features.check,
    families.check_grid,
    _promotion_mistakes,
    _monitoring_mistakes,
    ask.check,
    _misplaced,
)
