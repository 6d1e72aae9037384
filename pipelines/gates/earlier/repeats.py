"""Whether the rows of a day stand in other days, by the samples of their smallest hashes (see
`pipelines.gates.earlier.profile`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pipelines.gates.earlier.day import HASHES

COMPARABLE = 20  # hashes, of which it can be said whether they were there before

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Repeats:
    """What days share of one kind of hashes.

    Attributes:
        hashes: Of each day, in order.
        once: Days of which somebody has said that their rows may repeat: they do not say that this is usual.
    """

    hashes: Mapping[date, tuple[int, ...]]
    once: Collection[date] = field(default=())

    def of(self, own: tuple[int, ...]) -> float | None:
        """The greatest share of a later day's rows that one of the days has.

        None where too few can be compared.
        """
        shares = contained_shares([own], list(self.hashes.values()))[0]
        return float(np.nanmax(shares)) if len(shares) and not np.isnan(shares).all() else None

    @cached_property
    def usual(self) -> Mapping[date, float]:
        """The same of each of the days beside all others, as if these were earlier, too: so it does not grow
        with their number.
        """
        told = [day for day in self.hashes if day not in self.once]
        shares = contained_shares([self.hashes[day] for day in told], [self.hashes[day] for day in told])
        np.fill_diagonal(shares, np.nan)
        return {
            day: float(np.nanmax(row))
            for day, row in zip(told, shares, strict=True)
            if not np.isnan(row).all()
        }


def contained_shares(every: Sequence[tuple[int, ...]], others: Sequence[tuple[int, ...]]) -> Floats:
    """The share of each day's rows that each other day has, shape (every, others).

    NaN where too few can be compared.
    """
    found = np.full((len(every), len(others)), np.nan)
    known, codes = np.unique(
        np.concatenate([np.zeros(0, dtype=np.int64), *others]).astype(np.int64), return_inverse=True
    )
    there = np.zeros((len(others), len(known)), dtype=bool)
    there[np.repeat(np.arange(len(others)), [len(other) for other in others]), codes] = True
    sizes = np.array([len(other) for other in others])
    lasts = np.array([other[-1] if other else -1 for other in others], dtype=np.int64)
    for n, own in enumerate(np.asarray(day, dtype=np.int64) for day in every):
        shared = there[:, np.isin(known, own, assume_unique=True)].sum(axis=1)
        # Of a smaller day all hashes are known; of another one those up to its last.
        comparable = np.where(sizes < HASHES, len(own) * (sizes > 0), np.searchsorted(own, lasts, "right"))
        enough = comparable >= max(min(COMPARABLE, len(own)), 1)
        found[n, enough] = shared[enough] / comparable[enough]
    return found
