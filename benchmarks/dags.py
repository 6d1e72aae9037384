"""How the DAG files' parse time grows with the number of use cases: all of them, as the DAG processor does,
and one DAG, as each task does.

Run as `python -m benchmarks.dags [number]...`: by default 1, 10, 20 and 50 use cases, copies of
bank_marketing under other names. CPU seconds of parsing alone, in a process that has imported Airflow, median
of five processes taken in turns; and the megabytes that such a process holds at most. Use cases beyond the
first cost what they add, so the page also tells that.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NUMBERS, ROUNDS = (1, 10, 20, 50), 5
COPIED = "bank_marketing"

PARSE = """
import json, resource, sys, time
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.definitions._internal.dag_parsing_context import _airflow_parsing_context_manager as only
files, dag = sys.argv[1], sys.argv[2] or None
DagBag(dag_folder="/dev/null")
before = time.process_time()
with only(dag_id=dag):
    bag = DagBag(dag_folder=files)
seconds = time.process_time() - before
assert not bag.import_errors, bag.import_errors
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, len(bag.dags)]))
"""


def results(numbers: Sequence[int] = NUMBERS, rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """Parse so many use cases, and one of them."""
    with tempfile.TemporaryDirectory(prefix="sluice-dags-") as temporary:
        folders = {number: _use_cases(Path(temporary) / str(number), number) for number in numbers}
        found: dict[int, dict[str, list[list[float]]]] = {
            number: {"all": [], "one": []} for number in numbers
        }
        for _ in range(rounds):
            for number, folder in folders.items():
                found[number]["all"].append(_parsed(folder, ROOT / "dags", ""))
                found[number]["one"].append(_parsed(folder, ROOT / "dags" / "scoring.py", "case_0_scoring"))
    return [
        {
            "use_cases": number,
            "dags": int(told["all"][0][2]),
            "all_seconds": median(one[0] for one in told["all"]),
            "one_seconds": median(one[0] for one in told["one"]),
            "megabytes": median(one[1] for one in told["all"]),
        }
        for number, told in found.items()
    ]


def _use_cases(folder: Path, number: int) -> Path:
    folder.mkdir()
    text = (ROOT / "include" / "use_cases" / f"{COPIED}.yaml").read_text()
    for n in range(number):
        (folder / f"case_{n}.yaml").write_text(text.replace(f"name: {COPIED}", f"name: case_{n}"))
    return folder


def _parsed(use_cases: Path, files: Path, dag: str) -> list[float]:
    environment = {
        **os.environ,
        "SLUICE_USE_CASES": str(use_cases),
        "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}",
        "AIRFLOW_HOME": str(ROOT),
    }
    command = [sys.executable, "-c", PARSE, str(files), dag]
    answer = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    if answer.returncode:
        sys.exit(answer.stderr[-2000:])
    told: list[float] = json.loads(answer.stdout.splitlines()[-1])
    return told


def main() -> None:
    """Print a line for each number of use cases."""
    told = results([int(number) for number in sys.argv[1:]] or NUMBERS)
    print(f"{'use cases':>10}{'DAGs':>6}{'all files, s':>14}{'one DAG, s':>12}{'MB':>7}")
    for line in told:
        print(
            f"{line['use_cases']:>10}{line['dags']:>6}{line['all_seconds']:>14.3f}{line['one_seconds']:>12.3f}{line['megabytes']:>7.0f}"
        )
    first, last = told[0], told[-1]
    if last["use_cases"] > first["use_cases"]:
        each = (last["all_seconds"] - first["all_seconds"]) / (last["use_cases"] - first["use_cases"])
        print(f"each further use case costs {1000 * each:.0f} ms of a parse of all files")


if __name__ == "__main__":
    main()
