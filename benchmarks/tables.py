"""What cleansing and features cost: Sluice's way, from its store to its store, beside careful pandas on one
table in memory.

Run as `python -m benchmarks.tables [rows] [rounds] [contestant]...`: seconds and peak memory of each, a round
at a time in turns, and how many times pandas' time Sluice takes; DECISIONS.md quotes it. Ten million rows
need 8 GB of disk in the temp folder, and 14 GB of memory for pandas.

Both read the same 30 columns with untidy texts, codes for missing, bad rows and copies, and write clean rows,
rows put aside and features: clipped and plain numbers, and of each customer the last payment, counts, sums,
means and maxima of 1, 7 and 28 days, and the frauds that are known. It fails if their clean rows or their
features differ. Each contestant runs in a process of its own, so that the peak memory is its own. Sluice
takes the two steps as a run takes them: checksums on reading, fsync and checksums on writing, and nothing
kept from one to the other but the published table. pandas keeps the clean rows in memory, and neither reads
them again nor checks anything.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from benchmarks import gates

# The process that only starts others stays small: a child's peak memory begins with that of its parent.
if TYPE_CHECKING:
    import pandas as pd

    from pipelines.core.config import UseCase
    from pipelines.storage.store import Store

ROWS, ROUNDS = 1_000_000, 5
PARTITION = date(2026, 3, 1)
DAYS = 60

# No two payments are of the same moment, so that pandas' frames are the same without a rule for ties. One row
# in 400 is an exact copy of the row before it, and one in 400 has the key of the row before it.
COLUMNS = gates.COLUMNS | {
    "payment_id": "'P' || printf('%012d', ((i - (i % 400 = 200)::INTEGER) * 7919) % 100000000007)",
    "paid_at": (
        f"TIMESTAMP '2026-01-01' + to_microseconds(((i * 7368787) % {{rows}}) * ({DAYS * 86_400_000_000} //"
        " {rows}))"
    ),
    "customer_id": (
        "CASE WHEN u(i, 3) < 0.002 THEN NULL ELSE ' C' || (u(i, 3) * {rows} / 50)::BIGINT || ' ' END"
    ),
    "channel": (
        "['chip', 'Online', ' web', 'ecom ', 'NFC', 'unknown', 'contact-less'][1 + (u(i, 6) * 7)::INTEGER"
        " % 7]"
    ),
    "country": (
        "CASE WHEN u(i, 5) < 0.05 THEN NULL ELSE ['DE', 'FR', 'PL ', 'AT', 'IT', 'ES', 'NL', 'BE'][1 + (u(i,"
        " 7) * 8)::INTEGER % 8] END"
    ),
    "amount": (
        "CASE WHEN u(i, 26) < {bad} THEN -1 WHEN u(i, 26) > 0.99 THEN -999 ELSE"
        f" {gates.COLUMNS['amount']} END"
    ),
    "note": "CASE WHEN u(i, 23) < 0.7 THEN NULL ELSE 'delivered  to ' || (u(i, 24) * 100000)::BIGINT END",
}
BAD = 0.005  # the share of rows that a rule sends to quarantine, besides copies and rows without customer
CHANNELS = {"contactless": ["nfc", "contact-less"], "online": ["web", "ecom"]}
AS_THEY_ARE = ("fee", "balance", "age", "items", "refund", "weekend", *(f"number_{n}" for n in range(11)))

USE_CASE = f"""
name: benchmark
title: Which payments are bad?
task: binary
source: {{kind: python, function: "tests.helpers.tiny:payments"}}
columns:
  payment_id: {{type: string, role: key}}
  paid_at: {{type: timestamp, role: time}}
  settled_on: {{type: date}}
  customer_id: {{type: string, required: true}}
  terminal_id: {{type: integer}}
  channel: {{type: string, allowed: [chip, online, contactless]}}
  country: {{type: string}}
  currency: {{type: string, allowed: [EUR, PLN]}}
  email: {{type: string}}
  card: {{type: string}}
  amount: {{type: number, min: 0}}
  fee: {{type: number, min: 0}}
  balance: {{type: number}}
  age: {{type: integer, min: 0, max: 120}}
  items: {{type: integer, min: 1}}
  refund: {{type: number}}
  weekend: {{type: boolean}}
  note: {{type: string}}
  is_fraud: {{type: integer, role: label, allowed: [0, 1]}}
{"".join(f"  number_{n}: {{type: number}}{chr(10)}" for n in range(11))}
label: {{positive: 1, delay_days: 7}}
cleanse:
  lower: [channel]
  missing: {{amount: [-999], channel: [unknown]}}
  merge: {{channel: {CHANNELS}}}
  fill: {{channel: chip, country: XX}}
