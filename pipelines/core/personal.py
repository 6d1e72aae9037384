"""What is personal: the columns that a use-case file marks `pii`, and all that is made of them.

Tables hold personal values, since models learn from them. What a person reads (pages, evidence, logs,
metrics' names) shows none: there each stands as `MASK`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pipelines.core.config import UseCase
from pipelines.core.config.rows import Rows
from pipelines.core.snake_case import snake_case

MASK = "•••"


def columns(rows: Rows) -> frozenset[str]:
    """Personal columns, under the schema's names and the source's."""
    called = rows.source_names
    marked = {name for name, column in rows.columns.items() if column.pii}
    found = marked | {called[column] for column in marked}
    for column, sql in rows.source.derive.items():  # in their order, since one may be made of another
        if _reads(sql, found):
            found |= {column, called.get(column, column)}
    return frozenset(found)


def features(use_case: UseCase) -> frozenset[str]:
    """Features whose SQL reads a personal column.

    What they tell is not weighed: the length of a text says little, but a number cut out of it may say all.
    """
    named = use_case.features
    every = {**named.numbers, **named.categories, **named.texts}
    personal = columns(use_case).union(*map(columns, use_case.sources.values()))
    return frozenset(name for name, sql in every.items() if _reads(sql, personal))


def _reads(sql: str, names: Iterable[str]) -> bool:
    """Whether SQL may read a column; names know no case in SQL.

    A word in a string literal counts too, which only hides more.
    """
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", sql, re.IGNORECASE) for name in names)


def with_privacy(use_case: UseCase, now: UseCase) -> UseCase:
    """A file of before in which is personal what is so now, whatever the column was called: privacy is no
    matter of what was learned.
    """
    personal = personal_by_now(use_case, now)
    columns = {
        name: column.model_copy(update={"pii": True}) if name in personal and not column.pii else column
        for name, column in use_case.columns.items()
    }
    return use_case.model_copy(update={"columns": columns})


def personal_by_now(then: Rows, now: Rows) -> set[str]:
    """Columns of a file of before that are personal by now, or may be: what is hidden in vain harms
    nobody.
    """
    before, after = (
        {name: {name, source.lower(), snake_case(source)} for name, source in rows.source_names.items()}
        for rows in (then, now)
    )
    marked = [name for name, column in now.columns.items() if column.pii]
    found = {name for name, names in before.items() if any(names & after[other] for other in marked)}
    if then.nameless and now.nameless:  # the same place, if the file has not been laid out anew
        found |= {
            name
            for name, other in zip(then.given_columns, now.given_columns, strict=False)
            if other in marked
        }
    if not all(any(after[other] & names for names in before.values()) for other in marked):
        # It is new, or was called otherwise: then it is one of those that the present file does not know.
        found |= {
            name for name, names in before.items() if not any(names & others for others in after.values())
        }
    return found
