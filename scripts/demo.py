"""The life of one model on this machine, through `airflow dags test`: train, seven nights, a drift report, a
poisoned night.

Every line is one run of one DAG; the commands are run inside this process only to pay Airflow's start once.
The last night is delivered with its numbers a hundred times too large and its texts blank: its gate has to
turn red, and the demo fails if it does not, or if anything else fails. The drift report's gate may be red by
right, as card_fraud's is, in whose week a payment app changes what people pay with: then the demo tells what
it says, and goes on.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from pathlib import Path

import yaml
from airflow.cli.cli_parser import get_parser

from pipelines import sources
from pipelines.core import sql, yaml_text
from pipelines.core.config import Column, Kind
from pipelines.core.dates import Days
from pipelines.registry import registry
from pipelines.run.run import Run
from pipelines.sources.declared import Declared
from pipelines.storage.settings import ROOT, Settings

NIGHTS = 7


@dataclass(frozen=True)
class Demo:
    """What the steps of the demo share."""

    use_case: str
    settings: Settings

    def open(self, kind: Kind, partition: date) -> Run:
        """A partition, to look at what a DAG run has left there."""
        return Run.open(self.use_case, kind, partition, self.settings, resume=True)

    def dags_test(self, kind: Kind, partition: date) -> bool:
        """Run `airflow dags test` for a partition, say how it went, and whether it succeeded."""
        command = ["dags", "test", f"{self.use_case}_{kind}", partition.isoformat()]
        print(f"airflow {' '.join(command)} ... ", end="", flush=True)
        log = self.settings.var / "demo" / f"{self.use_case}_{kind}_{partition}.log"
        start = time.monotonic()
        with _output_to(log):
            passed = _succeeded(command)
        print(f"{'success' if passed else 'FAILED '} {time.monotonic() - start:5.1f} s")
        return passed


def main() -> int:
    """Run the demo for the use case named on the command line."""
    settings = Settings.from_env()
    demo = Demo(sys.argv[1], settings)
    use_case = demo.open("training", date.min).use_case
    first = use_case.demo.training + timedelta(days=1)
    nights = [first + timedelta(days=n) for n in range(NIGHTS)]
    poisoned = first + timedelta(days=NIGHTS)

    print(f"{use_case.title}\n")
    runs: list[tuple[Kind, date]] = [
        ("training", use_case.demo.training),
        *(("scoring", night) for night in nights),
        ("drift", first),
    ]
    for kind, partition in runs:
        if not demo.dags_test(kind, partition):
            if kind == "drift" and (told := _red_sentence(demo, "drift", partition)):
                print(f"\n{told}\n\nThat is the gate's verdict on this week. {_follows(demo, partition)}")
                continue
            print(
                f"\n{(settings.var / 'demo' / f'{demo.use_case}_{kind}_{partition}.log').relative_to(ROOT)}"
                " says why."
            )
            return 1
    print(
        f"\nNow a poisoned night: {poisoned} is delivered with numbers a hundred times too large and texts"
        " blank. Its gate must turn red."
    )
    with _poisoned_source(demo, poisoned):
        if demo.dags_test("scoring", poisoned):
            print("\nThe poisoned night went through its gates: this is a bug in Sluice.")
            return 1
    print(
        f"\n{_red_sentence(demo, 'scoring', poisoned)}\n\nExpected: that night has no predictions; the nights before it"
        " are untouched.\n"
    )
    print(_table(demo, nights, first))
    return 0


def _follows(demo: Demo, week: date) -> str:
    """What the report says that follows."""
    table = demo.open("drift", week).store.read("diagnosis")
    ((action, why),) = table.filter("kind = 'decision'").project("subject, evidence").fetchall()
    return f"What follows, its report says: {action}: {why}."


def _succeeded(command: list[str]) -> bool:
    options = get_parser().parse_args(command)
    try:
        options.func(options)
    except SystemExit as stopped:
        # `airflow dags test` ends with a message or a number when the run has failed.
        return stopped.code in (None, 0)
    return True


@contextlib.contextmanager
def _output_to(log: Path) -> Iterator[None]:
    """Send all that this process prints, libraries' C code included, to a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    kept = os.dup(1), os.dup(2)
    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os.dup2(kept[0], 1)
            os.dup2(kept[1], 2)
            os.close(kept[0])
            os.close(kept[1])