features:
  windows:
    day: {{by: [customer_id], since: 1d}}
    week: {{by: [customer_id], since: 7d}}
    month: {{by: [customer_id], since: 28d}}
    known: {{by: [customer_id], since: 28d, until: 7d}}
  numbers:
    amount: if(amount > 500, 500, amount)
    log_amount: ln(1 + amount)
    hour: hour(paid_at)
    payments_1d: count(*) over day
    payments_7d: count(*) over week
    mean_7d: avg(amount) over week
    sum_28d: sum(amount) over month
    max_28d: max(amount) over month
    to_mean: amount / (1 + avg(amount) over month)
    last_amount: last_value(amount) over month
    hours_since_last: (epoch(paid_at) - epoch(last_value(paid_at) over month)) / 3600
    frauds: coalesce(sum(is_fraud) over known, 0)
{"".join(f"    {name}: {name}{chr(10)}" for name in AS_THEY_ARE)}
  categories: {{channel: channel, country: country, currency: currency}}
split: {{window_days: {DAYS}, by: time, test: 0.25, folds: {{by: time, n: 3}}}}
candidates: {{baseline: {{}}, xgboost: {{}}}}
metric: {{name: aucpr}}
threshold: {{policy: max_recall, precision: 0.5}}
demo: {{training: {PARTITION}}}
"""


@dataclass(frozen=True)
class Measured:
    """Seconds of each step by the clock, and of CPU of both; the process's peak memory in MB.

    How many rows each table has.
    """

    cleanse: float
    features: float
    cpu: float
    peak: float
    rows: tuple[int, int, int]

    @property
    def seconds(self) -> float:
        """Of both steps, by the clock."""
        return self.cleanse + self.features


def store(folder: Path) -> Store:
    """The partition in which the tables lie, as a new task opens it."""
    from pipelines.storage.store import Store, Version

    return Store(folder, "benchmark", "training", PARTITION, Version(use_case="", code=""))


def use_case() -> UseCase:
    """The facts of the benchmark."""
    import yaml

    from pipelines.core.config import UseCase

    return UseCase.model_validate(yaml.safe_load(USE_CASE))


def write(folder: Path, rows: int, bad: float = BAD) -> int:
    """Write the raw table, and return the size of its file in bytes."""
    own = store(folder)
    own.connection.execute(f"CREATE MACRO u(i, k) AS hash(i, k, {gates.SEED}) / 18446744073709551616.0")
    columns = ", ".join(
        f'{sql.format(rows=rows, seed=gates.SEED, bad=bad)} AS "{name}"' for name, sql in COLUMNS.items()
    )
    # Every 400th row is its neighbour again.
    own.write(
        "raw",
        own.connection.sql(
            f"SELECT {columns} FROM (SELECT n - (n % 400 = 0)::INTEGER AS i FROM range(1, {rows + 1}) t(n))"
        ),
    )
    return sum(path.stat().st_size for path in gates.files(own, "raw"))


# --- the contestants: each does its steps, and returns the seconds of each and the rows of clean, quarantine and features


def sluice(folder: Path) -> tuple[float, float, tuple[int, int, int]]:
    """As a training does it, without the split."""
    import pandas as pd
    import pyarrow.parquet as pq  # noqa: F401 - imported before the clock, as by pandas' contestant

    from pipelines.steps.cleanse import cleanse
    from pipelines.steps.features import compute

    facts, first = use_case(), store(folder)
    pd.DataFrame()
    start = time.perf_counter()
    clean, bad, _ = cleanse(first.read("raw"), facts, PARTITION)
    quarantine = first.write("quarantine", bad)
    cleaned = first.write("clean", clean)
    first.connection.close()
    between = time.perf_counter()
    second = store(folder)
    computed = second.write("features", compute(second.read("clean"), None, facts))
    return between - start, time.perf_counter() - between, (cleaned.rows, quarantine.rows, computed.rows)


def pandas(folder: Path) -> tuple[float, float, tuple[int, int, int]]:
    """As somebody who knows pandas would write it: vectorised, few distinct texts as categories, one sort for
    each purpose.
    """
    import pyarrow.parquet as pq  # noqa: F401 - imported before the clock

    raw = store(folder)
    start = time.perf_counter()
    clean, aside = pandas_cleanse(gates.in_pandas(raw, "raw"))
    aside.to_parquet(folder / "pandas_quarantine.parquet", compression="lz4", index=False)
    clean.to_parquet(folder / "pandas_clean.parquet", compression="lz4", index=False)
    between = time.perf_counter()
    computed = pandas_features(clean)
    computed.to_parquet(folder / "pandas_features.parquet", compression="lz4", index=False)
    return between - start, time.perf_counter() - between, (len(clean), len(aside), len(computed))


def pandas_cleanse(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Clean rows in order of their time, and the rows put aside with their reason."""
    import pandas as pd

    for column in ("payment_id", "customer_id", "email", "card", "note"):
        rows[column] = rows[column].str.replace(r"\s+", " ", regex=True).str.strip()
    spellings = {spelling: kept for kept, merged in CHANNELS.items() for spelling in merged} | {
        "unknown": None
    }
    for column in ("channel", "country", "currency"):
        words = rows[column].drop_duplicates().dropna()
        tidy = words.str.replace(r"\s+", " ", regex=True).str.strip()
        if column == "channel":
            tidy = tidy.str.lower().map(lambda word: spellings.get(word, word))
        rows[column] = rows[column].map(dict(zip(words, tidy, strict=True)))
    rows = rows.fillna({"channel": "chip", "country": "XX"})
    rows["amount"] = rows["amount"].mask(rows["amount"] == -999)
    broken = {
        "customer_id: missing": rows["customer_id"].isna(),
        "channel: not allowed": ~rows["channel"].isin(["chip", "online", "contactless"]),
        "currency: not allowed": ~rows["currency"].isin(["EUR", "PLN"]),
        "amount: below 0": rows["amount"] < 0,
        "fee: below 0": rows["fee"] < 0,
        "age: below 0": rows["age"] < 0,
        "age: above 120": rows["age"] > 120,
        "items: below 1": rows["items"] < 1,
        "is_fraud: not allowed": ~rows["is_fraud"].isin([0, 1]),
    }
    bad = pd.concat(broken, axis=1).any(axis=1)
    reasons = pd.Series("", index=rows.index[bad])
    for reason, mask in broken.items():
        reasons = reasons.mask(mask[bad], reasons + "; " + reason)
    aside = rows[bad].assign(reasons=reasons.str.removeprefix("; "))
    good = rows[~bad].sort_values("paid_at", kind="stable", ignore_index=True)
    copies = good.duplicated("payment_id", keep="first")
    return good[~copies], pd.concat([aside, good[copies].assign(reasons="duplicate")])


