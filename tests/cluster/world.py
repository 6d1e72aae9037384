"""What the cluster works on: a use case whose nights are scored in sixteen slices, one whose source changes,
and many whose nights are small.
"""

from __future__ import annotations

import os
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

SLICED, CHANGING = "sliced", "changing"
TRAINING, NIGHT = date(2026, 1, 31), date(2026, 2, 1)
SHARDS, GROUP = 16, 100_000  # rows of a row group, which is the least that a slice has
FEW = 400  # rows a day that is trained on

YAML = """
name: {name}
title: Which payments are bad? One row is one payment.
task: binary
source: {{kind: python, function: "tests.cluster.world:{function}"}}
columns:
  id:      {{type: string, role: key}}
  at:      {{type: timestamp, role: time}}
  amount:  {{type: number, min: 0}}
  channel: {{type: string, allowed: [chip, online]}}
  bad:     {{type: integer, role: label, allowed: [0, 1]}}
label: {{positive: 1, delay_days: 1}}
features:
  numbers: {{amount: amount, log_amount: ln(1 + amount)}}
  categories: {{channel: channel}}
split: {{window_days: 10, by: time, test: 0.25, folds: {{by: time, n: 2}}}}
candidates:
  baseline: {{}}
  linear: {{grid: {{C: [1]}}}}
metric: {{name: aucpr}}
threshold: {{policy: max_recall, precision: 0.5}}
promotion: {{unit: row, slice_rows: 20}}
limits: {{shard_rows: {shard_rows}}}
{schedule}
demo: {{training: 2026-01-31}}
"""


def write(folder: Path, name: str, function: str, shard_rows: int = GROUP, schedule: str = "") -> None:
    """Write a use-case file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yaml").write_text(
        YAML.format(name=name, function=function, shard_rows=shard_rows, schedule=schedule)
    )


def many(day: date) -> pa.Table:
    """A night of sixteen row groups; the days that are trained on have few rows."""
    return _payments(day, SHARDS * GROUP if day >= NIGHT else FEW)


def few(day: date) -> pa.Table:
    """A day of few rows."""
    return _payments(day, FEW)


def changing(day: date) -> pa.Table:
    """A day of few rows, whose channels nobody knows as long as a file says so."""
    rows = few(day)
    if not damaged(Path(os.environ["SLUICE_USE_CASES"])).exists():
        return rows
    return rows.set_column(rows.schema.get_field_index("channel"), "channel", pa.array(["fax"] * len(rows)))


def damaged(folder: Path) -> Path:
    """The file beside the use cases that damages what `changing` delivers."""
    return folder / "damaged"


def _payments(day: date, rows: int) -> pa.Table:
    """Payments of a day, the same each time: bad where the amount is high and the channel is online, with
    exceptions.
    """
    n = np.arange(rows)
    turn = (day.toordinal() * 31 + n * 17) % 100
    online = (n + day.day) % 3 > 0
    start = np.datetime64(datetime(day.year, day.month, day.day), "us")
    return pa.table(
        {
            "id": [f"{day:%Y%m%d}-{number:07}" for number in range(rows)],
            "at": start + (n * (86_000_000_000 // rows)).astype("timedelta64[us]"),
            "amount": turn + n / rows,
            "channel": np.where(online, "online", "chip"),
            "bad": (((turn > 70) & online) ^ (turn % 23 == 0)).astype(np.int64),
        }
    )
