"""A use case's own days, of which worlds are drawn: each with features, labels, and what the champion says of
it, who has learned none of them.

The champion comes from a whole training, gates included, in a scratch folder. The days are the labelled ones
outside that training's window: those before it (or, where these are few, those after it, too). Where hardly a
day lies outside, the training takes half of the days that there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines import runner
from pipelines.commands import scratch
from pipelines.composition import by_version
from pipelines.core import dates, sql
from pipelines.core.config import UseCase
from pipelines.core.dates import Days
from pipelines.core.errors import BadInput
from pipelines.model import engines
from pipelines.monitoring.drift_table import SCORE
from pipelines.registry import registry
from pipelines.registry.registry import Champion
from pipelines.run.run import Run
from pipelines.steps import outcomes
from pipelines.storage.settings import Settings

ENOUGH = 28  # days: four of each weekday
BEFORE, AFTER = 91, 60  # days that are asked for on either side of the training's
VERSION = "model_version"
AT, SECOND = "#at", 1_000_000  # a row's time of the day, in microseconds


@dataclass(frozen=True)
class Own:
    """What worlds are drawn of.

    Attributes:
        run: A drift run in the scratch folder, of the training's own day.
        champion: Who scores.
        judged: The same as it was judged.
        lead: By how much it was better than the baseline on the training's held-out rows.
        days: The days' rows: key (a number), `AT`, label, unit where there is one, features, score, and
            decision where the task has one.
        weekdays: Weekday -> which of these days are one.
    """

    run: Run
    champion: Champion
    judged: Champion
    lead: float | None
    days: Sequence[pa.Table]
    weekdays: Mapping[int, Sequence[int]]

    @property
    def use_case(self) -> UseCase:
        """The facts."""
        return self.run.use_case

    @cached_property
    def high_label(self) -> float:
        """The label above which a quarter lies."""
        every = pa.chunked_array([one for day in self.days for one in day[self.use_case.target].chunks])
        return float(np.nanquantile(every.to_numpy(), 0.75))

    @cached_property
    def units(self) -> list[str]:
        """Whom the rows are about, where the file says so, in order."""
        unit = self.use_case.unit_column
        found = {one for day in self.days for one in pc.unique(day[unit]).to_pylist()} if unit else set()
        return sorted(found - {None})

    def scored(self, rows: pa.Table) -> pa.Table:
        """The rows, scored anew."""
        return scored(rows, self.champion, self.use_case)


def of(settings: Settings, name: str, folder: Path) -> Own:
    """Train in a scratch folder, and score the days that were not learned from.

    Raises:
        SluiceError: the use case does not get so far by itself, or has too few days.
    """
    settings_there = scratch.settings_in(settings, folder)
    outside = scratch.require_days(Run.open(name, "training", date.min, settings_there).use_case)
    run = Run.open(name, "training", outside.demo.training, settings_there)
    learned, past = run.days, run.past_days
    windows = timedelta(days=len(past))
    every = Days(learned.first - timedelta(days=BEFORE), learned.last + timedelta(days=AFTER))
    delivered = folder / scratch.DELIVERED
    scratch.copy_days(run, settings, Days(every.first - windows, every.last), delivered)
    run = run.by(by_version.as_file(scratch.playing(run.use_case, folder), run.loaded.path))
    run, spans = _divided(run, _with_rows(run, every, delivered))
    runner.run_all(run)
    champion = registry.champion(run)
    tables = [scratch.features_of(run, span).to_arrow_table() for span in spans]
    days = [day for table in tables for day in by_day(scored(table, champion, run.use_case), run.use_case)]
    weekdays: dict[int, list[int]] = {}
    for at, (day, _) in enumerate(days):
        weekdays.setdefault(day.weekday(), []).append(at)
    if len(weekdays) < dates.WEEK:
        raise BadInput(
            f"{len(days)} labelled days lie outside the training's window, and not each weekday among them:"
            " no week can be drawn of them",
            where=name,
            fix="let the source give more days, or make split.window_days smaller",
        )
    return Own(
        run=run,
        champion=champion,
        judged=registry.as_judged(run, champion),
        lead=outcomes.lead(run, run.store),
        days=[table for _, table in days],
        weekdays=weekdays,
    )


def _with_rows(run: Run, days: Days, folder: Path) -> list[date]:
    """Those of the days that have any."""
    counted = run.store.connection.sql(
        f"SELECT parse_filename(filename, true)::DATE FROM read_parquet({sql.text(f'{folder}/*.parquet')},"
        " filename = true) GROUP BY ALL"
    ).fetchall()
    there = {day for (day,) in counted}
    return [day for day in days if day in there]


def _divided(run: Run, there: Sequence[date]) -> tuple[Run, list[Days]]:
    """The training, and the spans of days outside its window, of the days that have rows."""
    learned = run.days
    before = [day for day in there if day < learned.first]
    after = [day for day in there if day > learned.last]
    if len(before) >= ENOUGH:
        return run, [Days(before[0], before[-1])]
    if len(before) + len(after) < ENOUGH:
        half = max(len(there) // 2 - len(after), 1)
        use_case = run.use_case
        split = use_case.split.model_copy(update={"window_days": max(len(there) - len(after) - half, 2)})
        shorter = use_case.model_copy(update={"split": split})
        run = run.by(by_version.as_file(shorter, run.loaded.path))
        before = [day for day in there if day < run.days.first]
    return run, [Days(some[0], some[-1]) for some in (before, after) if some]


def scored(rows: pa.Table, champion: Champion, use_case: UseCase) -> pa.Table:
    """Rows with the champion's scores and decisions, as its nights have them."""
    engine = engines.load(champion.graph, champion.engine)
    parts = [engine.scores(batch) for batch in rows.to_batches(max_chunksize=engine.rows_at_once)]
    score = np.concatenate(parts).astype(np.float64) if parts else np.empty(0)
    told = (SCORE, "decision", VERSION)
    rows = rows.select([name for name in rows.column_names if name not in told])
    rows = rows.append_column(SCORE, pa.array(score))
    rows = rows.append_column(VERSION, pa.repeat(pa.scalar(champion.version), rows.num_rows))
    if use_case.task.decides and champion.threshold is not None:
        rows = rows.append_column("decision", pa.array((score >= champion.threshold).astype(np.int8)))
    return rows


def by_day(rows: pa.Table, use_case: UseCase) -> list[tuple[date, pa.Table]]:
    """Each day's rows by themselves, their key a number, and of their time what is the day's."""
    moment = pc.cast(rows[use_case.time], pa.timestamp("us"))
    us = pc.cast(moment, pa.int64()).to_numpy()
    of_day = 86_400 * SECOND
    day = us // of_day
    rows = rows.drop_columns([use_case.key, use_case.time]).append_column(AT, pa.array(us % of_day))
    found = []
    for each in np.unique(day):
        own = rows.filter(pa.array(day == each))
        found.append((date.fromordinal(int(each) + date(1970, 1, 1).toordinal()), own))
    return found