def pandas_features(clean: pd.DataFrame) -> pd.DataFrame:
    """Features of each row, in order of its time."""
    import numpy as np
    import pandas as pd

    # Sorted once by customer and time, so that each rolling result can be taken as it comes.
    rows = clean[["customer_id", "paid_at", "amount", "is_fraud"]].copy()
    rows["customer_id"] = rows["customer_id"].astype("category")
    rows = rows.sort_values(["customer_id", "paid_at"])
    rows["ones"] = 1.0
    grouped = rows.groupby("customer_id", observed=True, sort=False)

    def rolling(column: str, days: int, closed: Literal["left", "neither"] = "left") -> Any:
        return grouped.rolling(f"{days}D", on="paid_at", closed=closed, min_periods=1)[column]

    amount, at = rows["amount"], rows["paid_at"]
    last_at, last_amount = grouped["paid_at"].shift(1), grouped["amount"].shift(1)
    recent = (at - last_at) <= pd.Timedelta("28D")
    month = rolling("amount", 28)
    computed = {
        "amount": amount.clip(upper=500),
        "log_amount": np.log1p(amount),
        "hour": at.dt.hour,
        "payments_1d": np.nan_to_num(rolling("ones", 1).sum().to_numpy()),
        "payments_7d": np.nan_to_num(rolling("ones", 7).sum().to_numpy()),
        "mean_7d": rolling("amount", 7).mean().to_numpy(),
        "sum_28d": month.sum().to_numpy(),
        "max_28d": month.max().to_numpy(),
        "to_mean": amount / (1 + month.mean().to_numpy()),
        "last_amount": last_amount.where(recent),
        "hours_since_last": ((at - last_at).dt.total_seconds() / 3600).where(recent),
        "frauds": (
            np.nan_to_num(rolling("is_fraud", 28).sum().to_numpy())
            - np.nan_to_num(rolling("is_fraud", 7, closed="neither").sum().to_numpy())
        ),
    }
    windows = pd.DataFrame(computed, index=rows.index).astype("float32").reindex(clean.index)
    facts = clean[["payment_id", "paid_at", "is_fraud"]]
    plain = clean[list(AS_THEY_ARE)].astype("float32")
    return pd.concat([facts, windows, plain, clean[["channel", "country", "currency"]]], axis=1)


