"""What has come true of the gains that promotions have claimed: two versions beside each other on the
labelled days since.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.core import dates, sql
from pipelines.core.errors import BadInput, TableCorrupt, TableMissing
from pipelines.core.metrics import by_name
from pipelines.metrics import daily, paired
from pipelines.model.graph import Graph
from pipelines.monitoring import claims, trial
from pipelines.monitoring.claims import Checked, Claim
from pipelines.monitoring.trial import Judged
from pipelines.registry import registry
from pipelines.registry.history import Event, History
from pipelines.steps import labelled_nights
from pipelines.steps.labelled_nights import DECISION, LABEL, SCORE, UNIT, VERSION

if TYPE_CHECKING:
    from pipelines.registry.registry import Champion
    from pipelines.run.run import Run


def check(run: Run) -> list[Checked]:
    """Tell what has come of each promotion that is old enough, and not told for good.

    Args:
        run: A drift run, which has published its own `outcomes`.

    Raises:
        TryAgain: MLflow does not answer.
    """
    history = History.of(run.settings, run.use_case.name)
    begun = dates.starts_at(run.use_case, "drift", run.partition)
    changes = [line for line in history.changes() if line.moment <= begun]
    told = [
        event.version
        for event in history.events()
        if event.event == "checked" and dates.read(event.partition) < run.partition
    ]
    labelled = dates.last_labelled(run.use_case, "drift", run.partition)

    def family(version: str) -> str:
        return registry.champion(replace(run, model_version=version)).metadata.get("family", "")

    return [_checked(run, claim) for claim in claims.due(changes, family, told, labelled, run.use_case)]


def write_down(run: Run, found: list[Checked]) -> None:
    """Let the history tell what has come of a gain, once nothing more will come.

    Raises:
        TryAgain: somebody else is deciding about the champion.
    """
    whole = [one for one in found if one.claim.whole]
    if not whole or run.what_if:
        return
    history = History.of(run.settings, run.use_case.name)
    with history.deciding():
        for one in whole:
            history.note(
                Event(
                    time=datetime.now(UTC).isoformat(timespec="seconds"),
                    event="checked",
                    partition=run.partition.isoformat(),
                    version=one.claim.version,
                    reason=one.sentence,
                    values=one.values(),
                    orchestrator=run.orchestrator,
                    by=run.asked_by,
                )
            )


def _checked(run: Run, claim: Claim) -> Checked:
    try:
        before = registry.champion(replace(run, model_version=claim.previous))
    except (BadInput, TableCorrupt, TableMissing) as error:
        return Checked(claim, why=error.sentence)
    there = labelled_nights.read(run, before, claim.days)
    if there is None:
        why = f"no night with labels has features that mean what version {claim.previous} has learned"
        return Checked(claim, why=why)
    own = there.filter(f"{sql.name(VERSION)} = {sql.text(claim.version)}")
    rows = labelled_nights.frame(own, run)
    if not len(rows):
        return Checked(claim, why=f"no night with labels was scored by version {claim.version}")
    nights = rows[run.use_case.time].dt.normalize().nunique()
    return Checked(claim, _gain(rows, before, claim, run), len(rows), int(nights))


def _gain(rows: pd.DataFrame, before: Champion, claim: Claim, run: Run) -> paired.Gain | None:
    metric = by_name(claim.metric)
    old = labelled_nights.scores(Graph(before.graph), rows)
    new = rows[SCORE].to_numpy(np.float64)
    if metric.needs == "decision":
        if before.threshold is None:
            return None
        old = (old >= before.threshold).astype(np.float64)
        new = rows[DECISION].to_numpy(np.float64)
    day, a_day = _days(rows, run), run.use_case.stakes.a_day
    if metric.needs == "taken":
        if a_day is None:
            return None
        old, new = (daily.taken(score, day, a_day) for score in (old, new))
    judged = Judged(
        label=rows[LABEL].to_numpy(np.float64),
        score=old,
        day=day,
        unit=trial.units(rows[UNIT] if run.use_case.unit_column else None),
    )
    return trial.gain(metric, judged, new, run.use_case.stakes)


def _days(rows: pd.DataFrame, run: Run) -> npt.NDArray[np.int64]:
    on = rows[run.use_case.time].dt.normalize()
    return np.asarray((on - on.min()).dt.days, dtype=np.int64)
