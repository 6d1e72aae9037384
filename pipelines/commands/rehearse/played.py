"""A use case as it is rehearsed: its days in a scratch folder, with features, and trainings by the steps
themselves, beside nothing that is real.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from pipelines import flow
from pipelines.commands import scratch
from pipelines.commands.monitor.own import by_day, scored
from pipelines.composition import by_version, keeping
from pipelines.core import dates
from pipelines.core.config import Kind, Model, Step, UseCase
from pipelines.core.dates import Days
from pipelines.core.errors import BadInput, SluiceError
from pipelines.core.metrics import by_name
from pipelines.metrics import sureness
from pipelines.registry import registry
from pipelines.registry.history import History
from pipelines.registry.registry import Champion
from pipelines.run import plan
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from pipelines.storage.store import Store

# What does not depend on who is champion: it is the same in each life.
ALIKE: tuple[Step, ...] = ("ingest", "cleanse", "past", "features", "tune")


@dataclass(frozen=True)
class Played:
    """The days of a rehearsal.

    Attributes:
        folder: Where it is played.
        run: A run of the played use case, of no day.
        days: The nights.
        features: Day -> its rows with labels, as they are known in the end; days without rows are left out.
    """

    folder: Path
    run: Run
    days: Days
    features: dict[date, pa.Table]

    @property
    def use_case(self) -> UseCase:
        """The facts."""
        return self.run.use_case

    @classmethod
    def of(cls, settings: Settings, name: str, days: Days, folder: Path) -> Played:
        """Copy the source's days, and compute their features once.

        Raises:
            BadInput: the time is no time, or has no rows.
        """
        if not len(days):
            raise BadInput(
                f"no night lies between {days.first} and {days.last}", fix="name the first day, then the last"
            )
        own = scratch.settings_in(settings, folder)
        real = Run.open(name, "training", days.first - dates.DAY, own)
        scratch.require_days(real.use_case)
        first = real.past_days.first if len(real.past_days) else real.days.first
        scratch.copy_days(real, settings, Days(first, days.last), folder / scratch.DELIVERED)
        played = scratch.playing(real.use_case, folder)
        # nobody is there who could approve
        promotion = played.promotion.model_copy(update={"approval": None, "approvers": ()})
        loaded = by_version.as_file(played.model_copy(update={"promotion": promotion}), real.loaded.path)
        run = real.by(loaded)
        features = dict(by_day(scratch.features_of(run, days).to_arrow_table(), run.use_case))
        if not features:
            raise BadInput(
                f"the source has no rows of {days}", where=name, fix="name days that it has rows of"
            )
        return cls(folder, run, days, features)


@dataclass
class Registry:
    """A life's own trainings, versions and history.

    Attributes:
        played: The days.
        name: Of its folder.
        beside: Another life, of which it takes what is the same.
    """

    played: Played
    name: str
    beside: Registry | None = None
    _scored: dict[tuple[str, date], pa.Table] = field(default_factory=dict)
    _known: dict[str, Champion] = field(default_factory=dict)

    @cached_property
    def settings(self) -> Settings:
        """Where they lie."""
        return scratch.settings_in(self.played.run.settings, self.played.folder / self.name)

    def run(self, partition: date, kind: Kind = "training") -> Run:
        """A run, by default a training."""
        run = self.played.run
        store = Store(self.settings.data, run.use_case.name, kind, partition, run.store.version)
        return replace(run, store=store, settings=self.settings)

    def train(self, partition: date, model: Model = "search") -> tuple[str, str | None]:
        """Train, by all steps and no gates.

        Args:
            partition: The training's.
            model: Whether to search for a model, or to keep the one that serves.

        Returns:
            What was decided, in a sentence; and the version, if it was promoted.
        """
        run, before = self.run(partition), self.champion
        try:
            told, run = "", run.by(keeping.file(run)) if model == "keep" else run
            for step in plan.steps_of(run.use_case, "training"):
                if not self._taken(run, step.name):
                    for share in plan.shares(run, step.name) or (None,):
                        outcome = flow.STEPS[step.name](run.task(), *([share] if share else []))
                        told = outcome.summary
        except SluiceError as error:
            return f"no training: {error.sentence}", None
        after = self.champion
        return told, after if after != before else None

    def _taken(self, run: Run, step: Step) -> bool:
        """Whether another life has done the step, of whose training all is here then."""
        if self.beside is None or step not in ALIKE:
            return False
        there, here = (Path(str(each.store.folder)) for each in (self.beside.run(run.partition), run))
        if not here.exists() and there.exists():
            shutil.copytree(there, here, copy_function=os.link)
        return there.exists()

    @property
    def champion(self) -> str | None:
        """Who is champion now."""
        return History.of(self.settings, self.played.use_case.name).champion

    def version(self, name: str) -> Champion:
        """A version."""
        if name not in self._known:
            run = replace(self.run(self.played.days.first), model_version=name)
            self._known[name] = registry.champion(run)
        return self._known[name]

    def judged(self, name: str) -> Champion:
        """The same as it was judged."""
        return registry.as_judged(self.run(self.played.days.first), self.version(name))

    def day(self, name: str, on: date) -> pa.Table:
        """A day's rows, scored by a version."""
        if (name, on) not in self._scored:
            rows = self.played.features[on]
            self._scored[name, on] = scored(rows, self.version(name), self.played.use_case)
        return self._scored[name, on]

    def claimed(self, partition: date, metric: str) -> float | None:
        """By how much of a metric a training's challenger was better than the champion, or else the baseline,
        on the held-out rows.
        """
        table = self.run(partition).store.read("scores")
        found = table.filter(f"metric = '{metric}' AND slice = 'all'").project(
            "challenger, champion, baseline"
        )
        ((challenger, champion, baseline),) = found.fetchall()
        before = baseline if champion is None else champion
        if challenger is None or before is None:
            return None
        return sureness.loss(float(challenger), float(before), by_name(metric))


def mornings(use_case: UseCase, days: Days) -> Sequence[date]:
    """On which mornings of some days the schedule has a training."""
    from croniter import croniter

    cron = use_case.schedule.training
    if cron is None:
        return ()
    from datetime import datetime, time

    times = croniter(cron, datetime.combine(days.first, time()) - timedelta(seconds=1))
    found: list[date] = []
    while (morning := times.get_next(datetime).date()) <= days.last:
        if not found or morning != found[-1]:
            found.append(morning)
    return found
