"""What is expected of a week's diagnosis: of the possible causes, the first that holds is acted on, and one
action follows, which is one that this cause admits; a training only with a trial that helps.

What holds is read off the table itself, and beside it off `drift`; which cause is the first and what may
follow stands here once more, not as the step has decided it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time
from typing import TYPE_CHECKING, Any

from pipelines.core import dates
from pipelines.core.sql import text
from pipelines.gates.built_in.every import columns
from pipelines.gates.built_in.performance import row_of
from pipelines.gates.built_in.wording import both, is_, is_not, is_one_of, must, of_what_is_there
from pipelines.gates.gx.suite import Stated
from pipelines.monitoring import judged
from pipelines.monitoring.diagnosis import (
    BROKEN,
    CAUSES,
    CONCEPT,
    COVARIATES,
    CURED,
    OF_A_REGIME,
    PRIOR,
    QUIET,
    SEASON,
)
from pipelines.monitoring.retraining import ASK, NOTHING, QUARANTINE, RECALIBRATE, TRAIN, WAIT, Action
from pipelines.run.run import Run
from pipelines.run.tables import ALARM

if TYPE_CHECKING:
    from pipelines.gates.built_in.wording import Condition

TABLE = "diagnosis"
KINDS = ["cause", "trial", "claim", "decision"]
FILLED = ("kind", "subject", "chosen", "evidence")
SURE = (BROKEN, SEASON, COVARIATES, QUIET)  # whether they hold is known without a label
MOVED_KINDS = ("feature", "prediction", "joint")  # rows of `drift` that are features or scores

CAUSE, DECISION, TRIAL = (is_("kind", kind) for kind in ("cause", "decision", "trial"))
FOLLOWS: dict[str, list[Action]] = {
    **{cause: [NOTHING] for cause in CURED},
    BROKEN: [QUARANTINE],
    PRIOR: [WAIT, ASK, RECALIBRATE],
    CONCEPT: [WAIT, ASK, TRAIN],
    COVARIATES: [WAIT, ASK, TRAIN],
}


@dataclass(frozen=True)
class _Told:
    """What the table tells.

    Attributes:
        holds: The causes that hold.
        action: What follows; None where that is not one.
    """

    holds: frozenset[str]
    action: str | None

    @property
    def first(self) -> str:
        """The cause to act on."""
        return next((cause for cause in CAUSES if cause in self.holds), QUIET)

    @property
    def trains(self) -> bool:
        """Whether a training is to start."""
        return self.action in (TRAIN, RECALIBRATE)


def diagnosis(run: Run) -> Iterator[Stated]:
    """One cause is acted on, and what follows fits it."""
    yield columns(run, TABLE)
    for column in FILLED:
        yield must("column_values_to_not_be_null", column=column, why="each row of the diagnosis tells it")
    yield must("column_values_to_be_in_set", column="kind", value_set=KINDS)
    yield _in_order("high", "low", why="an interval of the diagnosis has its lower end below")
    told = _told(run)
    if told is None:
        return  # the first one fails
    yield from _causes(run, told)
    yield from _since(run)
    yield from _decision(run, told)
    yield from _trial(told)


def _causes(run: Run, told: _Told) -> Iterator[Stated]:
    """Each cause is asked, and the first that holds is chosen."""
    why = "the diagnosis asks each possible cause, once"
    yield must(
        "column_distinct_values_to_equal_set",
        column="subject",
        value_set=list(CAUSES),
        row_condition=CAUSE,
        why=why,
    )
    yield must("column_values_to_be_unique", column="subject", row_condition=CAUSE, why=why)
    yield must(
        "column_values_to_not_be_null",
        column="holds",
        row_condition=both(CAUSE, is_one_of("subject", SURE)),
        why="no label is needed to know it",
    )
    yield from _hold(run, told)
    acted_on = both(CAUSE, is_("chosen", True))
    yield must(
        "table_row_count_to_equal", value=1, row_condition=acted_on, why="the diagnosis acts on one cause"
    )
    yield must(
        "column_values_to_be_in_set",
        column="subject",
        value_set=[told.first],
        row_condition=acted_on,
        why=f"the first cause that holds is acted on: {', '.join(CAUSES)}",
    )


def _hold(run: Run, told: _Told) -> Iterator[Stated]:
    """Causes hold where the table `drift` says that they may."""
    alarms = _alarms(run)
    quiet = told.holds <= {QUIET} and not alarms
    yield _holds(QUIET, quiet, "a week is as before where nothing is an alarm and no other cause holds")
    if not alarms:
        yield _holds(COVARIATES, False, "neither a feature, nor the score, nor all together are an alarm")
    primary = row_of(run, run.use_case.metric.name)
    if primary is None:
        return
    if primary["value"] is None:
        yield of_what_is_there(
            "column_values_to_be_null",
            column="holds",
            row_condition=_of(CONCEPT),
            why="without a performance nobody knows whether the concept holds",
        )
        return
    lost = judged.beyond(primary, run.use_case.greater_is_better) or judged.lost(primary)
    yield _holds(
        CONCEPT, bool(lost), "the concept has changed where performance is surely lost, nowhere else"
    )


def _since(run: Run) -> Iterator[Stated]:
    """What holds has a first day, which is not after the week's last; nothing else has one."""
    last = dates.days_of(run.use_case, "drift", run.partition).last
    yield must(
        "column_values_to_not_be_null",
        column="since",
        row_condition=both(CAUSE, is_("holds", True)),
        why="a cause that holds has done so since some day",
    )
    for nothing in (is_not("kind", "cause"), both(CAUSE, is_("holds", False))):
        yield of_what_is_there(
            "column_values_to_be_null",
            column="since",
            row_condition=nothing,
            why="only a cause that holds has done so since a day",
        )
    yield of_what_is_there(
        "column_values_to_be_between",
        column="since",
        max_value=datetime.combine(last, time()).isoformat(),
        why=f"the week ends on {last}",
    )


