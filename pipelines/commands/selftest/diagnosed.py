"""Damages to what a week's report says of why the week is so, and of what follows: what a bug in the step
would write, whatever cause holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from pipelines.commands.selftest.damage import Damage, behind
from pipelines.monitoring.diagnosis import COVARIATES, QUIET, SEASON
from pipelines.monitoring.retraining import ASK, NOTHING, TRAIN

if TYPE_CHECKING:
    from pipelines.commands.selftest.stage import Stage

DECISION = "kind = 'decision'"
ACTED_ON = "(SELECT any_value(subject) FROM rows WHERE kind = 'cause' AND chosen)"
ANOTHER = f"if({ACTED_ON} = '{QUIET}', '{COVARIATES}', '{QUIET}')"
TRAINS = f"SELECT * REPLACE (if({DECISION}, '{TRAIN}', subject) AS subject, holds OR {DECISION} AS holds)"
HELPS = (
    "SELECT * REPLACE ('trial' AS kind, true AS holds, false AS chosen, 0.2 AS value, 0.1 AS low,"
    f" 0.3 AS high, 0::DOUBLE AS threshold) FROM rows WHERE {DECISION}"
)


def every(_: Stage) -> Iterator[Damage]:
    """All damages to a diagnosis."""
    for what, statement in {
        "a cause is not asked": f"FROM rows WHERE subject <> '{SEASON}'",
        "no cause is acted on": _replaced(chosen=DECISION),
        "every cause is acted on": _replaced(chosen="true"),
        "another cause is acted on than the first that holds": _replaced(
            chosen=f"{DECISION} OR (kind = 'cause' AND subject = {ANOTHER})"
        ),
        "nobody knows whether a cause holds": _replaced(holds="if(kind = 'cause', NULL, holds)"),
        "nobody knows why": _replaced(evidence="NULL::VARCHAR"),
        "a cause has held since a day after the week": _replaced(since="since + INTERVAL 60 DAY"),
        "nothing is decided": f"FROM rows WHERE NOT ({DECISION})",
        "two actions follow": f"FROM rows UNION ALL FROM rows WHERE {DECISION}",
        "an action that there is not": _replaced(subject=f"if({DECISION}, 'hope', subject)"),
        "an action that the cause does not admit": _replaced(
            subject=f"if({DECISION}, if(subject = '{NOTHING}', '{ASK}', '{NOTHING}'), subject)"
        ),
        "a training starts without a trial that helps": f"{TRAINS} FROM rows WHERE kind <> 'trial'",
        "a training starts of a cause that none can learn": (
            f"{TRAINS} FROM rows WHERE kind <> 'trial' UNION ALL {HELPS}"
        ),
    }.items():
        yield replace(behind("drift", "diagnosis", what, statement, kind="drift"), stopped_by="gate_drift")


def _replaced(**columns: str) -> str:
    values = ", ".join(f"{value} AS {name}" for name, value in columns.items())
    return f"SELECT * REPLACE ({values}) FROM rows"
