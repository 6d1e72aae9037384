"""What each task of a large night and of its drift report takes: its rows per second, and its peak memory
beside `limits.memory`.

Run as `python -m benchmarks.memory [rows] [rows of each day before]`: by default a night of 10 million rows
and 30 columns, and 200,000 on each day before it, at which a window of each customer looks back, from which
the model has learned, and which the report compares. That needs 30 GB of disk in the temp folder. It fails if
a task holds more than its limit.

A training, the week's other nights, the large night and the week's drift report go the real way, gates
included. The source is a Parquet file a day. Each task of the large night and of the report is taken in a
process of its own, as Airflow and the command line take it; its peak memory is that of the whole process,
with all that it imports (VmHWM). Reading the past again is told as a share of the time: the first steps are
taken a second time by a use case without the window.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from benchmarks import gates

# The process that only starts others stays small.
if TYPE_CHECKING:
    from pipelines.core.config import GatedTable, Kind, Step
    from pipelines.run.run import Run
    from pipelines.storage.settings import Settings

ROWS, A_DAY_BEFORE = 10_000_000, 200_000
LIMIT = 2_000_000_000  # bytes: limits.memory, stated below
WEEK = date(2026, 3, 2)
NIGHT = WEEK + timedelta(days=6)
TRAINING = WEEK - timedelta(days=1)
WINDOW_DAYS = 10
NAME, WITHOUT_PAST = "large", "large_without_past"
Taken: TypeAlias = tuple[float, float, int]  # seconds by the clock and of CPU, peak memory in bytes
LOOKING_BACK: tuple[Step, ...] = ("ingest", "cleanse", "features")

COLUMNS = gates.COLUMNS | {
    "payment_id": "'P{day}' || printf('%010d', i)",
    "paid_at": "TIMESTAMP '{day}' + to_microseconds((u(i, 1) * 86400e6)::BIGINT)",
    "settled_on": "DATE '{day}' + (u(i, 2) * 10)::INTEGER",
    "customer_id": "'C' || (u(i, 3) * {customers})::BIGINT",
    # What a model can learn, and one row in a hundred that it cannot.
    "is_fraud": "((amount > 60 AND channel = 'online') <> (u(i, 25) < 0.01))::INTEGER",
}

USE_CASE = """
name: {name}
title: A night of many payments. One row is one payment.
task: binary
source: {{kind: file, path: "{files}/{{partition}}.parquet", format: {{type: parquet}}}}
columns:
  payment_id: {{type: string, role: key}}
  paid_at: {{type: timestamp, role: time}}
  settled_on: {{type: date}}
  customer_id: {{type: string, required: true}}
  terminal_id: {{type: integer}}
  channel: {{type: string, allowed: [chip, online, swipe]}}
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
{numbers}
label: {{positive: 1, delay_days: 1}}
cleanse: {{lower: [channel], fill: {{country: XX}}}}
features:
{windows}
  numbers:
    amount: amount
    log_amount: ln(1 + amount)
    hour: hour(paid_at)
    fee: fee
    balance: balance
    age: age
    items: items
    refund: refund
    weekend: weekend::int
{of_windows}
{features}
  categories: {{channel: channel, country: country, currency: currency}}
promotion: {{unit: row}}
split: {{window_days: {window_days}, by: time, test: 0.25, folds: {{by: time, n: 3}}}}
candidates:
  baseline: {{}}
  xgboost: {{grid: {{n_estimators: [100], max_depth: [6]}}}}
metric: {{name: aucpr}}
threshold: {{policy: fixed, value: 0.5}}
gates:
  raw:
    - expect_column_median_to_be_between: {{column: amount, min_value: 10, max_value: 40}}
    - expect_column_proportion_of_unique_values_to_be_between: {{column: card, min_value: 0.9}}
    - expect_column_values_to_match_regex: {{column: email, regex: "^[^@ ]+@[^@ ]+$", mostly: 0.99}}
    # One payment in two thousand came by fax: a warning, whose examples have to be found.
    - expect_column_values_to_be_in_set: {{column: channel, value_set: [chip, online, swipe]}}
      severity: warn
  clean:
    - expect_column_quantile_values_to_be_between:
        {{column: fee, quantile_ranges: {{quantiles: [0.05, 0.95], value_ranges: [[0.1, 0.2], [1, 1.1]]}}}}
    - expect_column_values_to_be_known: {{column: country, mostly: 0.9, partitions: 7}}
  features:
    - expect_column_mean_to_be_between: {{column: log_amount, min_value: 2, max_value: 5}}
