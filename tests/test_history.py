"""The history of promotions only grows, and says a thing once."""

from __future__ import annotations

from dataclasses import replace

from pipelines.history import History, Promotion
from pipelines.settings import Settings

FIRST = Promotion(
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
