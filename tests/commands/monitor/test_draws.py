"""Days drawn of a use case's own: whole, of their weekday, the same for the same seed."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from pipelines.commands.monitor import draws, own
from pipelines.commands.monitor.draws import Draws
from pipelines.commands.monitor.own import Own
from pipelines.core import policies

MONDAY = date(2026, 3, 2)


def test_a_drawn_day_is_one_of_the_same_weekday_as_a_whole(mine: Own) -> None:
    for seed in range(20):
        day = Draws(mine, (seed,)).day(MONDAY)
        assert any(day is mine.days[at] for at in mine.weekdays[0])


def test_the_same_seed_draws_the_same_days_and_another_one_others(mine: Own) -> None:
    week = [MONDAY + timedelta(days=n) for n in range(7)]

    def drawn(seed: int) -> list[int]:
        return [id(Draws(mine, (seed,)).day(on)) for on in week]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_rows_get_their_day_and_a_key_that_no_other_day_has(mine: Own) -> None:
    days = [draws.dated(mine.days[0], MONDAY + timedelta(days=n), mine.use_case) for n in (0, 1)]
    both = draws.together(days)
    assert len(set(both["id"].to_pylist())) == both.num_rows
    assert {moment.date() for moment in days[0]["at"].to_pylist()} == {MONDAY}
    assert own.AT not in both.column_names


def test_a_night_has_its_number_of_alarms_where_the_file_asks_for_just_so_many(mine: Own) -> None:
    capacity = policies.Capacity(policy="capacity", alarms_a_day=3, exact=True)
    exact = mine.use_case.model_copy(update={"threshold": capacity})
    night = draws.dated(mine.days[0], MONDAY, exact)
    alarms = [row["score"] for row in night.to_pylist() if row["decision"]]
    assert sorted(alarms) == sorted(night["score"].to_pylist())[-3:]
    mean = exact.model_copy(update={"threshold": capacity.model_copy(update={"exact": False})})
    by_threshold = draws.dated(mine.days[0], MONDAY, mean)["decision"]
    assert sum(by_threshold.to_pylist()) == sum(mine.days[0]["decision"].to_pylist())


def test_few_customers_are_others_in_each_week_and_the_same_within_one(
    mine: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draws, "FEWEST_UNITS", 2)
    drawn = Draws(mine, (3,))
    monday = date.fromordinal(MONDAY.toordinal() // 7 * 7)
    weeks = [
        {
            name
            for n in range(7)
            for name in draws.few_units(drawn, monday + timedelta(days=7 * w + n))["customer"].to_pylist()
        }
        for w in range(8)
    ]
    assert {len(week) for week in weeks} == {2}
    assert len({frozenset(week) for week in weeks}) > 2


def test_thinned_rows_are_as_many_as_a_day_s_and_kept_by_their_chance(mine: Own) -> None:
    def positives(rows: pa.Table) -> np.ndarray:
        return np.where(rows["bad"].to_numpy() == 1, 1.0, 0.0)

    rows = draws.thinned(Draws(mine, (1,)), MONDAY, positives)
    assert rows.num_rows > 0
    assert set(rows["bad"].to_pylist()) == {1}
