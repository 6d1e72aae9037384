"""A time as a policy of training would have lived it: nights by the champion of their mornings, a report a
week, trainings when the schedule or a report says so, promotions by the rules.

Nights are scored in the batches in which they are asked for, which gives the same scores.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import duckdb
import pyarrow as pa

from pipelines.commands.monitor.draws import dated, together
from pipelines.commands.monitor.watch import Judgement, Watch
from pipelines.commands.rehearse.played import Played, Registry, mornings
from pipelines.commands.rehearse.told import Month, Policy, Training, Worth
from pipelines.core import dates, sql
from pipelines.core.config import Model, UseCase
from pipelines.core.dates import DAY, WEEK, Days
from pipelines.core.errors import BadInput
from pipelines.core.meaning import meanings
from pipelines.core.metrics import by_name, of_level
from pipelines.core.stakes import UNDECLARED
from pipelines.metrics import sureness
from pipelines.monitoring import drift_table, outcomes, scored_days
from pipelines.monitoring.drift_table import DriftResult
from pipelines.monitoring.feature_drift import Before
from pipelines.monitoring.matured_labels import Judge
from pipelines.monitoring.outcomes import Outcomes
from pipelines.monitoring.retraining import Decision
from pipelines.steps import drift, retraining
from pipelines.steps import outcomes as judging
from pipelines.steps.week import Week

SEEN = 28  # days in which a claimed gain is looked for
YEAR = 52 + 3  # weeks that a report looks back at


@dataclass
class Life:
    """One policy's life.

    Attributes:
        played: The days.
        registry: Its trainings.
        by_reports: Whether a report may call for a training.
    """

    played: Played
    registry: Registry
    by_reports: bool
    trainings: list[Training] = field(default_factory=list)
    _champions: list[tuple[date, str]] = field(default_factory=list)  # from which night on
    _reports: list[tuple[Days, Judgement, Decision]] = field(default_factory=list)
    _watches: dict[str, Watch] = field(default_factory=dict)

    def live(self) -> Iterator[Month]:
        """Live it, and tell each month when it is over.

        Raises:
            BadInput: the first training, on the morning of the first night, promotes nobody.
        """
        days, use_case, began = self.played.days, self.played.use_case, time.process_time()
        self._train(days.first, "the first training")
        if not self._champions:
            raise BadInput(
                f"the first training promotes nobody, so no night can be scored: {self.trainings[0].outcome}",
                where=use_case.name,
                fix="begin at another day, or let a model be better than its baseline",
            )
        due, month = set(mornings(use_case, days)), days.first
        for day in days:
            called = self._report(day) if day.weekday() == self._weekday else None
            if day > days.first and day in due:
                self._train(day, "the schedule")
            elif day > days.first and called and self.by_reports:
                self._train(day, *called)
            if day == days.last or (day + DAY).month != day.month:
                yield self._month(Days(month, day), time.process_time() - began)
                month, began = day + DAY, time.process_time()

    @property
    def _weekday(self) -> int:
        """On which weekday's morning a report is made: as the first week after the first night is over."""
        return (self.played.days.first + timedelta(days=WEEK)).weekday()

    # --- trainings

    def _train(self, morning: date, why: str, model: Model = "search") -> None:
        told, version = self.registry.train(morning - DAY, model)
        primary = self.played.use_case.metric.name
        by = of_level(primary).name if model == "keep" else primary
        claimed = self.registry.claimed(morning - DAY, by) if version else None
        before = self._champions[-1][1] if self._champions else None
        training = Training(morning, why, told, version, claimed, metric=None if by == primary else by)
        if version:
            self._champions.append((morning, version))
            if before:
                seen, rows = self._seen(morning, version, before, by)
                training = replace(training, seen=seen, seen_rows=rows)
        self.trainings.append(training)

    def _seen(self, morning: date, version: str, before: str, by: str) -> tuple[float | None, int]:
        """By how much of a metric a version was better than the one before, on the days that came; on how
        many rows.
        """
        days = Days(morning, min(morning + timedelta(days=SEEN - 1), self.played.days.last))
        worths = [worth(self.played, self._scored(days, name), by) for name in (version, before)]
        now, then = (one.value for one in worths)
        if now is None or then is None:
            return None, 0
        return sureness.loss(now, then, by_name(by)), worths[0].labelled

    def champion_of(self, night: date) -> str:
        """Who scores a night: the champion of its morning, whom a later training of that morning replaces."""
        return next(name for since, name in reversed(self._champions) if since <= night)

    def _scored(self, days: Days, name: str | None = None) -> list[tuple[date, pa.Table]]:
        """The days' rows, by one version or by the champions of their mornings."""
        return [
            (day, self.registry.day(name or self.champion_of(day), day))
            for day in days
            if day in self.played.features
        ]

    # --- reports

    def _report(self, morning: date) -> tuple[str, Model] | None:
        """The report of the week that is over this morning.

        Returns:
            Why a training is called for, and what that does about the model; None where it is not.
        """
        week = Days(morning - timedelta(days=WEEK), morning - DAY)
        if week.first < self.played.days.first or not self._scored(week):
            return None
        watch = self._watch(self.champion_of(morning - DAY))
        earlier = [judged for _, judged, _ in self._reports[-YEAR:]]

        def rows(on: date) -> pa.Table:
            if on in self.played.features:
                return self.registry.day(self.champion_of(on), on)
            some = next(iter(self.played.features))
            return self.registry.day(self.champion_of(on), some).slice(0, 0)

        judge = self._judge(week)
        due = watch.due(week, rows, since=self.played.days.first)
        told = watch.told(week, rows, due, earlier, judge)
        decision = self._decision(watch, week, told, due, judge)
        self._reports.append((week, watch.judgement(told), decision))
        called = f"the report of {week.first}, by {decision.cause}"
        return (called, decision.model) if decision.model else None

    def _decision(self, watch: Watch, week: Days, told: drift.Told, due: Outcomes, judge: Judge) -> Decision:
        """What follows from a report, by what the reports before have written down in the scratch folder."""
        use_case, champion = self.played.use_case, watch.before.champion
        run = self.registry.run(week.first, "drift")
        nights = [day for day in week if day in self.played.features]
        for day in nights:
            rows = watch.nights(Days(day, day), lambda on: self.registry.day(self.champion_of(on), on))
            columns = ", ".join(map(sql.name, (use_case.key, use_case.time, *use_case.features.names)))
            self.registry.run(day, "scoring").store.write(
                "features", rows.project(columns), meaning=meanings(use_case)
            )
        run.store.write("outcomes", due.rows)
        read = Week(
            days=week,
            nights=len(nights),
            champion=champion,
            judged=self.registry.judged(champion.version),
            reference=watch.before.reference.relation,
            features=[told.week] * len(nights),
            predictions=[told.own] * len(nights),
            earlier=[],
            reports=[],
            performed=[],
        )
        found = DriftResult(
            table=drift_table.table(told.rows),
            performance=scored_days.table(due, told.had, use_case),
            page=lambda _: "",  # nobody reads it
            first_labels=told.first + timedelta(days=use_case.label.delay_days),
            days=told.found.days,
            due=due.days,
        )
        verdict = retraining.verdict(run, read, found, judge)
        run.store.write("diagnosis", verdict.table)
        retraining.write_down(run, read, verdict)
        return verdict.decision

    def _watch(self, name: str) -> Watch:
        if name not in self._watches:
            registry, use_case = self.registry, self.played.use_case
            champion, judged = registry.version(name), registry.judged(name)
            run = registry.run(champion.partition)
            known = run.store.read("features")
            held_out = drift.held_out_rows(known, judged, use_case)
            served = drift.served_rows(known, judged, champion, use_case)
            before = Before(known, held_out, champion, use_case, served)
            self._watches[name] = Watch(
                run.store.connection, before, Judge(judged, held_out, judging.lead(run, run.store))
            )
        return self._watches[name]

    def _judge(self, week: Days) -> Judge:
        """With whose held-out rows performance is compared: of who has scored most rows that are due."""
        rows: dict[str, int] = {}
        for day in dates.due_days(self.played.use_case, week.first):
            if day >= self.played.days.first and day in self.played.features:
                name = self.champion_of(day)
                rows[name] = rows.get(name, 0) + self.played.features[day].num_rows
        name = max(rows, key=lambda name: (rows[name], name)) if rows else self.champion_of(week.last)
        return self._watch(name).judged_by

    # --- what it came to

    def _month(self, days: Days, cpu: float) -> Month:
        scored = self._scored(days)
        return Month(
            use_case=self.played.use_case.name,
            month=f"{days.first:%Y-%m}",
            worth=worth(self.played, scored),
            champions=tuple(dict.fromkeys(self.champion_of(day) for day, _ in scored)),
            red=tuple(
                f"week {week.first}: {', '.join(subject for _, subject in judged.red)} ({decision.sentence})"
                for week, judged, decision in self._reports
                if judged.red and days.first <= week.last + DAY <= days.last
            ),
            trainings=tuple(one for one in self.trainings if days.first <= one.morning <= days.last),
            cpu_minutes=round(cpu / 60, 2),
        )

    def policy(self, name: str, version: str | None = None) -> Policy:
        """What the whole time came to: as it was lived, or had one version scored all of it."""
        trainings = self.trainings[:1] if version else self.trainings
        return Policy(
            use_case=self.played.use_case.name,
            policy=name,
            worth=worth(self.played, self._scored(self.played.days, version)),
            trainings=len(trainings),
            promotions=sum(one.version is not None for one in trainings),
        )

    @property
    def first_champion(self) -> str:
        """Who scored the first night."""
        return self._champions[0][1]

    @property
    def called(self) -> bool:
        """Whether a report has called for a training that the schedule did not have."""
        return any(one.why.startswith("the report") for one in self.trainings)


