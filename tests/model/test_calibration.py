"""A calibrated model says true probabilities, ranks as before, and is the same in the Pipeline, in its file,
and in each engine.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from pipelines.core.tasks import BINARY
from pipelines.evaluation import significance
from pipelines.model import calibration, candidate, convert, engines, inputs
from pipelines.model.calibration import Line
from pipelines.model.engine_xgboost import booster_metadata
from pipelines.model.graph import Graph
from pipelines.steps import tune
from tests.helpers import fitted

METHODS: tuple[Literal["sigmoid", "isotonic"], ...] = ("sigmoid", "isotonic")


def overconfident(n: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and scores that go twice as far from one half as the truth does."""
    random = np.random.default_rng(seed)
    certainty = random.normal(-1, 1.5, n)
    return (random.random(n) < expit(certainty)).astype(float), expit(2 * certainty)


@pytest.mark.parametrize("method", METHODS)
def test_scores_that_go_too_far_become_true_on_other_rows(method: Literal["sigmoid", "isotonic"]) -> None:
    line = calibration.fit(method, *overconfident(5_000))
    y, score = overconfident(20_000, seed=2)
    assert significance.calibration_error(y, score) > 0.09
    assert significance.calibration_error(y, line(score)) < 0.035


def test_a_sigmoid_finds_the_numbers_that_bent_the_scores() -> None:
    line = calibration.fit("sigmoid", *overconfident(50_000))
    x = np.linspace(0.05, 0.95, 19)
    assert line(x) == pytest.approx(expit(logit(x) / 2), abs=0.02)


rising = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=5, max_size=60).filter(
    lambda rows: len({y for _, y in rows}) == 2
)


@given(rows=rising, method=st.sampled_from(METHODS))
def test_a_line_rises_from_0_to_1_and_no_piece_is_too_steep(
    rows: list[tuple[float, bool]], method: Literal["sigmoid", "isotonic"]
) -> None:
    line = calibration.fit(method, [y for _, y in rows], [score for score, _ in rows])
    x, y = np.array(line.x), np.array(line.y)
    assert (x[0], x[-1]) == (0, 1)
    assert (np.diff(x) > 0).all()
    assert (np.diff(y) >= 0).all()
    assert 0 <= y[0] <= y[-1] <= 1
    assert (np.diff(y) / np.diff(x)).max() <= calibration.STEEPEST * (1 + 1e-9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("family", fitted.FAMILIES)
def test_pipeline_file_graph_and_every_engine_follow_the_same_line(
    family: str, method: Literal["sigmoid", "isotonic"]
) -> None:
    rows, facts = fitted.rows(), fitted.use_case()
    X = inputs.frame(rows, facts.features)  # noqa: N806
    plain = candidate.load(candidate.dump(fitted.pipeline(family)))
    raw = candidate.scores(plain, X, BINARY)
    line = calibration.fit(method, *overconfident(3_000))
    pipeline = candidate.load(candidate.dump(candidate.with_calibration(plain, line)))
    expected = candidate.scores(pipeline, X, BINARY)
    assert expected == pytest.approx(line(raw), abs=0)
    assert np.abs(expected - raw).max() > 0.05
    graph = convert.graph_of(pipeline, facts.features, BINARY, "calibrated", booster_metadata(pipeline))
    table = pa.Table.from_pandas(rows, preserve_index=False)
    for name, engine in engines.every(graph).items():
        assert engine.scores(table) == pytest.approx(expected, abs=1e-5), name
    assert calibration.read(Graph(graph).metadata) == line


def test_a_graph_without_a_line_has_none() -> None:
    assert calibration.read(Graph(fitted.exported().graphs["linear"]).metadata) is None


def test_a_model_that_is_trained_again_follows_the_line_too() -> None:
    line = Line((0.0, 1.0), (0.5, 0.6))
    pipeline = candidate.with_calibration(candidate.load(candidate.dump(fitted.pipeline("linear"))), line)
    assert candidate.line_of(candidate.unfitted_copy(pipeline)) == line
    assert candidate.line_of(candidate.unfitted_copy(fitted.pipeline("linear"))) is None


@pytest.mark.parametrize("method", METHODS)
def test_a_search_calibrates_its_best_on_the_rows_that_the_folds_held_out(method: str) -> None:
    facts = fitted.use_case()
    plain = tune.search(fitted.features(), facts, "linear")
    found = tune.search(fitted.features(), facts.model_copy(update={"calibration": method}), "linear")
    line = candidate.line_of(candidate.load(found.candidate))
    assert line is not None
    assert found.validation["score"].to_numpy() == pytest.approx(line(plain.validation["score"]), abs=0)
    y = found.validation["label"].to_numpy(np.float64)
    assert (
        significance.calibration_error(y, found.validation["score"].to_numpy())
        <= significance.calibration_error(y, plain.validation["score"].to_numpy()) + 0.01
    )
    assert found.trials.equals(plain.trials)
