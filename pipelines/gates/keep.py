"""The last of a gate's five steps: what it has decided is kept beside the table, and is what opens it."""

from __future__ import annotations

from pipelines.gates.show import Shown
from pipelines.run.run import Run


def keep(run: Run, shown: Shown) -> None:
    """Keep Great Expectations' results, a note and the evidence."""
    verdict = shown.verdict
    run.store.write_file(f"gates/{verdict.table}.gx.json", shown.results)
    # Before the evidence: whoever is killed between the two has closed the gate, or left it as it was.
    word = "open" if verdict.passed else "closed"
    run.note(f"gate_{verdict.table}", verdict.summary(), verdict=word)
    # Last, since this is what lets the table through: see `pipelines.run.clearance`.
    run.store.write_file(f"gates/{verdict.table}.json", verdict.evidence())
