"""What a gate costs: Sluice's way, the same questions hand-written in SQL, and Great Expectations on pandas.

Run as `python -m benchmarks.gates [rows]...`: a table of seconds and of peak memory for each number of rows,
which DECISIONS.md quotes. Ten million rows need 2 GB of disk in the temp folder, and 8 GB of memory for
pandas.

Each contestant runs in a process of its own, so that the peak memory is its own, and in turns with the
others. All start from the same Parquet file, written by Sluice's store, and must find the same numbers. The
clock starts when everything is imported and ends with the findings; memory is the whole process's, imports
included. On a machine with other work to do, seconds of CPU compare better than seconds by the clock; DuckDB
spends them on all cores, pandas on one.
"""

from __future__ import annotations

import math
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

# The process that only starts others stays small: a child's peak memory begins with that of its parent.
if TYPE_CHECKING:
    import pandas as pd

    from pipelines.gates.gx.suite import Stated
    from pipelines.storage.store import Store

SEED = 7
SIZES = (3_000, 100_000, 10_000_000)
ROUNDS = 3
MANY = 1_000_000  # rows from which pandas, which takes minutes, runs once

# Thirty columns, all made of hashes of the row's number: the same rows on any number of threads. `u(i, k)` is
# uniform in [0, 1).
COLUMNS = {
    "payment_id": "'P' || printf('%012d', (i * 7919) % 100000000007)",
    "paid_at": "TIMESTAMP '2026-01-01' + to_microseconds((u(i, 1) * 30 * 86400e6)::BIGINT)",
    "settled_on": "DATE '2026-01-01' + (u(i, 2) * 40)::INTEGER",
    "customer_id": "'C' || (u(i, 3) * {rows} / 20)::BIGINT",
    "terminal_id": "(u(i, 4) * 5000)::BIGINT",
    "channel": (
        "CASE WHEN u(i, 5) < 0.0005 THEN 'fax' ELSE ['chip', 'online', 'swipe'][1 + (u(i, 6) * 2.99)::INTEGER"
        " % 3] END"
    ),
    "country": "['DE', 'FR', 'PL', 'AT', 'IT', 'ES', 'NL', 'BE'][1 + (u(i, 7) * 7.99)::INTEGER % 8]",
    "currency": "['EUR', 'PLN'][1 + (u(i, 8) < 0.2)::INTEGER]",
    "email": (
        "'user' || (u(i, 9) * 1000000)::BIGINT || CASE WHEN u(i, 10) < 0.001 THEN '' ELSE '@example.org' END"
    ),
    "card": "printf('%016x', hash(i, 11, {seed}))",
    "amount": "round(exp(3 + 1.2 * sqrt(-2 * ln(1 - u(i, 12))) * cos(2 * pi() * u(i, 13))), 2)",
    "fee": "round(0.1 + u(i, 14), 2)",
    "balance": "CASE WHEN u(i, 15) < 0.02 THEN NULL ELSE u(i, 16) * 10000 - 500 END",
    "age": "CASE WHEN u(i, 17) < 0.05 THEN NULL ELSE 18 + (u(i, 18) * 70)::INTEGER END",
    "items": "1 + (u(i, 19) * 9)::INTEGER",
    "refund": "CASE WHEN u(i, 20) < 0.9 THEN NULL ELSE u(i, 21) * 100 END",
    "weekend": "u(i, 22) < 0.28",
    "note": "CASE WHEN u(i, 23) < 0.7 THEN NULL ELSE 'delivered to ' || (u(i, 24) * 100000)::BIGINT END",
    "is_fraud": "(u(i, 25) < 0.01)::INTEGER",
    **{f"number_{n}": f"u(i, {30 + n})" for n in range(11)},
}


@dataclass(frozen=True)
class Check:
    """An expectation, and the number that it compares, as SQL: of broken values, or what is observed."""

    name: str
    kwargs: dict[str, Any]
    sql: str


