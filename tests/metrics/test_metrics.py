"""Each metric against a value worked out by hand, and every undefined one against its sentence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.core.errors import BadInput
from pipelines.core.metrics import EVERY, by_name, for_task
from pipelines.core.stakes import UNDECLARED, Stakes
from pipelines.metrics import metrics

Y = [0, 0, 1, 1]
SCORE = [0.1, 0.6, 0.4, 0.9]  # one positive below one negative
STAKES = Stakes(under=3, false_alarm=2, miss=5, quantile=0.8, a_day=2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("aucpr", (1 / 1 + 2 / 3) / 2),
        ("roc_auc", 3 / 4),
        ("precision", 1 / 2),
        ("recall", 1 / 2),
        ("f1", 1 / 2),
        ("log_loss", -np.mean(np.log([0.9, 0.4, 0.4, 0.9]))),
        ("brier", np.mean([0.01, 0.36, 0.36, 0.01])),
        ("cost", (2 + 5) / 4),
    ],
)
def test_a_binary_metric_is_what_its_formula_says(name: str, value: float) -> None:
    assert metrics.measure(name, Y, SCORE, stakes=STAKES) == pytest.approx(value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rmse", np.sqrt(5)),
        ("mae", 2.0),
        ("r2", 1 - 10 / 2),
        ("asymmetric", (3 * 3 + 1) / 2),
        ("quantile_loss", (0.8 * 3 + 0.2 * 1) / 2),
    ],
)
def test_a_regression_metric_is_what_its_formula_says(name: str, value: float) -> None:
    """One forecast three too low and one one too high."""
    assert metrics.measure(name, [4.0, 2.0], [1.0, 3.0], stakes=STAKES) == pytest.approx(value)


def test_asymmetric_without_a_cost_is_the_mean_absolute_error() -> None:
    assert metrics.measure("asymmetric", [4.0, 2.0], [1.0, 3.0]) == metrics.measure(
        "mae", [4.0, 2.0], [1.0, 3.0]
    )


def test_a_score_equal_to_the_threshold_is_an_alarm_also_when_it_came_as_float32() -> None:
    scores = np.array([0.1, 0.2, 0.3, 0.3], dtype=np.float32)
    assert metrics.measure("recall", Y, scores, threshold=float(np.float32(0.3))) == 1.0


def test_no_alarm_at_all_is_a_precision_of_zero() -> None:
    assert metrics.measure("precision", Y, SCORE, threshold=2.0) == 0.0


@pytest.mark.parametrize("name", ["aucpr", "roc_auc", "f1", "precision", "recall"])
def test_one_class_gets_a_sentence_instead_of_nan(name: str) -> None:
    with pytest.raises(
        metrics.Undefined,
        match=f"{name} has no value on 2 rows which all have the label 0: it needs both 0 and 1",
    ):
        metrics.measure(name, [0, 0], [0.1, 0.2])


@pytest.mark.parametrize("name", ["log_loss", "brier"])
def test_probabilities_are_measured_on_one_class_too_but_other_scores_never(name: str) -> None:
    assert metrics.measure(name, [0, 0], [0.1, 0.2]) > 0
    with pytest.raises(metrics.Undefined, match=r"scores from 0\.1 to 12: it needs probabilities"):
        metrics.measure(name, [0, 1], [0.1, 12])


def test_a_probability_some_last_bits_beyond_one_is_one() -> None:
    assert metrics.measure("log_loss", [0, 1], [0.5, 1.0000002]) == metrics.measure(
        "log_loss", [0, 1], [0.5, 1.0]
    )


def test_r2_needs_labels_that_differ() -> None:
    with pytest.raises(metrics.Undefined, match="2 rows which all have the label 3"):
        metrics.measure("r2", [3, 3], [1.0, 2.0])


@pytest.mark.parametrize("name", [metric.name for metric in EVERY])
def test_no_rows_nulls_and_infinities_are_refused_by_every_metric(name: str) -> None:
    with pytest.raises(metrics.Undefined, match="there are no rows"):
        metrics.measure(name, [], [])
    with pytest.raises(BadInput, match="1 of 2 labels are null or infinite, the first in row 1"):
        metrics.measure(name, [1, np.nan], [0.1, 0.2])
    with pytest.raises(BadInput, match="2 of 2 scores are null or infinite, the first in row 0"):
        metrics.measure(name, [1, 0], [np.nan, np.inf])


def test_an_unknown_metric_names_the_one_that_was_meant() -> None:
    with pytest.raises(BadInput, match="no metric 'roc_acu': did you mean 'roc_auc'"):
        metrics.measure("roc_acu", Y, SCORE)


def test_gain_is_positive_when_better_whichever_way_the_metric_runs() -> None:
    assert metrics.gain("aucpr", 0.8, 0.7) == pytest.approx(0.1)
    assert metrics.gain("rmse", 8, 7) == -1
    assert by_name("r2").greater_is_better
    assert not by_name("brier").greater_is_better


def test_every_metric_of_a_task_can_be_measured() -> None:
    for task in ("binary", "regression"):
        for name in for_task(task):
            assert np.isfinite(metrics.measure(name, Y, SCORE, stakes=STAKES, taken=[0, 1, 0, 1]))


NUMBERS = st.lists(st.tuples(st.floats(-100, 100), st.floats(-100, 100)), min_size=1, max_size=20)


@given(NUMBERS, st.floats(0.1, 10))
def test_the_loss_of_a_quantile_is_the_absolute_error_halved_or_the_cost_of_too_little_scaled(
    rows: list[tuple[float, float]], under: float
) -> None:
    y, score = zip(*rows, strict=True)

    def loss(quantile: float) -> float:
        return metrics.measure("quantile_loss", y, score, stakes=Stakes(quantile=quantile))

    assert loss(0.5) == pytest.approx(metrics.measure("mae", y, score) / 2)
    asymmetric = metrics.measure("asymmetric", y, score, stakes=Stakes(under=under))
    assert loss(under / (1 + under)) == pytest.approx(asymmetric / (1 + under))


def test_a_cost_that_nobody_has_declared_is_refused() -> None:
    with pytest.raises(BadInput, match=r"cost has no value: nobody has declared .* \(false_alarm, miss\)"):
        metrics.measure("cost", Y, SCORE)
    assert "cost" not in for_task("binary", UNDECLARED)
    assert "cost" in for_task("binary", STAKES)


@given(
    st.lists(st.tuples(st.sampled_from([0, 1]), st.floats(0, 1)), min_size=1, max_size=30),
    *[st.floats(0.01, 100)] * 4,
)
def test_a_cost_is_linear_in_what_errors_cost(
    rows: list[tuple[int, float]], alarm: float, miss: float, other_alarm: float, other_miss: float
) -> None:
    def cost(of_alarm: float, of_miss: float) -> float:
        y, score = zip(*rows, strict=True)
        return metrics.measure("cost", y, score, stakes=Stakes(false_alarm=of_alarm, miss=of_miss))

    together = cost(alarm + other_alarm, miss + other_miss)
    assert together == pytest.approx(cost(alarm, miss) + cost(other_alarm, other_miss))
