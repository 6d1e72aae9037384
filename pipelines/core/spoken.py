"""What a file says of a feature, of the label and of rows, and what of it another file says otherwise, as a
person would say it.

What is compared are meanings (`pipelines.core.meaning`); what is said are the words of the files, shortened
around where they differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Any

from pipelines.core import meaning, sql
from pipelines.core.config import UseCase, limit_text
from pipelines.core.config.base import duration_text
from pipelines.core.personal import MASK
from pipelines.core.windows import Clock

KINDS = {"numbers": "number", "categories": "category", "texts": "text"}
LONGEST = 90  # characters of SQL
BEFORE = 25  # of them those before the difference
MOST = 3  # of a list of values, or of differences


def feature(name: str, use_case: UseCase, other: UseCase) -> str:
    """What a file says of a feature: its SQL, or where that is the same in another one, what it reads that is
    another thing there.
    """
    said = feature_text(name, use_case, other)
    return (
        f"{said}, where {reads(name, use_case, other)}"
        if said == feature_text(name, other, use_case)
        else said
    )


def feature_text(name: str, use_case: UseCase, other: UseCase | None = None) -> str:
    """A feature's SQL in one line, with its windows."""
    found, others = (meaning.expressions(each).get(name) for each in (use_case, other or use_case))
    if found is None:
        return "no such feature"
    kind, text = found
    quoted = f"`{around(text, others[1] if others else '')}`"
    spoken = []
    try:
        aggregates = sql.parse(text, Clock().frames(use_case)).aggregates
    except sql.BadExpression:
        return f"{quoted}, which cannot be read"
    for aggregate in aggregates:
        window = use_case.features.windows[aggregate.window]
        until = f" to {duration_text(window.until)}" if window.until else ""
        by = f" of the same {', '.join(window.by)}" if window.by else ""
        spoken.append(f"{aggregate.window}: {duration_text(window.since)}{until} before{by}")
    return quoted + (f" ({'; '.join(dict.fromkeys(spoken))})" if spoken else "") + f", a {KINDS[kind]}"


def label(use_case: UseCase, other: UseCase) -> str:
    """What a file says of the label, or where that is the same in another one, what makes it that is another
    thing there.
    """

    def said(facts: UseCase) -> str:
        text = facts.source.derive.get(facts.target, facts.source_names[facts.target])
        positive = f", {facts.label.positive!r} is positive" if facts.task.classes else ""
        return f"`{' '.join(text.split())}` ({facts.task}{positive})"

    if said(use_case) != said(other):
        return said(use_case)
    return f"{said(use_case)}, where {_join(_of_column(use_case.target, use_case, other.target, other))}"


def reads(name: str, use_case: UseCase, other: UseCase) -> str:
    """What a feature's SQL reads that is another thing in another file: columns with their repairs, and which
    rows there are.
    """
    try:
        (ours, rows), (theirs, other_rows) = (meaning.read_by(name, each) for each in (use_case, other))
    except sql.BadExpression as error:
        return f"what it reads cannot be read: {error}"
    told: list[str] = []
    for place, column in ours.items():
        if place in theirs:
            told += _of_column(column, use_case, theirs[place], other)
        else:
            told.append(f"{column} is the source's {place}")
    return _join([*told, *(_of_rows(use_case, other) if rows != other_rows else [])])


def around(text: str, other: str) -> str:
    """A text in one line, and of a long one the part around its first difference from another."""
    text, other = " ".join(text.split()), " ".join(other.split())
    if len(text) <= LONGEST:
        return text
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(text, other, strict=False)))
    first = max(min(same - BEFORE, len(text) - LONGEST), 0)
    return (
        ("..." if first else "")
        + text[first : first + LONGEST]
        + ("..." if first + LONGEST < len(text) else "")
    )


def _join(told: Iterable[str]) -> str:
    every = list(dict.fromkeys(told))
    more = f" and {len(every) - MOST} more" if len(every) > MOST else ""
    return "; ".join(every[:MOST]) + more if every else "nothing is what the other one reads"


# --- columns


def _of_column(name: str, use_case: UseCase, called: str, other: UseCase) -> list[str]:
    """What makes a column's values that is another thing in another file, which may call it otherwise."""
    ours, theirs = meaning.made_of(name, use_case), meaning.made_of(called, other)
    differ = [what for what in dict.fromkeys([*ours, *theirs]) if ours.get(what) != theirs.get(what)]
    return [_repair(name, what, use_case, called, other) for what in differ]


