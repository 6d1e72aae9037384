"""Lost labels are told from late ones by how many there have been."""

from __future__ import annotations

from math import nan

import pytest

from pipelines.monitoring import labelled


def metric(**facts: object) -> dict[str, object]:
    usual = {"subject": "aucpr", "value": 0.5, "note": None, "current_rows": 90, "due_rows": 100}
    return {**usual, "reference_labelled": 0.9, **facts}


def test_half_of_the_usual_share_less_chance_is_enough() -> None:
    least = labelled.enough(metric())
    assert least == 36  # 45 - 3 * sqrt(0.9 * 0.1 * 100)
    assert labelled.not_judged(metric(current_rows=least)) is None
    assert "of 100 predictions whose labels are due, 35 have one; at least 36 must" in str(
        labelled.not_judged(metric(current_rows=least - 1))
    )


@pytest.mark.parametrize("share", [None, 0.0, 0.01])
def test_one_is_needed_where_the_training_had_none_or_few(share: float | None) -> None:
    assert labelled.enough(metric(reference_labelled=share)) == 1
    told = labelled.not_judged(metric(reference_labelled=share, current_rows=0))
    assert told == "of 100 predictions whose labels are due, 0 have one; at least 1 must"


def test_a_week_of_which_no_label_is_due_is_not_asked() -> None:
    assert labelled.not_judged(metric(due_rows=0, current_rows=0, value=None)) is None


def test_a_metric_without_a_value_judges_nothing() -> None:
    assert labelled.not_judged(metric(value=nan)) == "aucpr has no value"
    assert labelled.not_judged(metric(value=None, note="one class")) == "one class"
