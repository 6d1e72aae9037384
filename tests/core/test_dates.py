"""Which days a partition is about, worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from pipelines.core import dates
from pipelines.core.errors import BadInput
from pipelines.run.run import Run

DAY = date(2026, 2, 10)


def test_a_scoring_partition_is_its_day(open_run: Callable[..., Run]) -> None:
    assert str(dates.days_of(open_run("scoring", DAY).use_case, "scoring", DAY)) == "2026-02-10"


def test_a_training_takes_the_last_days_whose_labels_are_known_on_the_next_morning(
    open_run: Callable[..., Run],
) -> None:
    # The tiny use case's labels come two days late: on the morning of the 11th those of the 9th are the
    # newest.
    assert (
        str(dates.days_of(open_run("training", DAY).use_case, "training", DAY)) == "2026-01-21 to 2026-02-09"
    )


def test_labels_without_delay_are_known_when_their_day_is_over(open_run: Callable[..., Run]) -> None:
    use_case = open_run("training", DAY).use_case
    prompt = use_case.model_copy(update={"label": use_case.label.model_copy(update={"delay_days": 0})})
    assert dates.last_labelled(prompt, "training", DAY) == DAY


def test_a_drift_partition_is_the_week_that_begins_with_it(open_run: Callable[..., Run]) -> None:
    days = dates.days_of(open_run("drift", DAY).use_case, "drift", DAY)
    assert str(days) == "2026-02-10 to 2026-02-16"
    assert len(list(days)) == 7


def test_of_a_drift_week_the_days_whose_labels_came_in_time_have_matured(
    open_run: Callable[..., Run],
) -> None:
    assert dates.last_labelled(open_run("drift", DAY).use_case, "drift", DAY) == date(2026, 2, 15)


def test_the_past_reaches_as_far_back_as_the_longest_window(open_run: Callable[..., Run]) -> None:
    assert str(dates.past_of(open_run("scoring", DAY).use_case, "scoring", DAY)) == "2026-02-03 to 2026-02-09"


def test_the_held_out_days_are_the_last_quarter(open_run: Callable[..., Run]) -> None:
    use_case = open_run("training", DAY).use_case
    assert (
        str(dates.held_out_days(use_case, dates.days_of(use_case, "training", DAY)))
        == "2026-02-05 to 2026-02-09"
    )


@pytest.mark.parametrize(
    "partition", ["2026-2-1", "20260201", "yesterday", "2026-02-30", "../../etc", "2026-02-01/..", ""]
)
def test_a_partition_that_is_no_day_is_refused(partition: str) -> None:
    with pytest.raises(BadInput, match="YYYY-MM-DD"):
        dates.parse(partition)