def worth(played: Played, days: Sequence[tuple[date, pa.Table]], by: str | None = None) -> Worth:
    """What predictions of some days were worth, by a metric: the primary one, unless another is named."""
    use_case = played.use_case
    metric = by_name(by or use_case.metric.name)
    if not days:
        return Worth()
    table = together(dated(rows, day, use_case) for day, rows in days)
    rows = played.run.store.connection.from_arrow(table)
    told, labels, features = (rows.set_alias(name) for name in ("told", "labels", "features"))
    joined = sql.materialized(outcomes.in_order(outcomes.joined([told], labels, [features], use_case)))
    known = outcomes.labelled(joined)
    ((n,),) = known.count("*").fetchall()
    sums = scored_days.sums(known, use_case, metric) if n else None
    sure = sureness.sure(metric, sums) if sums else None
    low, high = sure.interval() if sure else (None, None)
    value = sums.value if sums else None
    return Worth(table.num_rows, int(n), value, low, high, _cost(known, use_case))


def _cost(known: duckdb.DuckDBPyRelation, use_case: UseCase) -> float | None:
    """What wrong decisions, or forecasts, of labelled rows cost together, where that is declared."""
    stakes = use_case.stakes
    if use_case.task.decides:
        wrong = "count(*) FILTER (decision = 1 AND label = 0), count(*) FILTER (decision = 0 AND label = 1)"
        ((false_alarms, misses),) = known.aggregate(wrong).fetchall()
        return stakes.cost(float(false_alarms), float(misses))
    if use_case.task.classes or stakes.under == UNDECLARED.under:
        return None
    off = f"coalesce(sum(if(label > score, {stakes.under!r}::DOUBLE * (label - score), score - label)), 0)"
    ((cost,),) = known.aggregate(off).fetchall()
    return float(cost)
