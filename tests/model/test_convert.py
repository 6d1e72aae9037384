"""Graphs load anywhere, say what they are, and are the same bytes each time."""

from __future__ import annotations

import onnx
import pytest
from sklearn.base import clone

from pipelines.core.config import Family, Features
from pipelines.model import convert, families
from pipelines.model.graph import Graph
from tests.helpers import fitted


@pytest.mark.parametrize("family", fitted.FAMILIES)
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_graph_has_an_input_a_column_and_one_score(family: Family, task: str) -> None:
    facts = fitted.use_case(task)
    model = onnx.load_from_string(
        convert.graph_of(fitted.pipeline(family, task), facts.features, facts.task, facts.name, {})
    )
    assert [_shape(column) for column in model.graph.input] == [
        (name, ["N"]) for name in facts.features.names
    ]
    assert [_shape(output) for output in model.graph.output] == [("score", ["N"])]
    versions = {imported.domain: imported.version for imported in model.opset_import}
    assert list(versions) == sorted(versions), "their order must not be left to the process"
    assert versions[""] <= 21
    assert versions["ai.onnx.ml"] <= 3


def test_the_same_model_gives_the_same_bytes_and_metadata_come_in_order() -> None:
    facts = fitted.use_case()
    made = [
        convert.graph_of(fitted.pipeline("xgboost"), facts.features, facts.task, facts.name, metadata)
        for metadata in ({"a": "1", "b": "2"}, {"b": "2", "a": "1"})
    ]
    assert made[0] == made[1]
    assert Graph(made[0]).metadata == {"a": "1", "b": "2"}


def test_a_graph_that_lower_cases_asks_for_a_locale_which_is_always_there() -> None:
    facts = fitted.use_case()
    pipeline = clone(fitted.pipeline("linear")).set_params(prepare__note__lowercase=True)
    table = fitted.rows()
    pipeline.fit(table.assign(channel=table.channel.fillna("")), table.bad)
    model = onnx.load_from_string(convert.graph_of(pipeline, facts.features, facts.task, facts.name, {}))
    locales = [
        a.s
        for node in model.graph.node
        if node.op_type == "StringNormalizer"
        for a in node.attribute
        if a.name == "locale"
    ]
    assert locales == [b"C.UTF-8"]


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_features_may_bear_the_names_that_converters_use_inside(task: str) -> None:
    names = ("label", "probabilities", "variable", "model", "input", "axis", "chosen")
    features = Features(numbers=dict.fromkeys(names, "amount"))
    facts = fitted.use_case(task).model_copy(update={"features": features})
    table = fitted.rows(task)
    numbers = table[["amount"] * len(names)].set_axis(list(names), axis=1).astype("float32")
    pipeline = families.pipeline(facts, "linear").fit(numbers, table.bad)
    assert tuple(Graph(convert.graph_of(pipeline, features, facts.task, facts.name, {})).inputs) == names


def _shape(value: onnx.ValueInfoProto) -> tuple[str, list[str]]:
    return value.name, [dimension.dim_param for dimension in value.type.tensor_type.shape.dim]