limits: {{memory: {limit}MB}}
demo: {{training: {training}}}
"""
WINDOW = (
    "  windows: {week: {by: [customer_id], since: 7d}}",
    "    payments_7d: count(*) over week\n    mean_7d: avg(amount) over week",
)


@dataclass(frozen=True)
class Task:
    """A step of a large partition or the gate of a table, and what it took."""

    name: str
    rows: int
    tasks: int  # how many share it, one after the other here
    seconds: float
    cpu: float  # seconds, over all threads
    peak: int  # bytes, of the largest
    use_case: str = NAME


def results(
    rows: int = ROWS, a_day_before: int = A_DAY_BEFORE, told: Callable[[Task], None] = lambda _: None
) -> list[dict[str, Any]]:
    """Live a small life, then the large night and its week, and tell each task as soon as it is done."""
    with tempfile.TemporaryDirectory(prefix="sluice-memory-") as temporary:
        folder = Path(temporary)
        gates.alone(prepare, folder, rows, a_day_before)
        tasks = []
        for task in _tasks(folder, rows, a_day_before):
            told(task)
            tasks.append(task)
        return [asdict(task) for task in tasks]


# --- the life before


def prepare(folder: Path, rows: int, a_day_before: int) -> None:
    """Write both use cases and all days, and go the way of a training and of the week's other nights.

    What a night has seen of a day stays so: its gate would ask who has changed it.
    """
    from pipelines import runner

    for name in ("use_cases", "var", "delivered"):
        (folder / name).mkdir()
    _write_use_cases(folder)
    first = TRAINING - timedelta(days=WINDOW_DAYS + 10)
    for n in range((NIGHT - first).days):
        deliver(folder, first + timedelta(days=n), a_day_before, rows)
    deliver(folder, NIGHT, rows, rows)
    runner.run_all(run_of(folder, "training", TRAINING))
    for n in range((NIGHT - WEEK).days):
        runner.run_all(run_of(folder, "scoring", WEEK + timedelta(days=n)))


def deliver(folder: Path, day: date, rows: int, customers: int) -> None:
    """Write the source's file of a day, as a stream.

    A larger file of the same day begins with the rows of the smaller one.
    """
    import duckdb

    connection = duckdb.connect(config={"memory_limit": "1GB", "temp_directory": str(folder / "spill")})
    seed = day.toordinal()
    connection.execute(f"CREATE MACRO u(i, k) AS hash(i, k, {seed}) / 18446744073709551616.0")
    columns = ", ".join(
        f'{sql.format(day=day, customers=max(customers // 20, 10), rows=rows, seed=seed)} AS "{name}"'
        for name, sql in COLUMNS.items()
    )
    path = folder / "delivered" / f"{day}.parquet"
    connection.execute(
        f"COPY (SELECT {columns} FROM range({rows}) AS rows(i)) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE"
        " 100000)"
    )


def _write_use_cases(folder: Path) -> None:
    names = [f"number_{n}" for n in range(11)]
    for name, (windows, of_windows) in {NAME: WINDOW, WITHOUT_PAST: ("  windows: {}", "")}.items():
        text = USE_CASE.format(
            name=name,
            files=folder / "delivered",
            numbers="\n".join(f"  {column}: {{type: number}}" for column in names),
            features="\n".join(f"    {column}: {column}" for column in names),
            windows=windows,
            of_windows=of_windows,
            window_days=WINDOW_DAYS,
            training=TRAINING,
            limit=LIMIT // 1_000_000,
        )
        (folder / "use_cases" / f"{name}.yaml").write_text(text)


def settings(folder: Path) -> Settings:
    """Everything lies in the folder."""
    from pipelines.storage.settings import Settings

    return Settings(
        data=folder / "data",
        use_cases=folder / "use_cases",
        var=folder / "var",
        mlflow=f"sqlite:///{folder}/mlflow.db",
        mirror=None,
    )


def run_of(folder: Path, kind: Kind, day: date, use_case: str = NAME) -> Run:
    """A partition there."""
    from pipelines.run.run import Run

    return Run.open(use_case, kind, day, settings(folder))


# --- what is measured


def _tasks(folder: Path, rows: int, a_day_before: int) -> Iterator[Task]:
    yield from _taken(folder, "scoring", NIGHT, rows)
    yield from _taken(folder, "drift", WEEK, rows + a_day_before * (NIGHT - WEEK).days)
    for step in LOOKING_BACK:
        yield _task(
            step, rows, [gates.alone(take, folder, "scoring", NIGHT, WITHOUT_PAST, step)], WITHOUT_PAST
        )


def _taken(folder: Path, kind: Kind, day: date, rows: int) -> Iterator[Task]:
    for step, table in gates.alone(steps_and_gates, folder, kind, day):
        shares = gates.alone(shares_of, folder, kind, day, step) or (None,)
        yield _task(step, rows, [gates.alone(take, folder, kind, day, NAME, step, share) for share in shares])
        if table:
            yield _task(f"gate_{table}", rows, [gates.alone(judge, folder, kind, day, table)])


def _task(name: str, rows: int, taken: Sequence[Taken], use_case: str = NAME) -> Task:
    """All tasks of a step as one: their seconds together, and the greatest of their peaks."""
    seconds, cpu, peaks = zip(*taken, strict=True)
    return Task(name, rows, len(taken), sum(seconds), sum(cpu), max(peaks), use_case)


def steps_and_gates(folder: Path, kind: Kind, day: date) -> tuple[tuple[Step, GatedTable | None], ...]:
    """The steps of a partition's run, and the table behind each that a gate judges."""
    from pipelines.run import plan

    return tuple((step.name, step.gate) for step in plan.steps_of(run_of(folder, kind, day).use_case, kind))


