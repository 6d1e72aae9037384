"""Parity holds for every family, and would not hold if the graph were another model, by however little."""

from __future__ import annotations

from functools import cache

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import helper

from pipelines.core.config import Family
from pipelines.model import convert, parity
from tests.helpers import fitted


@cache
def graph(family: Family, task: str = "binary", encode: str = "one_hot") -> bytes:
    facts = fitted.use_case(task, encode)
    return convert.graph_of(fitted.pipeline(family, task, encode), facts.features, facts.task, facts.name, {})


def compared(family: Family, content: bytes, task: str = "binary", encode: str = "one_hot") -> pd.DataFrame:
    return parity.compare(
        fitted.features(task),
        {family: fitted.pipeline(family, task, encode)},
        {family: content},
        fitted.use_case(task, encode),
    )


@pytest.mark.parametrize("family", fitted.FAMILIES)
@pytest.mark.parametrize(
    ("task", "encode"), [("binary", "one_hot"), ("binary", "binary"), ("regression", "ordinal")]
)
def test_the_graph_is_the_trained_model_on_real_and_on_edge_rows(
    family: Family, task: str, encode: str
) -> None:
    table = compared(family, graph(family, task, encode), task, encode)
    assert set(table.kind) == {"real", "edge"}
    assert table.difference.max() < 1e-6


def test_xgboosts_predictions_are_the_same_to_the_last_bit() -> None:
    table = compared("xgboost", graph("xgboost", "regression"), "regression")
    assert (table.difference == 0).all()


def test_every_held_out_row_and_every_edge_is_compared() -> None:
    table = compared("xgboost", graph("xgboost"))
    held_out = fitted.rows().query("split == 'test'").id
    assert set(table.key[table.kind == "real"]) == set(held_out)
    edges = set(table.key[table.kind == "edge"])
    assert {
        "every number missing", "age missing", "amount = 1e+30", "amount = -1", "channel unseen", "channel empty", "channel missing",
        "note empty", "note only punctuation", "note with emoji", "note very long", "amount = greatest float32",
    } <= edges  # fmt: skip
    assert any(edge.startswith("amount = threshold") for edge in edges)
    assert sum("just below" in edge for edge in edges) == sum("just above" in edge for edge in edges) > 0


def test_only_the_drawn_held_out_rows_are_compared_where_there_are_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parity, "MOST_ROWS", 10)
    first, second = (compared("linear", graph("linear")) for _ in range(2))
    assert (first.kind == "real").sum() == 10
    pd.testing.assert_frame_equal(first, second)


@pytest.mark.parametrize("task", ["binary", "regression"])
@pytest.mark.parametrize("family", fitted.FAMILIES)
def test_another_model_is_found_out(family: Family, task: str) -> None:
    other: Family = "forest" if family != "forest" else "linear"
    table = compared(family, graph(other, task), task)
    assert table.difference[table.kind == "real"].max() > 1e-3


@pytest.mark.parametrize("family", ["forest", "xgboost"])
@pytest.mark.parametrize("step", [-np.inf, np.inf])
def test_thresholds_that_are_one_float_off_are_found_out_by_edge_rows(family: Family, step: float) -> None:
    model = onnx.load_from_string(graph(family))
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "nodes_values":
                moved = np.nextafter(np.float32(helper.get_attribute_value(attribute)), np.float32(step))
                attribute.CopyFrom(helper.make_attribute(attribute.name, moved.tolist()))
    table = compared(family, model.SerializeToString())
    assert table.difference[table.kind == "edge"].max() > 1e-4


def test_a_score_that_is_not_a_number_is_an_infinite_difference() -> None:
    model = onnx.load_from_string(graph("linear", "regression"))
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "intercepts":
                attribute.CopyFrom(helper.make_attribute("intercepts", [float("nan")]))
    table = compared("linear", model.SerializeToString(), "regression")
    assert np.isinf(table.difference).all()


def test_a_regressions_difference_is_told_in_standard_deviations_of_the_label() -> None:
    table = compared("linear", graph("linear", "regression"), "regression")
    spread = fitted.rows("regression").query("split == 'train'").bad.std()
    real = table[table.kind == "real"]
    assert real.difference.to_numpy() == pytest.approx((real.expected - real.found).abs().to_numpy() / spread)
