"""A calibrated model says true probabilities, ranks as before, and is the same in the Pipeline, in its file,
and in each engine; what scikit-learn learns from the same rows is the same; and what would make scores worse
is left alone.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.isotonic import IsotonicRegression

from pipelines.core.config import Family
from pipelines.core.tasks import BINARY
from pipelines.evaluation.calibration import calibration_error
from pipelines.model import calibration, candidate, convert, engines, inputs, parity
from pipelines.model.calibration import Line, Method
from pipelines.model.engine_xgboost import booster_metadata
from pipelines.model.graph import Graph
from pipelines.steps import tune
from tests.helpers import fitted

METHODS: tuple[Method, ...] = ("sigmoid", "isotonic")
# From which margin to which scores go: everywhere, hardly apart, and as rare events have them.
RANGES = {"wide": (-1.0, 1.5), "narrow": (0.0, 0.15), "rare": (-8.0, 0.5), "nearly sure": (7.0, 1.0)}


def overconfident(n: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and scores that go twice as far from one half as the truth does."""
    random = np.random.default_rng(seed)
    certainty = random.normal(-1, 1.5, n)
    return (random.random(n) < expit(certainty)).astype(float), expit(2 * certainty)


def misplaced(where: str, n: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, true probabilities from 2 to 80 %, and scores that rank them, but lie in another range."""
    random = np.random.default_rng(seed)
    level, (middle, spread) = random.uniform(-1, 1, n), RANGES[where]
    truth = expit(-1.2 + 2.7 * level)
    return (random.random(n) < truth).astype(float), truth, expit(middle + spread * level)


class Margins(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A fitted classifier whose only feature is its margin."""

    classes_ = np.array([0, 1])

    def fit(self, X: np.ndarray, y: np.ndarray) -> Margins:  # noqa: N803
        """Nothing is learned."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def decision_function(self, X: np.ndarray) -> np.ndarray:  # noqa: N803
        """The feature."""
        return np.asarray(X[:, 0])

    def predict(self, X: np.ndarray) -> np.ndarray:  # noqa: N803
        """Which class is likelier."""
        return (X[:, 0] > 0).astype(int)


@pytest.mark.parametrize("margins", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_scores_that_go_too_far_become_true_on_other_rows(method: Method, margins: bool) -> None:
    line = calibration.fit(method, *overconfident(5_000), margins)
    y, score = overconfident(20_000, seed=2)
    assert calibration_error(y, score) > 0.09
    assert calibration_error(y, line.of_scores(score)) < 0.035


@pytest.mark.parametrize("where", RANGES)
@pytest.mark.parametrize("method", METHODS)
def test_scores_in_any_range_become_true(method: Method, where: str) -> None:
    y, _, score = misplaced(where, 20_000)
    line = calibration.fit(method, y, score)
    _, truth, others = misplaced(where, 5_000, seed=2)
    off = np.abs(line.of_scores(others) - truth)
    assert np.quantile(off, 0.95) < 0.05, off.max()


@pytest.mark.parametrize("where", RANGES)
@pytest.mark.parametrize("method", METHODS)
def test_what_scikit_learn_learns_from_the_same_rows_is_the_same(method: Method, where: str) -> None:
    y, _, score = misplaced(where, 2_000)
    margin = logit(score)
    theirs = CalibratedClassifierCV(FrozenEstimator(Margins()), method=method).fit(margin.reshape(-1, 1), y)
    expected = theirs.predict_proba(margin.reshape(-1, 1))[:, 1]
    found = calibration.fit(method, y, score).of_scores(score)
    if method == "sigmoid":
        assert found == pytest.approx(expected, abs=1e-5)  # where its search stops
    else:  # ours is nowhere steeper than engines can tell
        assert np.abs(found - expected).mean() < calibration.BLURRED


def test_an_isotonic_curve_without_steep_steps_is_scikit_learns() -> None:
    margin = np.repeat(np.linspace(-4, 4, 41), 200)
    y = (np.tile(np.arange(200), 41) < 200 * expit(margin)).astype(float)
    theirs = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(margin, y)
    between = np.random.default_rng(1).uniform(-5, 5, 1_000)
    assert calibration.fit("isotonic", y, expit(margin))(between) == pytest.approx(
        theirs.predict(between), abs=1e-6
    )


rising = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=5, max_size=60).filter(
    lambda rows: len({y for _, y in rows}) == 2
)


@given(rows=rising, method=st.sampled_from(METHODS), margins=st.booleans())
def test_a_line_rises_and_no_piece_is_too_steep(
    rows: list[tuple[float, bool]], method: Method, margins: bool
) -> None:
    line = calibration.fit(method, [y for _, y in rows], [score for score, _ in rows], margins)
    x, y = np.array(line.x), np.array(line.y)
    assert (np.diff(x) > 0).all()
    assert (np.diff(y) >= 0).all()
    if line.scale == "logit":
        assert np.diff(y) / np.diff(x) <= 4 * calibration.STEEPEST["margin"] * (1 + 1e-9)
        return
    assert line.scale == "margin" or (x[0], x[-1]) == (0, 1)
    assert 0 <= y[0] <= y[-1] <= 1
    assert len(x) == 1 or (np.diff(y) / np.diff(x)).max() <= calibration.STEEPEST[line.scale] * (1 + 1e-3)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("family", fitted.FAMILIES)
def test_pipeline_file_graph_and_every_engine_follow_the_same_line(family: str, method: Method) -> None:
    rows, facts = fitted.rows(), fitted.use_case()
    X = inputs.frame(rows, facts.features)  # noqa: N806
    plain = candidate.load(candidate.dump(fitted.pipeline(family)))
    raw = candidate.scores(plain, X, BINARY)
    line = calibration.fit(method, *overconfident(3_000), candidate.has_margins(plain))
    pipeline = candidate.load(candidate.dump(candidate.with_calibration(plain, line)))
    expected = candidate.scores(pipeline, X, BINARY)
    assert expected == pytest.approx(line.of_scores(raw), abs=1e-4)  # of probabilities near 1
    assert np.abs(expected - raw).max() > 0.05
    graph = convert.graph_of(pipeline, facts.features, BINARY, "calibrated", booster_metadata(pipeline))
    table = pa.Table.from_pandas(rows, preserve_index=False)
    for name, engine in engines.every(graph).items():
        assert engine.scores(table) == pytest.approx(expected, abs=1e-5), name
    assert calibration.read(Graph(graph).metadata) == line


@pytest.mark.parametrize("family", fitted.FAMILIES)
def test_rows_at_the_edge_of_what_there_is_are_scored_alike_too(family: Family) -> None:
    facts = fitted.use_case()
    pipeline = candidate.load(candidate.dump(fitted.pipeline(family)))
    line = calibration.fit("sigmoid", *overconfident(3_000), candidate.has_margins(pipeline))
    pipeline = candidate.with_calibration(pipeline, line)
    graph = convert.graph_of(pipeline, facts.features, BINARY, "calibrated", booster_metadata(pipeline))
    compared = parity.compare(fitted.features(), {family: pipeline}, {family: graph}, facts)
    assert set(compared["kind"]) == {"edge", "real"}
    assert compared["difference"].max() < 1e-6


@pytest.mark.parametrize("family", ["linear", "xgboost"])
def test_the_steepest_curve_over_margins_is_the_same_in_every_engine(family: str) -> None:
    rows, facts = fitted.rows(), fitted.use_case()
    pipeline = candidate.load(candidate.dump(fitted.pipeline(family)))
    raw = candidate.scores(pipeline, inputs.frame(rows, facts.features), BINARY)
    middle = float(np.median(logit(raw.clip(1e-9, 1 - 1e-9))))
    line = Line((middle - 0.1, middle + 0.1), (0.0, 1.0), "margin")
    pipeline = candidate.with_calibration(pipeline, line)
    expected = candidate.scores(pipeline, inputs.frame(rows, facts.features), BINARY)
    assert len(np.unique(expected)) > 2
    graph = convert.graph_of(pipeline, facts.features, BINARY, "calibrated", booster_metadata(pipeline))
    for name, engine in engines.every(graph).items():
        found = engine.scores(pa.Table.from_pandas(rows, preserve_index=False))
        assert found == pytest.approx(expected, abs=1e-5), name


def test_a_graph_without_a_line_has_none() -> None:
    assert calibration.read(Graph(fitted.exported().graphs["linear"]).metadata) is None


def test_a_line_of_before_margins_is_read_as_it_was() -> None:
    line = calibration.read({calibration.KEY: '{"x": [0.0, 1.0], "y": [0.25, 0.75]}'})
    assert line == Line((0.0, 1.0), (0.25, 0.75), "score")
    assert line([0.5]) == pytest.approx(0.5)


def test_a_model_that_is_trained_again_follows_the_line_too() -> None:
    line = Line((0.0, 1.0), (0.5, 0.6), "margin")
    pipeline = candidate.with_calibration(candidate.load(candidate.dump(fitted.pipeline("linear"))), line)
    assert candidate.line_of(candidate.unfitted_copy(pipeline)) == line
    assert candidate.line_of(candidate.unfitted_copy(fitted.pipeline("linear"))) is None


# --- whether it helps


def learned(method: Method, y: np.ndarray, score: np.ndarray) -> calibration.Calibration:
    return calibration.learn(method, y, score, np.arange(len(y)) % 5, np.arange(len(y)), margins=True)


@pytest.mark.parametrize("method", METHODS)
def test_a_healthy_model_is_left_as_it_is_and_an_overconfident_one_is_not(method: Method) -> None:
    """Twenty draws of each; `benchmarks.calibration` does many more."""
    bent = [learned(method, *overconfident(4_000, seed)).line for seed in range(20)]
    assert all(line is not None for line in bent)
    healthy = []
    for seed in range(20):
        y, score = overconfident(2_000, seed)
        found = learned(method, y, expit(logit(score) / 2))
        healthy.append(found.line)
        if found.line is None:
            assert "calibration: none, since the scores are as true without it" in found.note
    assert sum(line is not None for line in healthy) <= 4


def test_scores_that_no_engine_tells_apart_are_refused() -> None:
    y, _, score = misplaced("narrow", 3_000)
    found = learned("sigmoid", y, expit(logit(score) / 20))
    assert found.line is None
    assert "lie too close together" in found.note


@pytest.mark.parametrize("method", METHODS)
def test_a_search_calibrates_its_best_on_the_rows_that_the_folds_held_out(method: Method) -> None:
    facts = fitted.use_case()
    plain = tune.search(fitted.features(), facts, "linear")
    found = tune.search(fitted.features(), facts.model_copy(update={"calibration": method}), "linear")
    loaded = candidate.load(found.candidate)
    line, before = candidate.line_of(loaded), plain.validation["score"].to_numpy()
    expected = before if line is None else line.of_scores(before)
    assert found.validation["score"].to_numpy() == pytest.approx(expected, abs=0)
    assert (candidate.note_of(loaded) or "").startswith("calibration: ")
    assert found.trials.equals(plain.trials)
