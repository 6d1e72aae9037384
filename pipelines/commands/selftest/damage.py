"""One way in which good data, a table or a file is damaged, and who has to stop it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.core.config import Kind, Step

if TYPE_CHECKING:
    from pipelines.commands.selftest.stage import Stage
    from pipelines.run.run import Run


@dataclass(frozen=True)
class Damage:
    """One damage.

    Attributes:
        title: What is done, in words.
        kind: The way on which it is done.
        do: Does it, and returns the run that goes on from there.
        behind: The step whose table is damaged; None: the way starts anew, on what the source delivers.
        stopped_by: The step or gate that has to stop it; None: whichever does.
        may_be_harmless: Whether it is in order that nothing stops it, if the features do not change by a bit.
        good: Whether it is none: then everything must be open, and with `may_be_harmless` no feature may
            change by a bit.
        about: The column whose likeness to earlier days it breaks, where that is what stops it, see `plain`;
            empty: whole rows.
        gate_left_out: Whether the gate of the step behind which it is done does not run: its evidence is what
            the damage leaves.
    """

    title: str
    kind: Kind
    do: Callable[[Stage], Run]
    behind: Step | None = None
    stopped_by: str | None = None
    may_be_harmless: bool = False
    good: bool = False
    about: str | None = None
    gate_left_out: bool = False


def behind(step: Step, table: str, what: str, statement: str, kind: Kind = "scoring") -> Damage:
    """What a bug in a step would do to its table, which the table's own gate has to stop."""

    def do(stage: Stage) -> Run:
        run = stage.run(kind)
        stage.rewrite(run, table, statement)
        return run

    return Damage(f"{table}: {what}", kind, do, behind=step, stopped_by=f"gate_{table}")
