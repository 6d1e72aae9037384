"""What a gain must exceed: what is stated, else what is worth a change."""

from __future__ import annotations

import pandas as pd
import pytest

from pipelines.evaluation import rules

OVERALL = pd.Series({"gain_over_baseline": 0.32, "gain_over_champion": 0.02})  # the champion's lead is 0.3


@pytest.mark.parametrize(
    ("other", "stated", "asked"),
    [
        ("champion", None, 0.003),
        ("baseline", None, 0.0),
        ("champion", 0.0, 0.0),
        ("champion", 0.02, 0.02),
        ("baseline", 0.02, 0.02),
    ],
)
def test_without_a_stated_margin_a_hundredth_of_the_champions_lead_is_worth_a_change(
    other: str, stated: float | None, asked: float
) -> None:
    assert rules.margin(OVERALL, other, stated) == pytest.approx(asked)


def test_a_champion_that_is_worse_than_the_baseline_asks_for_nothing() -> None:
    behind = pd.Series({"gain_over_baseline": 0.1, "gain_over_champion": 0.2})
    assert rules.margin(behind, "champion", None) == 0


def test_where_the_baseline_has_no_value_nothing_is_asked() -> None:
    assert rules.margin(OVERALL.replace(0.32, float("nan")), "champion", None) == 0
