"""Each day's greatest scores: what people look at who can look at so many rows a day.

Which rows these are follows from the scores alone, of all rows of the day; ties go by the key. Once that is
known, a metric of them is one of sums over rows. Where days are what is drawn as a whole, its interval is
exact; where rows or customers are, a draw keeps the rows that were taken, and no other takes a place that
becomes free.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

    from pipelines.core.config import UseCase
    from pipelines.metrics.metrics import Floats

TAKEN = "taken"  # the column


def taken(score: npt.ArrayLike, day: npt.ArrayLike, a_day: int, place: npt.ArrayLike | None = None) -> Floats:
    """Which rows are among their day's greatest scores, 1 or 0, shape (n,).

    Args:
        score: Shape (n,).
        day: Numbers, shape (n,).
        a_day: How many of each day; of a day with fewer rows, all.
        place: In which order rows of the same score are taken, shape (n,); as they stand without it.
    """
    scores, days = np.asarray(score, dtype=np.float64), np.asarray(day)
    order = np.lexsort((np.arange(len(scores)) if place is None else np.asarray(place), -scores, days))
    first = np.flatnonzero(np.diff(days[order], prepend=np.nan))
    rank = np.arange(len(order)) - np.repeat(first, np.diff(np.append(first, len(order))))
    found = np.zeros(len(order))
    found[order] = rank < a_day
    return found


def column(score: str, day: str, key: str, a_day: int) -> str:
    """The same as SQL, of rows of a relation: the expressions of their score, their day and their key."""
    rank = f"row_number() OVER (PARTITION BY {day} ORDER BY {score} DESC, {key})"
    return f"({rank} <= {a_day})::DOUBLE AS {TAKEN}"


def days(time: Any) -> npt.NDArray[np.int64]:
    """The day of each moment, a number, shape (n,)."""
    return np.asarray(time, dtype="datetime64[D]").astype(np.int64)


def places(key: Sequence[Any] | npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """The place of each key in their order, shape (n,)."""
    return np.asarray(np.unique(np.asarray(key), return_inverse=True)[1], dtype=np.int64)


def of_table(score: npt.ArrayLike, rows: pa.Table, use_case: UseCase) -> Floats | None:
    """Which rows are taken, of a table with key and time; None where nobody has declared how many."""
    a_day = use_case.stakes.a_day
    if a_day is None:
        return None
    moments = rows[use_case.time].to_numpy()
    return taken(score, days(moments), a_day, places(rows[use_case.key].to_pandas()))
