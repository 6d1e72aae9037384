"""What rows are worth that are not independent of one another: those of one customer, or of one day."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pipelines.core.policies import Clustered

Floats: TypeAlias = npt.NDArray[np.float64]
Codes: TypeAlias = npt.NDArray[np.intp]


def clustered(y: Floats, score: npt.NDArray[np.float32], unit: Codes, weight: Floats) -> Clustered:
    """As how many independent rows the alarms tell of precision, and the positive rows of recall, from each
    distinct score on.

    A share of rows varies by units as a ratio of two sums does (Cochran 1977, section 6.3); that over what it
    would vary by if rows were independent is the design effect (Kish 1965), by which rows count less. Where
    all rows are right, or none is, nothing is seen of it, and rows of one unit count as one that always
    agree. All sums are added up row by row in the order of the scores, so every threshold costs one step.

    Args:
        y: The truth, shape (n,): 0 or 1.
        score: Shape (n,).
        unit: Which unit each row belongs to, shape (n,).
        weight: How often each row counts, shape (n,), the same for all rows of a unit.

    Returns:
        The first entry is about no alarm at all.
    """
    order = np.argsort(-score, kind="stable")
    y, score, unit, weight = y[order], score[order], unit[order], weight[order]
    ends = np.append(np.flatnonzero(np.diff(score)), len(score) - 1)

    def up_to(terms: Floats) -> Floats:
        """Sums over the rows with an alarm."""
        return np.concatenate([[0.0], np.cumsum(weight * terms)[ends]])

    alarms, right = _within(unit, np.ones(len(y))), _within(unit, y)
    positives = np.bincount(unit, weights=y)[unit]
    # Of a unit's numbers a and b, one row more adds this to their squares and to their product.
    squared_right = up_to(y * (2 * right - 1))
    both = up_to(right + y * (alarms - 1))
    right_of_positives = up_to(y * positives)
    seen, seen_right = up_to((alarms == 1) * 1.0), up_to(y * (right == 1))
    every_positive = np.full(len(seen), seen_right[-1])
    all_squared = np.full(len(seen), right_of_positives[-1])
    return Clustered(
        alarms=_worth(up_to(y), up_to(np.ones(len(y))), squared_right, both, up_to(2 * alarms - 1), seen),
        alarm_units=seen,
        positives=_worth(
            up_to(y),
            np.full(len(seen), up_to(y)[-1]),
            squared_right,
            right_of_positives,
            all_squared,
            every_positive,
        ),
        positive_units=every_positive,
    )


def _within(unit: Codes, terms: Floats) -> Floats:
    """For each row, the sum over the rows of its unit up to it, itself included."""
    order = np.argsort(unit, kind="stable")
    first = np.flatnonzero(np.diff(unit[order], prepend=-1))
    total = np.cumsum(terms[order])
    before = (total - terms[order])[first]
    found = np.empty(len(terms))
    found[order] = total - np.repeat(before, np.diff(first, append=len(terms)))
    return found


def _worth(
    right: Floats, rows: Floats, squared_right: Floats, both: Floats, squared_rows: Floats, units: Floats
) -> Floats:
    """The rows, divided by the design effect of the share that is right; no more than there are.

    Args:
        right: The right rows.
        rows: All rows.
        squared_right: The sum over units of the square of a unit's right rows.
        both: Of its right rows times its rows.
        squared_rows: Of the square of its rows.
        units: How many there are.
    """
    share = np.divide(right, rows, out=np.zeros_like(rows), where=rows > 0)
    independent = rows * share * (1 - share)
    varies = (squared_right - 2 * share * both + share**2 * squared_rows) * (units / np.maximum(units - 1, 1))
    together = np.divide(squared_rows, rows, out=np.ones_like(rows), where=rows > 0)
    effect = np.divide(varies, independent, out=together, where=independent > 1e-9 * rows)
    return np.asarray(rows / np.maximum(effect, 1))
