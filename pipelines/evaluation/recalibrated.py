"""A candidate without a search: the model that serves, with a curve that is learned on rows that are new to
it.

Where only the share of positives has moved, the order of scores tells as much as before, and no newer fit
knows more. From here on it is a candidate like any other.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipelines.core.errors import BadInput
from pipelines.evaluation.results import SearchResult
from pipelines.metrics import bootstrap, daily, metrics, threshold
from pipelines.metrics.scored import ALWAYS, NEVER, Scored
from pipelines.model import baseline, calibration, candidate, inputs

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from pipelines.core.config import Family, UseCase
    from pipelines.metrics.metrics import Floats
    from pipelines.metrics.threshold import Night

LEAST_OF_CLASS = 20  # rows of the rarer class, on which two numbers and a threshold are learned
INSTEAD = "train with model: search (python -m pipelines run ... without --model keep)"
ROUNDED = 1e-9  # of a score: so much may the arithmetic of a curve turn an order


@dataclass(frozen=True)
class Kept:
    """The model that serves.

    Attributes:
        version: Whose it is.
        fitted: As it scores, with the curve that it has.
        params: Its parameters, by the names of the use-case file (JSON).
    """

    version: str
    fitted: Pipeline
    params: str


def bent(kept: Kept, rows: pd.DataFrame, night: Night, use_case: UseCase, family: Family) -> SearchResult:
    """Bend a model's scores so that they are true of new rows, and stay in their order.

    Args:
        kept: The model.
        rows: The training rows that are new to it, in order of time, with key, label, unit and features.
        night: How many rows a night scores.
        use_case: The facts.
        family: The model's.

    Returns:
        What a search would find: one trial, measured on these very rows; the rows with their new scores; and
        the model with its new curve.

    Raises:
        BadInput: these rows are too few, or the scores tell nothing of them.
    """
    y = rows[use_case.target].to_numpy(np.int64)
    _require_enough(y, use_case)
    X = inputs.frame(rows, use_case.features)  # noqa: N806 (scikit-learn's letter)
    before = candidate.scores(kept.fitted, X, use_case.task)
    line = calibration.bend(candidate.line_of(kept.fitted), y, before, candidate.has_margins(kept.fitted))
    note = f"calibration: sigmoid, over the scores of version {kept.version}, learned on {len(y):,} new rows"
    fitted = candidate.with_note(candidate.with_calibration(kept.fitted, line), note)
    score = candidate.scores(fitted, X, use_case.task)
    _require_same_order(before, score, kept, use_case)
    units = bootstrap.units(rows, use_case)
    validation = pd.DataFrame(
        {"key": rows[use_case.key], "label": y, "score": score, "unit": units, "family": family}
    )
    trials = _trials(kept, rows, score, night, use_case, family)
    return SearchResult(
        family=family,
        trials=trials,
        validation=validation,
        candidate=candidate.dump(fitted),
        best_score=float(trials.mean_score.iloc[0]),
        best_params=json.loads(kept.params),
        fit_seconds=(0.0,),
    )


def _require_enough(y: Floats, use_case: UseCase) -> None:
    positive = int(y.sum())
    rarer = min(positive, len(y) - positive)
    if rarer < LEAST_OF_CLASS:
        raise BadInput(
            f"a calibration is learned on {LEAST_OF_CLASS} rows of the rarer class at least, and of"
            f" {len(y):,} training rows that are new to the model {rarer} are",
            where=use_case.name,
            fix=f"run a later partition, of which more labels are known; or {INSTEAD}",
        )


def _require_same_order(before: Floats, after: Floats, kept: Kept, use_case: UseCase) -> None:
    """No two scores change places, and those that differ do not all become one."""
    order = np.lexsort((after, before))
    if np.ptp(before) > 0 and (np.diff(after[order]).min() < -ROUNDED or not np.ptp(after) > 0):
        raise BadInput(
            f"on the {len(after):,} training rows that are new to it, great scores of version {kept.version}"
            " do not mean more positive labels: a calibration would lose their order, which is what is kept",
            where=use_case.name,
            fix=INSTEAD,
        )


def _trials(
    kept: Kept, rows: pd.DataFrame, score: Floats, night: Night, use_case: UseCase, family: Family
) -> pd.DataFrame:
    """The table `trials`, of one row: the model with its new curve, and the baseline, on the same rows."""
    X, y = inputs.frame(rows, use_case.features), rows[use_case.target].to_numpy(np.float64)  # noqa: N806
    own = baseline.fit(use_case, X, y)
    unit = bootstrap.units(rows, use_case)

    def worth(name: str, of: Floats, alarm: bool | None = None) -> float:
        a_day = use_case.stakes.a_day
        taken = None if a_day is None else daily.taken(of, daily.days(rows[use_case.time]), a_day)
        if alarm is None:
            cut = threshold.or_never(use_case.threshold, y, of, night, unit)
        else:
            cut = ALWAYS if alarm else NEVER
        everything = np.full(len(y), True)
        found = Scored(name, of, cut, taken).value(use_case.metric.name, y, use_case.stakes, everything)
        return np.nan if found is None else found

    mean, without = worth(family, score), worth("baseline", own.scores(X), own.alarm)
    told: dict[str, Any] = {
        "family": family,
        "candidate": 0,
        "params": kept.params,
        "mean_score": mean,
        "std_score": 0.0,
        "fold_scores": json.dumps([mean]),
        "baseline_score": without,
        "gain": metrics.gain(use_case.metric.name, mean, without),
        "best": True,
    }
    return pd.DataFrame([told])
