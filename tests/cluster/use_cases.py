"""Two use cases: the tiny one, and one whose night is dealt into sixteen slices."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.parts import ROW_GROUP
from tests import tiny

TRAINING, NIGHT = date(2026, 1, 31), date(2026, 2, 1)
SLICES = 16
ROWS_A_DAY = 2000  # of the days to train on
SLICED = "sliced"

# Without windows, and with one model: what takes its time is the night.
YAML = """
name: sliced
title: Which readings are bad? One row is one reading.
task: binary
source: {kind: file, path: "PLACE/{partition}.parquet", format: {type: parquet}}
columns:
  id:     {type: string, role: key}
  at:     {type: timestamp, role: time}
  amount: {type: number, min: 0}
  other:  {type: number}
  bad:    {type: integer, role: label, allowed: [0, 1]}
label: {positive: 1, delay_days: 2}
features:
  numbers: {amount: amount, other: other, log_amount: ln(1 + amount)}
split: {window_days: 10, by: time, test: 0.25, folds: {by: time, n: 3}}
candidates: {baseline: {}, linear: {grid: {C: [1]}}}
metric: {name: aucpr}
threshold: {policy: max_recall, precision: 0.5}
promotion: {unit: row}
limits: {slice_rows: 100_000}
demo: {training: 2026-01-31}
"""


def write(folder: Path) -> None:
    """Write both use-case files into `use_cases`, and the larger one's rows into `rows`."""
    (folder / "use_cases").mkdir(parents=True)
    (folder / "rows").mkdir()
    (folder / "use_cases" / f"{tiny.NAME}.yaml").write_text(tiny.YAML)
    (folder / "use_cases" / f"{SLICED}.yaml").write_text(YAML.replace("PLACE", str(folder / "rows")))
    for back in range(15):
        _write_day(folder / "rows", TRAINING - timedelta(days=back), ROWS_A_DAY)
    _write_day(folder / "rows", NIGHT, SLICES * ROW_GROUP)


def _write_day(folder: Path, day: date, rows: int) -> None:
    midnight = datetime(day.year, day.month, day.day)
    step = timedelta(microseconds=86_000_000_000 // rows)
    turns = [(day.toordinal() * 31 + n * 17) % 101 for n in range(rows)]
    table = pa.table(
        {
            "id": [f"{day:%Y%m%d}-{n:07}" for n in range(rows)],
            "at": [midnight + step * n for n in range(rows)],
            "amount": [turn + n % 97 / 97 for n, turn in enumerate(turns)],
            "other": [float(n * 37 % 89) for n in range(rows)],
            "bad": [int(turn > 70) ^ int(turn % 23 == 0) for turn in turns],
        }
    )
    pq.write_table(table, folder / f"{day}.parquet")
