"""Reasons name the features by which a row's score differs from a typical row's, in the score's own unit."""

from __future__ import annotations

import json

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from pipelines.core.errors import BadInput
from pipelines.model import engines, reasons
from tests.helpers import fitted

GRAPH = fitted.exported().graphs["xgboost"]
FEATURES = ["amount", "age", "channel", "note"]


def rows(**changes: object) -> pa.Table:
    usual = reasons.typical(fitted.features(), fitted.use_case())
    return pa.table(
        {
            name: pa.array(
                [changes.get(name, usual[name])], pa.float32() if name in ("amount", "age") else pa.string()
            )
            for name in FEATURES
        }
    )


def told(table: pa.Table, most: int = 3, rising: bool = True, engine: str = "onnxruntime") -> list[str]:
    model = engines.load(GRAPH, engine)
    return reasons.of(
        table, model.scores(table), model, reasons.typical(fitted.features(), fitted.use_case()), most, rising
    )


def test_a_typical_row_has_medians_and_the_most_frequent_categories_of_the_training_rows_and_no_words() -> (
    None
):
    train = fitted.rows()[fitted.rows()["split"] == "train"]
    usual = reasons.typical(fitted.features(), fitted.use_case())
    assert usual["amount"] == train["amount"].median()
    assert usual["age"] == train["age"].median()
    assert usual["channel"] == train["channel"].mode()[0]
    assert usual["note"] == ""


def test_of_equally_frequent_categories_the_first_by_the_alphabet_is_typical() -> None:
    table = fitted.rows().assign(channel=["b", "a"] * 200, split="train")
    found = reasons.typical(duckdb.connect().from_df(table), fitted.use_case())
    assert found["channel"] == "a"


def test_what_is_personal_is_missing_in_it() -> None:
    columns = fitted.use_case().columns
    hidden = {
        name: column.model_copy(update={"pii": name in ("amount", "channel")})
        for name, column in columns.items()
    }
    found = reasons.typical(fitted.features(), fitted.use_case().model_copy(update={"columns": hidden}))
    assert (found["amount"], found["channel"]) == (None, "")


def test_the_feature_that_was_changed_is_the_reason_and_its_effect_is_the_difference_of_the_scores() -> None:
    model = engines.load(GRAPH)
    changed = rows(amount=200.0)
    (reason,) = told(changed)
    name, effect = reason.split(" ")
    assert name == "amount"
    assert float(effect) == pytest.approx(float(model.scores(changed)[0] - model.scores(rows())[0]), rel=1e-2)


def test_a_typical_row_has_no_reasons() -> None:
    assert told(rows()) == [""]


def test_the_greatest_come_first_and_no_more_than_asked_for() -> None:
    (reason,) = told(rows(amount=200.0, channel="online", note="free free"), most=2)
    effects = [float(part.split(" ")[1]) for part in reason.split("; ")]
    assert len(effects) <= 2
    assert effects == sorted(effects, reverse=True)


def test_an_alarm_is_not_explained_by_what_speaks_against_it() -> None:
    (rising,) = told(rows(amount=0.5, channel="online"))
    (both,) = told(rows(amount=0.5, channel="online"), rising=False)
    assert "-" not in rising
    assert set(rising.split("; ")) <= {*both.split("; "), ""}


def test_both_engines_give_the_same_reasons() -> None:
    table = pa.Table.from_pandas(fitted.rows()[FEATURES].head(50), preserve_index=False)
    one, other = (told(table, engine=engine) for engine in ("onnxruntime", "xgboost"))
    assert np.mean([a.split(" ")[0] == b.split(" ")[0] for a, b in zip(one, other, strict=True)]) > 0.9


def test_a_model_that_knows_no_typical_row_is_told() -> None:
    with pytest.raises(BadInput, match="what a typical row is"):
        reasons.read({})
    assert reasons.read({"typical": json.dumps({"amount": 1.0})}) == {"amount": 1.0}
