"""A model that is kept scores rows in the order in which it did, at the level of the new ones; what would
lose the order, or is learned from too few rows, is refused.
"""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest

from pipelines.core.config import Family
from pipelines.core.errors import BadInput
from pipelines.evaluation import recalibrated
from pipelines.evaluation.recalibrated import Kept
from pipelines.evaluation.results import SearchResult
from pipelines.metrics.threshold import Night
from pipelines.model import calibration, candidate, inputs
from tests.helpers import fitted

NIGHT, FACTS = Night(100.0), fitted.use_case()


def scores(pipeline: object, rows: pd.DataFrame) -> np.ndarray:
    return candidate.scores(pipeline, inputs.frame(rows, FACTS.features), FACTS.task)


def kept(family: Family, curve: str) -> Kept:
    """A model without a curve, or with one of its own."""
    own, rows = copy.deepcopy(fitted.pipeline(family)), fitted.rows()
    if curve != "none":
        known = scores(own, rows)
        line = calibration.fit(curve, rows.bad, known, candidate.has_margins(own))  # type: ignore[arg-type]
        own = candidate.with_calibration(own, line)
    return Kept("5", own, "{}")


def rarer(every: int) -> pd.DataFrame:
    """Rows of which only one in so many positive ones is there."""
    rows = fitted.rows()
    positive = rows.bad == 1
    return rows[~positive | (positive.cumsum() % every == 0)].reset_index(drop=True)


def bent(one: Kept, rows: pd.DataFrame, family: Family = "linear") -> SearchResult:
    return recalibrated.bent(one, rows, NIGHT, FACTS, family)


@pytest.mark.parametrize("curve", ["none", "sigmoid", "isotonic"])
@pytest.mark.parametrize("family", fitted.FAMILIES)
def test_no_two_rows_change_places_and_the_level_is_that_of_the_new_rows(family: Family, curve: str) -> None:
    rows, one = rarer(4), kept(family, curve)
    before = scores(one.fitted, fitted.rows())
    found = bent(one, rows, family)
    again = candidate.load(found.candidate)
    after = scores(again, fitted.rows())
    apart = np.subtract.outer(before, before) * np.subtract.outer(after, after)
    assert (apart >= -1e-15).all()
    assert scores(again, rows).mean() == pytest.approx(rows.bad.mean(), rel=0.1)
    assert scores(again, rows).mean() < 0.6 * before.mean()


def test_it_is_one_trial_and_the_rows_with_their_new_scores() -> None:
    rows = rarer(4)
    found = bent(Kept("5", copy.deepcopy(fitted.pipeline("linear")), '{"C": 0.5}'), rows)
    trial = found.trials.iloc[0]
    assert len(found.trials) == 1
    assert (trial.family, trial.params, trial.best) == ("linear", '{"C": 0.5}', True)
    assert found.best_params == {"C": 0.5}
    assert trial.gain == pytest.approx(trial.mean_score - trial.baseline_score)
    assert trial.gain > 0
    assert found.validation["key"].tolist() == rows.id.tolist()
    assert found.validation["label"].tolist() == rows.bad.tolist()
    assert candidate.note_of(candidate.load(found.candidate)) is not None


def test_of_fewer_than_twenty_rows_of_a_class_nothing_is_learned() -> None:
    rows = rarer(1)
    few = pd.concat([rows[rows.bad == 0], rows[rows.bad == 1].head(19)], ignore_index=True)
    with pytest.raises(BadInput, match=r"20 rows of the rarer class at least, and of .* new to the model 19"):
        bent(kept("linear", "none"), few)


@pytest.mark.parametrize("curve", ["none", "sigmoid", "isotonic"])
def test_where_great_scores_mean_less_nothing_is_kept(curve: str) -> None:
    rows = fitted.rows().assign(bad=1 - fitted.rows().bad)
    with pytest.raises(BadInput, match="great scores of version 5 do not mean more positive labels"):
        bent(kept("linear", curve), rows)
