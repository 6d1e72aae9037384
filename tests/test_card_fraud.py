from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cache

import duckdb
import pyarrow as pa
import pytest

from include import card_fraud
from pipelines.core.use_cases import load
from pipelines.storage.settings import ROOT


def days(first: date, n: int) -> list[date]:
    return [first + timedelta(days=k) for k in range(n)]


@cache
def payments(first: date, n: int) -> pa.Table:
    return pa.concat_tables([card_fraud.payments(day) for day in days(first, n)])


def january_to_april() -> pa.Table:
    return payments(date(2026, 1, 1), 120)


def one(sql: str, payments: pa.Table) -> float:
    """A single number of these payments."""
    with duckdb.connect() as connection:
        connection.register("payments", payments)
        return float(connection.execute(sql).fetchall()[0][0])


def test_a_day_has_the_columns_of_the_use_case_in_order_of_time() -> None:
    day = date(2026, 3, 2)
    made = card_fraud.payments(day)
    assert made.column_names == list(load(ROOT / "include" / "use_cases", "card_fraud").use_case.columns)
    times = made["paid_at"].to_pylist()
    assert times == sorted(times)
    assert {time.date() for time in times} == {day}


def test_a_day_is_the_same_whenever_and_after_whatever_it_is_made() -> None:
    once = card_fraud.payments(date(2026, 3, 2))
    card_fraud.payments(date(2026, 3, 1))
    assert card_fraud.payments(date(2026, 3, 2)).equals(once)
    assert not card_fraud.payments(date(2026, 3, 3)).equals(once)


@pytest.mark.parametrize("day", [date.min, date(2000, 2, 29), date.max])
def test_any_day_at_all_can_be_made(day: date) -> None:
    assert card_fraud.payments(day).num_rows > 1000


def test_about_one_payment_in_a_hundred_is_fraud_and_never_many_more() -> None:
    a_day = "select avg(is_fraud) as share from payments group by paid_at::date"
    assert 0.008 < one(f"select avg(share) from ({a_day})", january_to_april()) < 0.014
    assert one(f"select min(share) from ({a_day})", january_to_april()) > 0.001
    assert one(f"select max(share) from ({a_day})", january_to_april()) < 0.03


def test_the_gates_of_the_use_case_hold_on_every_day_from_january_to_april() -> None:
    held = """
        select count(*) from (
            select median(amount) between 5 and 150
                and avg(ln(1 + amount)) filter (amount > 0) between 2 and 5
                and avg((amount is null or amount <= 0)::int) < 0.02
                and count(*) between 2000 and 5000 as holds
            from payments group by paid_at::date
        ) where holds
    """
    assert one(held, january_to_april()) == 120


def test_about_two_rows_in_a_hundred_are_dirty() -> None:
    dirty = """
        select 1 - avg((twice = 1 and amount > 0 and channel in ('chip', 'contactless', 'online') and country is not null)::int)
        from (select *, row_number() over (partition by payment_id) as twice from payments)
    """
    assert 0.015 < one(dirty, payments(date(2026, 1, 1), 28)) < 0.03


def test_a_payment_sent_twice_is_the_same_row_twice() -> None:
    month = payments(date(2026, 1, 1), 28)
    assert one("select count(*) - count(distinct payment_id) from payments", month) > 0
    assert one("select count(*) from (select distinct * from payments)", month) == one(
        "select count(distinct payment_id) from payments", month
    )


def test_sudden_a_third_of_the_chip_payments_moves_online_where_amounts_grow() -> None:
    week = timedelta(days=7)
    before, after = (payments(day, 7) for day in (card_fraud.SUDDEN - week, card_fraud.SUDDEN))
    chip = "select avg((channel = 'chip')::int) from payments where is_fraud = 0"
    assert one(chip, after) / one(chip, before) == pytest.approx(2 / 3, abs=0.05)
    online = "select median(amount) from payments where channel = 'online' and is_fraud = 0 and amount > 0"
    assert one(online, after) / one(online, before) == pytest.approx(1.5, abs=0.15)


