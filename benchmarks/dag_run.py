"""What Airflow adds to a night: a scoring DAG run in a live Airflow, beside the work of its tasks alone.

Run as `python -m benchmarks.dag_run [rows]...`: by default 1,000 rows and a million, of 30 columns, three
rounds each. The work is each step and gate of the night, one after the other in a process that has imported
everything, as the clock tells. The DAG run is the same night in Airflow (API server, scheduler, DAG
processor, LocalExecutor, this project's airflow.cfg) from its start to its end: what it takes longer is
scheduling, starting tasks, imports, and talking to Airflow's database. The source is a Parquet file a day;
the use case is that of `benchmarks.memory`.
"""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import gates, memory

ROWS, ROUNDS = (1_000, 1_000_000), 3
PATIENCE = 900  # seconds
ROOT = Path(__file__).resolve().parent.parent
PROCESSES = ("api-server", "scheduler", "dag-processor")
DAG = f"{memory.NAME}_scoring"


@dataclass(frozen=True)
class Night:
    """A night of some rows: seconds of the work alone, and of the DAG run, medians."""

    rows: int
    work: float
    dag_run: float
    tasks: int

    @property
    def overhead(self) -> float:
        """What Airflow and starting up add, as a share of the work."""
        return self.dag_run / self.work - 1


def results(rows: Sequence[int] = ROWS, rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """Measure nights of so many rows."""
    nights = [_night(number, rounds) for number in rows]
    return [asdict(night) | {"overhead": night.overhead} for night in nights]


def _night(rows: int, rounds: int) -> Night:
    with tempfile.TemporaryDirectory(prefix="sluice-dag-run-") as temporary:
        folder = Path(temporary)
        gates.alone(memory.prepare, folder, rows)
        for n in range(8):
            gates.alone(memory.deliver, folder, memory.NIGHT - timedelta(days=n), rows, rows)
        work, runs = [], []
        with _airflow(folder) as environment:
            for number in range(rounds):
                work.append(gates.alone(work_of, folder))
                runs.append(_dag_run(f"round{number}", environment, folder))
        seconds, tasks = zip(*runs, strict=True)
        return Night(rows, median(work), median(seconds), max(tasks))


def work_of(folder: Path) -> float:
    """The seconds that the night's steps and gates take, without imports: they are gone twice, and the second
    time counts.
    """
    from pipelines import runner

    for _ in range(2):
        start = time.perf_counter()
        runner.run_all(memory.run_of(folder, "scoring", memory.NIGHT))
        seconds = time.perf_counter() - start
    return seconds


# --- Airflow


@contextmanager
def _airflow(folder: Path) -> Iterator[dict[str, str]]:
    """A live Airflow with a database of its own; its environment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = memory.settings(folder)
    environment = os.environ | {
        "AIRFLOW_HOME": str(ROOT),
        "PYTHONPATH": str(ROOT),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder}/airflow.db",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(folder / "logs"),
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(folder / "bundles"),
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://localhost:{port}",
        "SLUICE_DATA": str(settings.disk),
        "SLUICE_USE_CASES": str(settings.use_cases),
        "SLUICE_VAR": str(settings.var),
        "MLFLOW_TRACKING_URI": settings.mlflow,
    }
    subprocess.run(["airflow", "db", "migrate"], env=environment, capture_output=True, check=True)
    started = [
        subprocess.Popen(["airflow", name], env=environment, stdout=log, stderr=log, start_new_session=True)
        for name in PROCESSES
        for log in [(folder / f"{name}.log").open("w")]
    ]
    try:
        _wait(
            lambda: _up(started) and _answers(f"http://127.0.0.1:{port}/api/v2/monitor/health"),
            "Airflow's API server to answer",
        )
        _wait(
            lambda: (
                _up(started) and _asked(folder, "SELECT count(*) FROM dag WHERE dag_id = ?", DAG) == [(1,)]
            ),
            f"the DAG {DAG}",
        )
        yield environment
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGTERM)
        for process in started:
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            # A scheduler that is asked to end may start a worker in the place of one that has, and leave it
            # behind.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _dag_run(run_id: str, environment: dict[str, str], folder: Path) -> tuple[float, int]:
    """Trigger the night's DAG; the seconds from the run's start to its end, and how many tasks it had."""
    conf = f'{{"partition": "{memory.NIGHT}"}}'
    subprocess.run(
        ["airflow", "dags", "trigger", DAG, "--run-id", run_id, "--conf", conf],
        env=environment,
        capture_output=True,
        check=True,
    )
    state = "SELECT state, start_date, end_date FROM dag_run WHERE run_id = ? AND end_date IS NOT NULL"
    _wait(lambda: bool(_asked(folder, state, run_id)), f"the DAG run {run_id}")
    ((ended, start, end),) = _asked(folder, state, run_id)
    if ended != "success":
        sys.exit(f"the DAG run {run_id} ended as {ended}: see {folder}/logs")
    ((tasks,),) = _asked(folder, "SELECT count(*) FROM task_instance WHERE run_id = ?", run_id)
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds(), tasks


def _asked(folder: Path, statement: str, *values: str) -> list[Any]:
    with sqlite3.connect(f"file:{folder}/airflow.db?mode=ro", uri=True, timeout=30) as connection:
        return connection.execute(statement, values).fetchall()


def _up(started: Sequence[subprocess.Popen[bytes]]) -> bool:
    if ended := [process.args for process in started if process.poll() is not None]:
        sys.exit(f"ended at once: {ended}; has `make setup` been run here?")
    return True


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 (our own, on loopback)
            return bool(answer.status == 200)
    except OSError:
        return False


def _wait(done: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > until:
            sys.exit(f"waited {PATIENCE} s for {what}")
        time.sleep(0.5)


# --- for a person


def main(rows: Sequence[int]) -> None:
    """Print a line a size."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # no Airflow is left behind
    print(f"{'rows':>12}{'tasks':>7}{'work s':>9}{'DAG run s':>11}{'overhead':>10}")
    for night in results(rows or ROWS):
        print(
            f"{night['rows']:12,}{night['tasks']:7}{night['work']:9.1f}{night['dag_run']:11.1f}{night['overhead']:10.0%}",
            flush=True,
        )


if __name__ == "__main__":
    main([int(argument.replace("_", "")) for argument in sys.argv[1:]])
