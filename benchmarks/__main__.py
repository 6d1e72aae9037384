"""All benchmarks, one after the other; what they print goes into benchmarks/RESULTS.md.

Run as `python -m benchmarks` (some hours), or `python -m benchmarks scoring tuning` for some of them, which
leaves what the page says of the others. Each compares contenders in turns within one run and tells medians: a
shared machine is slow or fast for all.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from pipelines.run.run import code_version
from pipelines.storage.settings import ROOT

PAGE = Path(__file__).parent / "RESULTS.md"
HEAD = """# What it costs, measured

`python -m benchmarks` writes this page: each section is what one benchmark printed, on which machine, and at which commit. Figures of
one section were taken in turns within one run; those of different sections, or machines, are not to be compared.
"""
# Name -> the arguments of each run of it.
EVERY: dict[str, tuple[tuple[str, ...], ...]] = {
    "scoring": ((),),
    "ingest": ((),),
    "reading": (("243c07d^", "300_000"),),  # before files were proven whole, and their texts looked at
    "tables": ((), ("10_000_000", "1")),  # pandas once: it needs a minute and 14 GB
    "joins": ((),),
    "tuning": ((),),
    "verdicts": (("40",),),
    "refit": ((),),
    "declared_loss": ((),),
    "estimates": ((),),
    "memory": ((),),
    "gates": ((),),
    "steady": (("20",),),
    "steady_rows": (("4",),),
    "labels": ((),),
    "performance": ((),),
    "drift_years": (("10", "20"),),
    "promotions": (("20",),),
    "retraining": (("40",),),
    "kept_models": (("40",),),
    "capacity": ((),),
    "thresholds": (("60",),),
    "calibration": (("60",),),
    "dag_run": ((),),
    "dags": ((),),
}


def measured(name: str) -> str:
    """Run a benchmark, and return its section of the page.

    Raises:
        SystemExit: it failed, as a benchmark does whose contenders do not agree, or that exceeds its limit.
    """
    told = []
    for arguments in EVERY[name]:
        command = ["python", "-m", f"benchmarks.{name}", *arguments]
        print(f"\n$ {' '.join(command)}", flush=True)
        with subprocess.Popen(
            [sys.executable, *command[1:]], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as process:
            lines = []
            for line in process.stdout or ():
                print(line, end="", flush=True)
                lines.append(line.rstrip())
        if process.returncode:
            sys.exit(f"{' '.join(command)} failed: {PAGE.name} still says what it said of it before")
        told += [f"$ {' '.join(command)}", *lines]
    about = " ".join((import_module(f"benchmarks.{name}").__doc__ or "").split("\n\n")[0].split())
    return f"## {name}\n\n{about}\n\n{machine()}\n\n```\n" + "\n".join(told) + "\n```\n"


def machine() -> str:
    """Where, when, and of which code."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, commit {code_version()}, Python {platform.python_version()}, {cores}"
        f" cores ({model[1] if model else platform.machine()}), {memory:.0f} GB."
    )


def sections(page: str) -> dict[str, str]:
    """Name -> section of a page."""
    return {part.split("\n", 1)[0]: f"## {part}" for part in re.split(r"^## ", page, flags=re.MULTILINE)[1:]}


def main() -> None:
    """Run the benchmarks that are asked for, and write the page after each."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", choices=[*EVERY, []], help="which ones; all by default")
    for name in parser.parse_args().names or EVERY:
        known = sections(PAGE.read_text()) if PAGE.is_file() else {}
        known[name] = measured(name)
        PAGE.write_text("\n".join([HEAD, *(known[each].rstrip() + "\n" for each in EVERY if each in known)]))


if __name__ == "__main__":
    main()
