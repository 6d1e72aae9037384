from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipelines.core.config import Features
from pipelines.core.errors import BadInput
from pipelines.model import inputs

FEATURES = Features(
    numbers={"amount": "amount", "age": "age"}, categories={"channel": "channel"}, texts={"note": "note"}
)


def table(**columns: object) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "amount": [0.1, 2.0],
            "age": [30, 40],
            "channel": ["chip", "online"],
            "note": ["a b", "c"],
            **columns,
        }
    )


def test_columns_come_in_the_features_order_whatever_the_tables_order() -> None:
    mixed = table(extra=[1, 2])[["note", "extra", "age", "channel", "amount"]]
    assert list(inputs.frame(mixed, FEATURES)) == ["amount", "age", "channel", "note"]


def test_numbers_are_float32_and_the_missing_ones_nan() -> None:
    found = inputs.frame(table(age=pd.array([30, None], dtype="Int64")), FEATURES)
    assert found.amount.dtype == found.age.dtype == np.float32
    assert found.amount[0] == np.float32(0.1)
    assert np.isnan(found.age[1])


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_missing_categories_and_texts_are_empty_strings(missing: object) -> None:
    found = inputs.frame(table(channel=["chip", missing], note=[missing, "c"]), FEATURES)
    assert found.channel.tolist() == ["chip", ""]
    assert found.note.tolist() == ["", "c"]
    assert found.channel.dtype == found.note.dtype == object


def test_numbers_that_float32_cannot_hold_are_refused_by_name_and_count() -> None:
    with pytest.raises(BadInput, match=r"amount: 2 of 2 rows\n  - age: 1 of 2 rows"):
        inputs.frame(table(amount=[np.inf, 1e39], age=[-np.inf, 1.0]), FEATURES)


def test_the_table_itself_is_not_changed() -> None:
    given = table(channel=["chip", None])
    before = given.copy()
    inputs.frame(given, FEATURES)
    pd.testing.assert_frame_equal(given, before)
