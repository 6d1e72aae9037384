"""Card payments of an invented town, one day at a time, with everything that changes in it written down.

Inspired by the simulator of the "Fraud Detection Handbook" (Le Borgne, Siblini, Lebichot and Bontempi, 2022):
customers with habits, terminals, and three ways to cheat. A day is a pure function of its date and of `SEED`:
what began on earlier days (compromised terminals, stolen cards) is drawn again from those days' own seeds, so
any day can be made alone, in any order, also today's. One payment in a hundred is fraud:

- compromised terminals: every `TERMINAL_EVERY` days one more terminal is tampered with, for `TERMINAL_DAYS`
  days; a share of `TERMINAL_SHARE` of its payments is fraud, by all channels, of somewhat larger amounts;
- stolen cards: on average `CARDS_A_DAY` customers a day lose their card's data for `CARD_DAYS` (from, to)
  days; a share of `CARD_SHARE` of their payments is the thief's: `CARD_FACTOR` times the amount, abroad,
  mostly at night and online;
- large single amounts: a share of `LARGE_SHARE` of all payments, `LARGE_FACTOR` times the customer's usual
  amount.

Ground truth, for whoever asks whether the drift report finds it:

- sudden: from `SUDDEN` on a payment app moves a third of the chip payments online, and online amounts are 1.5
  times as large;
- gradual: prices rise from `GRADUAL_FROM` to `GRADUAL_TO`, in a straight line, by a quarter in all, and stay
  there;
- seasonal: more payments at weekends (and more of them at night), and a third more in December.

About 2 % of the rows are dirty, as `DIRT` says.

Beside payments there are two lists, as they are at each midnight: customers (where they live, and their
card's limit), and terminals (when each was last inspected: every `INSPECTED_EVERY` days, and when what has
been tampered with is found, which is the end of it).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

SEED = 20260301
CUSTOMERS = 600
TERMINALS = 200
PAYMENTS_A_DAY = 4.6  # of a customer, on average
FAVOURITES = 10  # terminals that a customer uses nearly always

COUNTRIES = np.array(["DE", "FR", "NL", "AT", "IT", "ES", "PL", "GB", "US", "TR"])
# the share of customers who live there
HOMES = np.array([0.62, 0.10, 0.08, 0.07, 0.05, 0.03, 0.03, 0.02, 0.0, 0.0])
CHANNELS = np.array(["chip", "contactless", "online"])
CHIP, CONTACTLESS, ONLINE = range(3)

TERMINAL_EVERY = 12
TERMINAL_DAYS = 24
TERMINAL_SHARE = 0.6
TERMINAL_FACTOR = 2.0
CARDS_A_DAY = 0.5
CARD_DAYS = (10, 14)
CARD_SHARE = 0.45
CARD_FACTOR = 4.0
INSPECTED_EVERY = 90
INSPECTED = time(6)  # before shops open
LARGE_SHARE = 0.001
LARGE_FACTOR = 9.0

SUDDEN = date(2026, 3, 4)
SUDDEN_MOVED = 1 / 3
SUDDEN_FACTOR = 1.5
GRADUAL_FROM = date(2026, 2, 1)
GRADUAL_TO = date(2026, 4, 30)
GRADUAL_RISE = 0.25
WEEKEND_VOLUME = 1.2
DECEMBER_VOLUME = 1.33

# What goes wrong on the way to us -> share of the rows.
DIRT = {
    "sent twice": 0.005,
    "amount missing": 0.0015,
    "amount -999": 0.0015,
    "amount negative": 0.001,
    "channel missing": 0.003,
    "channel misspelt": 0.006,
    "country missing": 0.003,
}
MISSPELT = {
    CHIP: ("CHIP", "Chip"),
    CONTACTLESS: ("nfc", "contact-less"),
    ONLINE: ("web", "ecom", "ONLINE", "Online"),
}
CHANNEL_MISSING = ("", "unknown", None)

Numbers = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Town:
    """Who lives there, and how they pay; arrays with one entry (or row) a customer."""

    mean_amount: Numbers
    payments_a_day: Numbers
    home: Indices  # into COUNTRIES
    channels: Numbers  # customers x channels, rows add up to 1
    favourites: Indices  # customers x FAVOURITES, terminals


@dataclass
class Payments:
    """A day's payments while they are made; arrays with one entry a payment."""

    customer: Indices
    terminal: Indices
    second: Indices  # of the day
    amount: Numbers
    channel: Indices
    country: Indices
    fraud: npt.NDArray[np.bool_]


def payments(day: date) -> pa.Table:
    """One day's payments in order of time, in the columns of `include/use_cases/card_fraud.yaml`.

    Returns:
        payment_id, paid_at (naive UTC), customer_id, terminal_id, amount (euros), channel, country, is_fraud
        (0 or 1).
    """
    rng = _rng(day.toordinal(), "payments")
    made = _honest(day, rng)
    _cheat_at_terminals(made, day, rng)
    _cheat_with_stolen_cards(made, day, rng)
    _cheat_once(made, rng)
    return _table(made, day, _rng(day.toordinal(), "dirt"))


