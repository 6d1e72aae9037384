"""What features are worth: those that decide are found, a text or a category counts as one, and SHAP values
add up to the score.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from xgboost import DMatrix

from pipelines.core.config import Family
from pipelines.core.tasks import BINARY
from pipelines.metrics import metrics
from pipelines.model import candidate, explain, inputs
from tests.helpers import fitted

ROWS = fitted.rows()[fitted.rows()["split"] == "test"]
X = inputs.frame(ROWS, fitted.use_case().features)
Y = ROWS["bad"].to_numpy(np.float64)


def measure(model: object, rows: object, y: metrics.Floats, _: object) -> float:
    return metrics.measure("roc_auc", y, candidate.scores(model, rows, BINARY))  # type: ignore[arg-type]


@pytest.mark.parametrize("family", fitted.FAMILIES)
def test_what_decides_is_worth_more_than_what_does_not_in_every_family(family: Family) -> None:
    table = explain.importance(fitted.pipeline(family), X, Y, measure, seed=1)
    losses = dict(zip(table["feature"], table["loss"].astype(float), strict=True))
    # By construction the amount, the channel and the note decide, and the age does not.
    assert set(losses) == {"amount", "age", "channel", "note"}
    assert abs(losses.pop("age")) < 0.02 < min(losses.values())
    assert table["contribution"].notna().all() == (family == "xgboost")


def test_the_same_seed_gives_the_same_table() -> None:
    one, two = (explain.importance(fitted.pipeline("linear"), X, Y, measure, seed=1) for _ in range(2))
    assert one.equals(two)


@pytest.mark.parametrize("encode", ["one_hot", "ordinal", "binary"])
def test_contributions_of_all_features_add_up_to_the_score(encode: str) -> None:
    pipeline = fitted.pipeline("xgboost", encode=encode)
    added = explain.contributions(pipeline, X)
    assert added is not None
    assert list(added.columns) == list(X.columns)
    matrix = np.asarray(pipeline["prepare"].transform(X), dtype=np.float32)
    unknown = pipeline["model"].get_booster().predict(DMatrix(matrix), pred_contribs=True)[:, -1]
    assert expit(added.sum(axis=1).to_numpy() + unknown) == pytest.approx(
        candidate.scores(pipeline, X, BINARY), abs=1e-5
    )


@pytest.mark.parametrize("encode", ["one_hot", "ordinal", "binary"])
def test_a_row_with_another_category_has_another_contribution_of_that_category(encode: str) -> None:
    pipeline = fitted.pipeline("xgboost", encode=encode)
    two = X.iloc[[0, 0]].reset_index(drop=True)
    two["channel"] = ["online", "chip"]
    added = explain.contributions(pipeline, two)
    assert added is not None
    assert added["channel"][0] > added["channel"][1] + 0.2


def test_other_models_have_no_contributions() -> None:
    assert explain.contributions(fitted.pipeline("forest"), X) is None
