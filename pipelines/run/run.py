"""One run: a use case, a partition, and the store that holds its tables."""

from __future__ import annotations

import hashlib
import logging
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pipelines import __version__
from pipelines.core import dates
from pipelines.core.calendar import Calendar
from pipelines.core.config import Kind, Model, UseCase
from pipelines.core.config.base import NAME
from pipelines.core.use_cases import Loaded, load
from pipelines.storage.settings import ROOT, Settings
from pipelines.storage.store import Store, Version

if TYPE_CHECKING:
    from pipelines.run.plan import Outcome

logger = logging.getLogger(__name__)

WHAT_IF = "what_if"  # the folder beside a night's tables


def no_one(line: str) -> None:
    """Whom a run tells how far it is, unless somebody wants to know."""


@dataclass
class Tally:
    """How far a step is that works on no rows of a table, but, say, fits models."""

    done: int = 0
    of: int = 0  # 0: nothing is counted

    def report(self, done: int, of: int) -> None:
        """So many are done; threads that report may overtake one another."""
        self.done, self.of = max(self.done, done), of


@dataclass(frozen=True)
class Run:
    """What every step is given."""

    loaded: Loaded
    store: Store
    settings: Settings
    orchestrator: str = "command line"  # Airflow's run id, where Airflow runs it
    model_version: str | None = None  # score with this version instead of the champion
    # what would the champion of now say? in a folder beside the partition's tables, which stay as they are
    what_if: bool = False
    progress: Callable[[str], None] = no_one  # is told how far a long step is, beside the log
    tally: Tally = field(default_factory=Tally)
    asked_by: str | None = None  # the person who asked for it; None where a schedule did
    model: Model = "search"  # a training's first step: what it is to do about the model

    @classmethod
    def open(
        cls,
        use_case: str,
        kind: Kind,
        partition: date,
        settings: Settings | None = None,
        orchestrator: str = "command line",
        model_version: str | None = None,
        what_if: bool = False,
        progress: Callable[[str], None] = no_one,
        resume: bool = False,
        asked_by: str | None = None,
        model: Model = "search",
    ) -> Run:
        """Load the use case's file and open the partition's store.

        Args:
            use_case: The name of the use case.
            kind: training, scoring or drift.
            partition: The day that names the partition.
            settings: Where things lie; by default as the environment says.
            orchestrator: The run's id, where there is an orchestrator.
            model_version: The version to score with instead of the champion.
            what_if: Whether the run is only to tell what the champion of now would have said.
            progress: Is told how far a long step is.
            resume: Whether to go on by the file that the partition's first step went by, as every later task
                of a run does; where there is none yet, by the file as it is now.
            asked_by: Who has asked for it, where that is a person whom the orchestrator knows.
            model: Of a training: `keep` takes the model that serves, and learns a calibration and a threshold
                alone. Its first step makes a file of that, by which all later ones go.

        Raises:
            BadUseCase: no such file, or what the file says cannot be.
            TableCorrupt: the file that the run went by is gone.
        """
        from pipelines.run import archive

        settings = settings or Settings.from_env()
        aside = WHAT_IF if what_if else ""
        folder = settings.data / PurePosixPath(use_case, kind, partition.isoformat(), aside)
        named = re.fullmatch(NAME, use_case) is not None  # whether or not its file is still there
        loaded = archive.file_of_run(settings, use_case, kind, folder) if resume and named else None
        loaded = loaded or load(settings.use_cases, use_case)
        version = Version(use_case=loaded.sha256, code=code_version())
        memory = loaded.use_case.limits.memory
        store = Store(settings.data, use_case, kind, partition, version, memory, aside)
        return cls(
            loaded,
            store,
            settings,
            orchestrator,
            model_version,
            what_if,
            progress,
            asked_by=asked_by,
            model=model,
        )

    @property
    def use_case(self) -> UseCase:
        """The facts of the use case."""
        return self.loaded.use_case

    @property
    def kind(self) -> Kind:
        """training, scoring or drift."""
        return self.store.kind

    @property
    def partition(self) -> date:
        """The day that names the partition."""
        return self.store.partition

    @property
    def calendar(self) -> Calendar:
        """How time is cut into partitions."""
        return self.use_case.calendar

    @property
    def days(self) -> dates.Days:
        """The days that its tables tell of."""
        return dates.days_of(self.use_case, self.kind, self.partition)

    @property
    def past_days(self) -> dates.Days:
        """The days before those, as far as windows look back."""
        return dates.past_of(self.use_case, self.kind, self.partition)

    @property
    def again(self) -> str:
        """How a person runs it again.

        From its first step, since each later one goes by the file and the rows that this has taken.
        """
        keep = " --model keep" if self.use_case.candidates.keep else ""
        return (
            f"run it again: python -m pipelines run {self.use_case.name} {self.kind} {self.partition}{keep}"
            " (in Airflow: clear its first task)"
        )

    def task(self) -> Run:
        """The same run as one task takes it: what it reads is recorded, so that what it writes cites that and
        nothing else.
        """
        return replace(self, store=self.store.recording(), tally=Tally())

    def by(self, loaded: Loaded) -> Run:
        """The same run by another file."""
        version = replace(self.store.version, use_case=loaded.sha256)
        return replace(self, loaded=loaded, store=replace(self.store, version=version))

    def resumed(self) -> Run:
        """The same run as its next task takes it: by the file that its first step went by."""
        from pipelines.run import archive

        return self.by(
            archive.file_of_run(self.settings, self.use_case.name, self.kind, self.store.folder)
            or self.loaded
        )

    def write_report(self, task: str, html: str) -> str:
        """Publish a page for a person, and return its path below the data root."""
        self.store.write_file(f"reports/{task}.html", html.encode())
        return self.report(task)

    def report(self, task: str) -> str:
        """Where a task's page is, below the data root."""
        return f"{self.store.where}/reports/{task}.html"

    def note(self, task: str, summary: str, **more: str) -> None:
        """Leave word of which run did a task, by which a row can be traced to its runs."""
        by = {"by": self.asked_by} if self.asked_by else {}
        told = {"task": task, "run": self.orchestrator, "code": self.store.version.code, "summary": summary}
        self.store.note({**told, **by, **more})

    def log(self, outcome: Outcome) -> None:
        """Say what a step did."""
        logger.info("%s %s %s: %s", self.use_case.name, self.kind, self.partition, outcome.summary)


@cache
def lock_version() -> str:
    """The sha256 of the lock of all libraries; `unlocked` where Sluice was installed without one."""
    lock = ROOT / "requirements.txt"
    return hashlib.sha256(lock.read_bytes()).hexdigest() if lock.is_file() else "unlocked"


@cache
def code_version() -> str:
    """The commit of the running code; Sluice's version where there is no git."""
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return __version__
    return commit[:12]
