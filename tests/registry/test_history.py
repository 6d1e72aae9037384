"""The history of promotions only grows, and says a thing once."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import date
from multiprocessing import get_context
from pathlib import Path

from pipelines.registry.history import Decision, History
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
