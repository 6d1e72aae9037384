"""When a DAG runs."""

from __future__ import annotations

from airflow.sdk import Asset, AssetOrTimeSchedule, CronTriggerTimetable

from pipelines.core import dates
from pipelines.core.config import Kind, UseCase
from sluice_airflow import assets


def cron(kind: Kind, expression: str | None) -> CronTriggerTimetable | None:
    """Run at these moments (UTC), each time for the newest partition that is over by then, which becomes the
    logical date.

    Airflow's own reading of a cron expression, an interval that lasts from one moment to the next, would
    train on the first of a month with the rows of a month ago.
    """
    if expression is None:
        return None
    return CronTriggerTimetable(expression, timezone="UTC", interval=dates.lasts(kind))


def training(use_case: UseCase) -> AssetOrTimeSchedule | list[Asset] | None:
    """By the clock, and whenever a drift report calls for it.

    A use case without any schedule is run by hand, its trainings too.

    This cannot become a circle: a training's champion starts nothing, and the drift report runs by the clock
    only.
    """
    drift = assets.drift_found(use_case.name)
    timetable = cron("training", use_case.schedule.training)
    if timetable:
        return AssetOrTimeSchedule(timetable=timetable, assets=drift)
    return [drift] if use_case.schedule.drift or use_case.schedule.scoring else None
