from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta
from typing import Literal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.core.config import DayAssignment
from pipelines.sources.day_assignment import moment

START = datetime(2026, 1, 1)


def moments(rule: Literal["order", "hash"], rows: int, days: int) -> list[datetime]:
    assign_days = DayAssignment(rule=rule, start=date(2026, 1, 1), days=days, key="key", time="at")
    found = duckdb.execute(
        f"SELECT {moment(assign_days, 'i', rows)} FROM range(1, {rows + 1}) numbers(i) ORDER BY i"
    ).fetchall()
    return [at for (at,) in found]


def test_order_spreads_the_rows_evenly_over_the_days() -> None:
    assert moments("order", rows=4, days=2) == [START + timedelta(hours=12 * n) for n in range(4)]


def test_order_puts_row_i_on_the_day_that_its_share_reaches() -> None:
    days = [(at - START).days for at in moments("order", rows=45_211, days=240)]
    assert days == [(i - 1) * 240 // 45_211 for i in range(1, 45_212)]


def test_hash_takes_day_and_time_from_the_md5_of_the_row_number() -> None:
    day = timedelta(days=1) // timedelta(microseconds=1)
    for i, at in enumerate(moments("hash", rows=200, days=60), start=1):
        number = int.from_bytes(hashlib.md5(str(i).encode()).digest(), "little")  # noqa: S324
        assert at == START + timedelta(days=number % 60, microseconds=number // 60 % day)


@pytest.mark.parametrize("rule", ["order", "hash"])
@settings(max_examples=20, deadline=None)
@given(rows=st.integers(1, 3000), days=st.integers(2, 400))
def test_every_row_falls_on_one_of_the_days(rule: Literal["order", "hash"], rows: int, days: int) -> None:
    assert all(START <= at < START + timedelta(days=days) for at in moments(rule, rows, days))
