"""Days whose labels are not due are estimated, and estimates that did not come true are struck out."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from pipelines.core.config import UseCase
from pipelines.monitoring import estimates
from pipelines.monitoring.estimates import Record, Waiting
from pipelines.registry.registry import Champion
from pipelines.run.tables import PERFORMANCE
from tests.helpers import fitted

FIRST = date(2026, 2, 2)
DAYS = tuple(FIRST + timedelta(days=n) for n in range(3))
CHAMPION = Champion("3", b"", "", date(2026, 1, 31), 0.3, {})
CONNECTION = duckdb.connect()


def rows(days: int, first: date, seed: int, each: int = 200) -> pd.DataFrame:
    """Rows whose scores are their probabilities."""
    random, n = np.random.default_rng(seed), days * each
    score = expit(-1 + random.normal(0, 1.5, n))
    start = datetime(first.year, first.month, first.day)
    return pd.DataFrame(
        {
            "id": [f"{seed}-{i}" for i in range(n)],
            "at": [start + timedelta(days=i // each, minutes=i % each) for i in range(n)],
            "bad": (random.random(n) < score).astype(float),
            "score": score,
            "decision": (score >= 0.3).astype(int),
            "amount": random.lognormal(3, 1, n),
            "age": random.uniform(18, 90, n),
            "channel": random.choice(["chip", "online"], n),
            "note": "",
        }
    )


def waiting(
    facts: UseCase, held_out: pd.DataFrame, now: pd.DataFrame, days: tuple[date, ...] = DAYS
) -> Waiting:
    kept = [facts.key, facts.time, facts.target, "score"]
    names = [facts.key, facts.time, *facts.features.names]
    return Waiting(
        days=days,
        scored=CONNECTION.from_df(now[["id", "at", "score", "decision"]]),
        features=CONNECTION.from_df(now[names]),
        held_out=CONNECTION.from_df(held_out[kept]),
        reference=CONNECTION.from_df(held_out[names]),
    )


def test_each_day_has_a_row_a_metric_and_the_week_one_of_the_primary_metric() -> None:
    facts, now = fitted.use_case(), rows(3, FIRST, 2)
    found = estimates.estimate(waiting(facts, rows(10, date(2026, 1, 20), 1), now), Record(), CHAMPION, facts)
    assert set(found.days.metric) == set(facts.measured)
    assert set(found.days.day.dt.date) == set(DAYS)
    assert set(found.days.status) == {"estimated"}
    assert found.days.value.notna().all()
    assert ((found.days.low <= found.days.value) & (found.days.value <= found.days.high)).all()
    week = found.week
    assert week is not None
    assert (week.subject, week.kind, week.current_rows) == ("aucpr", "estimate", 600)
    assert week.low is not None
    assert week.high is not None
    of_days = found.days[found.days.metric == "aucpr"]
    assert week.high - week.low < (of_days.high - of_days.low).min()  # more rows say more


def test_numbers_are_estimated_by_how_far_off_they_were() -> None:
    facts = fitted.use_case("regression")
    before, now = rows(10, date(2026, 1, 20), 1), rows(3, FIRST, 2)
    random = np.random.default_rng(3)

    def with_numbers(part: pd.DataFrame) -> pd.DataFrame:
        spread = part.age / 20
        return part.assign(score=part.amount, bad=part.amount + spread * random.normal(size=len(part)))

    before, now = with_numbers(before), with_numbers(now.assign(age=70.0))
    champion = Champion("3", b"", "", date(2026, 1, 31), None, {})
    found = estimates.estimate(waiting(facts, before, now), Record(), champion, facts).week
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    truth = float(np.sqrt(np.square(now.score - now.bad).mean()))
    assert found.low <= truth <= found.high
    # older people's errors are greater, and there are more of them now
    assert found.value is not None
    assert found.value > np.sqrt(np.square(before.score - before.bad).mean())


def test_nothing_waits_where_all_labels_are_due() -> None:
    facts = fitted.use_case()
    found = estimates.estimate(
        waiting(facts, rows(10, FIRST, 1), rows(3, FIRST, 2), days=()), Record(), CHAMPION, facts
    )
    assert found.week is None
    assert found.days.empty


def test_scores_that_tell_no_probability_are_said_in_a_sentence() -> None:
    facts = fitted.use_case()
    few = rows(1, date(2026, 1, 20), 1, each=30)
    found = estimates.estimate(waiting(facts, few, rows(3, FIRST, 2)), Record(), CHAMPION, facts).week
    assert found is not None
    assert found.value is None
    assert found.note is not None
    assert found.note.startswith("nothing can be estimated of days whose labels are not due: what the scores")


def performance(status: str, values: dict[int, tuple[float, float, float]]) -> pd.DataFrame:
    records = [
        {
            "day": pd.Timestamp(FIRST) + pd.Timedelta(days=day),
            "model_version": "3",
            "slice": "all",
            "metric": "aucpr",
            "status": status,
            "value": value,
            "low": low,
            "high": high,
            "rows": 10,
            "labelled": 0,
        }
        for day, (value, low, high) in values.items()
    ]
    return pd.DataFrame(records, columns=list(PERFORMANCE)).astype(PERFORMANCE)


def test_the_record_counts_the_days_that_were_estimated_and_are_final_by_now() -> None:
    facts = fitted.use_case()
    told = performance("estimated", {0: (0.8, 0.7, 0.9), 1: (0.8, 0.7, 0.9), 2: (0.8, 0.7, 0.9)})
    first = performance("final", {0: (0.75, 0.6, 0.9)})
    now = performance("final", {1: (0.5, 0.4, 0.6)})
    earlier = [CONNECTION.from_df(table) for table in (told, first)]
    assert estimates.record(earlier, now, facts) == Record(days=2, held=1)


@pytest.mark.parametrize(
    ("known", "struck"), [(Record(14, 9), True), (Record(14, 10), False), (Record(13, 0), False)]
)
def test_estimates_that_did_not_come_true_are_struck_out(known: Record, *, struck: bool) -> None:
    facts = fitted.use_case()
    found = estimates.estimate(
        waiting(facts, rows(10, date(2026, 1, 20), 1), rows(3, FIRST, 2)), known, CHAMPION, facts
    )
    assert found.week is not None
    assert (found.week.value is None) is struck
    assert str(known) in (found.week.note or "")
    assert not found.days.empty  # the record goes on
