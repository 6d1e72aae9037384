"""What follows from a week's diagnosis: nothing, a word to somebody, waiting for labels, or a training.

A training is called for where all of this is so:

- the cause is one that can be learned (a prior, a concept, covariates), and the judged days are the
  champion's;
- enough labelled rows of what is new are there, and a trial (`trial`) shows that a newer fit surely helps;
- no call is younger than `monitoring.retrain.cooldown`, and there were fewer than `a_year` in the year
  before;
- no training was called for by this cause before without curing it: what one training did not cure is told to
  a person, and none follows until that person's word stands in the history (`sluice models acknowledge`). One
  that has kept the model and was not promoted is no such one: it had too few days yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pipelines.core.config.base import duration_text
from pipelines.monitoring import diagnosis
from pipelines.monitoring.diagnosis import BROKEN, CONCEPT, CURED, PRIOR, Diagnosis, Past, Week

if TYPE_CHECKING:
    from pipelines.core.config import Model
    from pipelines.core.config.watch import Retrain
    from pipelines.monitoring.trial import Trial

Action: TypeAlias = Literal[
    "nothing", "quarantine", "wait for labels", "train", "re-threshold and recalibrate", "ask a person"
]

NOTHING: Action = "nothing"
QUARANTINE: Action = "quarantine"
WAIT: Action = "wait for labels"
TRAIN: Action = "train"
RECALIBRATE: Action = "re-threshold and recalibrate"
ASK: Action = "ask a person"
YEAR = 365  # days


@dataclass(frozen=True)
class Decision:
    """What follows.

    Attributes:
        action: In a word.
        cause: Of which diagnosis.
        why: A phrase.
    """

    action: Action
    cause: str
    why: str

    @property
    def trains(self) -> bool:
        """Whether a training is to start: one that keeps the model is one, too."""
        return self.action in (TRAIN, RECALIBRATE)

    @property
    def model(self) -> Model | None:
        """What such a training does about the model: none is searched for where a curve and a threshold mend
        it; None where no training is to start.
        """
        return ("keep" if self.action == RECALIBRATE else "search") if self.trains else None

    @property
    def sentence(self) -> str:
        """For the log, the page and the history."""
        return f"{self.cause}, so {self.action}: {self.why}"

    def row(self) -> Mapping[str, Any]:
        """The row of the table `diagnosis`."""
        return diagnosis.row(
            kind="decision", subject=self.action, holds=self.trains, chosen=True, evidence=self.why
        )


def decide(
    found: Diagnosis,
    week: Week,
    asked: Retrain,
    past: Past = diagnosis.NOTHING_KNOWN,
    trial: Trial | None = None,
) -> Decision:
    """Decide what follows from a diagnosis.

    Args:
        found: The diagnosis, by `diagnosis.diagnose`.
        week: What the report is about.
        asked: `monitoring.retrain`.
        past: What is known of earlier weeks.
        trial: What a newer fit would have done; asked only where `hindrance` finds nothing.
    """
    cause = found.cause
    if cause.name in CURED:
        return Decision(NOTHING, cause.name, cause.evidence)
    if cause.name == BROKEN:
        return Decision(
            QUARANTINE,
            cause.name,
            f"{cause.evidence}; tell whoever delivers it, and run these nights again when it is mended: no"
            " training, which would learn it",
        )
    if stopped := hindrance(found, week, asked, past):
        return stopped
    if trial is None or trial.missing:
        why = trial.missing if trial else "no labelled rows of it are there"
        return Decision(WAIT, cause.name, f"{cause.evidence}; {why}")
    if not trial.helps:
        return Decision(WAIT, cause.name, f"{cause.evidence}; {trial.told}, which does not surely help")
    action = RECALIBRATE if cause.name == PRIOR else TRAIN
    return Decision(action, cause.name, f"{cause.evidence}; {trial.told}")


def hindrance(found: Diagnosis, week: Week, asked: Retrain, past: Past) -> Decision | None:
    """Why no training follows, whatever a trial would show; None where nothing stands against it."""
    cause = found.cause
    name, told = cause.name, cause.evidence
    if name in CURED or name == BROKEN:
        return decide(found, week, asked, past)
    if asked.when == "never":
        return Decision(ASK, name, f"{told}; monitoring.retrain.when is never")
    if week.judged != week.champion and name in (PRIOR, CONCEPT):
        return Decision(
            WAIT,
            name,
            f"{told}; these days were scored by version {week.judged}, and those of the champion, version"
            f" {week.champion}, are not due yet",
        )
    if why := _called_lately(week.first, asked, past):
        return Decision(WAIT, name, f"{told}; {why}")
    if untold := _tried(name, past):
        return Decision(
            ASK,
            name,
            f"{told}; the training that the week of {untold} called for has not cured it, and no other"
            f" follows until a person says so: sluice models acknowledge <use case> {week.first} --reason"
            " ...",
        )
    return None


def _called_lately(week: date, asked: Retrain, past: Past) -> str | None:
    days = [(week - day).days for day, _ in past.calls]
    if days and min(days) < asked.cooldown.days:
        return (
            f"a training was called for {min(days)} days before, and the next one may follow after"
            f" {duration_text(asked.cooldown)} (monitoring.retrain.cooldown)"
        )
    if (n := sum(each < YEAR for each in days)) >= asked.a_year:
        return f"{n} trainings were called for within a year, as many as monitoring.retrain.a_year allows"
    return None


def _tried(cause: str, past: Past) -> date | None:
    """The week that has called for a training by the same cause, which has not cured it, and of which nobody
    has taken note since.
    """
    calls = [week for week, name in past.calls if name == cause]
    if not calls:
        return None
    last = calls[-1]
    if cause == PRIOR and not any(training >= last for training in past.promoted):
        return None  # what was kept was not surely better yet: more days of what is new will tell
    noted = any(name == cause and week > last for week, name in past.acknowledged)
    return None if noted or past.cured(last) else last
