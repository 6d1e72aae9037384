"""What joining other sources costs beside the same SQL written by hand: features of a night of payments from
three sources, as of each payment's moment.

Run as `python -m benchmarks.joins [events] [rows]`: by default 10 million rows in all of three sources
(the limits of customers, their refunds, the inspections of terminals), a night of 200,000 payments, and
50 features. By hand means one DuckDB statement with the same ASOF JOINs and a range join for each window,
without a check of anything, and with sums in whatever order. (One range join a source, whose aggregates
have filters, is by hand, too, and takes half as long again.) No two rows of a source have the same
moment, since an ASOF JOIN by hand takes any of them.

Both in turns, in processes of their own, three times, from tables that are there to the features as an
Arrow table; told are medians of CPU seconds, and the peak memory (VmHWM). DuckDB may hold 1 GB. Every
value of every run is compared: by hand as single precision allows, those of Sluice to the bit.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

EVENTS, ROWS, TIMES = 10_000_000, 200_000, 3
CUSTOMERS, TERMINALS, DAYS = 100_000, 5_000, 60
SINCE = (1, 3, 7, 14, 28)  # days

YAML: dict[str, Any] = {
    "name": "joins",
    "title": "Payments beside what three other sources tell. One row is one payment.",
    "task": "binary",
    "source": {"kind": "file", "path": "x.parquet", "format": {"type": "parquet"}},
    "columns": {
        "id": {"type": "integer", "role": "key"},
        "paid_at": {"type": "timestamp", "role": "time"},
        "customer": {"type": "integer"},
        "terminal": {"type": "integer"},
        "amount": {"type": "number"},
        "bad": {"type": "integer", "role": "label", "allowed": [0, 1]},
    },
    "label": {"positive": 1},
    "sources": {
        "limits": {"customer": "integer", "most": "number", "grade": "integer"},
        "refunds": {"customer": "integer", "paid": "number", "lines": "integer"},
        "inspections": {"terminal": "integer", "mark": "number", "faults": "integer"},
    },
    "split": {"window_days": 20, "by": "time", "folds": {"by": "time", "n": 3}},
    "candidates": {"baseline": {}, "linear": {"grid": {"C": [1]}}},
    "metric": {"name": "aucpr"},
    "threshold": {"policy": "fixed", "value": 0.5},
    "demo": {"training": "2026-03-01"},
}
# By window over refunds and inspections: what is asked of its rows.
ASKED = {
    "refunds": ("count(*)", "sum(paid)", "max(paid)", "sum(lines)"),
    "inspections": ("count(*)", "avg(mark)", "min(mark)", "sum(faults)"),
}
STATES = {
    "most": "card.most",
    "grade": "card.grade",
    "share": "amount / card.most",
    "left": "card.most - amount",
    "far": "epoch(paid_at - card.told)",
    "last_mark": "place.mark",
    "last_faults": "place.faults",
    "since": "epoch(paid_at - place.told)",
    "double": "amount * card.grade",
    "both": "card.most * place.mark",
}


def use_case() -> dict[str, Any]:
    """The use-case file: 10 features of states, and 40 over windows of five lengths over two sources."""
    sources = {}
    for name, columns in YAML["sources"].items():
        typed = {column: {"type": type_} for column, type_ in columns.items()}
        row = {"row": {"type": "integer", "role": "key"}, "told": {"type": "timestamp", "role": "time"}}
        sources[name] = {"source": YAML["source"], "columns": {**row, **typed}, "delay": "1h"}
    windows, numbers = {}, dict(STATES)
    for source, by in (("refunds", "customer"), ("inspections", "terminal")):
        for days in SINCE:
            window = f"{source}_{days}"
            windows[window] = {"source": source, "by": [by], "since": f"{days}d", "until": "1h"}
            for n, asked in enumerate(ASKED[source]):
                numbers[f"{window}_{n}"] = f"{asked} over {window}"
    joins = {
        "card": {"source": "limits", "by": ["customer"]},
        "place": {"source": "inspections", "by": ["terminal"]},
    }
    return {**YAML, "sources": sources, "features": {"windows": windows, "joins": joins, "numbers": numbers}}


def by_hand() -> str:
    """The same features as one statement."""
    parts, told = [], []
    for source, by in (("refunds", "customer"), ("inspections", "terminal")):
        for days in SINCE:
            aggregates = ", ".join(f"{asked} AS {source}_{days}_{n}" for n, asked in enumerate(ASKED[source]))
            parts.append(
                f"""{source}_{days} AS (
                    SELECT p.id, {aggregates} FROM payments p JOIN {source} e USING ({by})
                    WHERE e.told >= p.paid_at - INTERVAL {days} DAY
                        AND e.told <= p.paid_at - INTERVAL 1 HOUR
                    GROUP BY p.id)"""
            )
            told += [
                f"coalesce({source}_{days}_{n}, 0)" if asked == "count(*)" else f"{source}_{days}_{n}"
                for n, asked in enumerate(ASKED[source])
            ]
    joins = " ".join(f"LEFT JOIN {source}_{days} USING (id)" for source in ASKED for days in SINCE)
    values = ", ".join(f"CAST({text} AS FLOAT)" for text in (*STATES.values(), *told))
    return f"""WITH {", ".join(parts)}
        SELECT payments.id, {values} FROM payments
        ASOF LEFT JOIN (SELECT *, told + INTERVAL 1 HOUR AS known FROM limits) card
            ON payments.customer = card.customer AND payments.paid_at >= card.known
        ASOF LEFT JOIN (SELECT *, told + INTERVAL 1 HOUR AS known FROM inspections) place
            ON payments.terminal = place.terminal AND payments.paid_at >= place.known
        {joins} ORDER BY payments.paid_at, payments.id"""


def tables(connection: duckdb.DuckDBPyConnection, events: int, rows: int) -> None:
    """Make the payments, and the rows of the three sources."""
    connection.execute("CREATE MACRO u(i, n) AS (hash(i * 7 + n) % 1000003) / 1000003.0")
    # a million moments, five seconds from one another, and the rows of each a microsecond
    moment = f"TIMESTAMP '2026-01-01' + to_microseconds((u(i, 1) * {DAYS} * 86400e6)::BIGINT + i)"
    for name, by, many, value, whole in (
        ("limits", "customer", CUSTOMERS, "most", "grade"),
        ("refunds", "customer", CUSTOMERS, "paid", "lines"),
        ("inspections", "terminal", TERMINALS, "mark", "faults"),
    ):
        connection.execute(
            f"CREATE TABLE {name} AS SELECT i AS row, {moment} AS told, (u(i, 2) * {many})::BIGINT AS {by},"
            f" 1 + 100 * u(i, 3) AS {value}, (u(i, 4) * 9)::BIGINT AS {whole} FROM range({events // 3}) t(i)"
        )
    connection.execute(
        "CREATE TABLE payments AS SELECT i AS id, TIMESTAMP '2026-03-01' + to_microseconds((u(i, 5) *"
        f" 86400e6)::BIGINT) AS paid_at, (u(i, 6) * {CUSTOMERS})::BIGINT AS customer,"
        f" (u(i, 7) * {TERMINALS})::BIGINT AS terminal, 1 + 50 * u(i, 8) AS amount,"
        f" (u(i, 9) < 0.1)::BIGINT AS bad FROM range({rows}) t(i)"
    )


def once(way: str, events: int, rows: int, path: str) -> None:
    """Make the tables, and then the features in one of the two ways; print what that took."""
    import duckdb
    import pyarrow.parquet as pq

    from pipelines.core.config import UseCase
    from pipelines.steps.features import compute

    connection = duckdb.connect(config={"memory_limit": "1GB", "threads": "2"})
    tables(connection, events, rows)
    began = time.process_time()
    if way == "sluice":
        others = {name: connection.table(name) for name in YAML["sources"]}
        found = compute(connection.table("payments"), None, UseCase.model_validate(use_case()), others)
        found = found.project("* EXCLUDE (paid_at, bad)")
    else:
        found = connection.sql(by_hand())
    table = found.to_arrow_table()
    took = time.process_time() - began
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in status if "VmHWM" in line)
    names = ["id", *use_case()["features"]["numbers"]]
    pq.write_table(table.rename_columns(names), path)
    print(took, peak // 1024)


def differ(one: str, other: str, by: float) -> int:
    """How many values of two files of features are not the same, by more than a share of the larger one."""
    import duckdb

    same = " + ".join(
        f"""count_if(NOT (a."{name}" IS NOT DISTINCT FROM b."{name}" OR coalesce(
            abs(a."{name}" - b."{name}") <= {by} * greatest(abs(a."{name}"), abs(b."{name}")), false)))"""
        for name in use_case()["features"]["numbers"]
    )
    statement = f"SELECT {same} + count_if(a.id IS NULL OR b.id IS NULL) FROM '{one}' a FULL JOIN '{other}' b"
    return int(duckdb.execute(f"{statement} USING (id)").fetchall()[0][0])


def main() -> None:
    """Both ways in turns."""
    stated = [int(one) for one in sys.argv[1:]]
    events, rows = stated if len(stated) == 2 else (EVENTS, ROWS)
    taken: dict[str, list[list[float]]] = {"sluice": [], "by hand": []}
    different = 0
    with TemporaryDirectory() as folder:
        first = f"{folder}/sluice 0.parquet"
        for turn in range(TIMES):
            for way, told in taken.items():
                path = f"{folder}/{way} {turn}.parquet"
                command = [
                    sys.executable,
                    "-m",
                    "benchmarks.joins",
                    "--once",
                    way,
                    str(events),
                    str(rows),
                    path,
                ]
                printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                told.append([float(one) for one in printed.split()])
                different += differ(first, path, 0 if way == "sluice" else 1e-6)
    features = len(use_case()["features"]["numbers"])
    print(f"{events:,} rows of three sources, {rows:,} payments, {features} features")
    took = {way: median(seconds for seconds, _ in told) for way, told in taken.items()}
    for way, told in taken.items():
        print(f"{way:<10} {took[way]:8.1f} CPU s {max(peak for _, peak in told):8,.0f} MB")
    said = f"{different:,} are NOT the same" if different else "all the same"
    ratio = took["sluice"] / took["by hand"]
    print(f"ratio {ratio:.2f}; of {rows * features:,} values {said}")
    if different:
        sys.exit(1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--once"]:
        once(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
    else:
        main()
