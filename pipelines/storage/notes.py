"""What tasks did in a partition, for whoever traces a row: lines of JSON, and no input of any table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from pipelines.storage import places
from pipelines.storage.places import Place

RUNS = ".runs.jsonl"  # which task of which run did what here


def add(folder: Place, told: Mapping[str, str]) -> None:
    """Write down what a task did."""
    line = json.dumps({"time": datetime.now(UTC).isoformat(timespec="seconds"), **told}).encode() + b"\n"
    places.at(folder / RUNS).append(line)


def every(folder: Place) -> list[dict[str, str]]:
    """What tasks did, oldest first."""
    try:
        lines = places.at(folder / RUNS).read().splitlines(keepends=True)
    except FileNotFoundError:
        lines = []
    return [noted for line in lines if (noted := _parse_line(line))]


def _parse_line(line: bytes) -> dict[str, str] | None:
    """A line that a task has left.

    None if it is no whole one: its writer was killed, or somebody has edited it.
    """
    try:
        found = json.loads(line)
        return {
            **dict.fromkeys(("time", "task", "run", "summary"), "?"),
            **{str(name): str(value) for name, value in found.items()},
        }
    except (ValueError, AttributeError):
        return None
