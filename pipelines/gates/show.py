"""The fourth of a gate's five steps: a person is shown what was decided, on pages."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.core import personal
from pipelines.gates.gx import data_docs
from pipelines.gates.verdict import GateVerdict
from pipelines.reports import pages
from pipelines.run import archive
from pipelines.run.run import Run


@dataclass(frozen=True)
class Shown:
    """A verdict that has its pages.

    Attributes:
        verdict: What was decided.
        results: Great Expectations' own results, as its JSON.
        report: Where the gate's page lies, below the data root.
    """

    verdict: GateVerdict
    results: bytes
    report: str


def show(run: Run, verdict: GateVerdict) -> Shown:
    """Write the gate's page, that of Great Expectations' full result, and the gate's line of the index."""
    results = verdict.results()
    run.write_report(f"gate_{verdict.table}_full", data_docs.page(run, verdict, results))
    report = run.write_report(f"gate_{verdict.table}", page(run, verdict))
    if not run.what_if:  # the index tells of the night itself
        with run.store.retrying_when_full("data_docs"):
            data_docs.enter(run, verdict)
    return Shown(verdict, results, report)


def page(run: Run, verdict: GateVerdict) -> str:
    """The gate's page: what was asked, what was found, and what that means."""
    return pages.render(
        "gate.html.j2",
        verdict=verdict,
        use_case=run.use_case,
        partition=run.partition,
        kind=run.kind,
        file=run.loaded,
        made_by=archive.made_by(run.loaded),
        mask=personal.MASK,
    )
