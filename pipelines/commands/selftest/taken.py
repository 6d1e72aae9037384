"""Damages to which rows of a day people look at, where the file declares how many: they are its greatest
scores, and of them alone `precision_at_k` and `recall_at_k` are told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from pipelines.commands.selftest.damage import Damage, behind

if TYPE_CHECKING:
    from pipelines.commands.selftest.stage import Stage

PLACE = "row_number() OVER (PARTITION BY time::DATE ORDER BY taken DESC, score DESC, key)"
CHANGES = {
    "none is taken": "0",
    "a row of each day is not taken": f"if({PLACE} = 1, 0, taken)",
    "another row is taken in place of the greatest score": (
        f"if({PLACE} = 1, 0, if({PLACE} = count(*) OVER (PARTITION BY time::DATE), 1, taken))"
    ),
    "nobody knows which are taken": "NULL",
}


def every(stage: Stage) -> Iterator[Damage]:
    """All of them, where the file declares how many rows a day people look at."""
    if stage.use_case.stakes.a_day is None:
        return
    for what, value in CHANGES.items():
        yield replace(
            behind("drift", "outcomes", what, statement(value), kind="drift"), stopped_by="gate_drift"
        )


def statement(value: str) -> str:
    """SQL of the rows with another word on which are taken."""
    return f"SELECT * REPLACE (({value})::DOUBLE AS taken) FROM rows"
