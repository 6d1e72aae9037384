"""When a DAG runs."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Asset, AssetOrTimeSchedule, CronTriggerTimetable
from dateutil.relativedelta import relativedelta  # type: ignore[import-untyped]

from pipelines.core import dates
from pipelines.core.config import Kind, UseCase
from sluice_airflow import assets

LONG = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}


def cron(use_case: UseCase, kind: Kind) -> CronTriggerTimetable | None:
    """Run at these moments (by the clocks of `partition.zone`), each time for the newest partition that is
    over by then (or has begun, where rows are predicted ahead), in which the logical date lies.

    Airflow's own reading of a cron expression, an interval that lasts from one moment to the next, would
    train on the first of a month with the rows of a month ago.
    """
    expression: str | None = getattr(use_case.schedule, kind)
    calendar = use_case.calendar
    if expression is None:
        return None
    n = dates.waits(use_case, kind)
    interval = relativedelta(months=n) if calendar.every == "month" else n * LONG[calendar.every]
    return CronTriggerTimetable(expression, timezone=calendar.zone, interval=interval)


def training(use_case: UseCase) -> AssetOrTimeSchedule | list[Asset] | None:
    """By the clock, and whenever a drift report calls for it.

    A use case without any schedule is run by hand, its trainings too.

    This cannot become a circle: a training's champion starts nothing, and the drift report runs by the clock
    only.
    """
    drift = assets.drift_found(use_case.name)
    timetable = cron(use_case, "training")
    if timetable:
        return AssetOrTimeSchedule(timetable=timetable, assets=drift)
    return [drift] if use_case.schedule.drift or use_case.schedule.scoring else None
