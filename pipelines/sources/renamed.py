"""A source's columns under their names in snake case, from the first look on: nothing behind it knows
others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipelines.core.errors import BadInput
from pipelines.core.snake_case import alike, snake_case
from pipelines.core.sql import name as quoted
from pipelines.sources.piece import Piece


def in_snake_case(pieces: Sequence[Piece]) -> list[Piece]:
    """Rename what `cleanse.rename: snake_case` renames.

    Raises:
        BadInput: two columns of a piece would have one name.
    """
    return [_rename(piece) for piece in pieces]


def _rename(piece: Piece) -> Piece:
    found = piece.rows.columns
    names = {name: snake_case(name) for name in found}
    if same := alike(found):
        raise BadInput(
            "several columns have one name in snake case",
            where=piece.place,
            details=(f"{snake_case(both[0])}: {' and '.join(map(repr, both))}" for both in same),
            fix="give each its own name in the source, or write cleanse.rename as a mapping",
        )
    if all(name == new for name, new in names.items()):
        return piece
    rows = piece.rows.project(", ".join(f"{quoted(name)} AS {quoted(new)}" for name, new in names.items()))
    return replace(piece, rows=rows, no_texts={names[name]: held for name, held in piece.no_texts.items()})
