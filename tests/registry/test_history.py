"""The history of promotions only grows, and says a thing once."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from multiprocessing import get_context
from pathlib import Path

import pytest

from pipelines.core.errors import TableCorrupt, TryAgain
from pipelines.registry.history import Decision, Event, History
from pipelines.storage import places
from pipelines.storage.backends.bucket_path import BucketPath
from pipelines.storage.backends.s3 import S3
from pipelines.storage.places import Place
from pipelines.storage.settings import Settings

FIRST = Decision(
    time="2026-02-01T04:10:00+00:00",
    partition="2026-01-31",
    version="3",
    previous=None,
    decision="promoted",
    reason="better than the baseline",
    metric="aucpr",
    values={"xgboost": 0.9, "baseline": None},
    orchestrator="scheduled__2026-01-31",
)


def test_what_was_written_is_read_in_order(settings: Settings) -> None:
    history = History.of(settings, "tiny")
    assert history.read() == []
    second = replace(FIRST, version="6", previous="3", decision="kept", reason="not better")
    history.append(FIRST)
    history.append(second)
    assert history.read() == [FIRST, second]


def test_the_same_decision_made_twice_is_one_line(settings: Settings) -> None:
    history = History.of(settings, "tiny")
    history.append(FIRST)
    history.append(replace(FIRST, time="2026-02-01T05:00:00+00:00", orchestrator="manual"))
    assert history.read() == [FIRST]


def test_a_version_that_comes_back_is_a_new_line(settings: Settings) -> None:
    history = History.of(settings, "tiny")
    there_and_back = [FIRST, replace(FIRST, version="6", previous="3"), replace(FIRST, previous="6")]
    for promotion in there_and_back:
        history.append(promotion)
    assert history.read() == there_and_back


def test_a_reason_of_several_lines_is_no_line_of_the_history() -> None:
    told = "it is so\n2026-02-02T00:00:00+00:00  2026-02-02  version 9 promoted: \x1b[2Kby nobody"
    noted = Event(time=FIRST.time, event="acknowledged", partition="2026-02-01", version="3", reason=told)
    for line in (replace(FIRST, reason=told), noted):
        assert len(str(line).splitlines()) == 1
        assert str(line).isprintable()


def test_a_line_reads_as_a_sentence() -> None:
    assert str(FIRST) == "2026-02-01T04:10:00+00:00  2026-01-31  version 3 promoted: better than the baseline"


def _decide(folder: str, worker: int) -> None:
    history = History(Path(folder) / "promotions.jsonl")
    for n in range(10):
        with history.deciding():
            before = history.champion
            history.append(replace(FIRST, version=f"{worker}-{n}", previous=before))


def test_writers_side_by_side_lose_no_line_and_each_met_the_champion_of_the_line_before(
    tmp_path: Path,
) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        list(pool.map(_decide, [str(tmp_path)] * 3, range(3)))
    lines = History(tmp_path / "promotions.jsonl").read()
    assert len(lines) == 30
    assert [line.previous for line in lines] == [None, *(line.version for line in lines[:-1])]


def test_a_champion_holds_for_mornings_and_moments_from_its_own_on() -> None:
    trained, back = (
        FIRST,
        replace(FIRST, decision="rolled back", version="1", partition=None, time="2026-02-05T14:00:00+00:00"),
    )
    late = replace(FIRST, time="2026-06-01T00:00:00+00:00")
    assert (trained.since, trained.held_from.isoformat()) == (date(2026, 2, 1), "2026-02-01T04:10:00+00:00")
    assert (back.since, back.held_from.isoformat()) == (date(2026, 2, 5), "2026-02-05T14:00:00+00:00")
    # A training that ran months late holds from its partition's morning: it is about when its data were
    # known.
    assert (late.since, late.held_from.isoformat()) == (date(2026, 2, 1), "2026-02-01T00:00:00+00:00")


@pytest.fixture(params=["on a disk", "in a bucket"])
def history(request: pytest.FixtureRequest, tmp_path: Path) -> History:
    folder: Place = tmp_path if request.param == "on a disk" else request.getfixturevalue("bucket")
    return History(folder / "tiny" / "promotions.jsonl")


def test_of_two_who_have_met_the_same_champion_the_second_loses_and_nothing_of_it_is_written(
    history: History,
) -> None:
    with history.deciding():
        history.append(FIRST)
        with pytest.raises(TryAgain, match="the champion was none, and is 3 now"):
            history.append(replace(FIRST, version="6"))
        with pytest.raises(TryAgain, match="the champion was 2, and is 3 now"):
            history.append(replace(FIRST, version="6", previous="2", decision="kept"))
    assert history.read() == [FIRST]


def test_who_is_overtaken_between_reading_and_writing_in_a_bucket_loses(
    bucket: BucketPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = History(bucket / "promotions.jsonl")
    swap = S3.swap

    def overtaken(place: S3, *args: object) -> None:
        monkeypatch.setattr(S3, "swap", swap)
        history.append(replace(FIRST, version="6"))
        swap(place, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(S3, "swap", overtaken)
    with pytest.raises(TryAgain, match="the champion was none, and is 6 now"):
        history.append(FIRST)
    assert history.read() == [replace(FIRST, version="6")]


def test_the_decision_of_a_morning_and_of_a_moment_is_the_last_one_that_changed_the_champion(
    settings: Settings,
) -> None:
    history = History.of(settings, "tiny")
    kept = replace(FIRST, partition="2026-02-07", version="6", previous="3", decision="kept")
    back = replace(FIRST, version="1", previous="3", decision="rolled back", partition=None)
    back = replace(back, time="2026-02-10T14:00:00+00:00")
    for decided in (FIRST, kept, back):
        history.append(decided)
    assert history.changes() == [FIRST, back]
    mornings = {1: FIRST, 8: FIRST, 9: FIRST, 10: back, 11: back}
    assert {day: history.on(date(2026, 2, day)) for day in mornings} == mornings
    assert history.on(date(2026, 1, 31)) is None
    assert history.at(datetime(2026, 2, 1, 4, 9, 59, tzinfo=UTC)) is None
    assert history.at(datetime(2026, 2, 1, 4, 10, tzinfo=UTC)) == FIRST
    assert history.at(datetime(2026, 2, 10, 13, 59, 59, tzinfo=UTC)) == FIRST
    assert history.at(datetime(2026, 2, 10, 14, tzinfo=UTC)) == back


def test_after_a_retirement_there_is_no_champion_to_have_met(settings: Settings) -> None:
    history = History.of(settings, "tiny")
    history.append(FIRST)
    history.append(replace(FIRST, version=None, previous="3", decision="retired"))
    assert history.champion is None
    with pytest.raises(TryAgain, match="the champion was 3, and is none now"):
        history.append(replace(FIRST, version="6", previous="3"))


CALLED = Event(
    time="2026-03-09T04:10:00+00:00",
    event="called",
    partition="2026-03-02",
    version="3",
    cause="concept",
    reason="concept, so train: worse",
)


def test_what_changes_no_champion_stands_between_the_decisions(settings: Settings) -> None:
    history = History.of(settings, "tiny")
    second = replace(FIRST, version="6", previous="3")
    history.append(FIRST)
    history.note(CALLED)
    history.append(second)
    assert history.lines() == [FIRST, CALLED, second]
    assert history.read() == [FIRST, second]
    assert history.events() == [CALLED]
    assert history.champion == "6"


def test_a_week_that_is_run_again_says_nothing_twice(settings: Settings) -> None:
    history = History.of(settings, "tiny")
    history.note(CALLED)
    history.note(
        replace(CALLED, time="2026-03-10T00:00:00+00:00", reason="other words", orchestrator="again")
    )
    history.note(replace(CALLED, cause="covariates"))
    history.note(replace(CALLED, partition="2026-03-09"))
    assert [(line.cause, line.partition) for line in history.events()] == [
        ("concept", "2026-03-02"),
        ("covariates", "2026-03-02"),
        ("concept", "2026-03-09"),
    ]


def test_a_line_of_before_has_no_events_and_is_read(settings: Settings) -> None:
    history = History.of(settings, "tiny")
    history.append(FIRST)
    assert b'"event"' not in places.at(history.path).read()
    assert history.lines() == [FIRST]


def test_a_damaged_event_is_named(settings: Settings) -> None:
    history = History.of(settings, "tiny")
    history.note(CALLED)
    places.at(history.path).rewrite(lambda line: line and line.replace(b'"called"', b'"cried"'))
    with pytest.raises(TableCorrupt, match="line 1"):
        history.read()


def test_what_was_called_for_reads_as_a_sentence() -> None:
    assert str(CALLED) == (
        "2026-03-09T04:10:00+00:00  2026-03-02  version 3: a training was called for: concept, so train: worse"
    )
    noted = replace(CALLED, event="acknowledged", by="ada", reason="the app stays")
    assert str(noted).endswith("version 3: concept was acknowledged by ada: the app stays")