@contextlib.contextmanager
def _poisoned_source(demo: Demo, day: date) -> Iterator[None]:
    """Let the use case read, instead of its source, a file with what that gives for a day, poisoned."""
    folder = demo.settings.var / "demo" / "poisoned"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{demo.use_case}.parquet"
    run = demo.open("scoring", day)
    declared = Declared.of(run.use_case)
    limits = run.use_case.limits.delivery
    pieces = sources.read(
        run.use_case.source, Days(day, day), declared, demo.settings, run.store.connection, limits=limits
    )
    # What other columns are derived from stays: this is about a delivery that looks good until one looks at
    # its values.
    spared = {column for text in declared.derived.values() for column in sql.parse(text).every_column}
    poisoned = ", ".join(
        _poisoned(name, declared.columns[name], name.lower() in spared) for name in declared.given
    )
    reduce(lambda rows, more: rows.union(more), (piece.rows for piece in pieces)).select(poisoned).to_parquet(
        str(file)
    )

    stated, _ = yaml_text.parse((demo.settings.use_cases / f"{demo.use_case}.yaml").read_bytes())
    derive = {"derive": stated["source"]["derive"]} if "derive" in stated["source"] else {}
    stated["source"] = {"kind": "file", "path": str(file), "format": {"type": "parquet"}, **derive}
    (folder / f"{demo.use_case}.yaml").write_text(yaml.dump(stated, Dumper=yaml_text.Dumper, sort_keys=False))
    before = os.environ.get("SLUICE_USE_CASES")
    os.environ["SLUICE_USE_CASES"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["SLUICE_USE_CASES"]
        else:
            os.environ["SLUICE_USE_CASES"] = before


def _poisoned(name: str, column: Column, spared: bool) -> str:
    """SQL of a column a hundred times too large, or blank."""
    quoted = sql.name(name)
    if spared or column.role in ("key", "time", "label"):
        return quoted
    changed = {
        "number": f"TRY_CAST({quoted} AS DOUBLE) * 100",
        "integer": f"TRY_CAST({quoted} AS BIGINT) * 100",
        "string": "''",
    }
    return f"{changed.get(column.type, quoted)} AS {quoted}"


def _red_sentence(demo: Demo, kind: Kind, partition: date) -> str | None:
    """What the gate said that stopped a run, from its log; None where no gate did."""
    log = (demo.settings.var / "demo" / f"{demo.use_case}_{kind}_{partition}.log").read_text(errors="replace")
    gate = next(
        (
            path.stem
            for path in sorted((demo.open(kind, partition).store.disk / "gates").glob("*.json"))
            if not json.loads(path.read_bytes()).get("passed", True)
        ),
        None,
    )
    if gate is None or f"gate_{gate} of {demo.use_case}" not in log:
        return None
    start = log.index(f"gate_{gate} of {demo.use_case}")
    first, *more = log[start:].split("\n")
    return "\n".join([first, *itertools.takewhile(lambda line: line.startswith("  "), more)])


def _table(demo: Demo, nights: list[date], first: date) -> str:
    """What came of it, in a screen."""
    training = demo.open("training", first - timedelta(days=1))
    verdict = json.loads(training.store.read_file("verdict.json"))
    values = verdict["values"]
    scored = [demo.open("scoring", night).store.manifest("predictions").rows for night in nights]
    drift = demo.open("drift", first)
    alarms, moved, features = (
        drift.store.read("drift")
        .aggregate(
            "count(*) filter (verdict = 'alarm'), count(*) filter (kind = 'feature' and drifted),"
            " count(*) filter (kind = 'feature')"
        )
        .fetchall()[0]
    )
    champion = registry.champion(training)
    threshold = "" if champion.threshold is None else f", threshold {champion.threshold:.4g}"
    rows = [
        (
            "champion",
            f"version {champion.version}, {champion.metadata['family']}{threshold}; on held-out rows:",
        )
    ]
    rows += [
        (name, f"{value:.4f}   baseline {_number(values['baseline'].get(name))}")
        for name, value in values[champion.metadata["family"]].items()
    ]
    rows += [
        ("rows scored", f"{sum(scored):,} in {len(scored)} nights"),
        ("drift", f"{alarms} alarm{'' if alarms == 1 else 's'}; {moved} of {features} features moved"),
    ]
    for run, report in (
        (training, "evaluate"),
        (drift, "drift"),
        (demo.open("scoring", first + timedelta(days=NIGHTS)), "gate_raw"),
    ):
        path = run.store.disk / "reports" / f"{report}.html"
        if path.is_file():
            rows.append((f"{report} report", os.path.relpath(path, ROOT)))
    return "\n".join(f"{name:<18}{value}" for name, value in rows)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


if __name__ == "__main__":
    logging.getLogger().setLevel(logging.WARNING)
    sys.exit(main())
