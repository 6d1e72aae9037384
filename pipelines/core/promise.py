"""Which decision thresholds keep a promise on new rows: precision, or recall, of at least so much, at a
stated confidence.

The best threshold on some rows is the luckiest one, too: a precision that is just reached there is missed on
new rows every second time. So each threshold is tested: that its precision is no more than `share` must be
refuted, by the exact binomial bound of Clopper and Pearson (1934). Rows of one customer or day are no
independent witnesses; they count for as many as they are worth, by the design effect and the degrees of
freedom of Korn and Graubard (1998).

Precision may rise and fall with the threshold, so a threshold that passes says nothing of the next one, and
many tests would find something in nothing. They are held together as in Learn then Test (Angelopoulos et al.
2021): the chance that any threshold passes that should not is 1 - confidence. Which level that takes is
learned from draws of nested binomials at exactly the promised share, of those thresholds that are not yet
accepted (step-down minimum of p-values, Westfall and Young 1993): neighbours share most of their rows, so it
takes far less than a level divided by the number of tests. Thresholds are tried at numbers of alarms that
grow by a twentieth, which depend on no label.

Recall only falls with the threshold, so the strictest threshold that passes is one test, not many.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]
    Positions: TypeAlias = npt.NDArray[np.intp]

LEAST = 10  # alarms, and units that have one: fewer are an anecdote, whatever their share
GROWS = 1.05  # a number of alarms to the next one that is tried
DRAWS = 2_000  # of what chance makes of a threshold that does not keep the promise


@dataclass(frozen=True)
class Counted:
    """Rows of which a share is right, and how much they are worth.

    Attributes:
        right: Shape (m,), an entry a threshold, like the others.
        rows: Of which these are the right ones.
        worth: As how many independent rows they tell of the share; `rows` where each stands for itself.
        units: Of how many units they are, as independent ones; None where each row stands for itself.
    """

    right: Floats
    rows: Floats
    worth: Floats
    units: Floats | None = None


def with_precision(alarms: Counted, share: float, confidence_level: float) -> Positions:
    """Which thresholds surely have a precision of at least `share`, the strictest first.

    Args:
        alarms: The alarms of each threshold, the strictest first, of which the right ones are true.
        share: What is promised, 0 to 1.
        confidence_level: The chance that none is among them that does not keep it.
    """
    import numpy as np

    at = _tried(alarms, share, confidence_level)
    worth = _independent(alarms, at, confidence_level)
    enough = worth >= LEAST
    at, worth = at[enough], worth[enough]
    if not len(at):
        return at
    columns = _sizes_up_to(float(worth.max()), share, confidence_level)
    column = np.searchsorted(columns, worth, side="right") - 1
    found = _chance(alarms.right[at], alarms.rows[at], worth, share)
    by_chance = _by_chance(share, confidence_level, _in_hundreds(len(columns)))[:, np.maximum(column, 0)]
    passed = np.zeros(len(at), dtype=bool)
    while not passed.all():
        least = np.sort(by_chance[:, ~passed].min(axis=1))
        more = ~passed & (found < least[int((1 - confidence_level) * DRAWS + 1e-9)])
        if not more.any():
            break
        passed |= more
    return at[passed]


def with_recall(positives: Counted, share: float, confidence_level: float) -> Positions:
    """Which thresholds surely have a recall of at least `share`: the strictest that passes, and all below it.

    Args:
        positives: The positive rows, the same for each threshold, of which the right ones have an alarm; the
            strictest threshold first.
        share: What is promised, 0 to 1.
        confidence_level: The chance that all of them keep it.
    """
    import numpy as np

    every = np.arange(len(positives.rows))
    worth = _independent(positives, every, confidence_level)
    passes = _chance(positives.right, positives.rows, worth, share) <= 1 - confidence_level
    passes &= worth >= LEAST
    return every[int(passes.argmax()) :] if passes.any() else every[:0]


def _tried(alarms: Counted, share: float, confidence_level: float) -> Positions:
    """The first threshold with each of the numbers of alarms that are tried."""
    import numpy as np

    # Where all positive rows were too few for that precision, no threshold can pass.
    most = float(alarms.rows[-1] if share == 0 else min(alarms.rows[-1], alarms.right[-1] / share))
    sizes = _sizes_up_to(most, share, confidence_level)
    found = np.unique(np.searchsorted(alarms.rows, sizes - 1e-9))
    return np.asarray(found[alarms.rows[found] <= most])


def _sizes_up_to(most: float, share: float, confidence_level: float) -> Floats:
    """Numbers of alarms: the first is the least of which all being right would prove anything."""
    import numpy as np

    first = LEAST if share in (0, 1) else max(LEAST, np.ceil(np.log(1 - confidence_level) / np.log(share)))
    if most < first:
        return np.empty(0)
    grown = first * GROWS ** np.arange(int(np.log(most / first) / np.log(GROWS)) + 1)
    return np.asarray(np.unique(np.round(grown)), dtype=np.float64)


def _independent(counted: Counted, at: Positions, confidence_level: float) -> Floats:
    """As how many independent rows they may be counted: what was learned of few units is itself unsure, as
    Student's t knows; what is of fewer than `LEAST` units is nothing.
    """
    import numpy as np
    from scipy.stats import norm, t

    if counted.units is None:
        return np.asarray(counted.worth[at])
    units, worth = counted.units[at], counted.worth[at]
    unsure = (norm.ppf(confidence_level) / t.ppf(confidence_level, np.maximum(units - 1, 1))) ** 2
    whole = worth >= counted.rows[at] * (1 - 1e-12)  # no unit has a second row
    return np.where(units >= LEAST, np.where(whole, worth, worth * unsure), 0.0)


def _chance(right: Floats, rows: Floats, worth: Floats, share: float) -> Floats:
    """How likely as many right ones are, or more, where the true share is no more than `share`."""
    import numpy as np
    from scipy.special import betainc

    counted = np.divide(right * worth, rows, out=np.zeros_like(worth), where=rows > 0)
    some = counted > 0
    found = np.ones_like(worth)
    found[some] = betainc(counted[some], worth[some] - counted[some] + 1, share)
    return found


def _in_hundreds(columns: int) -> int:
    return -(-columns // 100) * 100


@lru_cache(maxsize=64)
def _by_chance(share: float, confidence_level: float, columns: int) -> Floats:
    """P-values of nested rows whose true share is exactly `share`, shape (draws, numbers of alarms)."""
    import numpy as np

    sizes = _sizes_up_to(1e18, share, confidence_level)[:columns]
    random = np.random.default_rng(0)
    grown = np.diff(sizes, prepend=0).astype(np.int64)
    right = np.column_stack([random.binomial(more, share, DRAWS) for more in grown]).cumsum(axis=1)
    worth = np.broadcast_to(sizes, right.shape).copy()
    return _chance(right.astype(np.float64), worth, worth, share)
