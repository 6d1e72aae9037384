"""By how much a number's values have moved: effects on the ranks of the reference.

A number is looked at through cells: the reference's deciles and its outermost hundredths cut the line, and
each cut is a cell of its own, so that frequent values (zero, a constant) are counted exactly. What is
computed of the shares of rows in these cells knows no unit, no outlier and no number of rows:

- location: the mean of the mid-ranks' first Legendre polynomial. Over the square root of 3 it is Cliff's
  delta, 2 P(reference < week) + P(reference = week) - 1 (Cliff 1993, Psychological Bulletin 114; Mann and
  Whitney 1947).
- spread: that of the second one: more rows in both tails than in the middle, or fewer. Both are the first
  components of Neyman's smooth test (Neyman 1937; Rayner and Best 1989, Smooth tests of goodness of fit),
  each of variance 1 where the reference's own rows are drawn at random.
- the shares of rows beyond the outermost cuts, of the most frequent value, and of rows without a value.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]

RANKS = (0.01, *(n / 10 for n in range(1, 10)), 0.99)  # of the reference, where it is cut
FREQUENT = 0.05  # of the reference's rows: so frequent a value is counted by itself
LOCATION, SPREAD = "location", "spread"
NOTHING = 1e-9


def edges(cuts: Floats) -> Floats:
    """The upper edges of the cells of ascending, distinct cuts, shape (2 n,): just below each, and each.

    The last cell, beyond the greatest cut, has none.
    """
    return np.stack([np.nextafter(cuts, -np.inf), cuts], axis=1).ravel()


def scores(shares: Floats) -> dict[str, Floats]:
    """What each cell counts for, by the reference's shares of rows in them.

    Args:
        shares: Shape (cells,), which sum up to 1.

    Returns:
        location and, of three values and more, spread: each with the mean 0 and the variance 1 over the
        reference, shape (cells,); nothing of a constant.
    """
    ranks = 2 * (np.cumsum(shares) - shares / 2) - 1  # from -1 to 1, each cell at its middle
    found = {}
    basis = [np.ones_like(ranks)]
    for name, degree in ((LOCATION, 1), (SPREAD, 2)):
        # Gram-Schmidt over the reference's shares: where values are tied, Legendre's are not orthogonal.
        column = ranks**degree
        for other in basis:
            column = column - other * float(shares @ (column * other))
        variance = float(shares @ column**2)
        if variance < NOTHING:
            break
        basis.append(column / np.sqrt(variance))
        found[name] = basis[-1]
    return found


def delta(reference: Floats, week: Floats) -> float:
    """Cliff's delta of the week's rows against the reference's, by their shares in the cells."""
    below = np.cumsum(reference) - reference / 2
    return float(2 * (week @ below) - 1)


def most_frequent(shares: Floats) -> int | None:
    """The cell of the reference's most frequent value; None where no value is frequent.

    Every second cell is a cut, of one value each.
    """
    points = shares[1::2]
    return int(2 * points.argmax() + 1) if points.size and points.max() >= FREQUENT else None


def distinct(quantiles: Floats) -> Floats:
    """The cuts of the quantiles at `RANKS`: ascending, each once."""
    return np.unique(quantiles)


def labels(cuts: Floats) -> list[str]:
    """The cells in words, in their order, for a picture."""
    shown = [f"{cut:.6g}" for cut in cuts]
    between = [f"{low} to {high}" for low, high in pairwise(shown)]
    inner = [each for pair in zip(shown, [*between, f"above {shown[-1]}"], strict=True) for each in pair]
    return [f"below {shown[0]}", *inner]
