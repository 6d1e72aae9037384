"""The use case as a whole, and whether its parts fit each other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, PlainSerializer, model_validator

from pipelines.core import families, metrics, policies, tasks
from pipelines.core.calendar import DAILY, Calendar
from pipelines.core.config.alerts import Alerts
from pipelines.core.config.base import GatedTable, Identifier
from pipelines.core.config.candidates import Candidates, Split
from pipelines.core.config.cleanse import Cleanse
from pipelines.core.config.features import Features, Prepare
from pipelines.core.config.joined import joined_mistakes
from pipelines.core.config.judgement import Metric, Promotion, Threshold
from pipelines.core.config.limits import Limits
from pipelines.core.config.other_source import OtherSource
from pipelines.core.config.partition import Partition
from pipelines.core.config.rows import Rows
from pipelines.core.config.schema import Column, Label
from pipelines.core.config.sink import Sink
from pipelines.core.config.source import DayAssignment, Source
from pipelines.core.config.watch import Demo, Expectation, Monitoring, Schedule
from pipelines.core.stakes import DECLARED_BY, Stakes
from pipelines.core.strict import Strict

if TYPE_CHECKING:
    Task = tasks.Task
else:
    Task = Annotated[
        Literal[tuple(task.name for task in tasks.EVERY)], AfterValidator(tasks.by_name), PlainSerializer(str)
    ]

# Partitions that a drift report looks at, by default: a week of hours or days, four weeks, three months.
REPORT = {"hour": 168, "day": 7, "week": 4, "month": 3}


class UseCase(Rows, Strict):
    """One use case: everything that Sluice knows about it."""

    name: Identifier
    title: str = Field(
        max_length=1000, description="One sentence: what is predicted, for what, and what one row is."
    )
    task: Task
    source: Source
    assign_days: DayAssignment | None = None
    partition: Partition = Partition()
    sources: dict[Identifier, OtherSource] = Field(
        default={},
        description="Other sources, whose states (features.joins) and events (windows) features read.",
    )
    columns: dict[Identifier, Column] = Field(min_length=2)
    label: Label = Label()
    cleanse: Cleanse = Cleanse()
    features: Features
    prepare: Prepare = Prepare()
    split: Split
    candidates: Candidates
    metric: Metric
    calibration: Literal["sigmoid", "isotonic"] | None = Field(
        default=None,
        description=(
            "Binary tasks: bend the scores so that they are true probabilities, by a curve that is learned on"
            " the rows that the folds held out, and lies in the exported graph. Where that does not surely"
            " make them truer, on rows that the curve was not learned on, they stay as they are, and the card"
            " says so."
        ),
    )
    threshold: Threshold | None = Field(
        default=None, description="Binary tasks: how the decision threshold is chosen, on validation rows."
    )
    reasons: int | None = Field(
        default=None,
        ge=1,
        le=20,
        description=(
            "How many reasons `predictions` name for an alarm (binary) or for each row (regression): the"
            " features by which the score is other than if they were as in the typical training row."
        ),
    )
    slices: tuple[Identifier, ...] = Field(
        default=(),
        description=(
            "Category features for whose values the metrics are also told, and none of which a promotion may"
            " harm."
        ),
    )
    promotion: Promotion = Promotion()
    gates: dict[GatedTable, tuple[Expectation, ...]] = Field(
        default={},
        description=(
            "Expectations on top of those that always hold. Nights know no label: what is expected of the"
            " label's column, of a leak with known_after, or of split, is asked in trainings. Of a column of"
            " raw or a number feature, expect_column_values_to_not_be_null (of all rows, and not severity:"
            " warn) stands in place of the built-in one, which goes by how many values earlier partitions"
            " lack."
        ),
    )
    sink: Sink | None = Field(
        default=None,
        description="A table of a SQL database that the predictions of each night are also delivered to.",
    )
    monitoring: Monitoring = Monitoring()
    limits: Limits = Limits()
    schedule: Schedule = Schedule()
    alerts: Alerts | None = None
    demo: Demo

    @model_validator(mode="before")
    @classmethod
    def _one_calendar(cls, raw: Any) -> Any:
        """Let a source of files know which of them are expected: of what the file says twice, both."""
        if not isinstance(raw, dict):
            return raw
        partition, source = raw.get("partition"), raw.get("source")
        expected = partition.get("expected") if isinstance(partition, dict) else None
        if not expected or not isinstance(source, dict) or "{partition}" not in str(source.get("path")):
            return raw
        return raw | {"source": {"expected": expected} | source}

    def expects(self, day: date) -> bool:
        """Whether a delivery is expected of a partition."""
        expected = self.partition.expected
        return (expected is None or day in expected) and self.source.expects(day)

    @property
    def ahead(self) -> bool:
        """Whether a partition's rows are predicted when it begins; else when it is over."""
        return self.partition.predict == "ahead"

    @property
    def report_partitions(self) -> int:
        """How many partitions a drift report looks at."""
        return self.monitoring.partitions or REPORT[self.partition.every]

    @property
    def watched(self) -> Calendar:
        """The calendar of the days that reports tell of: that of the partitions, or days, where these are
        hours.
        """
        return DAILY if self.partition.every == "hour" else self.calendar

    @property
    def report_days(self) -> int:
        """How many of those a report looks at."""
        return self.report_partitions // (24 if self.partition.every == "hour" else 1)

    @property
    def target(self) -> str:
        """The label's column; 0 or 1 (binary) or a number once the rows are clean, null while unknown."""
        return self._with_role("label")

    @property
    def positive(self) -> str | int | bool | None:
        """The label's value that means yes, where one does."""
        return self.label.positive

    @property
    def hidden_at_night(self) -> tuple[str, ...]:
        """The kept columns of which a night's own rows have no value: the label, and the late ones."""
        return (self.target, *self.late)

    def known_after(self, column: str) -> timedelta:
        """How long after its row's moment a late column is known.

        The label, after its row's day has begun.
        """
        return self.columns[column].known_after or timedelta(days=self.label.delay_days)

    @property
    def others(self) -> dict[str, OtherSource]:
        """Its other sources, as their rows are read: those of a look-up have a time, too."""
        return {name: source.dated() for name, source in self.sources.items()}

    @property
    def greater_is_better(self) -> bool:
        """Whether more of the primary metric is better."""
        return metrics.by_name(self.metric.name).greater_is_better

    @property
    def judged_by(self) -> str:
        """The metric by which a challenger is compared with the champion: the primary one, unless the model
        is kept and that knows an order alone.
        """
        name = self.metric.name
        return metrics.of_level(name).name if self.candidates.keep else name

    @property
    def stakes(self) -> Stakes:
        """What errors are declared to cost."""
        stated = self.metric.false_positive, self.metric.false_negative
        false_alarm, miss = (self.threshold.costs if self.threshold else None) or stated
        return Stakes(self.metric.under_cost, false_alarm, miss, self.metric.quantile, self.metric.k)

    @property
    def quantile(self) -> float | None:
        """The quantile whose loss the primary metric is, which models learn where they can."""
        of = metrics.by_name(self.metric.name).quantile
        return of(self.stakes) if of else None

    @property
    def measured(self) -> tuple[str, ...]:
        """The metrics that are measured: those of the task for which all that is at stake is declared."""
        return self.task.measured(self.stakes)

    @property
    def unit(self) -> str:
        """What is drawn as a whole when an interval is made: `row`, `day`, or a column."""
        by_time = "day" if self.split.by == "time" else "row"
        return self.promotion.unit or self.split.folds.group or by_time

    @property
    def unit_column(self) -> str | None:
        """The column that tells units apart, where they are no rows or days."""
        return None if self.unit in ("row", "day") and self.unit not in self.columns else self.unit

    @property
    def states_no_unit(self) -> bool:
        """Whether the file leaves open what is independent of one another."""
        return self.promotion.unit is None and self.split.folds.group is None

    @property
    def entities(self) -> tuple[str, ...]:
        """The columns that say whom a row is about, such as a customer: windows keep rows together by
        them.
        """
        by = [column for window in self.features.windows.values() for column in window.by]
        return tuple(name for name in dict.fromkeys(by) if name not in (self.key, self.time, self.target))

    @model_validator(mode="after")
    def _whole(self) -> UseCase:
        # What refers to the key, the time or the label can only be judged where there is one of each.
        mistakes = [
            *([*self.role_mistakes(("key", "time", "label"))] or self._reference_mistakes()),
            *self._task_mistakes(),
        ]
        if mistakes:
            raise ValueError("\n".join(mistakes))
        return self

    def _reference_mistakes(self) -> list[str]:
        """Every place that names a column or a feature names one that exists."""
        found, columns = [*self.cleanse_mistakes()], ", ".join(self.columns)
        for window, spec in self.features.windows.items():
            found += [
                f"features.windows.{window}.by: no column {name!r}; there are {columns}"
                for name in spec.by
                if name not in self.columns
            ]
        found += joined_mistakes(self)
        found += [
            f"slices: {name!r} is no category feature; there are"
            f" {', '.join(self.features.categories) or 'none'}"
            for name in self.slices
            if name not in self.features.categories
        ]
        rule = self.candidates.baseline.rule
        if rule is not None and rule not in self.features.numbers:
            found.append(
                f"candidates.baseline.rule: {rule!r} is no number feature; there are"
                f" {', '.join(self.features.numbers) or 'none'}"
            )
        found += self._unit_mistakes()
        if self.sink and "use_case" in (self.key, self.time):
            found.append(
                "sink: its table has a column use_case of its own; give the key or time of that name another"
                " one under cleanse.rename"
            )
        return found + self._day_mistakes()

    def _day_mistakes(self) -> list[str]:
        """Days are assigned to rows of files that know none, by the key and the time that they get."""
        found = []
        if self.assign_days:
            if self.source.has_days:
                found.append(
                    "assign_days: is for the rows of whole files (source kind http, or file without"
                    " {partition}); this source has days of its own"
                )
            for what, name in (("key", self.assign_days.key), ("time", self.assign_days.time)):
                if self.columns.get(name) is None or self.columns[name].role != what:
                    found.append(f"assign_days.{what}: {name!r} is not the column with role {what}")
        return found

    def _unit_mistakes(self) -> list[str]:
        """Rows are kept together by a column that a row has when it is scored, and that does not say what is
        predicted.
        """
        together = [name for name in self.kept_columns if name not in self.hidden_at_night]
        units = [
            ("split.folds.group", self.split.folds.group, together),
            ("promotion.unit", self.promotion.unit, ["row", "day", *together]),
        ]

        def why(name: str) -> str:
            if name == self.target:
                return f"{name!r} is the label, by which no rows are kept together"
            return f"no column {name!r}"

        return [
            f"{where}: {why(name)}; there are {', '.join(allowed)}"
            for where, name, allowed in units
            if name is not None and name not in allowed
        ]

    def _task_mistakes(self) -> list[str]:
        found = []
        up_to_one = metrics.by_name(self.metric.name).up_to_one
        allowed = self.task.metrics
        if self.metric.name not in allowed:
            found.append(
                f"metric.name: {self.metric.name} does not fit a {self.task} task; allowed:"
                f" {', '.join(allowed)}"
            )
        if up_to_one and self.metric.margin is not None and self.metric.margin >= 1:
            found.append(
                f"metric.margin: {self.metric.name} lies between 0 and 1, so nothing is ever better by more"
                f" than {self.metric.margin:g}"
            )
        least = self.monitoring.min_performance
        if least is not None and up_to_one and not 0 <= least <= 1:
            found.append(
                f"monitoring.min_performance: {self.metric.name} lies between 0 and 1, found {least:g}"
            )
        return [
            *found,
            *self._stakes_mistakes(),
            *self._search_mistakes(),
            *self._missing_for_the_task(),
            *self._of_other_tasks(),
        ]

    def _stakes_mistakes(self) -> Iterator[str]:
        """What an error costs is declared once, and whole."""
        stated = {
            name: getattr(self.metric, name)
            for name in ("false_positive", "false_negative")
            if getattr(self.metric, name) is not None
        }
        if stated and not self.task.decides:
            those = tasks.that(lambda other: other.decides)
            yield f"metric: {' and '.join(stated)} belong to {those} tasks; leave them out of a {self.task}"
        elif self.metric.k is not None and not self.task.decides:
            those = tasks.that(lambda other: other.decides)
            yield f"metric.k belongs to {those} tasks; leave it out of a {self.task}"
        elif self.metric.k is not None and self.split.by == "hash":
            yield (
                "metric.k: of each day the greatest scores are taken, and split.by: hash holds out a part of"
                " each day's rows only; write split.by: time"
            )
        elif self.metric.quantile is not None and self.task.classes:
            those = tasks.that(lambda other: not other.classes)
            yield f"metric.quantile belongs to {those} tasks; leave it out of a {self.task}"
        elif stated and self.threshold and self.threshold.costs:
            yield (
                f"metric: what errors cost is declared by threshold.policy {self.threshold.policy} already;"
                f" leave {' and '.join(stated)} out of metric"
            )
        elif len(stated) == 1:
            yield (
                f"metric: {next(iter(stated))} alone says nothing; a false alarm (false_positive) and a miss"
                " (false_negative) both have a cost"
            )
        elif missing := metrics.by_name(self.metric.name).undeclared(self.stakes):
            yield f"metric.name: {self.metric.name} needs what is at stake, and nobody has declared it: " + (
                "; ".join(dict.fromkeys(DECLARED_BY[name] for name in missing))
            )

    def _search_mistakes(self) -> Iterator[str]:
        """Halving ranks each fold by itself, and what needs the other folds' scores cannot be ranked so."""
        needs = {"decision": "a threshold, which the other folds choose", "taken": "all rows of a day"}
        needed = needs.get(metrics.by_name(self.metric.name).needs)
        if needed is None:
            return
        for name in self.candidates.families:
            if getattr(self.candidates, name).search == "halving":
                yield (
                    f"candidates.{name}.search: halving ranks candidates fold by fold, and {self.metric.name}"
                    f" needs {needed}; write search: grid or random"
                )

    def _missing_for_the_task(self) -> Iterator[str]:
        if self.task.decides and self.threshold is None:
            yield f"threshold: a {self.task} task needs a policy; allowed: {', '.join(policies.names())}"
        if self.task.classes and self.label.positive is None:
            yield f"label.positive: a {self.task} task needs the value that means yes"
        able = [family.name for family in families.EVERY if self.task.name in family.models]
        for name in self.candidates.families:
            if name not in able:
                yield f"candidates.{name}: it has no model of a {self.task} task; allowed: {', '.join(able)}"

    def _of_other_tasks(self) -> Iterator[str]:
        task, stated = self.task, self.threshold is not None
        if (stated and not task.decides) or (self.label.positive is not None and not task.classes):
            those = tasks.that(lambda other: other.decides)
            yield f"threshold and label.positive belong to {those} tasks; leave them out of a {task}"
        those = tasks.that(lambda other: other.probabilities)
        if self.promotion.max_calibration_error is not None and not task.probabilities:
            yield f"promotion.max_calibration_error belongs to {those} tasks; leave it out of a {task}"
        if self.calibration is not None and not task.probabilities:
            yield f"calibration belongs to {those} tasks; leave it out of a {task}"
        if self.split.folds.by == "stratified" and not task.classes:
            yield f"split.folds.by: stratified needs classes; for a {task} use time, group or shuffle"
