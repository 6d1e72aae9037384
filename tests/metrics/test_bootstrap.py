"""Intervals: the metrics of drawn rows are scikit-learn's on those rows, draws are paired and by unit, and
they cover as they say.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.core.metrics import for_task
from pipelines.core.stakes import Stakes
from pipelines.metrics import bootstrap, metrics
from pipelines.metrics.bootstrap import draw, effective_units, interval, t_interval
from pipelines.metrics.scored import Scored

N = 60
STAKES = Stakes(under=3, false_alarm=2, miss=5, quantile=0.8)


def rows(seed: int, n: int = N) -> tuple[metrics.Floats, metrics.Floats]:
    """Labels, some of each class, and scores with ties."""
    random = np.random.default_rng(seed)
    y = (random.random(n) < 0.3).astype(np.float64)
    y[:2] = 0, 1
    return y, (0.3 * y + random.random(n) * 0.7).round(2)


def copied(weights: metrics.Floats, values: metrics.Floats) -> metrics.Floats:
    return np.repeat(values, weights.astype(int))


@given(seed=st.integers(0, 10_000))
def test_a_draw_has_the_metrics_of_the_rows_that_were_drawn(seed: int) -> None:
    y, score = rows(seed)
    for task, truth, found in (
        ("binary", y, score),
        ("regression", 1e6 + 100 * y + score, 1e6 + 120 * score),
    ):
        names = for_task(task, STAKES)
        drawn = draw(
            names,
            truth,
            [Scored("forest", found, threshold=0.5)],
            np.arange(N),
            stakes=STAKES,
            seed=seed,
        )["forest"]
        weights = next(bootstrap._weights(N, seed))
        again = copied(weights, truth), copied(weights, found)
        for name in names:
            expected = metrics.measure(name, *again, threshold=0.5, stakes=STAKES)
            assert drawn[name][0] == pytest.approx(expected, rel=1e-9, abs=1e-12), name


def test_units_are_drawn_whole() -> None:
    y, score = rows(1)
    units = np.arange(N) // 6  # ten of six rows each
    drawn = draw(["brier"], y, [Scored("forest", score)], units)["forest"]["brier"]
    weights = next(bootstrap._weights(10, 0))
    assert drawn[0] == pytest.approx(
        metrics.measure("brier", copied(weights[units], y), copied(weights[units], score))
    )
    assert not np.allclose(
        drawn, draw(["brier"], y, [Scored("forest", score)], np.arange(N))["forest"]["brier"]
    )


def test_models_are_measured_on_the_same_draws() -> None:
    y, score = rows(2)
    drawn = draw(["aucpr"], y, [Scored("one", score), Scored("two", score * 0.5)], np.arange(N))
    assert np.array_equal(drawn["one"]["aucpr"], drawn["two"]["aucpr"])


def test_the_same_seed_gives_the_same_draws_and_another_others() -> None:
    y, score = rows(3)
    one, same, other = (
        draw(["aucpr"], y, [Scored("m", score)], np.arange(N), seed=seed)["m"]["aucpr"] for seed in (1, 1, 2)
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_metric_without_a_value_is_left_out() -> None:
    y, score = rows(4)
    drawn = draw(["brier", "roc_auc"], y, [Scored("rule", score * 100)], np.arange(N))
    assert list(drawn["rule"]) == ["roc_auc"]


def test_an_interval_holds_the_middle_of_the_draws() -> None:
    found = interval(50.0, np.arange(101.0), 0.9)
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((50, 5, 95))


@pytest.mark.parametrize(("missing", "exists"), [(5, True), (6, False)])
def test_where_many_draws_have_no_value_there_is_no_interval(missing: int, exists: bool) -> None:
    drawn = np.arange(100.0)
    drawn[:missing] = np.nan
    assert (interval(1.0, drawn, 0.95) is not None) == exists


def test_no_value_has_no_interval() -> None:
    assert interval(None, np.arange(100.0), 0.95) is None
    assert interval(1.0, None, 0.95) is None


@pytest.mark.parametrize(("days", "drawn"), [(9, False), (10, True)])
def test_from_a_handful_of_units_nothing_is_drawn(days: int, drawn: bool) -> None:
    y, score = rows(7)
    assert ("brier" in draw(["brier"], y, [Scored("m", score)], np.arange(N) % days)["m"]) == drawn


def test_days_that_differ_make_an_interval_wider_than_rows_would() -> None:
    # Rows of one day share its luck: whoever draws rows one by one believes to know more than there is to
    # know.
    random = np.random.default_rng(5)
    days = np.repeat(np.arange(30), 50)
    y = random.normal(size=1500)
    score = y + random.normal(size=30)[days] + 0.1 * random.normal(size=1500)
    width = {}
    for what, units in (("day", days), ("row", np.arange(1500))):
        found = interval(0.0, draw(["rmse"], y, [Scored("m", score)], units)["m"]["rmse"], 0.95)
        assert found is not None
        width[what] = found.high - found.low
    assert width["day"] > 3 * width["row"]


def test_an_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(6)
    covered = 0
    for repeat in range(200):
        y = np.zeros(150)
        score = random.normal(loc=1.0, size=150)  # the true mean square is 2
        found = interval(
            0.0, draw(["rmse"], y, [Scored("m", score)], np.arange(150), seed=repeat)["m"]["rmse"], 0.9
        )
        assert found is not None
        covered += found.low <= np.sqrt(2) <= found.high
    assert 168 <= covered <= 192  # 180 expected; beyond, chance is below one in a hundred on either side


def test_a_t_interval_is_students() -> None:
    found = t_interval(10.0, 4.0, 9, 0.95)
    assert (found.low, found.high) == pytest.approx((10 - 2 * 2.262157, 10 + 2 * 2.262157))
    assert t_interval(10.0, 4.0, 1e9, 0.95).high == pytest.approx(10 + 2 * 1.959964)
    assert t_interval(10.0, 0.0, 9, 0.95).low == 10


def test_units_of_equal_weight_count_as_many_as_they_are_and_a_dominant_one_as_one() -> None:
    y = np.zeros(100)
    assert effective_units(y, np.arange(100), classes=False) == 100
    assert effective_units(y, np.arange(100) // 10, classes=False) == 10
    dominated = np.array([0] * 91 + list(range(1, 10)))
    assert effective_units(y, dominated, classes=False) == pytest.approx(1.2, abs=0.05)


def test_of_classes_the_rarer_one_tells() -> None:
    y = np.zeros(100)
    y[[3, 14, 15]] = 1
    assert effective_units(y, np.arange(100), classes=True) == 3
    assert effective_units(1 - y, np.arange(100), classes=True) == 3
    assert effective_units(y, np.arange(100) // 10, classes=True) == pytest.approx(9 / 5)
    assert effective_units(np.zeros(100), np.arange(100), classes=True) == 0
