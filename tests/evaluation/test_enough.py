"""Of too few rows or units nothing is promoted, and it is told how many are missing, and about how many days
that is.
"""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from pipelines.core.config import Keep
from pipelines.evaluation import enough
from pipelines.evaluation.scores import RARER, UNITS
from pipelines.evaluation.verdict import PromotionRule
from tests.helpers.relations import use_case


def judged(
    units: float, rarer: int | None, champion: str | None = "3", unit: str = "row", word: str = "positives"
) -> list[PromotionRule]:
    """The rule about a training of 20 days."""
    whole = {UNITS: pd.Series({"challenger": units, "n": 900, "note": unit})}
    if rarer is not None:
        whole[RARER] = pd.Series({"n": rarer, "note": word})
    return list(enough.rule(whole, champion, use_case()))


def told(*given: object, **asked: object) -> str:
    (rule,) = judged(*given, **asked)  # type: ignore[arg-type]
    assert not rule.holds
    return rule.sentence


def test_few_positives_are_told_with_the_days_that_are_missing() -> None:
    assert told(12.0, 12) == (
        "the held-out rows have 12 positives, and 20 are needed over the champion: about 14 more days"
        " (split.window_days: 34)"
    )


def test_the_rarer_class_counts_whichever_it_is() -> None:
    assert told(12.0, 12, word="negatives").startswith("the held-out rows have 12 negatives, and 20")


def test_many_positives_of_few_customers_are_few() -> None:
    assert told(4.02, 300, unit="customer") == (
        "the held-out rows with positives tell as much as 4.0 units of customer of equal weight, and 10 are"
        " needed over the champion: about 30 more days (split.window_days: 50)"
    )


def test_few_days_of_a_number_are_few() -> None:
    assert told(8.0, None, unit="day").startswith("the held-out rows tell as much as 8.0 days of equal")


def test_a_model_that_is_kept_waits_for_days_that_are_new_to_it() -> None:
    """A longer window has none of them."""
    kept = use_case()
    keep = Keep(version="1", since=date(2026, 2, 1), judged_from=date(2026, 2, 15))
    kept = kept.model_copy(update={"candidates": kept.candidates.model_copy(update={"keep": keep})})
    whole = {UNITS: pd.Series({"challenger": 4.0, "n": 900, "note": "row"})}
    (rule,) = enough.rule(whole, "3", kept)
    assert rule.sentence.endswith(": run a later partition, which has more days that are new to the model")


def test_without_any_positive_no_days_are_made_up() -> None:
    assert told(0.0, 0).endswith("more than the 20 days of split.window_days")


@pytest.mark.parametrize(
    ("units", "rarer", "champion", "enough_of_them"),
    [
        (20.0, 20, "3", True),
        (19.0, 19, "3", False),
        (9.9, 20, "3", False),
        (10.0, 10, None, True),
        (9.0, 9, None, False),
        (5.0, 10, None, True),
        (4.9, 10, None, False),
        (10.0, None, "3", True),
        (9.9, None, "3", False),
    ],
)
def test_over_a_champion_more_is_needed_than_over_the_baseline(
    units: float, rarer: int | None, champion: str | None, enough_of_them: bool
) -> None:
    assert (judged(units, rarer, champion) == []) == enough_of_them
