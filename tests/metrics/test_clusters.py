"""What rows of one unit are worth: as many independent rows as their share varies like."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.metrics.clusters import clustered

ROWS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([0.1, 0.4, 0.8]), st.integers(0, 4), st.integers(1, 2)),
    min_size=2,
    max_size=30,
).filter(lambda rows: any(y for y, *_ in rows))


def design_effect(right: np.ndarray, rows: np.ndarray, times: np.ndarray) -> float:
    """Of a share over units, by the textbook: one entry a unit."""
    there = rows > 0
    right, rows, times = right[there], rows[there], times[there]
    total, units = (times * rows).sum(), times.sum()
    share = (times * right).sum() / total
    if share in (0, 1):
        return float((times * rows**2).sum() / total)
    varies = (times * (right - share * rows) ** 2).sum() * units / max(units - 1, 1)
    return float(varies / (total * share * (1 - share)))


@given(rows=ROWS)
def test_worth_is_rows_over_the_design_effect_of_their_units_at_every_threshold(
    rows: list[tuple[int, float, int, int]],
) -> None:
    y, score, unit = (np.array(column, float) for column in list(zip(*rows, strict=True))[:3])
    each = np.unique(unit, return_inverse=True)[1]
    times = np.array(
        [dict(zip(each, (row[3] for row in rows), strict=True))[n] for n in range(each.max() + 1)]
    )
    found = clustered(y, score.astype(np.float32), each, times[each].astype(float))

    def by_unit(values: np.ndarray) -> np.ndarray:
        return np.bincount(each, weights=values, minlength=len(times))

    for at, cut in enumerate(sorted(set(score), reverse=True), start=1):
        alarm = (score >= cut) * 1.0
        alarms = (times * by_unit(alarm)).sum()
        effect = design_effect(by_unit(alarm * y), by_unit(alarm), times)
        assert found.alarms[at] == pytest.approx(alarms / max(effect, 1))
        assert found.alarm_units[at] == times[by_unit(alarm) > 0].sum()
        positives = (times * by_unit(y)).sum()
        effect = design_effect(by_unit(alarm * y), by_unit(y), times)
        assert found.positives[at] == pytest.approx(positives / max(effect, 1))
        assert found.positive_units[at] == times[by_unit(y) > 0].sum()


def test_rows_that_are_all_alike_in_a_unit_are_worth_one_and_those_that_are_not_more() -> None:
    unit = np.repeat(np.arange(50), 10)
    alike = np.repeat(np.arange(50) % 2, 10).astype(float)
    mixed = np.tile(np.arange(10) % 2, 50).astype(float)
    score, once = np.full(500, 0.5, np.float32), np.ones(500)
    assert clustered(alike, score, unit, once).alarms[-1] == pytest.approx(49)
    assert clustered(mixed, score, unit, once).alarms[-1] == 500