CONTESTANTS: dict[str, Callable[[Path], tuple[float, float, tuple[int, int, int]]]] = {
    "Sluice": sluice,
    "pandas": pandas,
}


# --- the race


def measure(contestant: str, folder: Path) -> Measured:
    """Let one contestant run in this process."""
    start = time.process_time()
    cleanse, features, rows = CONTESTANTS[contestant](folder)
    cpu = time.process_time() - start
    return Measured(cleanse, features, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, rows)


def differing(folder: Path) -> list[str]:
    """How the contestants' tables differ, in a sentence for each column: not at all, but for the rounding of
    float32.
    """
    import duckdb

    connection, found = duckdb.connect(), []
    for table in ("clean", "features"):
        ours, theirs = (
            [str(path) for path in gates.files(store(folder), table)],
            str(folder / f"pandas_{table}.parquet"),
        )
        described = connection.execute(f"DESCRIBE FROM read_parquet({ours})").fetchall()
        for column, type_, *_ in described:
            unequal = "a IS DISTINCT FROM b"
            if type_ in ("FLOAT", "DOUBLE"):
                off = "1e-9" if type_ == "DOUBLE" else "2e-7"
                b = "if(isnan(b), NULL, b)"  # pandas writes what is missing as NaN
                unequal = f"NOT coalesce(abs(a - {b}) <= {off} * (1 + abs(a)), a IS NULL AND {b} IS NULL)"
            # Both are in order of their time, and no two rows of one moment.
            ((rows, wrong),) = connection.execute(
                f"""SELECT count(*), count(*) FILTER ({unequal}) FROM (SELECT "{column}" AS a FROM read_parquet({ours}))
                    POSITIONAL JOIN (SELECT "{column}" AS b FROM read_parquet('{theirs}'))"""
            ).fetchall()
            if wrong:
                found.append(f"{table}.{column}: {wrong:,} of {rows:,} rows differ")
    return found


def race(folder: Path, rounds: int, contestants: Sequence[str]) -> dict[str, list[Measured]]:
    """Let the contestants run on the raw table of a folder, in turns."""
    runs: dict[str, list[Measured]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, measured in runs.items():
            measured.append(gates.alone(measure, name, folder))
    return runs


def results(rows: int, rounds: int, contestants: Sequence[str] = tuple(CONTESTANTS)) -> list[dict[str, Any]]:
    """Race on a table of so many rows; a line for each contestant: medians, and the greatest peak.

    Raises:
        SystemExit: the contestants' tables differ.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        gates.alone(write, folder, rows)
        runs = race(folder, rounds, contestants)
        if len(contestants) > 1 and (found := gates.alone(differing, folder)):
            sys.exit("they differ\n" + "\n".join(found))
    return [
        {
            "contestant": name,
            "rows": rows,
            "cleanse": median(run.cleanse for run in measured),
            "features": median(run.features for run in measured),
            "seconds": median(run.seconds for run in measured),
            "cpu": median(run.cpu for run in measured),
            "peak_mb": max(run.peak for run in measured),
            "to_sluice": median(
                run.seconds / ours.seconds for run, ours in zip(measured, runs[contestants[0]], strict=True)
            ),
        }
        for name, measured in runs.items()
    ]


def main(arguments: Sequence[str]) -> None:
    """Print for each contestant the medians of its seconds, its greatest peak memory, and its time beside
    Sluice's.
    """
    numbers = [int(argument.replace("_", "")) for argument in arguments if argument[0].isdigit()]
    rows, rounds = [*numbers, *(ROWS, ROUNDS)[len(numbers) :]]
    print(f"{rows:,} rows, {len(COLUMNS)} columns, {rounds} rounds", flush=True)
    print(f"  {'':10}{'cleanse':>9}{'features':>10}{'both':>8}{'of CPU':>9}{'peak MB':>9}{'to Sluice':>11}")
    for line in results(
        rows, rounds, [argument for argument in arguments if argument in CONTESTANTS] or tuple(CONTESTANTS)
    ):
        print(
            f"  {line['contestant']:10}{line['cleanse']:9.2f}{line['features']:10.2f}{line['seconds']:8.2f}{line['cpu']:9.2f}"
            f"{line['peak_mb']:9,.0f}{line['to_sluice']:10.2f}x"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