CHECKS = (
    Check("table_columns_to_match_set", {"column_set": list(COLUMNS), "exact_match": True}, ""),
    Check("table_row_count_to_be_between", {"min_value": 1, "max_value": 1e9}, "count(*)"),
    Check("column_values_to_not_be_null", {"column": "payment_id"}, "count(*) FILTER (payment_id IS NULL)"),
    Check("column_values_to_be_unique", {"column": "payment_id"}, ""),
    Check("column_values_to_not_be_null", {"column": "paid_at"}, "count(*) FILTER (paid_at IS NULL)"),
    Check(
        "column_values_to_be_between",
        {"column": "paid_at", "min_value": datetime(2026, 1, 1), "max_value": datetime(2026, 2, 1), "strict_max": True},
        "count(*) FILTER (paid_at < TIMESTAMP '2026-01-01' OR paid_at >= TIMESTAMP '2026-02-01')",
    ),
    Check("column_values_to_be_of_type", {"column": "amount", "type_": "DOUBLE"}, ""),
    Check("column_values_to_be_in_type_list", {"column": "items", "type_list": ["INTEGER", "BIGINT"]}, ""),
    Check("column_values_to_be_between", {"column": "amount", "min_value": 0}, "count(*) FILTER (amount < 0)"),
    Check("column_mean_to_be_between", {"column": "amount", "min_value": 10, "max_value": 100}, "avg(amount)"),
    Check("column_median_to_be_between", {"column": "amount", "min_value": 10, "max_value": 100}, "median(amount)"),
    Check("column_stdev_to_be_between", {"column": "amount", "min_value": 10, "max_value": 200}, "stddev_samp(amount)"),
    Check(
        "column_quantile_values_to_be_between",
        {"column": "fee", "quantile_ranges": {"quantiles": [0.05, 0.95], "value_ranges": [[0.1, 0.2], [1, 1.1]]}},
        "quantile_disc(fee, [0.05, 0.95])",
    ),
    Check("column_min_to_be_between", {"column": "balance", "min_value": -500}, "min(balance)"),
    Check("column_max_to_be_between", {"column": "age", "max_value": 120}, "max(age)"),
    # It fails: one payment in two thousand came by fax.
    Check(
        "column_values_to_be_in_set",
        {"column": "channel", "value_set": ["chip", "online", "swipe"]},
        "count(*) FILTER (channel NOT IN ('chip', 'online', 'swipe'))",
    ),
    Check(
        "column_distinct_values_to_be_in_set",
        {"column": "country", "value_set": ["DE", "FR", "PL", "AT", "IT", "ES", "NL", "BE"]},
        "count(DISTINCT country) FILTER (country NOT IN ('DE', 'FR', 'PL', 'AT', 'IT', 'ES', 'NL', 'BE'))",
    ),
    Check(
        "column_values_to_match_regex",
        {"column": "email", "regex": "^[^@ ]+@[^@ ]+$", "mostly": 0.99},
        "count(*) FILTER (NOT regexp_matches(email, '^[^@ ]+@[^@ ]+$'))",
    ),
    Check("column_value_lengths_to_equal", {"column": "card", "value": 16}, "count(*) FILTER (length(card) <> 16)"),
    Check("column_proportion_of_unique_values_to_be_between", {"column": "customer_id", "max_value": 0.5}, "count(DISTINCT customer_id) / count(customer_id)"),
    Check("column_values_to_not_be_null", {"column": "age", "mostly": 0.9}, "count(*) FILTER (age IS NULL)"),
    # It fails: some amounts are smaller than their fee.
    Check("column_pair_values_a_to_be_greater_than_b", {"column_A": "amount", "column_B": "fee"}, "count(*) FILTER (NOT amount > fee)"),
)  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """Seconds from data to findings (by the clock and of CPU), the process's peak memory in MB, and the
    number each check found.
    """

    seconds: float
    cpu: float
    peak: float
    found: list[Any]


def store(folder: Path) -> Store:
    """The partition in which the table lies."""
    from pipelines.storage.store import Store, Version

    return Store(folder, "benchmark", "scoring", date(2026, 2, 1), Version(use_case="", code=""))


