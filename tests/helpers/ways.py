"""The steps that a run of every use case takes, in order, each with the table behind it that a gate judges."""

from __future__ import annotations

from pipelines.core.config import GatedTable, Kind, Step
from pipelines.run import plan

WAYS: dict[Kind, tuple[tuple[Step, GatedTable | None], ...]] = {
    kind: tuple((step.name, step.gate) for step in steps if step.name not in ("sources", "deliver"))
    for kind, steps in plan.STEPS.items()
}