def customers(day: date) -> pa.Table:
    """All customers as they are at a day's midnight.

    Returns:
        customer_id, as_of (naive UTC), home (a country), card_limit (euros).
    """
    town = _town()
    # five times what is usual, in hundreds, as banks like it
    limit = np.ceil(town.mean_amount * 5 / 100) * 100
    return pa.table(
        {
            "customer_id": _named("c", CUSTOMERS, np.arange(CUSTOMERS)),
            "as_of": _midnights(day, CUSTOMERS),
            "home": pa.array(COUNTRIES[town.home], pa.string()),
            "card_limit": pa.array(limit),
        }
    )


def terminals(day: date) -> pa.Table:
    """All terminals as they are at a day's midnight.

    Returns:
        terminal_id, as_of (naive UTC), inspected_at (naive UTC; missing where the last time was before all
        days that there are).
    """
    numbers = np.arange(TERMINALS)
    last = day.toordinal() - 1 - (day.toordinal() - 1 - 7 * numbers) % INSPECTED_EVERY
    for found in range(day.toordinal() - INSPECTED_EVERY, day.toordinal()):
        if (found - TERMINAL_DAYS) % TERMINAL_EVERY == 0:
            terminal = _rng(found - TERMINAL_DAYS, "terminals").integers(TERMINALS)
            last[terminal] = max(last[terminal], found)
    at = [datetime.combine(date.fromordinal(one), INSPECTED) if one > 0 else None for one in last.tolist()]
    return pa.table(
        {
            "terminal_id": _named("t", TERMINALS, numbers),
            "as_of": _midnights(day, TERMINALS),
            "inspected_at": pa.array(at, pa.timestamp("us")),
        }
    )


def compromised_terminals(day: date) -> Indices:
    """The terminals that are tampered with on this day."""
    today = day.toordinal()
    starts = [day for day in range(today - TERMINAL_DAYS + 1, today + 1) if day % TERMINAL_EVERY == 0]
    return np.array([_rng(started, "terminals").integers(TERMINALS) for started in starts], dtype=np.int64)


def stolen_cards(day: date) -> Indices:
    """The customers whose cards are in a thief's hands on this day."""
    today = day.toordinal()
    found = []
    for started in range(today - CARD_DAYS[1] + 1, today + 1):
        rng = _rng(started, "cards")
        customers = rng.integers(CUSTOMERS, size=rng.poisson(CARDS_A_DAY))
        lasts = rng.integers(CARD_DAYS[0], CARD_DAYS[1] + 1, size=len(customers))
        found.append(customers[started + lasts > today])
    return np.concatenate(found)


def price_level(day: date) -> float:
    """The gradual change: 1 before it, 1 + `GRADUAL_RISE` after it."""
    share = (day - GRADUAL_FROM) / (GRADUAL_TO - GRADUAL_FROM)
    return 1 + GRADUAL_RISE * min(max(share, 0.0), 1.0)


def volume(day: date) -> float:
    """The seasonal change: how many times the usual number of payments."""
    return (WEEKEND_VOLUME if _weekend(day) else 1.0) * (DECEMBER_VOLUME if day.month == 12 else 1.0)


def _weekend(day: date) -> bool:
    return day.weekday() >= 5


def _rng(day: int, purpose: str) -> np.random.Generator:
    """A stream of its own for each day and purpose.

    The offset keeps the days before year 1, of the first days' past, positive.
    """
    return np.random.default_rng([SEED, day + 1000, *purpose.encode()])


@cache
def _town() -> Town:
    rng = _rng(0, "town")
    return Town(
        mean_amount=rng.lognormal(3.3, 0.5, CUSTOMERS),
        payments_a_day=PAYMENTS_A_DAY * rng.gamma(4, 1 / 4, CUSTOMERS),
        home=rng.choice(len(COUNTRIES), CUSTOMERS, p=HOMES),
        channels=rng.dirichlet([3.5, 4, 2.5], CUSTOMERS),
        favourites=rng.integers(TERMINALS, size=(CUSTOMERS, FAVOURITES)),
    )


