"""What ingest costs: a CSV file of one day, 30 columns, to Parquet, beside pandas in chunks and two engines'
own streaming.

Run as `python -m benchmarks.ingest [rows] [rounds] [contestant]...`: seconds, CPU and peak memory of each, a
round at a time in turns, and how many times Sluice's time each takes. Ten million rows are a file of 2.5 GB,
and need 10 GB of disk in the temp folder. Polars is no part of Sluice: it takes part where it is installed,
e.g. `uv pip install --target <folder> polars` and PYTHONPATH.

What each does, in a process of its own:

- Sluice: the step `ingest` as a run takes it, with `limits.memory: 1GB`. Every value is read exactly or
  refused with its place ('1_000' and 'nan' are no numbers, a moment with an offset becomes UTC), every row is
  seen to be of its day, the rows are in order of time and key, the file is the same before and after; the
  table appears at once, after fsync, with a checksum.
- Sluice, out of order: the same, of a file with the same rows in another order: Sluice sorts them. No other
  contestant promises an order of time; all keep the file's.
- pandas: `read_csv` with declared types in chunks of as many rows as Sluice's row groups, each appended to a
  ParquetWriter.
- Polars: `scan_csv` with a schema, `sink_parquet`.
- DuckDB: COPY of `read_csv` with declared types, with 1 GB of memory.

The others repair in silence what their parsers can read, look at no day, compute no checksum and leave the
writing to the disk to the operating system. All compress by LZ4, and it fails if their tables differ.
"""

from __future__ import annotations

import importlib.util
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import gates

ROWS, ROUNDS = 10_000_000, 3
DAY = date(2026, 2, 1)
MEMORY = "1GB"

# Column -> the schema's type, and SQL of row i. The rows come in order of time, as most sources give them.
COLUMNS = {
    "payment_id": ("string", "'P' || printf('%09d', i)"),
    "paid_at": ("timestamp", f"TIMESTAMP '{DAY}' + to_microseconds((i * 86400000000 // {{rows}})::BIGINT)"),
    "customer_id": ("string", "'C' || (u(i, 3) * {rows} / 20)::BIGINT"),
    "terminal_id": ("integer", "(u(i, 4) * 5000)::BIGINT"),
    "channel": ("string", "['chip', 'online', 'swipe'][1 + (u(i, 6) * 2.99)::INTEGER % 3]"),
    "country": (
        "string",
        "['DE', 'FR', 'PL', 'AT', 'IT', 'ES', 'NL', 'BE'][1 + (u(i, 7) * 7.99)::INTEGER % 8]",
    ),
    "settled_on": ("date", f"DATE '{DAY}' + (u(i, 2) * 40)::INTEGER"),
    "weekend": ("boolean", "u(i, 22) < 0.28"),
    "age": ("integer", "CASE WHEN u(i, 17) < 0.05 THEN NULL ELSE 18 + (u(i, 18) * 70)::INTEGER END"),
    "items": ("integer", "1 + (u(i, 19) * 9)::INTEGER"),
    "is_fraud": ("integer", "(u(i, 25) < 0.01)::INTEGER"),
    "amount": ("number", gates.COLUMNS["amount"]),
    "balance": ("number", "CASE WHEN u(i, 15) < 0.02 THEN NULL ELSE round(u(i, 16) * 10000 - 500, 2) END"),
    "fee": ("number", gates.COLUMNS["fee"]),
    **{f"number_{n}": ("number", f"round(u(i, {30 + n}) * 1000 - 500, {4 + n % 2})") for n in range(16)},
}
DUCKDB = {
    "string": "VARCHAR",
    "timestamp": "TIMESTAMP",
    "date": "DATE",
    "boolean": "BOOLEAN",
    "integer": "BIGINT",
    "number": "DOUBLE",
}

USE_CASE = """
name: benchmark
title: A day of payments. One row is one payment.
task: binary
source: {{kind: file, path: "{path}", format: {{type: csv}}}}
columns:
{columns}
label: {{positive: 1, delay_days: 0}}
features: {{numbers: {{amount: amount}}}}
split: {{window_days: 20, by: time, test: 0.25, folds: {{by: time, n: 3}}}}
candidates: {{baseline: {{}}, linear: {{grid: {{C: [1]}}}}}}
metric: {{name: aucpr}}
threshold: {{policy: max_recall, precision: 0.5}}
demo: {{training: 2026-01-31}}
limits: {{memory: {memory}}}
"""
ROLES = {"payment_id": ", role: key", "paid_at": ", role: time", "is_fraud": ", role: label, allowed: [0, 1]"}
ORDERED, SHUFFLED = "in_order", "out_of_order"


