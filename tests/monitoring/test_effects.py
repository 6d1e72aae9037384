"""Effects know ranks only: no unit, no outlier, and ties count half."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.monitoring import effects, looks
from pipelines.monitoring.looks import Number, Rows

VALUES = st.lists(st.integers(-5, 5).map(float), min_size=5, max_size=60)


def rows_of(values: list[float]) -> Rows:
    table = pa.table(
        {"x": values, "at": [np.datetime64("2026-01-01", "us")] * len(values), "id": range(len(values))}
    )
    return Rows(duckdb.connect().from_arrow(table), "id", "at")


def shares(values: list[float], look: looks.Look) -> np.ndarray:
    (counts,) = looks.count(rows_of(values), {"x": look}, {"x": "number"}, own=True)["x"].cells.values()
    return np.asarray(counts / counts.sum())


@settings(max_examples=30, deadline=None)
@given(VALUES, VALUES)
def test_delta_is_what_pairs_say_where_every_value_is_a_cut(before: list[float], week: list[float]) -> None:
    look = Number(np.unique(np.array(before)))
    old, new = np.array(before)[:, None], np.array(week)[None, :]
    told = effects.delta(shares(before, look), shares(week, look))
    assert told == pytest.approx(np.sign(new - old).mean())


@settings(max_examples=30, deadline=None)
@given(VALUES.filter(lambda values: len(set(values)) > 2))
def test_scores_have_the_mean_0_and_the_variance_1_over_the_reference(values: list[float]) -> None:
    known = shares(values, Number(np.unique(np.array(values))))
    found = effects.scores(known)
    for score in found.values():
        assert float(known @ score) == pytest.approx(0, abs=1e-9)
        assert float(known @ score**2) == pytest.approx(1)
    assert known @ (found["location"] * found["spread"]) == pytest.approx(0, abs=1e-9)


def test_an_outlier_and_a_unit_change_no_share() -> None:
    random = np.random.default_rng(1)
    before = random.normal(size=500).tolist()
    look = looks.look(rows_of(before), "true", {"x": "number"})["x"]
    with_outlier = looks.look(rows_of([*before[:-1], 1e12]), "true", {"x": "number"})["x"]
    now = (random.normal(size=500) + 5).tolist()
    assert effects.delta(shares(before, look), shares(now, look)) > 0.98
    assert effects.delta(shares(before, with_outlier), shares(now, with_outlier)) > 0.98
    scaled = looks.look(rows_of([1e6 * x for x in before]), "true", {"x": "number"})["x"]
    assert shares([1e6 * x for x in now], scaled).tolist() == shares(now, look).tolist()


def test_a_constant_has_no_location() -> None:
    assert effects.scores(np.array([0.0, 1.0, 0.0])) == {}
