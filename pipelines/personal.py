"""What is personal: the columns that a use-case file marks `pii`, and all that is made of them.

Tables hold personal values, since models learn from them. What a person reads (pages, evidence, logs, metrics' names)
shows none: there each stands as `MASK`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pipelines.config import UseCase

MASK = "•••"


def columns(use_case: UseCase) -> frozenset[str]:
    """Personal columns, under the schema's names and the source's."""
    called = use_case.source_names
    marked = {name for name, column in use_case.columns.items() if column.pii}
    found = marked | {called[column] for column in marked}
    for column, sql in use_case.source.derive.items():  # in their order, since one may be made of another
        if _reads(sql, found):
            found |= {column, called.get(column, column)}
    return frozenset(found)


def features(use_case: UseCase) -> frozenset[str]:
    """Features whose SQL reads a personal column.

    What they tell is not weighed: the length of a text says little, but a number cut out of it may say all.
    """
    named = use_case.features
    every = {**named.numbers, **named.categories, **named.texts}
    personal = columns(use_case)
    return frozenset(name for name, sql in every.items() if _reads(sql, personal))


def _reads(sql: str, names: Iterable[str]) -> bool:
    """Whether SQL may read a column; names know no case in SQL. A word in a string literal counts too, which only hides more."""
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", sql, re.IGNORECASE) for name in names)
