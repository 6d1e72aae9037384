"""SQL of rules and derived columns: whether it can be computed, and whether it tells of what is known only
later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from pipelines.core import sql
from pipelines.core.config import UseCase
from pipelines.core.config.base import duration_text
from pipelines.core.config.rows import Rows
from pipelines.core.errors import did_you_mean
from pipelines.sources import texts


def rules(of: Rows) -> Iterator[tuple[str, str]]:
    """Conditions that cannot be computed, or are none."""
    kept = {name: sql.TYPES[of.columns[name].type] for name in of.kept_columns}
    for reason, condition in of.cleanse.rules.items():
        where = f"cleanse.rules.{reason}"
        type_, found = _type(condition, kept)
        yield from ((where, sentence) for sentence in found)
        if not found and type_ != "BOOLEAN":
            yield where, f"{condition!r} is a {type_}; write a condition, which is true or false"


def derived_mistakes(of: Rows) -> Iterator[tuple[str, str]]:
    """Derived columns that cannot be computed, or tell of what is known only later."""
    called, formulas = of.source_names, of.source.derive
    types = {
        called[name]: sql.TYPES[column.type] for name, column in of.columns.items() if name not in formulas
    }
    for name, expression in formulas.items():
        where = f"source.derive.{name}"
        if name not in of.columns:
            yield where, f"no column {name!r}; {did_you_mean(name, of.columns)}"
            continue
        type_, found = _type(expression, types)
        yield from ((where, sentence) for sentence in [*found, *_known_too_late(of, name)])
        if of.columns[name].type == "string" and type_ is not None and not texts.is_allowed(type_):
            yield (
                where,
                (
                    f"it is a {type_}, and {name} a string: say how it is spelt, such as CAST(... AS"
                    f" VARCHAR), or give {name} that type"
                ),
            )
        types[called[name]] = sql.TYPES[of.columns[name].type]  # those below may use it


def _known_too_late(of: Rows, name: str) -> Iterator[str]:
    """That a derived column, which a row has when it is scored, is made of what is known only later, by
    however many others.
    """
    if name in of.late:
        yield from _made_of_later(of, name)
    if isinstance(of, UseCase) and name == of.target:
        yield from _labelled_too_early(of)
    # Of the label and leaks may be made what no feature reads.
    if of.columns[name].role in ("label", "leak", "ignored"):
        return
    for column in sorted(_made_of(of, name)):
        role, why = of.columns[column].role, of.columns[column].why
        if role in ("label", "leak"):
            what = "the label" if role == "label" else f"a leak{f': {why}' if why else ''}"
            yield (
                f"it is made of {column!r}, {what}; derive it of what is known when the row is scored, or"
                " give it the role leak"
            )


def _made_of_later(of: Rows, name: str) -> Iterator[str]:
    """That a late column is made of what is known later than itself, or nobody knows when."""
    known = of.known_after(name)
    for column in sorted(_made_of(of, name)):
        if column in of.hidden_at_night and of.known_after(column) > known:
            least = duration_text(of.known_after(column))
            yield (
                f"it is made of {column!r}, which is known after {least}: its own known_after must be at"
                " least that"
            )
        elif column in of.leaks and column not in of.late:
            yield (
                f"it is made of {column!r}, a leak of which nobody knows when it is known: give that a"
                " known_after, too"
            )


def _labelled_too_early(of: UseCase) -> Iterator[str]:
    """That the label is made of what is known later than a day's labels are looked at: on the morning that
    `delay_days` names.
    """
    for column in sorted(_made_of(of, of.target) & set(of.late)):
        least = -(-of.known_after(column) // timedelta(days=1)) + 1  # of a day's last row, too
        if of.label.delay_days < least:
            after = duration_text(of.known_after(column))
            yield (
                f"it is made of {column!r}, which is known {after} after its row's moment: label.delay_days"
                f" must be at least {least}"
            )


def late(use_case: UseCase) -> Iterator[tuple[str, str]]:
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


def _made_of(of: Rows, name: str) -> set[str]:
    """The columns that a derived one is made of, and those that these are made of."""
    called = {source.lower(): column for column, source in of.source_names.items()}
    found: set[str] = set()
    unread = [name]
    while unread:
        text = of.source.derive.get(unread.pop())
        read = {called[column] for column in _columns_of(text) if column in called} - found
        found |= read
        unread += read
    return found


def _columns_of(text: str | None) -> frozenset[str]:
    try:
        return sql.parse(text).every_column if text is not None else frozenset()
    except sql.BadExpression:
        return frozenset()  # which is told where it stands


def _type(expression: str, columns: Mapping[str, str]) -> tuple[str | None, list[str]]:
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
