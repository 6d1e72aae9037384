"""A week's cause is the first that holds, and is told with what speaks for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest

from pipelines.core.dates import WEEK
from pipelines.monitoring import diagnosis, drift_table, prior
from pipelines.monitoring.diagnosis import (
    BROKEN,
    CONCEPT,
    COVARIATES,
    PRIOR,
    QUIET,
    SEASON,
    Past,
    Report,
    Week,
)
from pipelines.monitoring.drift_table import ALL, SCORE, Row
from pipelines.run.tables import ALARM, AS_BEFORE, MOVED

FIRST = date(2026, 3, 2)
MONDAY = Week(
    first=FIRST,
    judged_first=FIRST - timedelta(days=7),
    nights=7,
    rows_a_day=1_000,
    usual_rows=1_100,
    reads={
        "amount": frozenset({"amount"}),
        "log_amount": frozenset({"amount"}),
        "hour": frozenset({"paid_at"}),
        "channel": frozenset({"channel"}),
        "country": frozenset({"country"}),
    },
    champion="2",
    judged="2",
    metric="aucpr",
    greater=True,
)


def feature(name: str, verdict: str = AS_BEFORE, **more: Any) -> Row:
    kind = {SCORE: "prediction", ALL: "joint"}.get(name, "feature")
    return Row(
        subject=name,
        kind=kind,  # type: ignore[arg-type]
        type="number",
        reference_rows=40_000,
        current_rows=7_000,
        verdict=verdict,
        **more,
    )


def metric(name: str = "aucpr", kind: str = "performance", surely: float = -0.1, **more: Any) -> Row:
    """A metric on the judged days, and by how much it is surely worse (or another one), of 0.05 allowed."""
    told: dict[str, Any] = {"value": 0.5, "low": 0.4, "high": 0.6, "reference_value": 0.6, "due_rows": 900}
    told |= {"current_rows": 900, "judged_rows": 900}
    return Row(
        subject=name,
        kind=kind,  # type: ignore[arg-type]
        type="metric",
        reference_rows=9_000,
        least_loss=surely,
        allowed_loss=0.05,
        reference_labelled=1.0,
        **(told | more),
    )


def of_labels(share: float, level: float, order: float) -> list[Row]:
    """How surely the share of positives, the scores' level, and their order have moved."""
    return [
        metric(prior.ORDER, surely=order),
        metric(prior.SHARE.name, "labels", surely=share),
        metric(prior.LEVEL.name, "level", surely=level),
    ]


def week(*rows: Row) -> pd.DataFrame:
    """A week whose other features are as before."""
    named = {row.subject for row in rows}
    others = [feature(name) for name in [*MONDAY.reads, SCORE, ALL] if name not in named]
    return drift_table.table([*rows, *others, *([] if "aucpr" in named else [metric()])])


def report(first: date, cause: str, since: date) -> Report:
    rows = [
        diagnosis.row(
            kind="cause", subject=name, holds=name == cause, chosen=name == cause, since=since, evidence=""
        )
        for name in diagnosis.CAUSES
    ]
    return Report(first, diagnosis.table(rows))


