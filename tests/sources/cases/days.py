"""Days: rows and files of a partition, and days on which no file comes.

The partition is Sunday, 1 February 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tests.sources.cases import Deliveries, Delivery, Row

TIMED: Mapping[str, Mapping[str, Any]] = {"at": {"type": "timestamp", "role": "time"}}
OF_A_DAY = "{partition}.csv"
WEEKDAYS = {"expected": {"weekdays": ["mon", "tue", "wed", "thu", "fri"]}}


def rows(*times: str) -> bytes:
    return "\n".join(["id,at", *(f"r{n},{time}" for n, time in enumerate(times)), ""]).encode()


def of_all_days(title: str, content: bytes, reads: tuple[Row, ...] | None = None, *says: str) -> Delivery:
    return Delivery(title, content, reads, says, columns=TIMED, shown="at")


def of_a_day(
    title: str, content: bytes | None, reads: tuple[Row, ...] | None = None, *says: str, **source: Any
) -> Delivery:
    return Delivery(
        title,
        content,
        reads,
        says,
        name="2026-02-01.csv",
        path=OF_A_DAY,
        columns=TIMED,
        source=source,
        shown="at",
    )


ANOTHER = "2026-02-01.csv, row 1: at is {}, of another day"

DAYS = Deliveries(
    (
        of_all_days("a file of several days", rows("2026-01-31 23:59:59", "2026-02-01 00:00", "2026-02-02"), (("r1", datetime(2026, 2, 1)),)),
        of_all_days("01:30 at +02:00 of the next day", rows("2026-02-02T01:30:00+02:00"), (("r0", datetime(2026, 2, 1, 23, 30)),)),
        of_all_days("a line of totals, without a time", rows("2026-02-01", ""), None, "d.csv, row 2: at is missing"),
        of_a_day("yesterday's rows under today's name", rows("2026-01-31 00:00:01"), None, ANOTHER.format("2026-01-31 00:00:01")),
        of_a_day("00:30 at +02:00, which is the day before in UTC", rows("2026-02-01T00:30:00+02:00"), None, ANOTHER.format("2026-01-31 22:30:00")),
        of_a_day("no file of the day", None, None, "no file '{partition}.csv' for 1 of 1 days"),
        of_a_day("no file of a Sunday, where files come on weekdays", None, (), **WEEKDAYS),
    ),
    (
        of_all_days("a file of other days alone", rows("2026-01-31", "2026-01-05"), None, "tiny: no rows for 2026-02-01; the source holds 2026-01-05..2026-01-31"),
        of_a_day("a file of a Sunday all the same", rows("2026-02-01"), (("r0", datetime(2026, 2, 1)),), **WEEKDAYS),
        of_a_day("no file, of a day that a calendar expects", None, None, "no file '{partition}.csv' for 1 of 1 expected days", expected={"days": ["2026-02-01", "2026-02-02"]}),
        of_a_day("no file on a holiday", None, (), expected={"holidays": ["2026-02-01"]}),
        of_a_day("no file behind the last day of a list", None, None, "no file '{partition}.csv' for 1 of 1 expected days", expected={"days": ["2026-01-30"]}),
    ),
)  # fmt: skip
