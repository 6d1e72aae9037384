"""Where the self-test plays: a scratch folder in which a use case has lived well until now, and can be
brought back to that.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import runner
from pipelines.commands.scratch import DELIVERED, OTHERS, copy_days, playing, require_days, settings_in
from pipelines.commands.selftest import limits
from pipelines.composition import by_version
from pipelines.core import dates
from pipelines.core.config import GatedTable, Kind, Step, UseCase
from pipelines.core.errors import GateClosed, SluiceError
from pipelines.core.sql import select
from pipelines.core.use_cases import Loaded
from pipelines.run import plan
from pipelines.run.run import Run
from pipelines.run.tables import pieces
from pipelines.storage.notes import RUNS
from pipelines.storage.settings import Settings
from pipelines.storage.store import Store

if TYPE_CHECKING:
    from pipelines.commands.selftest.damage import Damage

WEEK = 7
EARLIER = timedelta(weeks=2)


@dataclass(frozen=True)
class Aftermath:
    """What became of a damage.

    Attributes:
        open: The gates that let it through, in order.
        stopped_by: The step or gate that stopped it; None if nothing did.
        said: The first line of what that said.
        harmless: Whether it changed nothing that a model sees: the features are those of the good partition.
        limit: Why it cannot be told from chance, or is too small to close a gate, as measured; empty where
            something stopped it.
    """

    open: tuple[GatedTable, ...]
    stopped_by: str | None
    said: str
    harmless: bool
    limit: str = ""


@dataclass(frozen=True)
class Stage:
    """A use case that reads a copy of its source, a file a day, which can be damaged.

    With a training, its nights and a week behind it.
    """

    folder: Path
    run_: Run  # a template, of the use case as it is outside
    training: date
    loaded: Loaded  # the use case as it plays here

    @classmethod
    def set(cls, settings: Settings, use_case: str, folder: Path) -> Stage:
        """Copy the source's days, and run a training, the eight nights after it and the week's report.

        Where the demo's own week is red, as one that drifts in truth, all of it is some weeks earlier.

        Raises:
            SluiceError: the use case does not get so far by itself.
        """
        try:
            return cls._set(settings, use_case, folder / "now", timedelta())
        except GateClosed as closed:
            if closed.gate != "gate_drift":
                raise
        return cls._set(settings, use_case, folder / "earlier", EARLIER)

    @classmethod
    def _set(cls, settings: Settings, use_case: str, folder: Path, back: timedelta) -> Stage:
        own = settings_in(settings, folder)
        facts = require_days(Run.open(use_case, "training", date.min, own).use_case)
        training = facts.demo.training - back
        template = Run.open(use_case, "training", training, own)
        stage = cls(
            folder,
            template,
            training,
            by_version.as_file(playing(template.use_case, folder), template.loaded.path),
        )
        stage._copy_source(settings)
        for kind, day in stage.life():
            runner.run_all(stage.run(kind, day))
        shutil.copytree(stage.data, folder / "good", copy_function=os.link)
        return stage

    # --- what has been lived

    @property
    def use_case(self) -> UseCase:
        """The facts as they are here."""
        return self.loaded.use_case

    @property
    def night(self) -> date:
        """The night that is damaged: a week after the first one, so that there is one of the same weekday to
        compare with.
        """
        return self.training + timedelta(days=WEEK + 1)

    def life(self) -> list[tuple[Kind, date]]:
        """The runs of the good life, in order."""
        first = self.training + timedelta(days=1)
        nights: list[tuple[Kind, date]] = [("scoring", first + timedelta(days=n)) for n in range(WEEK + 1)]
        return [("training", self.training), *nights, ("drift", first)]

    def day(self, kind: Kind) -> date:
        """The partition of a kind that is damaged."""
        return {"training": self.training, "scoring": self.night, "drift": self.training + timedelta(days=1)}[
            kind
        ]

    def run(self, kind: Kind, day: date | None = None, loaded: Loaded | None = None) -> Run:
        """A run on the stage, by default of the partition that is damaged, and by the file as it is here."""
        run, by = self.run_, loaded or self.loaded
        version = replace(run.store.version, use_case=by.sha256)
        store = Store(run.store.root, run.store.use_case, kind, day or self.day(kind), version)
        return replace(run, store=store, loaded=by)

    def edited(self, **changes: object) -> Loaded:
        """The file with some of its facts edited, as a person would have written it."""
        return by_version.as_file(self.use_case.model_copy(update=changes), self.loaded.path)

    # --- what is damaged

    @property
    def data(self) -> Path:
        """The tables of all partitions."""
        return self.folder / "data" / self.run_.store.use_case

    def reset(self) -> None:
        """Bring everything back to the good life."""
        for good, damaged in (
            (self.folder / "good", self.data),
            (self.folder / "source", self.folder / DELIVERED),
            (self.folder / "other sources", self.folder / OTHERS),
        ):
            shutil.rmtree(damaged, ignore_errors=True)
            # Links, not copies: every file is published by a rename, so none is ever changed in place.
            shutil.copytree(good, damaged, copy_function=os.link, ignore=shutil.ignore_patterns(RUNS))

    def deliver(self, day: date, statement: str, of: date | None = None) -> None:
        """Let the source deliver other rows on a day: SQL over `rows`, its own (or another day's)."""
        connection = self.run_.store.connection
        rows = connection.read_parquet(str(self.folder / "source" / f"{of or day}.parquet"))
        path = self.folder / DELIVERED / f"{day}.parquet"
        path.unlink()
        select(rows, "rows", statement).to_parquet(str(path), compression="zstd")

    def deliver_nothing(self, day: date) -> None:
        """Let a day's file be gone."""
        (self.folder / DELIVERED / f"{day}.parquet").unlink()

    def deliver_more(self, day: date, statement: str, of: date) -> None:
        """Let the source deliver on a day, besides its own rows, some of another day's: SQL over `rows`,
        those.
        """
        connection = self.run_.store.connection
        own, others = (
            connection.read_parquet(str(self.folder / "source" / f"{each}.parquet")) for each in (day, of)
        )
        path = self.folder / DELIVERED / f"{day}.parquet"
        path.unlink()
        own.union(select(others, "rows", statement)).to_parquet(str(path), compression="zstd")

    def tell(self, name: str, statement: str) -> None:
        """Let another source tell other rows: SQL over `rows`, its own."""
        rows = self.run_.store.connection.read_parquet(str(self.folder / "other sources" / f"{name}.parquet"))
        path = self.folder / OTHERS / f"{name}.parquet"
        path.unlink()
        select(rows, "rows", statement).to_parquet(str(path), compression="zstd")

    def rewrite(self, run: Run, table: str, statement: str) -> None:
        """Publish other rows in a table's place: SQL over `rows`, its own."""
        store = run.task().store
        for piece in pieces(run.use_case, table) or (None,):
            rows = store.read(table, (piece,) if piece else ())
            means = store.manifest(f"{table}/{piece}" if piece else table).meaning
            store.write(table, select(rows, "rows", statement), piece=piece, meaning=means)

    def suffer(self, damage: Damage) -> Aftermath:
        """Do a damage to the good life, and go on from there until a step or a gate stops."""
        self.reset()
        kind = damage.kind
        good = self.run(kind).store.digest("features") if kind != "drift" else ""
        run = damage.do(self)
        passed: list[GatedTable] = []
        for step, table in _from(self.use_case, kind, damage.behind):
            try:
                if step != damage.behind:
                    self._take(run, step)
                    run = run.resumed() if plan.is_first(kind, step) else run
            except SluiceError as error:
                return Aftermath(tuple(passed), step, error.sentence, harmless=False)
            if table == "features" and damage.may_be_harmless and run.store.digest("features") == good:
                return Aftermath(tuple(passed), None, "", harmless=True)
            try:
                if table and not (damage.gate_left_out and step == damage.behind):
                    runner.gate(run, table)
                    passed.append(table)
            except SluiceError as error:
                return Aftermath(tuple(passed), f"gate_{table}", error.sentence, harmless=False)
        limit = (
            ""
            if damage.about is None
            else limits.why_within(
                run, damage.about, "predictions" if damage.behind == "publish" else "clean"
            )
        )
        return Aftermath(tuple(passed), None, "", harmless=False, limit=limit)

    def _take(self, run: Run, step: Step) -> None:
        for share in plan.shares(run, step) or (None,):
            runner.take(run, step, share)

    def _copy_source(self, settings: Settings) -> None:
        """Keep the source's days, and what is delivered of them until somebody damages it."""
        first = dates.days_of(self.run_.use_case, "training", self.training).first
        past = dates.past_of(self.run_.use_case, "training", self.training)
        days = dates.Days(past.first if past else first, self.night)
        folder = self.folder / "source"
        copy_days(self.run_, settings, days, folder)
        shutil.copytree(folder, self.folder / DELIVERED, copy_function=os.link)
        shutil.copytree(self.folder / OTHERS, self.folder / "other sources", copy_function=os.link)


def _from(use_case: UseCase, kind: Kind, behind: Step | None) -> list[tuple[Step, GatedTable | None]]:
    """The rest of a way: from the table of the step behind which the damage is done, or all of it."""
    way = [(step.name, step.gate) for step in plan.steps_of(use_case, kind)]
    steps = [step for step, _ in way]
    return way[steps.index(behind) if behind else 0 :]