def write(folder: Path, rows: int) -> int:
    """Write the table as any step does, and return the size of its file in bytes."""
    own = store(folder)
    own.connection.execute(f"CREATE MACRO u(i, k) AS hash(i, k, {SEED}) / 18446744073709551616.0")
    columns = ", ".join(f'{sql.format(rows=rows, seed=SEED)} AS "{name}"' for name, sql in COLUMNS.items())
    own.write("raw", own.connection.sql(f"SELECT {columns} FROM range({rows}) AS rows(i)"))
    return sum(path.stat().st_size for path in files(own, "raw"))


def files(own: Store, table: str) -> list[Path]:
    """Where the rows of a store's table lie, in their order."""
    return [own.disk / table / part.file for part in own.manifest(table).parts]


def in_pandas(own: Store, table: str, columns: list[str] | None = None) -> pd.DataFrame:
    """A store's table, read by pandas."""
    import pandas as pd

    found: pd.DataFrame = pd.read_parquet(files(own, table), columns=columns)  # type: ignore[call-overload] # its stubs know of no list
    return found


# --- the contestants: each returns what is to be timed


def sluice(folder: Path) -> Callable[[], list[Any]]:
    """As a gate does it."""
    from pipelines.gates.judge import found_in
    from pipelines.gates.measure import answers
    from pipelines.gates.questions import Questions

    own, stated = store(folder), expectations()
    relation = own.read("raw")

    def run() -> list[Any]:
        findings = found_in(answers(Questions(relation, stated), own.connection))
        by_where = {finding.where: finding for finding in findings}
        return [number_of(by_where[each.where].unexpected, by_where[each.where].observed) for each in stated]

    return run


def sql(folder: Path) -> Callable[[], list[Any]]:
    """As somebody who knows DuckDB would write it: one scan for what one scan tells well, and a query for
    each other thing.
    """
    own = store(folder)
    own.read("raw").create_view("raw")

    def run() -> list[Any]:
        ask = own.connection.sql
        # distinct ones are slow beside others
        together = [check.sql for check in CHECKS if check.sql and "DISTINCT" not in check.sql]
        apart = [check.sql for check in CHECKS if "DISTINCT" in check.sql]
        numbers = dict(
            zip(together, ask(f"SELECT {', '.join(together)} FROM raw").fetchall()[0], strict=True)
        )
        numbers |= {one: ask(f"SELECT {one} FROM raw").fetchall()[0][0] for one in apart}
        types = {row[0]: row[1] for row in ask("DESCRIBE raw").fetchall()}
        others = {
            "table_columns_to_match_set": sorted(types),
            "column_values_to_be_of_type": types["amount"],
            "column_values_to_be_in_type_list": types["items"],
            "column_values_to_be_unique": (
                ask(
                    "SELECT coalesce(sum(n), 0)::BIGINT FROM (SELECT count(*) AS n FROM raw WHERE payment_id"
                    " IS NOT NULL GROUP BY payment_id HAVING n > 1)"
                ).fetchall()[0][0]
            ),
        }
        # Examples of what failed.
        ask(
            "SELECT DISTINCT channel FROM raw WHERE channel NOT IN ('chip', 'online', 'swipe') ORDER BY 1"
            " LIMIT 10"
        ).fetchall()
        ask("SELECT DISTINCT amount, fee FROM raw WHERE NOT amount > fee ORDER BY ALL LIMIT 10").fetchall()
        return [numbers[check.sql] if check.sql else others[check.name] for check in CHECKS]

    return run


