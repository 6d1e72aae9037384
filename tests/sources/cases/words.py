"""Words without quotes in a use-case file: what each stands for by YAML 1.2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# What stands there, and what it is; PyYAML's own loader, which goes by YAML 1.1, says something else of each.
OTHERWISE: Mapping[str, Any] = {
    "NO": "NO",
    "yes": "yes",
    "on": "on",
    "Off": "Off",
    "010": 10,
    "0o10": 8,
    "1:30": "1:30",
    "1_000": "1_000",
    "0b11": "0b11",
    "2026-01-31": "2026-01-31",
    "1e3": 1000.0,
    "=": "=",
    "190:20:30.15": "190:20:30.15",
}
ALIKE: Mapping[str, Any] = {
    "true": True,
    "FALSE": False,
    "~": None,
    "NULL": None,
    "": None,
    "-17": -17,
    "0x1F": 31,
    "1.5e+3": 1500.0,
    "-.inf": float("-inf"),
    "5.": 5.0,
    "'010'": "010",
    "!!str 7": "7",
    "!!int '7'": 7,
    "N": "N",
}
