"""What a profile says of a day: by real rows."""

from __future__ import annotations

from datetime import date

import duckdb

from pipelines.gates.earlier.day import APART, HALVES, Day
from pipelines.gates.earlier.measuring import measure
from pipelines.gates.earlier.shape import Shape

DAY = date(2026, 2, 1)
SHAPE = Shape("at", ("amount", "fee"), ("channel",), "id", timed=True, moments=("due", "seen"))
ROWS = """SELECT 'k' || i AS id, TIMESTAMP '2026-02-01' + to_seconds(i * 97) AS "at", i * 1.25 AS amount, i % 7 AS fee,
    if(i % 40 = 0, 'chip', NULL) AS channel, DATE '2026-02-01' + (i % 3)::INT AS due, "at" - INTERVAL 36 HOUR AS seen FROM range(400) AS t(i)"""


def day(damage: str = "", of: str = ROWS) -> Day:
    rows = duckdb.connect().sql(f"SELECT * {damage and f'REPLACE ({damage})'} FROM ({of})")
    (found,) = measure(rows, SHAPE)[0].values()
    return found


def test_dates_are_told_by_their_days_from_the_rows_own() -> None:
    found = day().numbers
    assert set(found[f"due{APART}"].quantiles) == {0.0, 1.0, 2.0}
    assert set(found[f"seen{APART}"].quantiles) == {-1.5}
    later = day("due + 365 AS due, seen + INTERVAL 1 DAY AS seen").numbers
    assert set(later[f"due{APART}"].quantiles) == {365.0, 366.0, 367.0}
    assert set(later[f"seen{APART}"].quantiles) == {-0.5}


def test_a_date_that_is_missing_or_infinite_is_no_value() -> None:
    assert day("NULL::DATE AS due, 'infinity'::TIMESTAMP AS seen").numbers[f"due{APART}"].n == 0
    assert day("'infinity'::DATE AS due, 'infinity'::TIMESTAMP AS seen").numbers[f"seen{APART}"].n == 0


def test_a_column_without_a_value_is_there_and_empty() -> None:
    assert day().values["channel"].n == 10
    assert day("NULL::VARCHAR AS channel").values["channel"].n == 0
    assert day().sampled == 400


def test_a_nudged_column_leaves_the_hashes_of_the_other_half_and_moved_dates_those_of_both() -> None:
    was, other = day(), day("'x' || id AS id, amount + 0.01 AS amount")
    assert was.hashes["content"] != other.hashes["content"]
    assert [was.hashes[half] == other.hashes[half] for half in HALVES] == [False, True]
    dated = day("due + 1 AS due, seen + INTERVAL 1 DAY AS seen")
    assert was.hashes["content"] != dated.hashes["content"], "dates are part of what a row says"
    assert [was.hashes[half] == dated.hashes[half] for half in HALVES] == [True, True]
    both = day("'x' || id AS id, amount + 0.01 AS amount, due + 1 AS due, seen + INTERVAL 1 DAY AS seen")
    assert [was.hashes[half] == both.hashes[half] for half in HALVES] == [False, True]


def test_where_there_are_one_column_and_dates_these_are_the_other_half() -> None:
    assert Shape("at", ("amount",), (), key="id", moments=("due",)).halves == (("amount",), ("due",))
    assert Shape("at", (), (), key="id", moments=("due", "seen")).halves == ()
