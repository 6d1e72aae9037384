"""What reading costs by format, beside an earlier commit: one day of rows, 30 columns, to a table in Parquet.

Run as `python -m benchmarks.reading <commit> [rows] [rounds]`: the commit is checked out beside this one, and
the step `ingest` of both reads the same files, in turns, each time in a process of its own. What is told are
medians: seconds of CPU, and how many times the earlier commit's they are, by the clock, too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks import gates, ingest
from pipelines.storage.settings import ROOT

ROWS, ROUNDS = 1_000_000, 7
# Name -> the file's ending, what the use-case file says of its format, and what makes it of a table in
# Parquet.
FORMATS = {
    "CSV": ("csv", "csv", "COPY (FROM '{source}') TO '{target}' (FORMAT csv, HEADER)"),
    "CSV, gzip": (
        "csv.gz",
        "csv",
        "COPY (FROM '{source}') TO '{target}' (FORMAT csv, HEADER, COMPRESSION gzip)",
    ),
    "JSON lines": ("jsonl", "jsonl", "COPY (FROM '{source}') TO '{target}' (FORMAT json)"),
    "JSON lines, zstd": (
        "jsonl.zst",
        "jsonl",
        "COPY (FROM '{source}') TO '{target}' (FORMAT json, COMPRESSION zstd)",
    ),
    "Parquet": ("parquet", "parquet", ""),
    "Parquet, checksums": ("sums.parquet", "parquet", ""),
}
# What runs in either checkout, wherever that has its modules.
READ = """
import json, sys, time
from datetime import date
from functools import partial
from importlib import import_module
from pathlib import Path

def module(name, *folders):
    for folder in folders:
        try:
            return import_module(f"{folder}.{name}")
        except ModuleNotFoundError:
            pass

dates, ingest = module("dates", "pipelines.core", "pipelines"), module("ingest", "pipelines.steps", "pipelines")
run_, settings_ = module("run", "pipelines.run", "pipelines"), module("settings", "pipelines.storage", "pipelines")
place, day = Path(sys.argv[1]), date.fromisoformat(sys.argv[2])
settings = settings_.Settings(data=place / "data", use_cases=place, var=place, mlflow="", mirror=None)
run = run_.Run.open("benchmark", "drift", day, settings)
start, cpu = time.perf_counter(), time.process_time()
ingest.stream(run, dates.Days(day, day), partial(run.store.write, "raw"))
seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
print(json.dumps([seconds, cpu, run.store.read("raw").count("*").fetchall()[0][0]]))
"""


def write(folder: Path, rows: int) -> None:
    """Write the same rows in each format."""
    import duckdb
    import pyarrow.parquet as pq

    connection = duckdb.connect()
    connection.execute(f"CREATE MACRO u(i, k) AS hash(i, k, {gates.SEED}) / 18446744073709551616.0")
    columns = ", ".join(
        f'{sql.format(rows=rows, seed=gates.SEED)} AS "{name}"' for name, (_, sql) in ingest.COLUMNS.items()
    )
    table = connection.sql(f"SELECT {columns} FROM range({rows}) AS numbers(i)").to_arrow_table()
    pq.write_table(table, folder / "day.parquet")
    pq.write_table(table, folder / "day.sums.parquet", write_page_checksum=True)
    for ending, _, sql in FORMATS.values():
        if sql:
            connection.execute(sql.format(source=folder / "day.parquet", target=folder / f"day.{ending}"))


def read(checkout: Path, folder: Path, name: str, rows: int) -> tuple[float, float]:
    """Seconds by the clock and of CPU that a checkout's ingest takes."""
    ending, type_, _ = FORMATS[name]
    with tempfile.TemporaryDirectory(dir=folder) as place:
        columns = "\n".join(
            f"  {name}: {{type: {type_}{ingest.ROLES.get(name, '')}}}"
            for name, (type_, _) in ingest.COLUMNS.items()
        )
        text = ingest.USE_CASE.format(path=folder / f"day.{ending}", columns=columns, memory=ingest.MEMORY)
        Path(place, "benchmark.yaml").write_text(text.replace("{type: csv}", f"{{type: {type_}}}"))
        command = [sys.executable, "-c", READ, place, str(ingest.DAY)]
        told = subprocess.run(
            command,
            cwd=checkout,
            env={**os.environ, "PYTHONPATH": str(checkout)},
            stdout=subprocess.PIPE,
            check=True,
        )
    seconds, cpu, found = json.loads(told.stdout.splitlines()[-1])
    if found != rows:
        sys.exit(f"{name}: {found:,} of {rows:,} rows were read at {checkout}")
    return seconds, cpu


def main(commit: str, rows: int = ROWS, rounds: int = ROUNDS) -> None:
    """Print each format's medians."""
    with tempfile.TemporaryDirectory() as temporary:
        folder, earlier = Path(temporary), Path(temporary, "earlier")
        subprocess.run(
            ["git", "worktree", "add", "--quiet", "--detach", str(earlier), commit], cwd=ROOT, check=True
        )
        try:
            gates.alone(write, folder, rows)
            print(
                f"{rows:,} rows, {len(ingest.COLUMNS)} columns, medians of {rounds} turns, beside {commit}\n"
            )
            print(f"{'':22}{'MB':>7}{'CPU s':>8}{'to earlier':>12}{'by the clock':>14}")
            for name, (ending, *_) in FORMATS.items():
                turns = [
                    (read(ROOT, folder, name, rows), read(earlier, folder, name, rows)) for _ in range(rounds)
                ]
                clock, cpu = (
                    median(now[n] for now, _ in turns) / median(then[n] for _, then in turns) for n in (0, 1)
                )
                size = (folder / f"day.{ending}").stat().st_size / 1e6
                print(
                    f"{name:22}{size:7.0f}{median(now[1] for now, _ in turns):8.2f}{cpu:11.2f}x{clock:13.2f}x",
                    flush=True,
                )
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(earlier)], cwd=ROOT, check=True)


if __name__ == "__main__":
    main(
        sys.argv[1],
        **dict(
            zip(
                ("rows", "rounds"),
                (int(argument.replace("_", "")) for argument in sys.argv[2:4]),
                strict=False,
            )
        ),
    )
