"""Rows that are about the same are drawn together, where the gain is less sure that way."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipelines.evaluation import units
from pipelines.evaluation.rows import HeldOut
from pipelines.metrics.scored import Scored
from tests.helpers.relations import use_case

N = 240
CUSTOMERS = np.arange(N) % 30


def chosen(alike: float, **entities: list[str] | np.ndarray) -> tuple[str, int]:
    """The unit of rows whose errors are alike within a customer, by so much, and how many of them there
    are.
    """
    random = np.random.default_rng(1)
    y = (np.arange(N) % 4 == 0).astype(np.float64)
    scores = {
        role: 1.5 * y + random.normal(size=N) + alike * random.normal(size=30)[CUSTOMERS]
        for role in ("challenger", "baseline")
    }
    rows = pd.DataFrame({"id": np.arange(N)[::-1], **entities})
    key = pd.Series(np.arange(N)[::-1], name="id")
    about = units.entities(rows, key) if entities else {}
    held_out = HeldOut(
        pd.DataFrame(index=range(N)), y, np.zeros(N, np.int64), np.arange(N), np.zeros(N), about
    )
    compared = {role: Scored(role, score) for role, score in scores.items()}
    name, found = units.least_sure(compared, held_out, use_case())
    return name, len(np.unique(found.units))


def test_customers_whose_rows_are_alike_are_drawn_together() -> None:
    assert chosen(3.0, customer=CUSTOMERS) == ("customer", 30)


def test_without_entities_the_use_cases_own_unit_is_taken() -> None:
    assert chosen(3.0) == ("row", N)


def test_a_few_kinds_are_no_sample_of_many() -> None:
    assert chosen(3.0, country=CUSTOMERS % 9) == ("row", N)


def test_of_two_columns_the_one_is_taken_by_which_the_gain_varies_more() -> None:
    assert chosen(3.0, other=np.arange(N) // 2, customer=CUSTOMERS) == ("customer", 30)


def test_a_row_that_is_about_nobody_is_a_unit_of_its_own() -> None:
    rows = pd.DataFrame({"id": [1, 2, 3, 4, 5], "who": ["a", None, "b", "a", None]})
    found = units.entities(rows, pd.Series([5, 4, 3, 2, 1], name="id"))
    assert found["who"].tolist() == [2, 0, 1, 3, 0]