def _honest(day: date, rng: np.random.Generator) -> Payments:
    """What the town pays on a day on which nobody cheats."""
    town = _town()
    customer = np.repeat(np.arange(CUSTOMERS), rng.poisson(town.payments_a_day * volume(day)))
    n = len(customer)
    channel = (rng.random(n)[:, None] > town.channels[customer].cumsum(axis=1)[:, :-1]).sum(axis=1)
    if day >= SUDDEN:
        channel[(channel == CHIP) & (rng.random(n) < SUDDEN_MOVED)] = ONLINE
    online = channel == ONLINE
    amount = town.mean_amount[customer] * rng.lognormal(-0.2, 0.65, n) * price_level(day)
    amount[online] *= 1.2 * (SUDDEN_FACTOR if day >= SUDDEN else 1)
    at_home = rng.random(n) < np.where(online, 0.85, 0.96)
    usual = rng.random(n) < 0.92
    return Payments(
        customer=customer,
        terminal=np.where(
            usual,
            town.favourites[customer, rng.integers(FAVOURITES, size=n)],
            rng.integers(TERMINALS, size=n),
        ),
        second=_seconds(n, night_share=0.12 if _weekend(day) else 0.06, rng=rng),
        amount=amount,
        channel=channel,
        country=np.where(at_home, town.home[customer], rng.integers(len(COUNTRIES), size=n)),
        fraud=np.zeros(n, dtype=bool),
    )


def _seconds(n: int, night_share: float, rng: np.random.Generator) -> Indices:
    """Seconds of the day: most around two in the afternoon, a share between midnight and six."""
    hour = np.where(
        rng.random(n) < night_share, rng.uniform(0, 6, n), np.clip(rng.normal(14, 3.5, n), 6, 23.999)
    )
    return (hour * 3600).astype(np.int64)


def _cheat_at_terminals(made: Payments, day: date, rng: np.random.Generator) -> None:
    at = np.isin(made.terminal, compromised_terminals(day)) & (rng.random(len(made.fraud)) < TERMINAL_SHARE)
    made.amount[at] *= TERMINAL_FACTOR
    made.fraud |= at


def _cheat_with_stolen_cards(made: Payments, day: date, rng: np.random.Generator) -> None:
    thief = np.isin(made.customer, stolen_cards(day)) & (rng.random(len(made.fraud)) < CARD_SHARE)
    n = int(thief.sum())
    made.amount[thief] *= CARD_FACTOR * rng.lognormal(0, 0.3, n)
    made.country[thief] = rng.integers(len(COUNTRIES), size=n)
    made.second[thief] = _seconds(n, night_share=0.6, rng=rng)
    made.channel[thief] = np.where(rng.random(n) < 0.7, ONLINE, made.channel[thief])
    made.fraud |= thief


def _cheat_once(made: Payments, rng: np.random.Generator) -> None:
    once = rng.random(len(made.fraud)) < LARGE_SHARE
    made.amount[once] = (
        _town().mean_amount[made.customer[once]] * LARGE_FACTOR * rng.lognormal(0, 0.3, int(once.sum()))
    )
    made.fraud |= once


def _table(made: Payments, day: date, rng: np.random.Generator) -> pa.Table:
    """The rows as they reach us: in order of time, with a little dirt."""
    order = np.argsort(made.second, kind="stable")
    amount = np.maximum(made.amount[order].round(2), 0.01)
    n = len(order)
    amount[rng.random(n) < DIRT["amount -999"]] = -999
    negative = (rng.random(n) < DIRT["amount negative"]) & (amount > 0)
    amount[negative] *= -1
    channel = CHANNELS[made.channel[order]].astype(object)
    for row in np.flatnonzero(rng.random(n) < DIRT["channel misspelt"]):
        channel[row] = rng.choice(MISSPELT[int(made.channel[order[row]])])
    for row in np.flatnonzero(rng.random(n) < DIRT["channel missing"]):
        channel[row] = CHANNEL_MISSING[rng.integers(len(CHANNEL_MISSING))]
    midnight = np.datetime64(datetime(day.year, day.month, day.day), "us")
    name = day.isoformat().replace("-", "")
    table = pa.table(
        {
            "payment_id": [f"{name}-{number:05}" for number in range(n)],
            "paid_at": pa.array(midnight + made.second[order].astype("timedelta64[s]"), pa.timestamp("us")),
            "customer_id": _named("c", CUSTOMERS, made.customer[order]),
            "terminal_id": _named("t", TERMINALS, made.terminal[order]),
            "amount": pa.array(amount, mask=rng.random(n) < DIRT["amount missing"]),
            "channel": pa.array(channel, pa.string()),
            "country": pa.array(
                COUNTRIES[made.country[order]], pa.string(), mask=rng.random(n) < DIRT["country missing"]
            ),
            "is_fraud": pa.array(made.fraud[order].astype(np.int64)),
        }
    )
    twice = np.flatnonzero(rng.random(n) < DIRT["sent twice"])
    return table.take(np.sort(np.concatenate([np.arange(n), twice])))


def _midnights(day: date, n: int) -> pa.Array:
    return pa.array([datetime(day.year, day.month, day.day)] * n, pa.timestamp("us"))


def _named(letter: str, n: int, numbers: Indices) -> pa.Array:
    return pa.array([f"{letter}{number:03}" for number in range(n)]).take(numbers)
