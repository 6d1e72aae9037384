"""Curves keep their ends and their course, at few points."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipelines.core.tasks import BINARY, REGRESSION
from pipelines.metrics import curves
from pipelines.metrics.scored import Scored

N = 20_000
CHANCE = np.random.default_rng(0)
Y = (CHANCE.random(N) < 0.3).astype(float)
HOURS: npt.NDArray[np.float64] = np.fmod(np.arange(N, dtype=np.float64), 24)


def test_a_curve_has_few_points_and_both_ends() -> None:
    table = curves.table(BINARY, Y, [Scored("a", np.clip(Y * 0.3 + CHANCE.random(N) * 0.7, 0, 1))], HOURS)
    assert set(table["curve"]) == {"precision_recall", "roc", "calibration"}
    assert table.groupby("curve").size().max() <= curves.MOST_POINTS
    roc = table[table["curve"] == "roc"]
    assert (roc["x"].iloc[0], roc["y"].iloc[0]) == (0, 0)
    assert (roc["x"].iloc[-1], roc["y"].iloc[-1]) == (1, 1)


def test_scores_that_are_no_probabilities_have_no_calibration() -> None:
    table = curves.table(BINARY, Y, [Scored("a", Y * 7 - 3)], HOURS)
    assert set(table["curve"]) == {"precision_recall", "roc"}


def test_equal_scores_stay_together() -> None:
    table = curves.table(BINARY, Y, [Scored("a", np.full(N, 0.3))], HOURS)
    calibration = table[table["curve"] == "calibration"]
    assert calibration[["x", "y"]].to_numpy().tolist() == [[np.full(N, 0.3).mean(), Y.mean()]]


def test_a_regressions_residuals_are_by_the_hour() -> None:
    table = curves.table(REGRESSION, Y, [Scored("a", Y + HOURS)], HOURS)
    residuals = table[table["curve"] == "residual_by_hour"]
    assert residuals["x"].tolist() == list(range(24))
    assert np.allclose(residuals["y"], range(24))
