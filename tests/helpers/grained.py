"""The tiny use case in partitions that are no days: as many rows in each, spread over it."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from random import Random

import pyarrow as pa

from pipelines.core.calendar import Calendar
from pipelines.core.config import UseCase
from pipelines.core.use_cases import parse
from tests.helpers import tiny

NAME = "grained"
SATURDAYS = Calendar("week", starts=5)
MONTHS = Calendar("month")
HOURS = Calendar("hour")
WEEKLY = "partition: {every: week, starts: saturday}\n"
MONTHLY = "partition: {every: month}\n"
HOURLY = "partition: {every: hour}\n"


def yaml(partition: str, function: str, days: int, *others: tuple[str, str]) -> str:
    """The file: rows of a function, trained on the rows of so many days; with other texts in it."""
    text = f"{tiny.YAML}{partition}".replace("name: tiny", f"name: {NAME}")
    changes = (
        ("tests.helpers.tiny:payments", f"tests.helpers.grained:{function}"),
        ("window_days: 20", f"window_days: {days}"),
    )
    for one, other in (*changes, *others):
        assert one in text
        text = text.replace(one, other)
    return text


def use_case(text: str) -> UseCase:
    """What a file says."""
    return parse(Path(f"{NAME}.yaml"), text.encode()).use_case


def of_week(week: date) -> pa.Table:
    """The payments of a week that starts on Saturday."""
    return payments(SATURDAYS, week)


def of_the_week_before(week: date) -> pa.Table:
    """The payments of another week than is asked for."""
    return of_week(SATURDAYS.step(week, -1))


def of_month(month: date) -> pa.Table:
    """The payments of a month."""
    return payments(MONTHS, month, 4 * tiny.ROWS_A_DAY)


def of_hour(hour: datetime) -> pa.Table:
    """The payments of an hour."""
    return payments(HOURS, hour)


def payments(calendar: Calendar, partition: date, rows_of_one: int = tiny.ROWS_A_DAY) -> pa.Table:
    """Payments of ten customers, spread over a partition: bad where the amount is high and the channel
    is online, with a few exceptions.
    """
    number, first = calendar.index(partition), calendar.start(partition)
    chosen, long = Random(number), calendar.end(partition) - first
    moments = sorted(first + chosen.random() * long for _ in range(rows_of_one))
    rows = []
    for n, moment in enumerate(moments):
        amount, channel = chosen.uniform(0, 100), chosen.choice(("chip", "online", "WEB"))
        rows.append(
            {
                "id": f"{number}-{n:03}",
                "at": moment.replace(microsecond=0),
                "customer": f"c{n % 10}",
                "amount": round(amount, 2),
                "channel": channel,
                "bad": int(amount > 70 and channel != "chip") ^ int(chosen.random() < 0.04),
            }
        )
    return pa.Table.from_pylist(rows)