CASES: dict[str, tuple[Sequence[Row], str, str]] = {
    "nothing": ([feature("hour", MOVED)], QUIET, "nothing is an alarm"),
    "a constant": (
        [feature("hour", ALARM, broken=True), feature("channel", ALARM)],
        BROKEN,
        "hour has no value",
    ),
    "one column": (
        [feature("amount", ALARM), feature("log_amount", ALARM)],
        BROKEN,
        "what is made of amount",
    ),
    "two columns": ([feature("amount", ALARM), feature("channel", ALARM)], COVARIATES, "amount, channel"),
    "one column, and another has moved": (
        [feature("amount", ALARM), feature("channel", MOVED)],
        COVARIATES,
        "amount",
    ),
    "all together": ([feature(ALL, ALARM)], COVARIATES, ALL),
    "labels that are gone": ([metric(current_rows=0, value=None)], BROKEN, "0 have one"),
    "performance": ([metric(surely=0.2)], CONCEPT, "surely worse by 0.2"),
    "performance, and features": ([metric(surely=0.2), feature(ALL, ALARM)], CONCEPT, "surely worse"),
    "more positives": ([metric(surely=0.2), *of_labels(0.3, 0.2, -0.1)], PRIOR, "not surely worse"),
    "more positives in another order": ([metric(surely=0.2), *of_labels(0.3, 0.2, 0.2)], CONCEPT, "aucpr"),
    "more positives, as scores say": ([*of_labels(0.3, -0.2, -0.1)], QUIET, "nothing"),
    "a season": ([feature("hour", season=True), feature(ALL, ALARM)], SEASON, "hour is as a year before"),
    "a season, and more": ([feature("hour", season=True), feature(SCORE, ALARM)], COVARIATES, SCORE),
}


@pytest.mark.parametrize("case", CASES)
def test_the_first_cause_that_holds_is_acted_on(case: str) -> None:
    rows, cause, evidence = CASES[case]
    found = diagnosis.diagnose(week(*rows), MONDAY)
    assert found.cause.name == cause
    assert evidence in found.cause.evidence


@pytest.mark.parametrize(
    ("left", "told"),
    [({"rows_a_day": 400}, "400 rows a night"), ({"nights": 3}, "3 nights of the week")],
)
def test_rows_that_are_gone_are_a_broken_source(left: dict[str, float], told: str) -> None:
    found = diagnosis.diagnose(week(), replace(MONDAY, **left))  # type: ignore[arg-type]
    assert found.cause.name == BROKEN
    assert told in found.cause.evidence


def test_without_labels_nobody_knows_of_prior_and_concept() -> None:
    waits = metric(current_rows=0, due_rows=0, value=None, low=None, high=None, surely=math.nan)
    holds = {one.name: one.holds for one in diagnosis.diagnose(week(waits), MONDAY).causes}
    assert (holds[PRIOR], holds[CONCEPT], holds[QUIET]) == (None, None, True)


def test_what_lasts_began_in_its_first_week() -> None:
    before = report(FIRST - timedelta(days=WEEK), COVARIATES, date(2026, 2, 9))
    found = diagnosis.diagnose(week(feature(ALL, ALARM)), MONDAY, Past([before]))
    assert found.cause.since == date(2026, 2, 9)


def test_what_comes_again_after_a_pause_began_anew() -> None:
    before = report(FIRST - timedelta(days=WEEK), QUIET, FIRST - timedelta(days=WEEK))
    found = diagnosis.diagnose(week(feature(ALL, ALARM)), MONDAY, Past([before]))
    assert found.cause.since == FIRST


def test_what_labels_tell_began_on_the_days_that_they_judge() -> None:
    found = diagnosis.diagnose(week(metric(surely=0.2), feature(ALL, ALARM)), MONDAY)
    since = {one.name: one.since for one in found.causes}
    assert since[CONCEPT] == MONDAY.judged_first
    assert found.since == MONDAY.judged_first
    assert since[COVARIATES] == FIRST


def test_a_broken_source_that_a_person_knows_of_hides_nothing_else() -> None:
    rows = [feature("amount", ALARM), metric(surely=0.2)]
    known = Past(acknowledged=[(FIRST - timedelta(days=WEEK), BROKEN)])
    lasting = replace(
        known, reports=[report(FIRST - timedelta(days=WEEK), BROKEN, FIRST - timedelta(days=WEEK))]
    )
    assert diagnosis.diagnose(week(*rows), MONDAY).cause.name == BROKEN
    assert diagnosis.diagnose(week(*rows), MONDAY, known).cause.name == BROKEN, "another break than this one"
    assert diagnosis.diagnose(week(*rows), MONDAY, lasting).cause.name == CONCEPT