def shares_of(folder: Path, kind: Kind, day: date, step: Step) -> tuple[str, ...]:
    """What a step is shared out into, one task each."""
    from pipelines.run import plan

    return plan.shares(run_of(folder, kind, day), step)


def take(folder: Path, kind: Kind, day: date, use_case: str, step: Step, share: str | None = None) -> Taken:
    """Take a step, or a share of it, in this process."""
    from pipelines import flow, runner

    run = run_of(folder, kind, day, use_case)
    # Without the past no gate has said anything: those of the other use case have judged the same tables.
    return _measured(
        lambda: flow.STEPS[step](run.task()) if use_case == WITHOUT_PAST else runner.take(run, step, share)
    )


def judge(folder: Path, kind: Kind, day: date, table: GatedTable) -> Taken:
    """Judge a table in this process; that it is so much larger than earlier ones is accepted first."""
    from pipelines import runner
    from pipelines.core.errors import GateClosed
    from pipelines.gates.earlier import accepted

    run = run_of(folder, kind, day)
    try:
        return _measured(lambda: runner.gate(run, table))
    except GateClosed:
        accepted.accept(run, table, "many times as many rows as on the days before")
        return _measured(lambda: runner.gate(run_of(folder, kind, day), table))


def _measured(task: Callable[[], object]) -> Taken:
    start, start_cpu = time.perf_counter(), time.process_time()
    task()
    return time.perf_counter() - start, time.process_time() - start_cpu, _peak()


def _peak() -> int:
    """The most memory that this process has ever held, in bytes."""
    (line,) = (
        line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")
    )
    return int(line.split()[1]) * 1024


# --- for a person


def main(arguments: Sequence[int]) -> None:
    """Print a line a step or gate, and fail if one of its tasks took more than it may."""
    rows, a_day_before = (*arguments, *(ROWS, A_DAY_BEFORE)[len(arguments) :])
    print(f"{'':28}{'rows':>12}{'tasks':>7}{'seconds':>9}{'rows/s':>12}{'peak MB':>9}", flush=True)
    tasks = [Task(**task) for task in results(rows, a_day_before, tell)]
    cpu = {task.use_case: 0.0 for task in tasks}
    for task in tasks:
        cpu[task.use_case] += task.cpu if task.name in LOOKING_BACK else 0
    print(
        f"reading the past again took {1 - cpu[WITHOUT_PAST] / cpu[NAME]:.0%} of the CPU seconds of"
        f" {', '.join(LOOKING_BACK)}"
    )
    over = [task.name for task in tasks if task.peak > LIMIT]
    if over:
        sys.exit(f"more than the {LIMIT / 1e6:,.0f} MB of limits.memory: {', '.join(over)}")


def tell(task: Task) -> None:
    """Print its line."""
    name = task.name if task.use_case == NAME else f"{task.name}, without the past"
    print(
        f"{name:28}{task.rows:12,}{task.tasks:7}{task.seconds:9.1f}{task.rows / task.seconds:12,.0f}{task.peak / 1e6:9,.0f}",
        flush=True,
    )


if __name__ == "__main__":
    main([int(argument.replace("_", "")) for argument in sys.argv[1:]])
