"""The rules of promotion: luck is not evidence, a better model is found, and a slice that is harmed stops the
promotion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import Pipeline

from pipelines.evaluation import significance
from pipelines.evaluation.verdict import PromotionRule
from pipelines.metrics import bootstrap, metrics
from pipelines.metrics.bootstrap import Interval
from pipelines.metrics.scored import Scored
from pipelines.model import seed_variance

REPEATS = 200
ALONE = 0.95  # the level of a look that is the only one
NOMINAL = 0.025  # above the upper end of a 95 % interval lies this share


def world(seed: int, n: int) -> tuple[metrics.Floats, metrics.Floats]:
    """Rows of five numbers, of which the first three tell the label, with noise."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(n, 5))
    y = (rows[:, 0] + rows[:, 1] * rows[:, 2] + random.normal(size=n) > 1).astype(np.float64)
    return rows, y


def compared(y: metrics.Floats, challenger: metrics.Floats, champion: metrics.Floats) -> PromotionRule:
    """The rule about the champion, as the evaluation applies it to AUCPR."""
    return judged(y, challenger, champion, [()])[0]


def judged(
    y: metrics.Floats,
    challenger: metrics.Floats,
    champion: metrics.Floats,
    across_seeds: list[tuple[float, ...]],
    seed: int = 0,
) -> list[PromotionRule]:
    """The same for each of some lucks."""
    models, rows = [Scored("challenger", challenger), Scored("champion", champion)], np.arange(len(y))
    drawn = bootstrap.draw(["aucpr"], y, models, rows, seed=seed)
    value, other = (metrics.measure("aucpr", y, model.score) for model in models)
    draws = (drawn["challenger"]["aucpr"], drawn["champion"]["aucpr"])
    units, rules = bootstrap.effective_units(y, rows, classes=True), []
    for lucky in across_seeds:
        found = significance.paired_gain("aucpr", (value, other), draws, units, lucky)
        assert found is not None
        sure = found.interval(ALONE)
        rules.append(significance.better("champion", "champion version 1", "aucpr", sure, 0.0, ALONE, len(y)))
    return rules


@pytest.mark.slow
def test_the_same_model_trained_with_another_seed_is_promoted_no_more_often_than_the_nominal_share(
    record_property: Callable[[str, object], None],
) -> None:
    promoted = without_seeds = 0
    rows_of_all, y = world(1, 3_000)
    table = pd.DataFrame(rows_of_all)
    forest = Pipeline([("model", RandomForestClassifier(n_estimators=5, max_depth=4, random_state=0))])
    for repeat in range(REPEATS):
        rows = np.random.default_rng(repeat).permutation(3_000)
        train, test = rows[:600], rows[600:]
        champion, challenger = (
            clone(forest).set_params(model__random_state=100 * repeat + n).fit(table.iloc[train], y[train])
            for n in (50, 0)
        )

        def score(model: Pipeline, held_out: np.ndarray = test) -> metrics.Floats:
            return np.asarray(model.predict_proba(table.iloc[held_out])[:, 1])

        def measure(model: Pipeline, held_out: np.ndarray = test) -> float:
            return metrics.measure(
                "aucpr", y[held_out], np.asarray(model.predict_proba(table.iloc[held_out])[:, 1])
            )

        lucky = seed_variance.across_seeds(challenger, table.iloc[train], y[train], measure)
        with_it, without = judged(y[test], score(challenger), score(champion), [lucky, ()], repeat)
        promoted, without_seeds = promoted + with_it.holds, without_seeds + without.holds
    record_property("promoted", promoted)
    print(f"{promoted} of {REPEATS} promoted; {without_seeds} if seeds were taken for evidence")  # noqa: T201  (shown by pytest -s)
    assert promoted <= NOMINAL * REPEATS
    assert without_seeds > NOMINAL * REPEATS  # else this world would not need the rule


def test_a_planted_better_model_is_found() -> None:
    rows, y = world(2, 3_000)
    noise = np.random.default_rng(3).normal(size=3_000)
    good, weak = rows[:, 0] + rows[:, 1] * rows[:, 2], rows[:, 0] + noise
    assert compared(y, good, weak).holds
    assert not compared(y, weak, good).holds


def test_a_model_that_is_better_by_chance_only_is_not_promoted() -> None:
    y = np.tile([0.0, 0.0, 1.0], 30)
    random = np.random.default_rng(4)
    scores = sorted(
        (random.random(90) for _ in range(2)), key=lambda score: metrics.measure("aucpr", y, score)
    )
    rule = compared(y, scores[1], scores[0])
    assert rule.found is not None
    assert rule.found > 0
    assert not rule.holds
    assert "not surely more than nothing" in rule.sentence


def rules(found: Mapping[str, tuple[int, Interval | None]], may_lose: float = 0.0) -> list[PromotionRule]:
    return list(significance.slices(found, "champion version 1", "aucpr", may_lose, 200, 0.95))


BETTER, SURELY_WORSE = Interval(0.05, 0.01, 0.09), Interval(-0.2, -0.3, -0.1)


