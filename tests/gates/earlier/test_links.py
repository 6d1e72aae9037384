"""How much columns tell of one another: what a shuffled column loses, and what chance does not make up."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from pipelines.gates.earlier import links

DAY = date(2026, 1, 1)
N = 3_000


def strengths(**columns: object) -> dict[str, float]:
    random = np.random.default_rng(1)
    customer = random.integers(300, size=N)
    usual = random.normal(size=300)
    rows = {
        "day": pa.array([DAY] * N, pa.date32()),
        "amount": np.exp(usual[customer] + random.normal(size=N)),
        "other": random.normal(size=N),
        "customer": [f"c{n}" for n in customer],
        "home": [f"h{n % 5}" for n in customer],
        "coin": random.choice(["a", "b"], N).tolist(),
    }
    table = pa.table(rows | columns)
    return links.by_day(table, "day", ["amount", "other"], ["customer", "home", "coin"])[DAY]


def test_a_customers_usual_amounts_are_a_dependence_and_a_shuffle_ends_it() -> None:
    assert strengths()["amount|customer"] == pytest.approx(0.68, abs=0.06)
    amounts = np.random.default_rng(2).permutation(np.arange(N, dtype=float))
    assert "amount|customer" not in strengths(amount=amounts)


def test_a_category_that_follows_from_another_is_told_by_it_whatever_their_number_of_values() -> None:
    assert strengths()["customer|home"] == pytest.approx(1.0)


def test_chance_tells_nothing_even_of_many_values() -> None:
    assert not {pair for pair in strengths() if "coin" in pair or "other" in pair}


def test_missing_values_are_left_out_and_a_column_without_any_value_tells_nothing() -> None:
    some = [None if n % 2 else float(n) for n in range(N)]
    both = strengths(
        amount=pa.array(some), other=pa.array([-value if value is not None else None for value in some])
    )
    assert both["amount|other"] == -1.0
    assert strengths(amount=pa.array([None] * N, pa.float64())) == {"customer|home": 1.0}


def test_few_rows_tell_nothing() -> None:
    table = pa.table({"day": pa.array([DAY] * 40, pa.date32()), "x": np.arange(40.0), "y": np.arange(40.0)})
    assert links.by_day(table, "day", ["x", "y"], []) == {DAY: {}}
