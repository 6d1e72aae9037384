"""A promotion's gain is told from four weeks of labelled days on, and for good after eight, or when it is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from pipelines.core.dates import Days
from pipelines.metrics.paired import Gain
from pipelines.monitoring import claims
from pipelines.monitoring.claims import Checked, Claim
from pipelines.registry.history import Decision

FIRST = Decision(
    time="2026-01-01T04:00:00+00:00",
    decision="promoted",
    version="3",
    previous=None,
    reason="better than the baseline",
    partition="2025-12-31",
    metric="aucpr",
    values={"linear": 0.5, "baseline": 0.2},
)
SECOND = replace(
    FIRST,
    time="2026-02-01T04:00:00+00:00",
    version="5",
    previous="3",
    partition="2026-01-31",
    values={"linear": 0.61, "xgboost": 0.63, "baseline": 0.2, "champion": 0.6},
)
SINCE = date(2026, 1, 31)  # the first night that it has scored


def due(labelled: date, *more: Decision, checked: tuple[str, ...] = ()) -> list[Claim]:
    return claims.due(
        [FIRST, SECOND, *more], {"3": "linear", "5": "xgboost", "7": "linear"}.__getitem__, checked, labelled
    )


def test_it_is_told_from_four_weeks_on_and_whole_after_eight() -> None:
    assert due(SINCE + timedelta(days=26)) == []
    (early,) = due(SINCE + timedelta(days=27))
    assert (early.version, early.previous, early.whole) == ("5", "3", False)
    assert early.claimed == pytest.approx(0.03)
    (whole,) = due(SINCE + timedelta(days=90))
    assert whole.days == Days(SINCE, SINCE + timedelta(days=55))
    assert whole.whole


def test_what_is_in_the_history_is_not_told_again() -> None:
    assert due(SINCE + timedelta(days=90), checked=("5",)) == []


def test_a_reign_that_is_over_is_whole_once_its_labels_are_due() -> None:
    back = replace(
        SECOND,
        time="2026-03-07T10:00:00+00:00",
        decision="rolled back",
        version="3",
        previous="5",
        partition=None,
    )
    last = date(2026, 3, 5)  # the night of the morning before
    assert not due(last, back)[0].whole
    (found,) = due(last + timedelta(days=1), back)
    assert found.days == Days(SINCE, last)
    assert found.whole


def test_a_short_reign_and_a_first_champion_claim_nothing() -> None:
    soon = replace(
        SECOND, time="2026-02-10T04:00:00+00:00", version="7", previous="5", partition="2026-02-09"
    )
    values = replace(soon, values=None)
    assert due(date(2026, 6, 1), values) == []


def test_an_error_that_is_smaller_is_a_gain() -> None:
    lower = replace(SECOND, metric="brier", values={"xgboost": 0.1, "champion": 0.12})
    (found,) = claims.due([FIRST, lower], lambda _: "xgboost", (), SINCE + timedelta(days=30))
    assert found.claimed == pytest.approx(0.02)


CLAIM = Claim("5", "3", "aucpr", 0.028, Days(SINCE, SINCE + timedelta(days=55)), whole=True)


def test_what_came_true_is_told_with_its_interval() -> None:
    found = Checked(CLAIM, Gain(0.6, 0.61, 0.007, 1e6, greater_is_better=True), 9_000, 56)
    assert found.sentence == (
        "claimed +0.028 aucpr over version 3, came true +0.01 (-0.00372 to +0.0237) over 8 weeks,"
        " 9,000 labelled rows"
    )
    assert found.row()["holds"] is False
    assert set(found.values()) == {"claimed", "came true", "low", "high"}


def test_what_cannot_be_told_says_why() -> None:
    found = Checked(CLAIM, why="no night with labels was scored by version 5")
    assert found.sentence.endswith("cannot be told: no night with labels was scored by version 5")
    assert found.values() == {"claimed": 0.028}
    assert found.row()["holds"] is None
