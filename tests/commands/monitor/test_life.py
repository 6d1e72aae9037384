"""Worlds lived: a quiet year stays quiet, what is planted is found, and what cannot be seen is told."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pytest

from pipelines.commands import monitor
from pipelines.commands.monitor import life, own, worlds
from pipelines.commands.monitor.life import Year
from pipelines.commands.monitor.own import Own
from pipelines.commands.monitor.told import Changed, Quiet
from pipelines.commands.monitor.worlds import Change
from pipelines.core.errors import GateOpen
from pipelines.storage.settings import Settings


@pytest.fixture(scope="module")
def planned(mine: Own) -> Mapping[str, Change]:
    return {change.name: change for change in worlds.changes(mine)}


def test_each_kind_of_change_is_planned_for_the_weightiest_features(planned: Mapping[str, Change]) -> None:
    names = list(planned)
    assert names[0].endswith(": all zero")
    assert "channel: a fifth is new" in names
    assert "twice the positives" in names
    assert [change.delay for change in planned.values() if change.what == "meaning"] == [0, 7, 30, 90]
    assert names[-1].endswith("2 deviations in 8 weeks")


def test_a_year_without_change_is_not_red(year: Year) -> None:
    assert life.quiet([year], "a year without change") == Quiet(
        use_case="tiny", world="a year without change", weeks=len(year.weeks), red=0, amber=0
    )


def test_what_is_broken_is_found_at_once(year: Year, planned: Mapping[str, Change]) -> None:
    broken = next(change for name, change in planned.items() if name.endswith("all missing"))
    found = life.changed([year], broken)
    assert found.found == (1, 1, 1)
    assert found.must == (True, True, True)
    assert "feature" in found.by


def test_a_reversed_concept_is_found_once_its_labels_are_due_and_by_performance(
    year: Year, planned: Mapping[str, Change]
) -> None:
    found = life.changed([year], planned["concept reversed, labels after 30 d"])
    assert set(found.found) <= {1, 2}
    assert found.by == ("performance",)
    assert found.truth.shows


def test_a_reversed_concept_has_as_many_positives_and_their_scores_are_the_lowest(
    year: Year, planned: Mapping[str, Change]
) -> None:
    on = year.watch.first
    before = year.day(on)
    now = planned["concept reversed, labels after 0 d"].day(year.draws, on, 0.0)
    positives = np.array(now["bad"].to_pylist()) == 1
    assert positives.sum() == sum(before["bad"].to_pylist())
    scores = now["score"].to_numpy()
    assert scores[positives].mean() < scores[~positives].mean()
    assert now["amount"].equals(before["amount"])


def test_twice_the_positives_are_about_twice_as_many(year: Year, planned: Mapping[str, Change]) -> None:
    days = [on for number in range(4) for on in year.watch.week(number)]

    def share(rows: list[pa.Table]) -> float:
        return float(np.mean([one for day in rows for one in day["bad"].to_pylist()]))

    before = share([year.day(on) for on in days])
    now = share([planned["twice the positives"].day(year.draws, on, 1.0) for on in days])
    assert now == pytest.approx(2 * before, rel=0.15)


def test_a_season_brings_rows_of_one_end_of_a_feature_and_takes_those_of_the_other(
    mine: Own, year: Year
) -> None:
    season = next(world for world in worlds.steady(mine) if world.name.startswith("a season"))
    feature = season.name.removeprefix("a season in ")

    def mean(at: int) -> float:
        days = list(year.watch.week(0))
        moved = [
            on.fromordinal(on.toordinal() // worlds.YEAR * worlds.YEAR + at + on.weekday()) for on in days
        ]
        values = [
            one for on in moved for one in season.day(year.draws, on)[feature].to_pylist() if one is not None
        ]
        return float(np.mean(values))

    assert mean(91) > mean(273)


def test_a_monitor_that_does_not_hold_is_told_with_a_way_out(
    mine: Own, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    red = Quiet(use_case="tiny", world="a year without change", weeks=52, red=9, amber=0, by=("joint all",))
    monkeypatch.setattr(own, "of", lambda *_: mine)
    monkeypatch.setattr(monitor, "_lived", lambda *_: iter([red]))
    told: list[monitor.Line] = []
    with pytest.raises(GateOpen, match="the monitor does not hold") as wrong:
        told.extend(monitor.prove(settings, "tiny", monitor.Asked()))
    assert "9 of 52 weeks without change are red" in str(wrong.value)
    assert "way out" in str(wrong.value)


def test_a_change_that_is_missed_counts_only_where_it_could_be_seen(
    year: Year, planned: Mapping[str, Change], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life, "WITHIN", 0)  # nobody looks
    broken = next(change for name, change in planned.items() if name.endswith("all missing"))
    missed: Changed = life.changed([year], broken)
    assert missed.found == (None, None, None)
    assert missed.wrong.startswith("not found within 0 weeks, 3 times of 3")


def test_a_move_that_no_alarm_is_due_for_is_told_with_the_least_that_is(
    year: Year, planned: Mapping[str, Change], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life, "LARGE", 100.0)
    truth = life.changed([year], planned["twice the positives"]).truth
    assert not truth.shows
    assert truth.told.endswith("; from 0.1 on one is large enough for an alarm")