def _decision(run: Run, told: _Told) -> Iterator[Stated]:
    """One action follows, which the cause that is acted on admits."""
    never = run.use_case.monitoring.retrain.when == "never" and told.first in OF_A_REGIME
    of = " while monitoring.retrain.when is never" if never else ""
    yield must(
        "table_row_count_to_equal",
        value=1,
        row_condition=DECISION,
        why="one action follows from a diagnosis",
    )
    yield must(
        "column_values_to_be_in_set",
        column="subject",
        value_set=[ASK] if never else FOLLOWS[told.first],
        row_condition=DECISION,
        why=f"what may follow from {told.first}{of}",
    )
    yield must(
        "column_values_to_be_in_set",
        column="chosen",
        value_set=[True],
        row_condition=DECISION,
        why="the action that follows is the chosen one",
    )
    yield of_what_is_there(
        "column_values_to_be_in_set",
        column="chosen",
        value_set=[False],
        row_condition=is_one_of("kind", ("trial", "claim")),
        why="causes and actions are chosen, and nothing else",
    )
    yield must("column_values_to_not_be_null", column="holds", row_condition=DECISION)
    yield must(
        "column_values_to_be_in_set",
        column="holds",
        value_set=[told.trains],
        row_condition=DECISION,
        why=f"a training starts by {TRAIN} or {RECALIBRATE}, and by nothing else",
    )


def _trial(told: _Told) -> Iterator[Stated]:
    """A training starts where a trial helps, and a trial helps where it is surely worth a change."""
    yield must(
        "table_row_count_to_equal",
        value=int(told.trains),
        row_condition=both(TRIAL, is_("holds", True)),
        why="a training starts where one trial helps, and nowhere else",
    )
    most = int(told.first in OF_A_REGIME)
    yield must(
        "table_row_count_to_be_between",
        max_value=most,
        row_condition=TRIAL,
        why=f"a trial is made of {', '.join(OF_A_REGIME)}, and once",
    )
    for helps, (greater, less) in {True: ("low", "threshold"), False: ("threshold", "low")}.items():
        yield _in_order(
            greater,
            less,
            row_condition=both(TRIAL, is_("holds", helps)),
            why="a trial helps where its gain is surely worth a change, and nowhere else",
        )


def _holds(cause: str, value: bool, why: str) -> Stated:
    return must(
        "column_values_to_be_in_set", column="holds", value_set=[value], row_condition=_of(cause), why=why
    )


def _of(cause: str) -> Condition:
    return both(CAUSE, is_("subject", cause))


def _in_order(greater: str, less: str, **kwargs: Any) -> Stated:
    return of_what_is_there(
        "column_pair_values_a_to_be_greater_than_b",
        column_A=greater,
        column_B=less,
        or_equal=True,
        ignore_row_if="either_value_is_missing",
        **kwargs,
    )


def _alarms(run: Run) -> bool:
    """Whether a feature, the score, or all features together are an alarm."""
    table = run.store.read("drift")
    if not {"kind", "verdict"} <= set(table.columns):
        return False  # its own expectations fail
    kinds = ", ".join(map(text, MOVED_KINDS))
    return bool(table.filter(f"verdict = {text(ALARM)} AND kind IN ({kinds})").limit(1).fetchall())


def _told(run: Run) -> _Told | None:
    """What the table tells, if it has the columns."""
    table = run.store.read(TABLE)
    if not {"kind", "subject", "holds"} <= set(table.columns):
        return None
    rows = table.filter("kind IN ('cause', 'decision')").project("kind, subject, holds").fetchall()
    actions = [subject for kind, subject, _ in rows if kind == "decision"]
    return _Told(
        holds=frozenset(str(subject) for kind, subject, holds in rows if kind == "cause" and holds),
        action=actions[0] if len(actions) == 1 else None,
    )
