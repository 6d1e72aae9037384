"""Weeks that differ by more than their rows and days tell make a week less sure; a trend, a red week, another
version's weeks and too few weeks do not.
"""

from __future__ import annotations

import pytest

from pipelines.core.metrics import by_name
from pipelines.metrics import sureness
from pipelines.monitoring.between_weeks import between


def weeks(*values: float, **facts: object) -> list[dict[str, object]]:
    usual = {"subject": "aucpr", "standard_error": 0.01, "judge": "3", "judged_days": 7, "judged_rows": 900}
    usual |= {"threshold": None, "low": 0.4, "high": 0.9, "reference_value": 0.6, "note": None, "ought": True}
    usual |= {"current_rows": 900, "due_rows": 900, "reference_labelled": 1.0}
    usual |= {"least_loss": -0.1, "likely_loss": -0.1, "allowed_loss": 0.05}
    return [{**usual, "value": value, **facts} for value in values]


WAVES = (0.6, 0.7, 0.6, 0.7, 0.6, 0.7, 0.6, 0.7)


def test_what_steps_from_week_to_week_exceed_their_errors_by_is_between_weeks() -> None:
    found = between(weeks(*WAVES), "3", greater=True)
    assert found.variance == pytest.approx(0.1**2 / 2 - 0.01**2)
    assert found.freedom == pytest.approx(14 / 3)


def test_a_slow_trend_is_no_variance() -> None:
    assert between(weeks(*[0.70 - n / 100 for n in range(8)]), "3", greater=True).variance == 0


@pytest.mark.parametrize(
    ("why", "rows"),
    [
        ("too few weeks", weeks(*WAVES[:3])),
        ("weeks of another version", weeks(*WAVES, judge="2")),
        ("weeks of days that were judged before", weeks(*WAVES, judged_days=28)),
        ("weeks that were red", weeks(*WAVES, least_loss=0.06)),
        ("weeks without a value", weeks(*WAVES, value=None)),
        ("reports that do not tell how sure they were", weeks(*WAVES, standard_error=None)),
    ],
)
def test_nothing_is_known_of(why: str, rows: list[dict[str, object]]) -> None:
    assert between(rows, "3", greater=True) == sureness.NOTHING_BETWEEN, why


@pytest.mark.parametrize("after", [(0.3,), (0.3, 0.1), (0.3, 0.1, 0.1)])
def test_what_has_just_changed_does_not_hide_itself(after: tuple[float, ...]) -> None:
    calm = weeks(*[0.6, 0.61] * 4)
    assert between([*calm, *weeks(*after)], "3", greater=True) == sureness.NOTHING_BETWEEN


def test_weeks_longer_ago_than_a_dozen_are_forgotten() -> None:
    assert between(weeks(*WAVES, *[0.65] * 12), "3", greater=True).variance == 0


def test_a_week_is_less_sure_by_what_weeks_differ_by() -> None:
    alone = sureness.Sure(0.6, 0.03, 100, by_name("aucpr"), 50)
    wider = alone.beside(sureness.Between(0.04**2, 4))
    assert wider.error == pytest.approx(0.05)
    assert wider.freedom == pytest.approx(0.05**4 / (0.03**4 / 100 + 0.04**4 / 4))
    assert alone.beside(sureness.NOTHING_BETWEEN) is alone
