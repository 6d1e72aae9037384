"""A DAG runs for the partition that is over; a training also when drift was found, if anything runs by itself."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import AssetOrTimeSchedule

from pipelines.core.config import UseCase
from pipelines.core.use_cases import parse
from sluice_airflow import assets, schedules
from tests.helpers import tiny


def use_case(**cron: str | None) -> UseCase:
    found = parse(Path(f"{tiny.NAME}.yaml"), tiny.YAML.encode()).use_case
    schedule: Any = found.schedule.model_copy(
        update={"training": None, "scoring": None, "drift": None, **cron}
    )
    return found.model_copy(update={"schedule": schedule})


@pytest.mark.parametrize(("kind", "days"), [("scoring", 1), ("drift", 7), ("training", 1)])
def test_an_interval_is_a_partitions_length(kind: Any, days: int) -> None:
    found = schedules.cron(use_case(**{kind: "0 2 * * *"}), kind)
    assert found is not None
    assert found.interval == timedelta(days=days)
    assert schedules.cron(use_case(), kind) is None


def test_a_training_without_a_clock_follows_drift() -> None:
    assert schedules.training(use_case(scoring="0 2 * * *")) == [assets.drift_found(tiny.NAME)]


def test_a_training_with_a_clock_follows_both() -> None:
    assert isinstance(schedules.training(use_case(training="0 3 1 * *")), AssetOrTimeSchedule)


def test_where_nothing_runs_by_itself_no_training_does() -> None:
    assert schedules.training(use_case()) is None
