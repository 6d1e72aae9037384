"""A score's meaning as a probability is learned whatever its range, or it is said why it cannot be."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from pipelines.metrics.metrics import Floats
from pipelines.metrics.score_meaning import ScoreMeaning, Uncalibrated


def drawn(n: int, squeezed: float = 1.0, base: float = -2.0) -> tuple[Floats, Floats, Floats]:
    """Labels, scores, and the probabilities by which the labels were drawn."""
    random = np.random.default_rng(5)
    true = base + random.normal(0, 1.5, n)
    return (random.random(n) < expit(true)).astype(float), expit(squeezed * true), expit(true)


def alone(n: int) -> np.ndarray:
    return np.arange(n)


@pytest.mark.parametrize("squeezed", [0.01, 0.3, 1.0, 3.0])
def test_the_probabilities_are_found_whatever_the_range_of_the_scores(squeezed: float) -> None:
    label, score, true = drawn(40_000, squeezed)
    found = ScoreMeaning.fit(label, score, alone(len(label)))(score)
    assert np.abs(found - true).mean() < 0.01


def test_a_curve_with_a_bend_is_followed() -> None:
    random = np.random.default_rng(6)
    score = random.random(60_000)
    true = np.where(score < 0.5, 0.05, 0.4)
    label = (random.random(len(score)) < true).astype(float)
    found = ScoreMeaning.fit(label, score, alone(len(label)))(score)
    far = np.abs(score - 0.5) > 0.15
    assert np.abs(found - true)[far].mean() < 0.03


def test_the_coefficients_are_as_sure_as_other_rows_would_show() -> None:
    random = np.random.default_rng(7)
    found = []
    for _ in range(200):
        true = -1 + random.normal(0, 1, 600)
        label = (random.random(600) < expit(true)).astype(float)
        made = ScoreMeaning.fit(label, expit(true), alone(600))
        at = made.terms(np.array([0.3]))[0]
        found.append((at @ made.coefficients, at @ made.covariance @ at))
    value, variance = np.array(found).T
    assert np.sqrt(variance.mean()) == pytest.approx(value.std(), rel=0.25)
    assert value.mean() == pytest.approx(logit(0.3), abs=0.05)


def test_rows_of_a_group_that_are_alike_say_less() -> None:
    random = np.random.default_rng(8)
    customer = np.repeat(np.arange(40), 50)
    true = -1 + random.normal(0, 1, 2_000)
    label = (random.random(2_000) < expit(true + random.normal(0, 1, 40)[customer])).astype(float)
    made = [ScoreMeaning.fit(label, expit(true), group) for group in (customer, alone(2_000))]
    typical = made[0].terms(np.array([expit(-1.0)]))[0]
    together, apart = (typical @ one.covariance @ typical for one in made)
    assert together > 2 * apart


def test_too_few_of_a_class_tell_nothing() -> None:
    label = np.array([1.0] * 24 + [0.0] * 500)
    with pytest.raises(Uncalibrated, match="25 labelled rows of each class, and there are 24"):
        ScoreMeaning.fit(label, np.linspace(0.9, 0.1, len(label)), alone(len(label)))


def test_scores_that_fall_where_the_truth_rises_are_no_probabilities() -> None:
    label, score, _ = drawn(2_000)
    with pytest.raises(Uncalibrated, match="greater scores are not positive more often"):
        ScoreMeaning.fit(label, 1 - score, alone(len(label)))


def test_scores_of_one_or_two_values_have_a_meaning_too() -> None:
    random = np.random.default_rng(9)
    score = np.where(random.random(5_000) < 0.5, 0.1, 0.9)
    label = (random.random(5_000) < np.where(score > 0.5, 0.7, 0.2)).astype(float)
    found = ScoreMeaning.fit(label, score, alone(len(label)))(np.array([0.1, 0.9]))
    assert found == pytest.approx([label[score < 0.5].mean(), label[score > 0.5].mean()], abs=1e-4)


def test_scores_of_0_and_1_have_a_value() -> None:
    label, score, _ = drawn(3_000)
    found = ScoreMeaning.fit(label, np.round(score), alone(len(label)))
    assert np.isfinite(found(np.array([0.0, 0.5, 1.0]))).all()