@dataclass(frozen=True)
class Measured:
    """Seconds from file to file (by the clock and of CPU), the process's peak memory in MB, and what the
    table tells of itself.
    """

    seconds: float
    cpu: float
    peak: float
    found: list[Any]


def write(folder: Path, rows: int, shuffled: bool) -> int:
    """Write the file as its producer does, and return its size in bytes."""
    import duckdb

    path = folder / (SHUFFLED if shuffled else ORDERED) / f"{DAY}.csv"
    path.parent.mkdir()
    connection = duckdb.connect(config={"memory_limit": "2GB", "temp_directory": str(folder / "spill")})
    connection.execute(f"CREATE MACRO u(i, k) AS hash(i, k, {gates.SEED}) / 18446744073709551616.0")
    columns = ", ".join(
        f'{sql.format(rows=rows, seed=gates.SEED)} AS "{name}"' for name, (_, sql) in COLUMNS.items()
    )
    # A prime number of steps at a time goes through all rows once, unless their number is a multiple of it.
    number = f"(n * 7368787) % {rows}" if shuffled else "n"
    connection.execute(
        f"COPY (SELECT {columns} FROM (SELECT {number} AS i FROM range({rows}) AS numbers(n))) TO '{path}'"
        " (HEADER)"
    )
    return path.stat().st_size


# --- the contestants: each returns what is to be timed, and that where its table lies


def sluice(folder: Path, source: str = ORDERED) -> Callable[[], Path]:
    """As a run does it."""
    from pipelines import flow  # noqa: F401 (the step's own import is no part of its time)
    from pipelines.run.run import Run
    from pipelines.steps import ingest
    from pipelines.storage.settings import Settings

    place = folder / "sluice"
    place.mkdir(exist_ok=True)
    columns = "\n".join(
        f"  {name}: {{type: {type_}{ROLES.get(name, '')}}}" for name, (type_, _) in COLUMNS.items()
    )
    path = folder / source / "{partition}.csv"
    (place / "benchmark.yaml").write_text(USE_CASE.format(path=path, columns=columns, memory=MEMORY))
    settings = Settings(data=place / "data", use_cases=place, var=place, mlflow="", mirror=None)
    # of a kind that knows its labels, so that all tables are the same
    run_ = Run.open("benchmark", "drift", DAY, settings)

    def run() -> Path:
        from pipelines.core import dates

        ingest.stream(run_, dates.Days(DAY, DAY), partial(run_.store.write, "raw"))
        return run_.store.disk / "raw" / "*.parquet"

    return run


