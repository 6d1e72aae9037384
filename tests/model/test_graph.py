"""What a loaded graph takes, refuses and answers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skl2onnx import to_onnx
from sklearn.linear_model import LinearRegression

from pipelines.core.config import Family
from pipelines.core.errors import BadInput
from pipelines.core.tasks import BINARY
from pipelines.model import candidate, convert, graph, inputs
from pipelines.model.graph import Graph
from tests.helpers import fitted


@pytest.fixture(scope="module")
def linear() -> Graph:
    return _graph()


def _graph() -> Graph:
    facts = fitted.use_case()
    return Graph(
        convert.graph_of(
            fitted.pipeline("linear"), facts.features, facts.task, facts.name, {"family": "linear"}
        )
    )


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return pa.Table.from_pandas(fitted.rows(), preserve_index=False)


def test_inputs_are_the_features_in_their_order_and_kind(linear: Graph) -> None:
    assert linear.inputs == {"amount": "number", "age": "number", "channel": "text", "note": "text"}


def test_nulls_are_what_the_model_learned_as_missing(linear: Graph, table: pa.Table) -> None:
    frame = inputs.frame(fitted.rows(), fitted.use_case().features)
    expected = candidate.scores(fitted.pipeline("linear"), frame, BINARY)
    assert table["age"].null_count > 0
    assert table["channel"].null_count > 0
    assert np.abs(linear.scores(table) - expected).max() < 1e-6


def test_integers_booleans_and_dictionaries_are_taken_as_they_are(linear: Graph) -> None:
    plain = {"amount": [2.0, 1.0], "age": [30.0, 40.0], "channel": ["chip", "online"], "note": ["free", ""]}
    other = plain | {
        "amount": pa.array([2, 1], pa.int64()),
        "age": pa.array([30, 40], pa.decimal128(5, 1)),
        "channel": pa.array(["chip", "online"]).dictionary_encode(),
    }
    assert linear.scores(pa.table(other)).tolist() == linear.scores(pa.table(plain)).tolist()


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 400), max_size=5))
def test_a_rows_score_does_not_depend_on_how_the_rows_are_cut(
    linear: Graph, table: pa.Table, cuts: list[int]
) -> None:
    ends = [0, *sorted(cuts), 400]
    parts = [linear.scores(table.slice(a, b - a)) for a, b in pairwise(ends)]
    assert np.array_equal(np.concatenate(parts), linear.scores(table))


@pytest.mark.parametrize("family", fitted.FAMILIES)
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_row_alone_scores_as_among_others(family: Family, task: str, table: pa.Table) -> None:
    facts = fitted.use_case(task)
    found = Graph(convert.graph_of(fitted.pipeline(family, task), facts.features, facts.task, facts.name, {}))
    together = found.scores(table.slice(0, 40))
    assert [found.scores(table.slice(n, 1))[0] for n in range(40)] == together.tolist()


def test_more_rows_than_go_at_once_keep_their_order(
    linear: Graph, table: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = linear.scores(table)
    monkeypatch.setitem(graph.ROWS_AT_ONCE, True, 7)
    assert np.array_equal(linear.scores(table), expected)


def test_no_rows_have_no_scores(linear: Graph, table: pa.Table) -> None:
    assert linear.scores(table.slice(0, 0)).shape == (0,)


def test_every_missing_and_every_mistyped_input_is_named_at_once(linear: Graph) -> None:
    wrong = pa.table({"amounts": [1.0], "age": ["old"], "channel": [3], "note": ["free"]})
    with pytest.raises(BadInput) as error:
        linear.scores(wrong)
    said = str(error.value)
    assert "3 of its 4 inputs" in said
    assert "amount: missing; did you mean 'amounts'?" in said
    assert "age: is string, the model takes a number" in said
    assert "channel: is int64, the model takes a text" in said


def test_infinite_numbers_are_refused_with_their_column(linear: Graph) -> None:
    table = pa.table(
        {"amount": [1.0, float("inf"), 1e300], "age": [1.0] * 3, "channel": ["chip"] * 3, "note": [""] * 3}
    )
    with pytest.raises(BadInput, match="amount: 2 of 3 rows"):
        linear.scores(table)


@pytest.mark.parametrize("content", [b"", b"not a graph", b"\x08\x0a" * 40])
def test_bytes_that_are_no_graph_are_refused_in_a_sentence(content: bytes) -> None:
    with pytest.raises(BadInput, match="no ONNX graph"):
        Graph(content)


def test_a_graph_of_somebody_else_is_refused_in_a_sentence() -> None:
    plain = to_onnx(LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]), np.zeros((1, 1), np.float32))
    with pytest.raises(BadInput, match=r"not one that Sluice exported.*outputs variable"):
        Graph(plain.SerializeToString())
