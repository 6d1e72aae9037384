"""docker-compose.yaml as Python sees it: each service's command, environment, health check and order."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipelines.storage.settings import ROOT
from scripts.cluster.interpolate import interpolate

FILE = ROOT / "docker-compose.yaml"
TEMPLATE = ROOT / ".env.template"


@dataclass(frozen=True)
class Service:
    """A service with all values filled in."""

    name: str
    facts: dict[str, Any]  # as the file has them

    @property
    def ours(self) -> bool:
        """Whether it runs our own image, which holds the same code as this checkout."""
        return "build" in self.facts

    @property
    def once(self) -> bool:
        """Whether it is meant to end, and others wait until it has."""
        return self.facts.get("restart") == "no"

    @property
    def command(self) -> list[str]:
        """What it runs, its entrypoint first."""
        return [*_words(self.facts.get("entrypoint")), *_words(self.facts.get("command"))]

    @property
    def environment(self) -> dict[str, str]:
        """Its variables."""
        return {name: str(value) for name, value in self.facts.get("environment", {}).items()}

    @property
    def health_check(self) -> list[str]:
        """The command that says whether it is well; empty where there is none."""
        test = self.facts.get("healthcheck", {}).get("test", [])
        if test[:1] == ["CMD-SHELL"]:
            return ["sh", "-c", *test[1:]]
        return list(test[1:])

    @property
    def unasked(self) -> bool:
        """Whether it is said that nobody can ask how it is: its image holds nothing that could."""
        return self.facts.get("healthcheck", {}).get("disable") is True

    @property
    def waits_for(self) -> dict[str, str]:
        """Service -> what it has to be before this one is started."""
        return {name: facts["condition"] for name, facts in self.facts.get("depends_on", {}).items()}

    @property
    def replicas(self) -> int:
        """How many of it there are."""
        return int(self.facts.get("deploy", {}).get("replicas", 1))


def read(path: Path = FILE) -> dict[str, Any]:
    """Parse the file, with its variables as they stand there."""
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


def service(document: Mapping[str, Any], name: str, values: Mapping[str, str]) -> Service:
    """Fill in one service."""
    return Service(name, interpolate(document["services"][name], values))


def _words(command: str | list[str] | None) -> list[str]:
    return shlex.split(command) if isinstance(command, str) else list(command or [])