def test_gradual_prices_rise_by_a_quarter() -> None:
    in_shops = (
        "select median(amount) from payments where channel = 'contactless' and is_fraud = 0 and amount > 0"
    )
    before, between, after = (
        one(in_shops, payments(first, 14))
        for first in (date(2026, 1, 10), date(2026, 3, 10), date(2026, 5, 1))
    )
    assert after / before == pytest.approx(1.25, abs=0.06)
    assert before < between < after


def test_seasonal_weekends_and_december_are_busy() -> None:
    monday, saturday = date(2026, 1, 12), date(2026, 1, 10)
    assert card_fraud.payments(saturday).num_rows > 1.1 * card_fraud.payments(monday).num_rows
    assert card_fraud.payments(date(2025, 12, 8)).num_rows > 1.2 * card_fraud.payments(monday).num_rows
    night = "select avg((hour(paid_at) < 6)::int) from payments"
    assert one(night, card_fraud.payments(saturday)) > 1.3 * one(night, card_fraud.payments(monday))


def test_each_way_to_cheat_leaves_its_traces() -> None:
    day = date(2026, 2, 10)
    made = card_fraud.payments(day)
    terminals = ", ".join(f"'t{n:03}'" for n in card_fraud.compromised_terminals(day))
    customers = ", ".join(f"'c{n:03}'" for n in card_fraud.stolen_cards(day))
    assert one(f"select avg(is_fraud) from payments where terminal_id in ({terminals})", made) > 0.4
    assert one(f"select avg(is_fraud) from payments where customer_id in ({customers})", made) > 0.2
    elsewhere = f"from payments where terminal_id not in ({terminals}) and customer_id not in ({customers})"
    assert one(f"select avg(is_fraud) {elsewhere}", made) < 0.005


@pytest.mark.parametrize("source", ["customers", "terminals"])
def test_a_list_has_the_columns_that_the_use_case_declares_and_each_row_once_as_of_midnight(
    source: str,
) -> None:
    day = date(2026, 3, 2)
    made = getattr(card_fraud, source)(day)
    declared = load(ROOT / "include" / "use_cases", "card_fraud").use_case.sources[source]
    assert made.column_names == list(declared.columns)
    assert set(made[declared.time].to_pylist()) == {datetime(2026, 3, 2)}
    assert len(set(made[declared.key].to_pylist())) == made.num_rows


@pytest.mark.parametrize("day", [date.min, date(2000, 2, 29), date.max])
def test_lists_of_any_day_at_all_can_be_made(day: date) -> None:
    assert card_fraud.customers(day).num_rows == 600
    assert card_fraud.terminals(day).num_rows == 200


def test_customers_mostly_pay_at_home() -> None:
    homes = card_fraud.customers(date(2026, 3, 2))
    paid = january_to_april()
    with duckdb.connect() as connection:
        connection.register("homes", homes)
        connection.register("paid", paid)
        ((honest, all_frauds),) = connection.execute(
            """select avg((country = home)::int) filter (is_fraud = 0),
                avg((country = home)::int) filter (is_fraud = 1)
            from paid join homes using (customer_id) where country is not null"""
        ).fetchall()
    assert honest > 0.9
    assert all_frauds < honest - 0.2


def test_an_inspection_ends_each_tampering_and_is_known_from_the_next_midnight_on() -> None:
    ended = 0
    for day in days(date(2026, 1, 1), 60):
        after = day + timedelta(days=1)
        freed = set(card_fraud.compromised_terminals(day)) - set(card_fraud.compromised_terminals(after))
        then, later = (
            card_fraud.terminals(after + timedelta(days=n))["inspected_at"].to_pylist() for n in (0, 1)
        )
        for terminal in freed:
            found = datetime.combine(after, card_fraud.INSPECTED)
            assert (then[terminal] < found, later[terminal]) == (True, found)
            ended += 1
    assert ended >= 4