def _repair(name: str, what: str, use_case: UseCase, called: str, other: UseCase) -> str:
    cleanse, column = use_case.cleanse, use_case.columns[name]
    if what == "derived":
        return _derived_text(name, use_case, called, other)
    if what == "label":
        return (
            f"{name} is known after {use_case.label.delay_days} days, {use_case.label.positive!r} is positive"
            f" ({use_case.task})"
        )
    if what == "known after":
        late = f"after {duration_text(column.known_after)}" if column.known_after else "at once"
        return f"{name} is known {late}"
    if what in ("missing", "merge", "fill") and (column.pii or other.columns[called].pii):
        return f"{name}'s {what} is {MASK if name in getattr(cleanse, what) else 'none'}"
    spoken: Mapping[str, Any] = {
        "type": (
            f"is {'an' if column.type == 'integer' else 'a'}"
            f" {meaning.made_of(name, use_case).get('type', column.type)}"
        ),
        "trim": "is trimmed" if cleanse.trim and column.type == "string" else "is not trimmed",
        "lower": "is lowered" if name in cleanse.lower else "is not lowered",
        "missing": f"has {_list(cleanse.missing.get(name, ()))} for missing",
        "merge": f"has {_spellings(cleanse.merge.get(name, {}))}",
        "fill": f"is filled with {cleanse.fill[name]!r}" if name in cleanse.fill else "is not filled",
        "replay": "is assigned by another rule of assign_days",
    }
    return f"{name} {spoken.get(what, f'has another {what}')}"


def _list(values: Iterable[Any]) -> str:
    every = [repr(value) for value in values]
    return (
        ", ".join(every[:MOST]) + (f" and {len(every) - MOST} more" if len(every) > MOST else "")
        if every
        else "no code"
    )


def _spellings(merge: Mapping[str, Iterable[str]]) -> str:
    told = [f"{_list(words)} merged into {kept!r}" for kept, words in merge.items()]
    return "; ".join(told[:MOST]) or "no spelling merged"


def _derived_text(name: str, use_case: UseCase, called: str, other: UseCase) -> str:
    text, theirs = use_case.source.derive.get(name), other.source.derive.get(called, "")
    if text is None:
        return f"{name} is the source's own"
    if text == theirs:
        return f"{name} is derived by `{around(text, theirs)}`, which reads another column or type"
    return f"{name} is derived by `{around(text, theirs)}`"


# --- rows


def _of_rows(use_case: UseCase, other: UseCase) -> list[str]:
    """Which rows are let into the past, as far as that is another thing in another file."""
    told = [
        f"the {role} is {mine}"
        for role, mine, theirs in (
            (
                role,
                meaning.place(getattr(use_case, role), use_case),
                meaning.place(getattr(other, role), other),
            )
            for role in ("key", "time")
        )
        if mine != theirs
    ]
    called = {meaning.place(name, other): name for name in other.kept_columns}
    for name in use_case.kept_columns:
        place = meaning.place(name, use_case)
        there = called.get(place)
        mine = _limits(name, use_case, other.columns[there].allowed if there else ())
        theirs = _limits(there, other, use_case.columns[name].allowed) if there else []
        told += [f"{name} is {limit}" for limit in mine if limit not in theirs] or (
            [f"{name} has no such limit"] if [limit for limit in theirs if limit not in mine] else []
        )
    rules, others = (
        {" ".join(text.split()) for text in each.cleanse.rules.values()} for each in (use_case, other)
    )
    told += [f"rows keep to `{around(rule, '')}`" for rule in sorted(rules - others)]
    told += ["rows keep to fewer rules"] if others - rules and not rules - others else []
    told += (
        [f"of copies the {use_case.cleanse.duplicates} counts"]
        if use_case.cleanse.duplicates != other.cleanse.duplicates
        else []
    )
    return told or ["columns by which rows are let in are repaired otherwise"]


def _limits(name: str, use_case: UseCase, others: Sequence[Any] | None) -> list[str]:
    """What sends a row to quarantine for a column's value.

    Of the values that may occur, those first that are not among others.
    """
    column = use_case.columns[name]
    values = sorted(column.allowed or (), key=(others or ()).__contains__)
    allowed = MASK if column.pii and values else f"{_list(values)} only" if values else ""
    required = column.required or name in use_case.cleanse.drop
    least = [f"{limit_text(column.min)} or more"] if column.min is not None else []
    most = [f"{limit_text(column.max)} or less"] if column.max is not None else []
    late = ["known only later"] if column.known_after and (allowed or least or most) else []
    return [*(["there"] if required else []), *([allowed] if allowed else []), *least, *most, *late]
