"""Who became champion when, and why: one line of JSON a decision, never changed, never removed."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from filelock import FileLock

from pipelines import dates
from pipelines.settings import Settings

WAIT = 60  # seconds for another process that is writing its line


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """One decision about a challenger."""

    time: str  # ISO 8601, UTC
    partition: str
    version: str
    previous: str | None  # the champion that was met
    decision: Literal["promoted", "kept"]  # kept: the previous champion stayed, or there still is none
    reason: str
    metric: str
    values: dict[str, float | None]  # model -> its primary metric on the held-out rows
    orchestrator: str

    def __str__(self) -> str:
        """One line for a person."""
        return f"{self.time}  {self.partition}  version {self.version} {self.decision}: {self.reason}"

    @property
    def since(self) -> date:
        """The morning from which on it holds: when the training's partition is over, whenever it may have run."""
        return dates.known_by("training", dates.parse(self.partition))

    def same_as(self, other: Promotion) -> bool:
        """Whether both are the same decision: made twice, it is one line."""
        return (self.version, self.previous, self.decision, self.reason) == (other.version, other.previous, other.decision, other.reason)


@dataclass(frozen=True)
class History:
    """The decisions about one use case's champion."""

    path: Path

    @classmethod
    def of(cls, settings: Settings, use_case: str) -> History:
        """The history of a use case, which may be empty."""
        return cls(settings.data / use_case / "promotions.jsonl")

    def read(self) -> list[Promotion]:
        """Every decision, oldest first."""
        if not self.path.is_file():
            return []
        return [Promotion(**json.loads(line)) for line in self.path.read_text().splitlines()]

    def promotions(self) -> list[Promotion]:
        """The decisions by which somebody became champion, oldest first."""
        return [line for line in self.read() if line.decision == "promoted"]

    def append(self, promotion: Promotion) -> None:
        """Write a decision down, on disk before this returns, unless the latest one about this version is the same."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.path.with_suffix(".lock"), timeout=WAIT):
            latest = [known for known in self.read() if known.version == promotion.version][-1:]
            if latest and latest[0].same_as(promotion):
                return
            with self.path.open("a") as file:
                file.write(json.dumps(asdict(promotion), sort_keys=True, allow_nan=False) + "\n")
                file.flush()
                os.fsync(file.fileno())
