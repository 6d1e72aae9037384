"""The winner fitted again learns from every labelled row, as one fitted from scratch would."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd

from pipelines.core.split import UNLABELLED
from pipelines.model import candidate, families, inputs, refit
from pipelines.model.calibration import Line
from tests.helpers import fitted


def _scores(pipeline: object, rows: pd.DataFrame) -> np.ndarray:
    facts = fitted.use_case()
    return candidate.scores(pipeline, inputs.frame(rows, facts.features), facts.task)


def test_it_is_the_model_that_would_have_come_of_all_labelled_rows() -> None:
    rows, facts = fitted.rows(), fitted.use_case()
    again, learned = refit.on_all_rows(fitted.pipeline("xgboost"), fitted.features(), facts)
    parameters = {f"model__{name}": value for name, value in fitted.MODELS["xgboost"].items()}
    afresh = families.pipeline(facts, "xgboost").set_params(**parameters)
    afresh.fit(inputs.frame(rows, facts.features), rows.bad)
    assert learned == len(rows) == 400
    assert np.array_equal(_scores(again, rows), _scores(afresh, rows))
    assert not np.array_equal(_scores(again, rows), _scores(fitted.pipeline("xgboost"), rows))


def test_rows_without_a_label_are_not_learned() -> None:
    rows = fitted.rows().astype({"bad": float})
    some = rows.assign(split=np.where(rows.index < 100, UNLABELLED, rows.split))
    some.loc[some.index < 100, "bad"] = np.nan
    _, learned = refit.on_all_rows(
        fitted.pipeline("linear"), duckdb.connect().from_df(some), fitted.use_case()
    )
    assert learned == 300


def test_the_order_in_which_the_store_gives_rows_does_not_matter() -> None:
    facts, rows = fitted.use_case(), fitted.rows()
    other = duckdb.connect().from_df(rows.sample(frac=1, random_state=1))
    one, _ = refit.on_all_rows(fitted.pipeline("forest"), fitted.features(), facts)
    two, _ = refit.on_all_rows(fitted.pipeline("forest"), other, facts)
    assert candidate.dump(one) == candidate.dump(two)


def test_its_scores_follow_the_same_calibration() -> None:
    judged = candidate.load(candidate.dump(fitted.pipeline("linear")))
    line = Line((0.0, 1.0), (0.1, 0.3))
    again, _ = refit.on_all_rows(
        candidate.with_calibration(judged, line), fitted.features(), fitted.use_case()
    )
    assert candidate.line_of(again) == line
