"""Columns' names as a file gives them: one each, and told apart by more than upper and lower case, which SQL
does not see.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from pipelines.core.errors import brief


def mistakes_of(names: Sequence[str], *, header: bool = False) -> list[str]:
    """What is wrong with them; `header`: they stand between separators, of which some may be too many."""
    return [*_without(names, header=header), *_alike(names)]


def _without(names: Sequence[str], *, header: bool) -> Iterator[str]:
    empty = [number for number, name in enumerate(names, start=1) if not name.strip()]
    if not empty:
        return
    at_end = len(names) - len(empty) < empty[0]
    numbers = ", ".join(map(str, empty[:5])) + (", ..." if len(empty) > 5 else "")
    why = ""
    if header and at_end:
        why = f": the header ends in {len(empty)} separator{'s' if len(empty) > 1 else ''} too many"
    elif header and empty == [1]:
        why = ": the number of each row, as pandas writes it without index=False?"
    yield f"column{'s' if len(empty) > 1 else ''} {numbers} ha{'ve' if len(empty) > 1 else 's'} no name{why}"


def _alike(names: Sequence[str]) -> Iterator[str]:
    kinds = defaultdict(list)
    for name in names:
        if name.strip():
            kinds[name.casefold()].append(name)
    for alike in kinds.values():
        if len(alike) > len(set(alike)):
            yield f"{brief(alike[0])} stands there twice"
        elif len(alike) > 1:
            yield f"{' and '.join(map(brief, alike))} differ in upper and lower case only"
