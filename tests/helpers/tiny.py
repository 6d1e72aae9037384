"""A use case of a few rows a day, whose rows can be worked out by hand: the tests' shared ground."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pyarrow as pa

NAME = "tiny"
FIRST_DAY = date(2026, 1, 1)
ROWS_A_DAY = 40

YAML = """
name: tiny
title: Which payments are bad? One row is one payment.
task: binary
source: {kind: python, function: "tests.helpers.tiny:payments"}
columns:
  id:       {type: string, role: key}
  at:       {type: timestamp, role: time}
  customer: {type: string, required: true}
  amount:   {type: number, min: 0}
  channel:  {type: string, allowed: [chip, online]}
  bad:      {type: integer, role: label, allowed: [0, 1]}
label: {positive: 1, delay_days: 2}
cleanse:
  lower: [channel]
  merge: {channel: {online: [web]}}
features:
  windows:
    week: {by: [customer], since: 7d}
    known: {by: [customer], since: 7d, until: 2d}
  numbers:
    amount: amount
    log_amount: ln(1 + amount)
    payments_7d: count(*) over week
    mean_7d: avg(amount) over week
    bad_before: avg(bad) over known
  categories: {channel: channel}
split:
  window_days: 20
  by: time
  test: 0.25
  folds: {by: time, n: 3}
candidates:
  baseline: {}
  linear: {grid: {C: [0.1, 1]}}
  xgboost: {grid: {n_estimators: [20], max_depth: [2, 3]}}
metric: {name: aucpr}
threshold: {policy: max_recall, precision: 0.5}
slices: [channel]
promotion: {unit: row, slice_rows: 20}
demo: {training: 2026-01-31}
"""


def payments(day: date) -> pa.Table:
    """Forty payments of ten customers: bad where the amount is high and the channel is online, with a few
    exceptions.
    """
    rows = []
    for n in range(ROWS_A_DAY):
        turn = (day.toordinal() * 31 + n * 17) % 100
        amount = float(turn) + n / 100
        channel = ("chip", "online", "WEB")[(n + day.day) % 3]
        bad = int(turn > 70 and channel != "chip") ^ int(turn % 23 == 0)
        at = datetime(day.year, day.month, day.day) + timedelta(minutes=30 * n)
        rows.append(
            {
                "id": f"{day:%Y%m%d}-{n:02}",
                "at": at,
                "customer": f"c{n % 10}",
                "amount": amount,
                "channel": channel,
                "bad": bad,
            }
        )
    return pa.Table.from_pylist(rows)


def limits(day: date) -> pa.Table:
    """What each customer may pay at most, told at noon and known an hour later."""
    at = datetime(day.year, day.month, day.day, 12)
    return pa.table(
        {
            "customer": [f"c{n}" for n in range(10)],
            "told": [at] * 10,
            "known": [at + timedelta(hours=1)] * 10,
            "most": [10.0 * (n + 1) for n in range(10)],
        }
    )
