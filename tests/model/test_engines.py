"""Every engine gives the same scores, and the fastest is found by measuring."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.core.errors import BadInput
from pipelines.core.tasks import by_name
from pipelines.model import candidate, convert, engine_xgboost, engines, inputs
from pipelines.model.engine import Engine
from pipelines.model.engine_xgboost import booster_metadata
from tests.helpers import fitted


def exported(task: str = "binary", encode: str = "one_hot") -> bytes:
    facts, pipeline = fitted.use_case(task, encode), fitted.pipeline("xgboost", task, encode)
    return convert.graph_of(pipeline, facts.features, facts.task, facts.name, booster_metadata(pipeline))


def table(task: str = "binary") -> pa.Table:
    return pa.Table.from_pandas(fitted.rows(task), preserve_index=False)


@pytest.fixture(scope="module")
def boosted() -> Engine:
    return engines.load(exported(), "xgboost")


@pytest.mark.parametrize(
    ("task", "encode"), [("binary", "one_hot"), ("binary", "ordinal"), ("regression", "binary")]
)
def test_xgboosts_own_trees_behind_the_graphs_preprocessing_are_the_trained_model_to_the_last_bit(
    task: str, encode: str
) -> None:
    frame = inputs.frame(fitted.rows(task), fitted.use_case(task).features)
    expected = candidate.scores(fitted.pipeline("xgboost", task, encode), frame, by_name(task))
    assert np.array_equal(engines.load(exported(task, encode), "xgboost").scores(table(task)), expected)


@given(cuts=st.lists(st.integers(0, 400), max_size=5))
def test_a_rows_score_does_not_depend_on_how_the_rows_are_cut(boosted: Engine, cuts: list[int]) -> None:
    ends = [0, *sorted(cuts), 400]
    parts = [boosted.scores(table().slice(a, b - a)) for a, b in pairwise(ends)]
    assert np.array_equal(np.concatenate(parts), boosted.scores(table()))


def test_a_row_alone_scores_as_among_others(boosted: Engine) -> None:
    together = boosted.scores(table().slice(0, 40))
    assert [boosted.scores(table().slice(n, 1))[0] for n in range(40)] == together.tolist()


def test_every_engine_has_the_same_inputs_and_refuses_the_same() -> None:
    every = engines.every(exported())
    assert list(every) == ["onnxruntime", "xgboost"]
    assert every["xgboost"].inputs == every["onnxruntime"].inputs
    for engine in every.values():
        with pytest.raises(BadInput, match="amount: missing"):
            engine.scores(table().drop_columns("amount"))


def test_fewer_rows_go_at_once_where_there_are_many_columns(
    boosted: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, narrow = boosted.scores(table()), boosted.rows_at_once
    monkeypatch.setattr(engine_xgboost, "NUMBERS_AT_ONCE", 1_000)
    assert 1 < boosted.rows_at_once < 1_000 < narrow
    assert np.array_equal(boosted.scores(table()), expected)


def test_a_model_without_trees_of_xgboost_has_the_reference_only() -> None:
    assert booster_metadata(fitted.pipeline("forest")) == {}
    assert list(engines.every(fitted.exported().graphs["forest"])) == ["onnxruntime"]


class Slow(Engine):
    """An engine that counts its own seconds."""

    def __init__(self, name: str, nanoseconds: dict[int, int], clock: list[int]) -> None:
        self.name = name  # type: ignore[misc]  # an instance's own here
        self.inputs = {"amount": "number"}
        self.nanoseconds = nanoseconds
        self.clock = clock

    @property
    def rows_at_once(self) -> int:
        return max(self.nanoseconds)

    def _scores(self, feeds: dict[str, npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
        rows = len(feeds["amount"])
        self.clock[0] += rows * self.nanoseconds[rows]
        return np.zeros(rows, np.float32)


@pytest.mark.parametrize(
    ("other", "chosen"),
    [
        ({250: 90, 1_000: 50}, engines.Choice("xgboost", 1_000, 2e7)),
        ({250: 50, 1_000: 90}, engines.Choice("xgboost", 250, 2e7)),
        ({250: 85, 1_000: 85}, engines.Choice("onnxruntime", 250, 1e7)),  # sooner, but not clearly
        ({250: 300, 1_000: 200}, engines.Choice("onnxruntime", 250, 1e7)),
    ],
)
def test_the_soonest_engine_is_taken_with_its_best_number_of_rows_but_the_reference_unless_clearly(
    other: dict[int, int], chosen: engines.Choice, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0]
    monkeypatch.setattr(engines, "thread_time", lambda: clock[0] / 1e9)
    there = {
        "onnxruntime": Slow("onnxruntime", {250: 100, 1_000: 110}, clock),
        "xgboost": Slow("xgboost", other, clock),
    }
    found = engines.fastest(there, table().slice(0, 3))
    assert (found.engine, found.chunk_rows) == (chosen.engine, chosen.chunk_rows)
    assert found.rows_per_second == pytest.approx(chosen.rows_per_second)
