"""A fold's rows are prepared once, whichever thread wants them first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from pipelines.model.trial import Rows


class Counting(StandardScaler):  # type: ignore[misc]
    fitted: list[int] = []  # noqa: RUF012

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:  # noqa: N803
        self.fitted.append(len(X))
        return super().fit(X, y, sample_weight)


def test_the_rows_held_out_are_prepared_by_what_the_others_say_once() -> None:
    table, y = pd.DataFrame({"a": np.arange(10.0)}), np.arange(10) % 2
    cut = (np.arange(6), np.arange(6, 10))
    rows = Rows(0, Pipeline([("scale", Counting())]), table, y, cut)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: rows.prepared(), range(8)))
    assert all(one is found[0] for one in found)
    assert Counting.fitted == [6]
    assert abs(found[0].Z.mean()) < 1e-12
    assert found[0].Z_held.mean() > 1
    assert (found[0].y.tolist(), found[0].y_held.tolist()) == (y[:6].tolist(), y[6:].tolist())
