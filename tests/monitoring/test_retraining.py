"""A training is called for where a trial shows that it helps, not too often, and once for what it cannot cure."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from pipelines.core.config.watch import Retrain
from pipelines.monitoring import retraining
from pipelines.monitoring.diagnosis import (
    BROKEN,
    CONCEPT,
    COVARIATES,
    PRIOR,
    QUIET,
    SEASON,
    Cause,
    Diagnosis,
    Name,
    Past,
)
from pipelines.monitoring.retraining import ASK, NOTHING, QUARANTINE, RECALIBRATE, TRAIN, WAIT
from pipelines.monitoring.trial import Trial
from tests.monitoring.test_diagnosis import FIRST, MONDAY, report

ASKED = Retrain()
HELPS = Trial("aucpr", before=0.4, after=0.6, gain=0.2, low=0.05, high=0.35, fitted=900, judged=300)
MAY_HELP = replace(HELPS, low=-0.05)
TOO_FEW = Trial("aucpr", "7 days more")


def ago(weeks: int) -> date:
    return FIRST - timedelta(days=7 * weeks)


def found(cause: Name) -> Diagnosis:
    return Diagnosis((Cause(cause, True, "as it is", ago(4)),))


def action(cause: Name, trial: Trial | None = None, past: Past | None = None, asked: Retrain = ASKED) -> str:
    decision = retraining.decide(found(cause), MONDAY, asked, past or Past(), trial)
    assert decision.trains == (decision.action in (TRAIN, RECALIBRATE))
    return decision.action


@pytest.mark.parametrize(
    ("cause", "trial", "follows"),
    [
        (QUIET, HELPS, NOTHING),
        (SEASON, HELPS, NOTHING),
        (BROKEN, HELPS, QUARANTINE),
        (COVARIATES, None, WAIT),
        (COVARIATES, TOO_FEW, WAIT),
        (COVARIATES, MAY_HELP, WAIT),
        (COVARIATES, HELPS, TRAIN),
        (CONCEPT, TOO_FEW, WAIT),
        (CONCEPT, HELPS, TRAIN),
        (PRIOR, HELPS, RECALIBRATE),
    ],
)
def test_what_follows_from_a_cause(cause: Name, trial: Trial | None, follows: str) -> None:
    assert action(cause, trial) == follows


def test_a_call_is_followed_by_none_until_it_has_cooled_down() -> None:
    called = Past(calls=[(ago(1), COVARIATES)])
    assert action(CONCEPT, HELPS, called) == WAIT
    assert action(CONCEPT, HELPS, Past(calls=[(ago(2), COVARIATES)])) == TRAIN
    assert action(CONCEPT, HELPS, called, Retrain(cooldown=timedelta(days=7))) == TRAIN


def test_a_year_has_so_many_calls() -> None:
    calls = Past(calls=[(ago(weeks), COVARIATES) for weeks in (51, 30, 3)])
    assert action(CONCEPT, HELPS, calls, Retrain(a_year=3)) == WAIT
    assert action(CONCEPT, HELPS, calls, Retrain(a_year=4)) == TRAIN
    assert action(CONCEPT, HELPS, Past(calls=[(ago(53), COVARIATES)]), Retrain(a_year=1)) == TRAIN


def test_what_one_training_did_not_cure_is_told_to_a_person() -> None:
    still = Past(
        calls=[(ago(3), CONCEPT)], reports=[report(ago(weeks), CONCEPT, ago(4)) for weeks in (3, 2, 1)]
    )
    assert action(CONCEPT, HELPS, still) == ASK
    assert action(COVARIATES, HELPS, still) == TRAIN, "of another cause"
    known = replace(still, acknowledged=[(ago(1), CONCEPT)])
    assert action(CONCEPT, HELPS, known) == TRAIN
    assert action(CONCEPT, HELPS, replace(still, acknowledged=[(ago(4), CONCEPT)])) == ASK, "of before it"
    again = replace(known, calls=[(ago(8), CONCEPT), (ago(0), CONCEPT)])
    assert action(CONCEPT, HELPS, again, Retrain(cooldown=timedelta(days=1))) == WAIT


def test_a_training_that_has_kept_the_model_and_was_not_promoted_is_followed_by_one_of_more_days() -> None:
    still = Past(calls=[(ago(3), PRIOR)], reports=[report(ago(weeks), PRIOR, ago(4)) for weeks in (3, 2, 1)])
    assert action(PRIOR, HELPS, still) == RECALIBRATE
    assert action(PRIOR, HELPS, replace(still, promoted=[ago(4)])) == RECALIBRATE, "of before it"
    assert action(PRIOR, HELPS, replace(still, promoted=[ago(3) + timedelta(days=6)])) == ASK


@pytest.mark.parametrize(
    ("cause", "model"), [(PRIOR, "keep"), (CONCEPT, "search"), (COVARIATES, "search"), (QUIET, None)]
)
def test_a_training_by_a_moved_prior_keeps_the_model(cause: Name, model: str | None) -> None:
    assert retraining.decide(found(cause), MONDAY, ASKED, Past(), HELPS).model == model


def test_a_cause_that_was_cured_and_comes_again_is_another_one() -> None:
    cured = Past(calls=[(ago(9), CONCEPT)], reports=[report(ago(5), QUIET, ago(5))])
    assert action(CONCEPT, HELPS, cured) == TRAIN


def test_days_that_another_version_has_scored_say_nothing_of_the_champion() -> None:
    week = replace(MONDAY, judged="1")
    decision = retraining.decide(found(CONCEPT), week, ASKED, Past(), HELPS)
    assert decision.action == WAIT
    assert "version 1" in decision.why
    assert retraining.decide(found(COVARIATES), week, ASKED, Past(), HELPS).action == TRAIN


def test_never_is_never() -> None:
    assert action(CONCEPT, HELPS, asked=Retrain(when="never")) == ASK