def pandas(folder: Path) -> Callable[[], Path]:
    """As its documents show it for files that are larger than memory."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    from pipelines.storage.parts import ROW_GROUP

    types = {"string": "str", "boolean": "bool", "integer": "Int64", "number": "float64"}
    arrow = {
        "string": pa.string(),
        "boolean": pa.bool_(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "timestamp": pa.timestamp("us"),
    }
    schema = pa.schema([(name, arrow.get(type_, pa.date32())) for name, (type_, _) in COLUMNS.items()])

    def run() -> Path:
        target = folder / "pandas.parquet"
        chunks = pd.read_csv(
            folder / ORDERED / f"{DAY}.csv",
            chunksize=ROW_GROUP,
            dtype={name: types[type_] for name, (type_, _) in COLUMNS.items() if type_ in types},
            parse_dates=[name for name, (type_, _) in COLUMNS.items() if type_ not in types],
            date_format="ISO8601",
        )
        with pq.ParquetWriter(target, schema, compression="lz4") as writer:
            for chunk in chunks:
                writer.write_table(pa.Table.from_pandas(chunk, schema=schema, preserve_index=False))
        return target

    return run


def polars(folder: Path) -> Callable[[], Path]:
    """Its own streaming."""
    import polars as pl  # type: ignore[import-not-found, unused-ignore]

    types = {
        "string": pl.String,
        "timestamp": pl.Datetime("us"),
        "date": pl.Date,
        "boolean": pl.Boolean,
        "integer": pl.Int64,
        "number": pl.Float64,
    }
    schema = {name: types[type_] for name, (type_, _) in COLUMNS.items()}

    def run() -> Path:
        target = folder / "polars.parquet"
        pl.scan_csv(folder / ORDERED / f"{DAY}.csv", schema=schema).sink_parquet(target, compression="lz4")
        return target

    return run


def duckdb(folder: Path) -> Callable[[], Path]:
    """Its own streaming."""
    import duckdb

    connection = duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": str(folder / "spill")})
    types = ", ".join(f"'{name}': '{DUCKDB[type_]}'" for name, (type_, _) in COLUMNS.items())

    def run() -> Path:
        target = folder / "duckdb.parquet"
        source = (
            f"read_csv('{folder / ORDERED / f'{DAY}.csv'}', header = true, auto_detect = false, columns ="
            f" {{{types}}})"
        )
        connection.execute(f"COPY (SELECT * FROM {source}) TO '{target}' (FORMAT parquet, COMPRESSION lz4)")
        return target

    return run


CONTESTANTS: dict[str, Callable[[Path], Callable[[], Path]]] = {
    "Sluice": sluice,
    "pandas": pandas,
    "Polars": polars,
    "DuckDB": duckdb,
    "Sluice, out of order": partial(sluice, source=SHUFFLED),
}


# --- the race


def measure(contestant: str, folder: Path) -> Measured:
    """Let one contestant run in this process."""
    run = CONTESTANTS[contestant](folder)
    start, start_cpu = time.perf_counter(), time.process_time()
    table = run()
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Measured(seconds, cpu, peak, told(table))


def told(table: Path) -> list[Any]:
    """What tells one table from another: the number of rows, and of each column the number of values and a
    sum of their hashes.
    """
    import duckdb

    types = {name: DUCKDB[type_] for name, (type_, _) in COLUMNS.items()}
    every = ", ".join(
        f'count("{name}"), sum(hash(CAST("{name}" AS {type_})) % 1000003)' for name, type_ in types.items()
    )
    return list(
        duckdb.connect(config={"memory_limit": "500MB"})
        .execute(f"SELECT count(*), {every} FROM '{table}'")
        .fetchall()[0]
    )


def race(rows: int, rounds: int, contestants: Sequence[str]) -> dict[str, list[Measured]]:
    """Let contestants read the same rows, in turns."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        size = gates.alone(write, folder, rows, False)
        if "Sluice, out of order" in contestants:
            gates.alone(write, folder, rows, True)
        print(f"{rows:,} rows, {len(COLUMNS)} columns, {size / 1e9:,.2f} GB", flush=True)
        runs: dict[str, list[Measured]] = {name: [] for name in contestants}
        for _ in range(rounds):
            for name, measured in runs.items():
                measured.append(gates.alone(measure, name, folder))
        return runs


def results(rows: int, rounds: int, contestants: Sequence[str]) -> list[dict[str, Any]]:
    """A row a contestant: the median of its seconds, its greatest peak memory, and its time beside
    Sluice's.
    """
    runs = race(rows, rounds, contestants)
    differing = {
        name for name, measured in runs.items() for one in measured if one.found != runs["Sluice"][0].found
    }
    if differing:
        sys.exit(f"the tables differ: {', '.join(sorted(differing))} from Sluice's")
    ours = median(run.seconds for run in runs["Sluice"])
    return [
        {
            "contestant": name,
            "seconds": (seconds := median(run.seconds for run in measured)),
            "cpu": median(run.cpu for run in measured),
            "peak": max(run.peak for run in measured),
            "to Sluice": seconds / ours,
        }
        for name, measured in runs.items()
    ]


def main(rows: int = ROWS, rounds: int = ROUNDS, contestants: Sequence[str] = ()) -> None:
    """Print the results."""
    every = [name for name in CONTESTANTS if name != "Polars" or importlib.util.find_spec("polars")]
    if "Polars" not in every:
        print("without Polars, which is not installed")
    print(f"{'':22}{'seconds':>9}{'of CPU':>9}{'peak MB':>9}{'to Sluice':>11}")
    for row in results(rows, rounds, ["Sluice", *contestants] if contestants else every):
        print(
            f"{row['contestant']:22}{row['seconds']:9.2f}{row['cpu']:9.2f}{row['peak']:9,.0f}{row['to Sluice']:10.2f}x"
        )


if __name__ == "__main__":
    given = dict(
        zip(("rows", "rounds"), (int(argument.replace("_", "")) for argument in sys.argv[1:3]), strict=False)
    )
    main(**given, contestants=sys.argv[3:])
