"""Which partition a DAG run is about.

Trigger form, schedule, backfill, asset and `airflow dags test` share this one path.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import Param

from pipelines.core import dates
from pipelines.core.calendar import Calendar
from pipelines.core.config import Kind, Model, UseCase
from pipelines.core.errors import BadInput, brief, did_you_mean

if TYPE_CHECKING:
    from airflow.sdk import Context

HOUR_OR_MONTH = {
    "hour": r"^\d{4}-\d\d-\d\dT\d\d$",
    "month": r"^\d{4}-\d\d(-01)?$",
}
MODEL = Param(
    None,
    type=["null", "string"],
    enum=[None, "search", "keep"],
    title="Model",
    description=(
        "search: the best of the declared candidates. keep: the model that serves, of which calibration and"
        " threshold are learned anew. Empty: as the report says that has called for it, else search."
    ),
)
BY_THE_CLOCK = ("scheduled", "backfill")  # runs that are made for a moment of the schedule
# in an asset event's extra: the partition that its consumer should take, and what to do about the model
EVENT_KEY, MODEL_KEY = "partition", "model"


def partition_param(use_case: UseCase) -> Param:
    """The field of the trigger form, by what the use case's partitions are called."""
    every = use_case.partition.every
    what = {"hour": "hour", "week": "week (by its first day)", "month": "month, such as 2026-03,"}
    of, ahead = what.get(every, "day"), use_case.ahead
    how: dict[str, Any] = {"pattern": HOUR_OR_MONTH[every]} if every in HOUR_OR_MONTH else {"format": "date"}
    return Param(
        None,
        type=["null", "string"],
        title="Partition",
        description=(
            f"The {of} that the run is about (drift: the first {every} of the report). Empty: the logical"
            f" date's {every}, at most the newest that {'has begun' if ahead else 'is over'}."
        ),
        **how,
    )


def partition_of(context: Context, use_case: UseCase, kind: Kind) -> date:
    """The `partition` of the trigger form; else, of a run of the schedule or of a backfill of it, the newest
    that is over at its moment; else the one in which the logical date lies, or that the triggering asset
    names.

    The latter two never reach into a day (drift: a week) that was not over when the run was made: a person
    who clicks Trigger at noon gets yesterday, not half of today.

    Raises:
        BadInput: the run's configuration has a key that the DAG does not know. Airflow itself would ignore a
            misspelt one.
    """
    _refuse_unknown(context)
    chosen = context["params"]["partition"]
    if chosen:
        return use_case.calendar.parse(chosen)
    run, calendar = context["dag_run"], use_case.calendar
    over = dates.newest_over(use_case, kind, _naive(run.run_after))
    if run.run_type in BY_THE_CLOCK:
        return over
    asked = (
        calendar.of(_naive(run.logical_date))
        if run.logical_date
        else _named_by_events(context["triggering_asset_events"], calendar)
    )
    return min(asked, over) if asked else over


def model_of(context: Context) -> Model:
    """What a training is to do about the model: as the trigger form says, else as the newest of the events
    that have triggered it, else to search.
    """
    chosen = context["params"].get("model")
    if not chosen and not context["dag_run"].logical_date:
        told = _events(context["triggering_asset_events"])
        newest = max(told, key=lambda extra: str(extra[EVENT_KEY]), default={})
        chosen = newest.get(MODEL_KEY)
    return "keep" if chosen == "keep" else "search"


def _named_by_events(events: Any, calendar: Calendar) -> date | None:
    return max((calendar.parse(extra[EVENT_KEY]) for extra in _events(events)), default=None)


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _events(events: Any) -> list[dict[str, str]]:
    """What those have to say that name a partition."""
    return [event.extra for asset in events for event in events[asset] if EVENT_KEY in event.extra]


def _refuse_unknown(context: Context) -> None:
    known = context["dag"].params
    unknown = sorted(set(context["dag_run"].conf or {}) - set(known))
    if unknown:
        raise BadInput(
            "the run's configuration has unknown keys",
            details=(f"{brief(key)}, {did_you_mean(key, known)}" for key in unknown),
            fix=f"trigger again with nothing but {', '.join(sorted(known))}",
        )
