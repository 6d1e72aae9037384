"""A use case's own days: labelled, scored, and none that the champion has learned from."""

from __future__ import annotations

from datetime import date

import numpy as np

from pipelines.commands.monitor.own import BEFORE, Own
from pipelines.core.dates import Days
from pipelines.model.graph import Graph
from tests.helpers import tiny


def test_the_days_lie_before_the_training_s_own_and_each_has_its_rows_with_labels(mine: Own) -> None:
    assert mine.run.days == Days(date(2026, 1, 11), date(2026, 1, 30))
    assert len(mine.days) == BEFORE
    assert {day.num_rows for day in mine.days} == {tiny.ROWS_A_DAY}
    assert sum(day["bad"].null_count for day in mine.days) == 0
    assert sorted(mine.weekdays) == list(range(7))


def test_they_are_scored_by_the_champion_as_its_nights_are(mine: Own) -> None:
    day = mine.days[0]
    scores = Graph(mine.champion.graph).scores(day)
    assert np.allclose(day["score"].to_numpy(), scores, atol=1e-6)
    assert (
        day["decision"].to_numpy().tolist() == (day["score"].to_numpy() >= mine.champion.threshold).tolist()
    )
    assert day["model_version"].unique().to_pylist() == [mine.champion.version]


def test_who_the_rows_are_about_is_told_in_order(mine: Own) -> None:
    assert mine.units == [f"c{n}" for n in range(10)]
