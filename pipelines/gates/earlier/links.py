"""How much the columns of a table tell of one another, on one day: what breaks when a column's values are
dealt to other rows.

Of two numbers it is Spearman's correlation of ranks. Of a number and a category it is the share of the ranks'
variance that the category explains, of two categories Goodman and Kruskal's tau (1954, JASA 49), which is the
same of indicators; both adjusted for explaining some by chance (Kelley 1935, PNAS 21), so that a category of
many values, such as a customer, tells nothing merely by their number; the strength is the square root, on the
scale of a correlation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

ENOUGH_ROWS = 50  # fewer tell little
LEAST_KEPT = 0.1  # weaker ones are not written down
BETWEEN = "|"

Floats: TypeAlias = npt.NDArray[np.float64]
Codes: TypeAlias = npt.NDArray[np.int64]


def by_day(
    table: pa.Table, day: str, numbers: Sequence[str], categories: Sequence[str]
) -> dict[date, dict[str, float]]:
    """Measure every pair of columns on every day.

    Args:
        table: Rows, with their day.
        day: The column with the day.
        numbers: Columns of numbers, with nulls.
        categories: Columns of texts or booleans.

    Returns:
        Day -> "one|other" -> strength, of pairs whose strength is at least `LEAST_KEPT`, whatever its sign.
    """
    days = np.asarray(table[day].to_numpy(zero_copy_only=False), dtype="datetime64[us]")
    of_hours = str(table.schema.field(day).type).startswith("timestamp")
    values = {
        name: np.asarray(table[name].to_numpy(zero_copy_only=False), dtype=np.float64) for name in numbers
    }
    codes = {name: _codes(table[name]) for name in categories}
    found: dict[date, dict[str, float]] = {}
    for one in np.unique(days):
        rows = days == one
        told = {
            pair: strength
            for pair, strength in _pairs(values, codes, rows).items()
            if abs(strength) >= LEAST_KEPT
        }
        moment = one.astype(datetime)
        found[moment if of_hours else moment.date()] = {
            pair: round(strength, 4) for pair, strength in told.items()
        }
    return found


def _pairs(
    values: dict[str, Floats], codes: dict[str, Codes], rows: npt.NDArray[np.bool_]
) -> dict[str, float]:
    if rows.sum() < ENOUGH_ROWS:
        return {}
    ranks = {name: _ranks(column[rows]) for name, column in values.items()}
    groups = {name: column[rows] for name, column in codes.items()}
    found = {}
    names = list(ranks)
    for n, one in enumerate(names):
        for other in names[n + 1 :]:
            found[f"{one}{BETWEEN}{other}"] = _correlation(ranks[one], ranks[other])
        for category, group in groups.items():
            found[f"{one}{BETWEEN}{category}"] = _explained_share(ranks[one], group)
    names = list(groups)
    for n, one in enumerate(names):
        for other in names[n + 1 :]:
            found[f"{one}{BETWEEN}{other}"] = max(
                _tau(groups[one], groups[other]), _tau(groups[other], groups[one])
            )
    return found


def _codes(column: pa.ChunkedArray) -> Codes:
    """A number for each different value; -1 for none."""
    import pyarrow.compute as pc

    encoded = column.combine_chunks().dictionary_encode() if column.type != "dictionary" else column
    return np.asarray(pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False), dtype=np.int64)


def _ranks(values: Floats) -> Floats:
    """Ranks, equal values sharing theirs; NaN where there is no value."""
    from scipy.stats import rankdata

    there = np.isfinite(values)
    ranks = np.full(len(values), np.nan)
    ranks[there] = rankdata(values[there])
    return ranks


def _correlation(one: Floats, other: Floats) -> float:
    there = np.isfinite(one) & np.isfinite(other)
    if there.sum() < ENOUGH_ROWS:
        return 0.0
    x, y = one[there] - one[there].mean(), other[there] - other[there].mean()
    norm = math.sqrt(float(x @ x) * float(y @ y))
    return float(x @ y) / norm if norm > 0 else 0.0


def _explained_share(ranks: Floats, group: Codes) -> float:
    """How much of a number's ranks a category explains."""
    there = np.isfinite(ranks) & (group >= 0)
    y, (sizes, inverse) = ranks[there], _group_codes(group[there])
    n, k = len(y), len(sizes)
    if n < ENOUGH_ROWS or not 1 < k <= n / 2:
        return 0.0
    y = y - y.mean()
    total = float(y @ y)
    if total <= 0:
        return 0.0
    sums = np.bincount(inverse, weights=y, minlength=k)
    return _adjust(1 - float((sums**2 / sizes).sum()) / total, n, k)


def _tau(told: Codes, by: Codes) -> float:
    """How much of one category another one explains."""
    there = (told >= 0) & (by >= 0)
    (sizes, groups), (shares, values) = _group_codes(by[there]), _group_codes(told[there])
    n, k = int(there.sum()), len(sizes)
    if n < ENOUGH_ROWS or not 1 < k <= n / 2 or len(shares) < 2:
        return 0.0
    total = n - float((shares**2).sum()) / n
    pairs, counts = np.unique(groups * len(shares) + values, return_counts=True)
    within = n - float((counts**2 / sizes[pairs // len(shares)]).sum())
    return _adjust(within / total, n, k)


def _group_codes(codes: Codes) -> tuple[Floats, Codes]:
    _, inverse, sizes = np.unique(codes, return_inverse=True, return_counts=True)
    return sizes.astype(np.float64), inverse.astype(np.int64)


def _adjust(unexplained: float, n: int, k: int) -> float:
    return math.sqrt(max(1 - unexplained * (n - 1) / (n - k), 0.0))