def test_a_model_that_is_better_overall_and_worse_on_a_slice_is_refused() -> None:
    # Planted: the challenger knows more where the channel is chip, and nothing where it is online.
    rows, y = world(5, 4_000)
    online = np.arange(4_000) % 4 == 0
    champion = rows[:, 0]
    challenger = np.where(
        online, np.random.default_rng(6).normal(size=4_000), rows[:, 0] + rows[:, 1] * rows[:, 2]
    )
    assert compared(y, challenger, champion).holds
    parts = {}
    for name, mask in (("chip", ~online), ("online", online)):
        rule = compared(y[mask], challenger[mask], champion[mask])
        assert rule.found is not None
        assert rule.low is not None
        assert rule.high is not None
        parts[f"channel={name}"] = (int(mask.sum()), Interval(rule.found, rule.low, rule.high))
    (refused,) = rules(parts)
    assert (refused.name, refused.holds, refused.rows) == ("slice channel=online", False, 1_000)
    assert "worse than champion version 1 where channel=online" in refused.sentence
    assert "allowed 0" in refused.sentence


def test_what_a_slice_may_lose_is_lost_only_if_the_whole_interval_says_so() -> None:
    parts = {"channel=chip": (500, BETTER), "channel=online": (500, SURELY_WORSE)}
    assert [rule.holds for rule in rules(parts)] == [False]
    assert [rule.holds for rule in rules(parts, may_lose=0.1)] == [True]
    assert [rule.holds for rule in rules({"channel=online": (500, Interval(-0.2, -0.3, 0.01))})] == [True]


def test_a_small_slice_is_not_judged_and_told() -> None:
    (rule,) = rules({"channel=chip": (500, BETTER), "channel=online": (199, SURELY_WORSE)})
    assert rule.holds
    assert "(1 judged; 1 with too few rows were not judged)" in rule.sentence


def test_a_column_of_whose_slices_none_can_be_judged_stops_the_promotion() -> None:
    found = rules({"channel=chip": (500, BETTER), "country=US": (199, BETTER), "country=UK": (900, None)})
    assert [(rule.name, rule.holds) for rule in found] == [("slices country", False)]
    assert "give it more" in found[0].sentence


def test_without_slices_there_is_no_rule_about_them() -> None:
    assert rules({}) == []


def test_a_gain_without_an_interval_is_none() -> None:
    rule = significance.better("baseline", "the baseline", "aucpr", None, 0.0, 0.95, 12)
    assert not rule.holds
    assert "can be drawn from 12 held-out rows" in rule.sentence


def test_luck_widens_a_gain_by_twice_its_variance_and_moves_it_nowhere() -> None:
    random = np.random.default_rng(7)
    draws = (random.normal(scale=0.02, size=1_000), np.zeros(1_000))
    lucky = tuple(random.normal(scale=0.01, size=30))
    found, without = (
        significance.paired_gain("aucpr", (0.6, 0.5), draws, 1e9, seeds) for seeds in (lucky, lucky[:1])
    )
    assert found is not None
    assert without is not None
    assert found.value == without.value == pytest.approx(0.1)
    assert found.variance - without.variance == pytest.approx(2 * np.var(lucky, ddof=1))
    assert (found.interval(0.95).low + found.interval(0.95).high) / 2 == pytest.approx(0.1)


def test_a_variance_that_is_known_of_few_units_or_few_seeds_is_known_with_as_few_degrees_of_freedom() -> None:
    def degrees(units: float, seeds: tuple[float, ...], scale: float) -> float:
        draws = (np.random.default_rng(7).normal(scale=scale, size=1_000), np.zeros(1_000))
        found = significance.paired_gain("aucpr", (0.6, 0.5), draws, units, seeds)
        assert found is not None
        return found.degrees

    six = (0.50, 0.51, 0.52, 0.50, 0.49, 0.51)
    assert degrees(12.0, (), 0.02) == pytest.approx(11 / 2)
    assert degrees(1e9, six, 1e-9) == pytest.approx(5, rel=0.01)
    assert 5.5 < degrees(12.0, six, 0.02) < 10.5


def test_draws_of_few_units_vary_less_than_the_truth_and_that_is_made_up_for() -> None:
    draws = (np.random.default_rng(7).normal(scale=0.02, size=1_000), np.zeros(1_000))
    few, many = (significance.paired_gain("aucpr", (0.6, 0.5), draws, units) for units in (11.0, 1e9))
    assert few is not None
    assert many is not None
    assert few.variance == pytest.approx(1.1 * many.variance)


def test_a_harm_is_asked_of_each_of_many_slices_at_a_higher_level() -> None:
    assert significance.slices_level(0.95, 1) == pytest.approx(0.95)
    assert significance.slices_level(0.95, 20) == pytest.approx(0.9975)
    assert significance.slices_level(0.95, 0) == pytest.approx(0.95)


def test_without_harm_it_is_told_which_loss_cannot_be_ruled_out() -> None:
    parts = {"channel=chip": (500, BETTER), "channel=online": (500, Interval(-0.01, -0.05, 0.03))}
    (rule,) = rules(parts)
    assert rule.holds
    assert "a loss of up to 0.0500 aucpr where channel=online cannot be ruled out" in rule.sentence
    assert (rule.low, rule.level) == (-0.05, 0.95)


def test_size_and_speed_are_asked_only_where_something_is_said_about_them() -> None:
    assert significance.size(10**9, None) is None
    assert significance.speed(None, None) is None
    for rule, holds in (
        (significance.size(2_000_000, 2), True),
        (significance.size(2_000_001, 2), False),
        (significance.speed(100, 100), True),
    ):
        assert rule is not None
        assert rule.holds == holds
    unmeasured = significance.speed(None, 5)
    assert unmeasured is not None
    assert not unmeasured.holds