def pandas(folder: Path) -> Callable[[], list[Any]]:
    """As Great Expectations' own documents show it."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    from pipelines.gates.gx import suite

    quiet = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        progress_bars=ProgressBarsConfig(globally=False),
    )

    # The same types in pandas' words.
    types = {"type_": "float64", "type_list": ["int32", "int64"]}
    asked = [
        (each.expectation, {a: types.get(a, value) for a, value in each.expectation.kwargs.items()})
        for each in expectations()
    ]

    def run() -> list[Any]:
        built = [
            suite.build(expectation.model_copy(update={"kwargs": kwargs})) for expectation, kwargs in asked
        ]
        for number, expectation in enumerate(built):
            expectation.meta = {"number": number}
        asset = (
            gx.get_context(mode="ephemeral", project_config=quiet)
            .data_sources.add_pandas("pandas")
            .add_dataframe_asset("raw")
        )
        batch = asset.add_batch_definition_whole_dataframe("raw").get_batch(
            {"dataframe": in_pandas(store(folder), "raw")}
        )
        results = batch.validate(
            gx.ExpectationSuite("raw", expectations=built), result_format="SUMMARY"
        ).results
        by_number = {
            result.expectation_config.meta["number"]: number_of(
                result.result.get("unexpected_count"), result.result.get("observed_value")
            )
            for result in results
        }
        names = {"float64": "DOUBLE", "int32": "INTEGER"}
        return [names.get(str(by_number[n]), by_number[n]) for n in range(len(built))]

    return run


def number_of(unexpected: int | None, observed: Any) -> Any:
    """How many values are broken, where they are counted, or what is observed."""
    if unexpected is not None:
        return unexpected
    return observed["values"] if isinstance(observed, dict) else observed


def expectations() -> list[Stated]:
    """The checks as a use-case file would state them."""
    from pipelines.core.config import Expectation
    from pipelines.gates.gx.suite import Stated

    return [
        Stated(Expectation(name=f"expect_{check.name}", kwargs=check.kwargs), where=f"check {n}")
        for n, check in enumerate(CHECKS)
    ]


CONTESTANTS = {"Sluice": sluice, "SQL": sql, "GX on pandas": pandas}


# --- the race


def measure(contestant: str, folder: Path) -> Measured:
    """Let one contestant run in this process."""
    run = CONTESTANTS[contestant](folder)
    start, start_cpu = time.perf_counter(), time.process_time()
    found = run()
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    return Measured(seconds, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, found)


def alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def race(rows: int) -> dict[str, list[Measured]]:
    """Let all contestants run on a table of so many rows, in turns."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        size = alone(write, folder, rows)
        print(
            f"{rows:,} rows, {len(COLUMNS)} columns, {size / 1e6:,.1f} MB; {len(CHECKS)} expectations",
            flush=True,
        )
        runs: dict[str, list[Measured]] = {name: [] for name in CONTESTANTS}
        for number in range(ROUNDS):
            for name, measured in runs.items():
                if number == 0 or name != "GX on pandas" or rows < MANY:
                    measured.append(alone(measure, name, folder))
        return runs


def main(sizes: Sequence[int]) -> None:
    """Print for each contestant the median of its seconds, its greatest peak memory, and its time beside
    Sluice's.
    """
    for rows in sizes:
        runs = race(rows)
        first = {name: measured[0].found for name, measured in runs.items()}
        ours = median(run.seconds for run in runs["Sluice"])
        print(f"  {'':14}{'seconds':>9}{'of CPU':>9}{'peak MB':>9}{'to Sluice':>11}")
        for name, measured in runs.items():
            seconds, cpu = median(run.seconds for run in measured), median(run.cpu for run in measured)
            print(
                f"  {name:14}{seconds:9.2f}{cpu:9.2f}{max(run.peak for run in measured):9,.0f}{seconds / ours:10.2f}x"
            )
        differing = [
            (check, numbers)
            for check, *numbers in zip(CHECKS, *first.values(), strict=True)
            if not same(*numbers)
        ]
        if differing:
            sys.exit(
                "\n".join(
                    f"they differ in {check.name} {check.kwargs}: {numbers}" for check, numbers in differing
                )
            )


def same(one: Any, *others: Any) -> bool:
    """Whether the contestants found the same: of a list as much as all tell, numbers but for rounding."""
    if len(others) > 1:
        return all(same(one, other) for other in others)
    (other,) = others
    if isinstance(one, list) and isinstance(other, list):
        return all(map(same, one, other))
    if isinstance(one, float | int) and isinstance(other, float | int):
        return math.isclose(one, other, rel_tol=1e-9)
    return bool(one == other)


if __name__ == "__main__":
    main([int(argument.replace("_", "")) for argument in sys.argv[1:]] or SIZES)
