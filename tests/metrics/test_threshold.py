"""The law of each policy: the chosen threshold fulfils it on the rows it was given, and no other one is
better. What it promises of new rows is counted in `tests/core/test_promise.py`.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from pipelines.core.errors import BadInput
from pipelines.core.policies import Capacity, Fixed, LeastCost, MaxPrecision, MaxRecall, Policy, Unreachable
from pipelines.metrics.cut import Cut
from pipelines.metrics.threshold import Night, choose, night, with_interval
from tests.helpers.relations import relation, row, use_case

Y = [0, 0, 1, 0, 1, 1]
SCORE = np.array([0.1, 0.2, 0.4, 0.6, 0.7, 0.9], dtype=np.float32)

# Few distinct scores, so that ties between classes are common; with the neighbours 0.5 and 0.5 + one float32
# step, and the ends.
SCORES = st.sampled_from([0.0, 0.1, 0.3, 0.5, float(np.nextafter(np.float32(0.5), np.float32(1))), 0.7, 1.0])
ROWS = st.lists(st.tuples(st.booleans(), SCORES), min_size=2, max_size=25).filter(
    lambda rows: len({y for y, _ in rows}) == 2
)
SHARE = st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 0.75, 0.9, 1.0])
COST = st.sampled_from([1.0, 5.0, 100.0])


def confusion(y: np.ndarray, score: np.ndarray, threshold: float) -> tuple[float, float, float, float]:
    """Precision, recall, false alarms and misses, counted one by one."""
    alarm = score >= threshold
    tp, fp, fn = int((alarm & (y == 1)).sum()), int((alarm & (y == 0)).sum()), int((~alarm & (y == 1)).sum())
    return tp / (tp + fp) if tp + fp else 0.0, tp / (tp + fn), fp, fn


def every(score: np.ndarray) -> list[float]:
    """A threshold for each set of decisions that there can be."""
    return [*np.unique(score).tolist(), 2.0]


# Each row stands for so many: enough of them to promise something.
TIMES = st.sampled_from([1, 20, 300])


@given(rows=ROWS, times=TIMES, precision=SHARE)
@settings(max_examples=40, deadline=None)
def test_max_recall_is_more_precise_than_it_promises_and_asks_for_all_that_it_refuses(
    rows: list[tuple[bool, float]], times: int, precision: float
) -> None:
    y = np.repeat(np.array([row[0] for row in rows], int), times)
    score = np.repeat(np.array([row[1] for row in rows], np.float32), times)
    policy = MaxRecall(policy="max_recall", precision=precision)
    found = [confusion(y, score, t) for t in every(score)]
    try:
        chosen = confusion(y, score, choose(policy, y, score))
    except Unreachable:
        # Thresholds with thousands of alarms that are nearly all right are never refused.
        assert not any(each[0] > precision + 0.25 and each[1] * (y == 1).sum() >= 200 for each in found), (
            found
        )
        return
    assert chosen[0] > precision or precision == 0
    assert chosen[:2] in [each[:2] for each in found]
    assert chosen[1] * (y == 1).sum() + chosen[2] >= 10, "alarms"


@given(rows=ROWS, times=TIMES, recall=SHARE)
@settings(max_examples=40, deadline=None)
def test_max_precision_finds_more_than_it_promises_and_no_stricter_threshold_that_does_is_more_precise(
    rows: list[tuple[bool, float]], times: int, recall: float
) -> None:
    y = np.repeat(np.array([row[0] for row in rows], int), times)
    score = np.repeat(np.array([row[1] for row in rows], np.float32), times)
    positives = int((y == 1).sum())
    # Clopper and Pearson's bound, of as many as are found.
    low = {n: beta.ppf(0.05, n, positives - n + 1) if n else 0.0 for n in range(positives + 1)}
    allowed = [
        found
        for t in every(score)
        if positives >= 10 and low[round((found := confusion(y, score, t))[1] * positives)] >= recall
    ]
    policy = MaxPrecision(policy="max_precision", recall=recall)
    if not allowed:
        with pytest.raises(Unreachable):
            choose(policy, y, score)
        return
    chosen = confusion(y, score, choose(policy, y, score))
    assert chosen[:2] == max(found[:2] for found in allowed)


@given(rows=ROWS, false_positive=COST, false_negative=COST)
@settings(max_examples=150, deadline=None)
def test_least_cost_cannot_be_undercut_and_among_equals_alarms_least(
    rows: list[tuple[bool, float]], false_positive: float, false_negative: float
) -> None:
    y, score = np.array([row[0] for row in rows], int), np.array([row[1] for row in rows], np.float32)

    def cost(threshold: float) -> tuple[float, int]:
        _, _, fp, fn = confusion(y, score, threshold)
        return false_positive * fp + false_negative * fn, int((score >= threshold).sum())

    chosen = choose(
        LeastCost(policy="least_cost", false_positive=false_positive, false_negative=false_negative), y, score
    )
    assert cost(chosen) == min(cost(t) for t in every(score))


@pytest.mark.parametrize(
    ("policy", "threshold"),
    [
        (MaxRecall(policy="max_recall", precision=0.9), (0.6 + 0.7) / 2),
        (MaxRecall(policy="max_recall", precision=0.6), (0.2 + 0.4) / 2),
        (MaxPrecision(policy="max_precision", recall=0.5), (0.6 + 0.7) / 2),
        (LeastCost(policy="least_cost", false_positive=1, false_negative=10), (0.2 + 0.4) / 2),
        (LeastCost(policy="least_cost", false_positive=10, false_negative=1), (0.6 + 0.7) / 2),
        (Fixed(policy="fixed", value=0.35), 0.35),
    ],
)
def test_a_threshold_lies_midway_between_two_scores(policy: Policy, threshold: float) -> None:
    # A row is 50 rows: so many that what they say is sure.
    assert choose(policy, np.repeat(Y, 50), np.repeat(SCORE, 50)) == pytest.approx(threshold)


def test_a_last_bit_changes_no_decision_and_neither_does_the_width_of_the_comparison() -> None:
    score = SCORE.copy()
    threshold = choose(LeastCost(policy="least_cost", false_positive=1, false_negative=10), Y, score)
    decisions = score >= np.float64(threshold)
    for nudged in (np.nextafter(score, np.float32(0)), np.nextafter(score, np.float32(1))):
        assert ((nudged >= np.float64(threshold)) == decisions).all()
    assert ((score >= np.float32(threshold)) == decisions).all()


def test_between_float32_neighbours_the_threshold_is_the_upper_one_in_either_width() -> None:
    low = np.float32(0.5)
    high = np.nextafter(low, np.float32(1))
    policy = LeastCost(policy="least_cost", false_positive=1, false_negative=1)
    threshold = choose(policy, [0, 1], np.array([low, high]))
    assert threshold == float(high)
    assert np.float32(threshold) == high


def test_a_precision_that_cannot_be_promised_is_told_with_what_can() -> None:
    y = np.array([1, 1, 1, 0, 0] * 12 + [0] * 500)
    score = np.where(np.arange(560) < 60, 0.9, 0.1)
    with pytest.raises(
        Unreachable,
        match=(
            r"precision 0\.6 at 95% confidence cannot be promised on the 560 validation rows \(36 positive\);"
            r" at most 0\.4\d can \(threshold 0\.5, precision 0\.6000 and recall 1\.0000 on these rows\)"
        ),
    ):
        choose(MaxRecall(policy="max_recall", precision=0.6), y, score)


def test_a_recall_that_cannot_be_promised_is_told_with_what_can() -> None:
    # 0.86 ** 20 is just less than 0.05
    with pytest.raises(
        Unreachable, match=r"recall 0\.9 .*40 validation rows \(20 positive\); at most 0\.86 can"
    ):
        choose(MaxPrecision(policy="max_precision", recall=0.9), [0, 1] * 20, [0.2, 0.6] * 20)


def test_where_nothing_can_be_promised_that_is_told() -> None:
    with pytest.raises(Unreachable, match=r"the 4 validation rows \(1 positive\): nothing can"):
        choose(MaxRecall(policy="max_recall", precision=0.9), [0, 0, 1, 0], [0.9, 0.8, 0.7, 0.1])


def test_rows_of_one_customer_promise_less_than_as_many_rows_of_many() -> None:
    y, score = np.repeat([1.0, 1.0, 1.0, 0.0, 1.0] * 8, 10), np.full(400, 0.5, np.float32)
    y, score = np.append(y, [0.0] * 50), np.append(score, np.full(50, 0.1, np.float32))
    policy, unit = MaxRecall(policy="max_recall", precision=0.7), np.arange(450) // 10
    assert choose(policy, y, score) == pytest.approx(0.3)
    assert choose(policy, y, score, units=np.arange(450)) == pytest.approx(0.3)
    with pytest.raises(Unreachable, match=r"the 450 validation rows of 45 units \(320 positive\)"):
        choose(policy, y, score, units=unit)


def test_rows_of_one_class_are_refused() -> None:
    with pytest.raises(BadInput, match="the 2 validation rows have one class only"):
        choose(MaxRecall(policy="max_recall", precision=0.9), [0, 0], [0.1, 0.2])


# --- capacity


@given(rows=ROWS, alarms=st.integers(1, 10), rows_a_day=st.sampled_from([1.0, 3.0, 7.5, 25.0]))
@settings(max_examples=150, deadline=None)
def test_capacity_raises_as_many_alarms_as_people_can_look_at_and_no_threshold_raises_more_of_them(
    rows: list[tuple[bool, float]], alarms: int, rows_a_day: float
) -> None:
    y, score = np.array([row[0] for row in rows], int), np.array([row[1] for row in rows], np.float32)
    allowed = alarms * len(rows) / rows_a_day  # the rows are so many days
    chosen = choose(Capacity(policy="capacity", alarms_a_day=alarms), y, score, Night(rows_a_day))
    raised = int((score >= chosen).sum())
    assert raised <= allowed
    assert raised == max(n for t in every(score) if (n := int((score >= t).sum())) <= allowed)


@given(
    rows=st.lists(st.tuples(st.sampled_from([0.0, 1.0, np.nan]), SCORES), min_size=2, max_size=25).filter(
        lambda rows: len({str(y) for y, _ in rows}) > 1
    ),
    alarms=st.integers(1, 10),
    a_day=st.tuples(st.sampled_from([0.5, 3.0, 40.0]), st.sampled_from([1.0, 25.0, 1000.0])),
)
@settings(max_examples=150, deadline=None)
def test_capacity_counts_each_kind_of_row_as_often_as_a_night_has_it(
    rows: list[tuple[float, float]], alarms: int, a_day: tuple[float, float]
) -> None:
    y, score = np.array([row[0] for row in rows]), np.array([row[1] for row in rows], np.float32)
    unknown = np.isnan(y)
    if not unknown.any() or unknown.all():
        return

    def raised(threshold: float) -> float:
        shares = [np.mean(score[kind] >= threshold) for kind in (~unknown, unknown)]
        return float(np.dot(shares, a_day))

    chosen = choose(Capacity(policy="capacity", alarms_a_day=alarms), y, score, Night(*a_day))
    assert raised(chosen) <= alarms + 1e-6
    assert raised(chosen) == pytest.approx(max(n for t in every(score) if (n := raised(t)) <= alarms + 1e-6))


def test_capacity_knows_that_more_rows_come_than_have_a_label() -> None:
    score = np.linspace(0, 1, 1000, dtype=np.float32)
    policy = Capacity(policy="capacity", alarms_a_day=10)
    assert (score >= choose(policy, np.arange(1000) % 2, score, Night(100))).sum() == 100, (
        "ten of a hundred rows"
    )
    # As many again have no label, and look alike.
    y = np.concatenate([np.arange(1000) % 2, np.full(1000, np.nan)])
    assert (score >= choose(policy, y, np.tile(score, 2), Night(100, 900))).sum() == 10, (
        "ten of a thousand rows"
    )


def test_other_policies_ask_rows_with_a_label_only() -> None:
    rows = np.tile(Y, 10), np.tile(SCORE, 10)
    more = np.append(rows[0], [np.nan] * 3), np.append(rows[1], np.array([0.95, 0.5, 0.3], np.float32))
    for policy in (
        MaxRecall(policy="max_recall", precision=0.2),
        MaxPrecision(policy="max_precision", recall=0.6),
        LeastCost(policy="least_cost", false_positive=1, false_negative=5),
    ):
        assert choose(policy, *more) == choose(policy, *rows)


def test_rows_that_come_at_night_and_have_no_score_are_told() -> None:
    with pytest.raises(
        BadInput, match=r"75\.0 rows a day come without a label, but none of them has a score.*\n.*tune again"
    ):
        choose(Capacity(policy="capacity", alarms_a_day=1), Y, SCORE, Night(25, 75))


def test_a_night_is_all_rows_of_a_day() -> None:
    # four a day, one of them with a label
    rows = [row(str(n), 6 * n, bad=None if n % 4 else 1) for n in range(16)]
    case = use_case(cleanse={"drop": ["bad"]})
    sides = relation(rows).project("*, CASE WHEN bad IS NULL THEN 'unlabelled' ELSE 'train' END AS split")
    assert night(sides, case) == Night(1, 3)


# --- intervals


def drawn_rows(n: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    y = (random.random(n) < 0.3).astype(int)
    return y, (0.3 * y + 0.7 * random.random(n)).astype(np.float32)


@pytest.mark.parametrize(
    "policy",
    [
        MaxRecall(policy="max_recall", precision=0.6),
        MaxPrecision(policy="max_precision", recall=0.6),
        LeastCost(policy="least_cost", false_positive=1, false_negative=5),
        Capacity(policy="capacity", alarms_a_day=20),
    ],
)
def test_a_threshold_has_an_interval_that_more_rows_make_narrower(policy: Policy) -> None:
    few, many = (with_interval(policy, *drawn_rows(n), Night(100)) for n in (200, 20_000))
    for cut in (few, many):
        assert cut.low <= cut.value <= cut.high
        assert cut.value == choose(policy, *drawn_rows(200 if cut is few else 20_000), Night(100))
    assert few.high - few.low > 2 * (many.high - many.low) > 0


def test_an_interval_draws_units_as_a_whole() -> None:
    y, score = drawn_rows(400)
    policy = LeastCost(policy="least_cost", false_positive=1, false_negative=5)
    alone = with_interval(policy, y, score)
    together = with_interval(policy, np.tile(y, 20), np.tile(score, 20), units=np.tile(np.arange(400), 20))
    assert (together.low, together.high) == (alone.low, alone.high)


def test_a_fixed_threshold_is_sure() -> None:
    assert with_interval(Fixed(policy="fixed", value=0.3), Y, SCORE) == Cut(0.3, 0.3, 0.3)


def test_draws_on_which_the_policy_cannot_be_fulfilled_count_as_no_alarm_at_all() -> None:
    y = np.array([0] * 40 + [1] * 30)
    score = np.array([0.1] * 20 + [0.5] * 20 + [0.9] * 30, np.float32)
    cut = with_interval(MaxRecall(policy="max_recall", precision=0.9), y, score)
    assert cut.high == 1.0


@given(rows=ROWS, times=st.data())
@settings(max_examples=100, deadline=None)
def test_a_row_that_counts_twice_is_two_rows(rows: list[tuple[bool, float]], times: st.DataObject) -> None:
    y, score = np.array([row[0] for row in rows], int), np.array([row[1] for row in rows], np.float32)
    weight = np.array(times.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows))))
    copies = np.repeat(y, weight), np.repeat(score, weight)
    if len(np.unique(copies[0])) == 2:
        policy = LeastCost(policy="least_cost", false_positive=1, false_negative=2)
        assert choose(policy, y, score, weight=weight) == choose(policy, *copies)
