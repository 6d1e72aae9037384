"""The one rule by which a source's column gets a name that a use-case file can write."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from pipelines.core.config import NAME

# Where a word begins: a capital after a small letter or digit (amountUSD), and the last of several before a
# small one (HTTPServer).
_BEGINS = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=\d)(?=[A-Z][a-z])|(?<=[A-Z])(?=[A-Z][a-z])")


@lru_cache(maxsize=10_000)
def snake_case(name: str) -> str:
    """Small letters and digits, words apart by `_`: `CustomerID` is customer_id, `Order Date` order_date,
    `Größe` grosse.

    Letters of other scripts are written in Latin ones, all other characters part words. A name that is in
    snake case stays as it is, and so does one of which nothing would be left.
    """
    if re.fullmatch(NAME, name):
        return name
    from slugify import slugify  # few files have such names, and every task would import it

    words = _BEGINS.sub(" ", name)
    return slugify(words, separator="_", entities=False, decimal=False, hexadecimal=False) or name


def alike(names: Iterable[str]) -> list[list[str]]:
    """The names that are the same in snake case."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(snake_case(name), []).append(name)
    return [same for same in found.values() if len(same) > 1]
