"""Which partition a run is about."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import Asset
from airflow.sdk.exceptions import ParamValidationError

from pipelines.core.config import UseCase
from pipelines.core.errors import BadInput
from pipelines.core.use_cases import parse
from sluice_airflow.partitions import model_of, partition_of, partition_param
from tests.helpers import grained, tiny

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)  # a Friday
USE_CASE = parse(Path(f"{tiny.NAME}.yaml"), tiny.YAML.encode()).use_case


def context(
    partition: str | None = None,
    logical_date: datetime | None = None,
    run_after: datetime = NOON,
    events: tuple[dict[str, str], ...] = (),
    conf: dict[str, str] | None = None,
    run_type: str = "manual",
) -> Any:
    """As much of Airflow's context as says what a run is about."""
    drift = Asset(name="tiny_drift_found")
    return {
        "params": {"partition": partition},
        "dag": SimpleNamespace(params={"partition": None, "model_version": None}),
        "dag_run": SimpleNamespace(
            run_after=run_after, logical_date=logical_date, conf=conf, run_type=run_type
        ),
        "triggering_asset_events": (
            {drift: [SimpleNamespace(extra=extra) for extra in events]} if events else {}
        ),
    }


def test_the_trigger_forms_partition_comes_first() -> None:
    assert partition_of(context(partition="2026-03-02", logical_date=NOON), USE_CASE, "scoring") == date(
        2026, 3, 2
    )


def test_a_logical_date_of_the_past_is_the_partition() -> None:
    # `airflow dags test <dag> 2026-03-02`, a scheduled run and a backfill.
    assert partition_of(context(logical_date=datetime(2026, 3, 2, tzinfo=UTC)), USE_CASE, "scoring") == date(
        2026, 3, 2
    )


@pytest.mark.parametrize(
    ("kind", "partition"),
    [("training", date(2026, 11, 19)), ("scoring", date(2026, 11, 19)), ("drift", date(2026, 11, 13))],
)
@pytest.mark.parametrize("logical_date", [NOON, None], ids=["with a date", "without a date"])
def test_a_run_started_at_noon_is_about_what_was_over_by_then(
    kind: Any, partition: date, logical_date: datetime | None
) -> None:
    assert partition_of(context(logical_date=logical_date), USE_CASE, kind) == partition


def test_a_training_after_drift_takes_the_day_that_the_drift_report_names() -> None:
    events = (
        {"partition": "2026-03-08"},
        {"partition": "2026-03-15"},
        {"from": "somebody's click on the asset's page"},
    )
    assert partition_of(context(events=events), USE_CASE, "training") == date(2026, 3, 15)


@pytest.mark.parametrize(
    ("chosen", "events", "model"),
    [
        (None, (), "search"),
        ("keep", (), "keep"),
        (None, ({"partition": "2026-03-08", "model": "keep"},), "keep"),
        ("search", ({"partition": "2026-03-08", "model": "keep"},), "search"),
        (
            None,
            ({"partition": "2026-03-15"}, {"partition": "2026-03-08", "model": "keep"}),
            "search",
        ),
        (None, ({"from": "somebody's click on the asset's page"},), "search"),
    ],
)
def test_the_model_is_kept_as_the_form_says_else_as_the_newest_report_does(
    chosen: str | None, events: tuple[dict[str, str], ...], model: str
) -> None:
    asked = context(events=events)
    asked["params"]["model"] = chosen
    assert model_of(asked) == model


def test_a_scheduled_training_searches() -> None:
    assert model_of(context(logical_date=NOON)) == "search"


def test_the_day_is_utcs() -> None:
    evening = datetime.fromisoformat("2026-03-02T23:30:00-05:00")
    assert partition_of(context(logical_date=evening), USE_CASE, "scoring") == date(2026, 3, 3)


WEEKLY = grained.use_case(
    grained.yaml(
        "partition: {every: week, starts: saturday, at: '03:00', zone: Europe/Berlin}\n", "of_week", 70
    )
)
MONTHLY = grained.use_case(grained.yaml(grained.MONTHLY, "of_month", 370))
HOURLY = grained.use_case(grained.yaml(grained.HOURLY, "of_hour", 7))


@pytest.mark.parametrize("run_type", ["scheduled", "backfill"])
@pytest.mark.parametrize(
    ("use_case", "kind", "at", "partition"),
    [
        # A week from Saturday on is over when it is Saturday three o'clock in Berlin, in summer one by UTC.
        (WEEKLY, "scoring", "2026-04-04T00:59:00", "2026-03-21"),
        (WEEKLY, "scoring", "2026-04-04T01:00:00", "2026-03-28"),
        (WEEKLY, "training", "2026-04-07T05:00:00", "2026-03-28"),
        (WEEKLY, "drift", "2026-04-07T05:00:00", "2026-03-07"),  # four weeks
        (MONTHLY, "scoring", "2026-03-31T02:00:00", "2026-02-01"),
        (MONTHLY, "drift", "2026-03-31T02:00:00", "2025-12-01"),
        (HOURLY, "scoring", "2026-03-02T06:10:00", "2026-03-02T05"),
        (HOURLY, "drift", "2026-03-02T06:10:00", "2026-02-23T06"),
    ],
)
def test_a_scheduled_run_is_about_the_newest_partition_that_is_over_at_its_moment(
    use_case: UseCase, kind: Any, at: str, partition: str, run_type: str
) -> None:
    run_after = datetime.fromisoformat(at).replace(tzinfo=UTC)
    # Of whatever length the partition before was, the logical date is an interval of one length before.
    asked = context(logical_date=run_after - timedelta(days=31), run_after=run_after, run_type=run_type)
    assert partition_of(asked, use_case, kind).isoformat() == partition


@pytest.mark.parametrize(
    ("use_case", "named", "refused"),
    [
        (USE_CASE, "2026-03-02", "2026-03-02T05"),
        (WEEKLY, "2026-03-07", "2026-03"),
        (MONTHLY, "2026-03", "2026-03-05"),
        (HOURLY, "2026-03-02T05", "2026-03-02"),
    ],
)
def test_the_form_takes_what_partitions_are_called(use_case: UseCase, named: str, refused: str) -> None:
    field = partition_param(use_case)
    assert field.resolve(named) == named
    assert field.resolve(None) is None
    with pytest.raises(ParamValidationError):
        field.resolve(refused)


def test_a_week_that_starts_on_another_day_is_refused_with_those_beside_it() -> None:
    with pytest.raises(BadInput, match="write 2026-03-07 or 2026-03-14"):
        partition_of(context(partition="2026-03-10"), WEEKLY, "scoring")


def test_a_misspelt_key_is_refused_with_the_word_that_was_meant() -> None:
    with pytest.raises(BadInput, match="'partitoin', did you mean 'partition'\\?"):
        partition_of(context(conf={"partitoin": "2026-03-02"}), USE_CASE, "scoring")


def test_a_partition_that_is_no_day_is_refused() -> None:
    with pytest.raises(BadInput, match="not written as YYYY-MM-DD"):
        partition_of(context(partition="20260302"), USE_CASE, "scoring")
