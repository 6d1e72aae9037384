"""A source that fails while its rows are read: DuckDB's error becomes a sentence, or a second try."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import duckdb
import pyarrow as pa

from pipelines.core.errors import BadInput
from pipelines.core.sql import reason
from pipelines.sources import refusals
from pipelines.sources.declared import Declared
from pipelines.sources.piece import Piece

logger = logging.getLogger(__name__)

T = TypeVar("T")

HIDDEN = "it cannot be computed for every row (DuckDB's reason is hidden, since it may quote personal values)"


class GivenUp(Exception):
    """A reader that guesses has given up on a file, which may be in order."""


def patiently(attempt: Callable[[bool], T]) -> T:
    """Read the source; and once more, line by line, before a file is blamed that a reader in haste gave up
    on.
    """
    try:
        return attempt(False)
    except GivenUp as given_up:
        logger.info("%s: read once more, line by line", given_up)
    return attempt(True)


@contextmanager
def told(pieces: Sequence[Piece], declared: Declared, use_case: str) -> Iterator[None]:
    """Turn DuckDB's error into a sentence: of the lines of a file that cannot be read, or else of a derived
    column.
    """
    try:
        yield
    # While it streams, DuckDB's errors come as pyarrow's.
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        refuse_change(pieces)
        if hasty := [piece.place for piece in pieces if piece.hasty]:
            raise GivenUp(refusals.first_of(hasty)) from error
        place = "source.derive" if declared.derived else refusals.first_of([piece.place for piece in pieces])
        why = HIDDEN if declared.personal else reason(error)
        mistakes = (piece.diagnose() for piece in pieces)
        raise next(filter(None, mistakes), None) or BadInput(
            f"{place}: {why}", where=use_case, fix="correct it there"
        ) from error


def refuse_change(pieces: Sequence[Piece]) -> None:
    """Make sure that what was read is what was opened.

    Raises:
        TryAgain: it is not.
    """
    for piece in pieces:
        piece.refuse_change()
