"""The third of a gate's five steps: what was measured becomes findings, and these a verdict.

Whatever could not be judged is red. A table that is missing, damaged or empty, a suite without expectations,
an expectation that does not exist, that names a column that the table lacks, or that raised: each closes the
gate and says so. Only severity `warn` lets a failure pass, and shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pipelines.core.config import GatedTable
from pipelines.gates import findings
from pipelines.gates.findings import Finding
from pipelines.gates.gx import suite
from pipelines.gates.measure import Answer, Measured
from pipelines.gates.verdict import GateVerdict
from pipelines.run import archive
from pipelines.run.run import Run

MOST_PLACES = 3  # of expectations, in a way out


def judge(measured: Measured) -> GateVerdict:
    """Decide whether what stands behind the gate may run."""
    asked, found = measured.asked, found_in(measured.answers)
    said = asked.accepted if asked.refusal is None else None
    return GateVerdict(
        gate=f"gate_{asked.table} of {asked.run.store}",
        table=asked.table,
        rows=asked.rows,
        digest=asked.digest,
        findings=found,
        refusal=asked.refusal,
        way_out=_ways_out(asked.run, asked.table, found if asked.refusal is None else ()),
        use_case=asked.run.loaded.sha256,
        note=asked.note,
        accepted=None if said is None else str(said),
    )


def found_in(answers: Iterable[Answer]) -> tuple[Finding, ...]:
    """What answers say: what failed comes first, and `stop` before `warn`."""
    return tuple(sorted(map(findings.of, answers), key=lambda finding: (finding.success, finding.severity)))


def _ways_out(run: Run, table: GatedTable, found: Sequence[Finding]) -> str:
    """What to do about findings: about data that break an expectation, and about expectations that could not
    be judged.
    """
    stopped = [finding for finding in found if not finding.success and finding.severity == "stop"]
    ways = [_cause(run, table)] if any(finding.unjudged is None for finding in stopped) or not stopped else []
    file = run.loaded.path.name
    own = [finding for finding in stopped if finding.where != suite.BUILT_IN]
    if wrong := [finding.where for finding in own if finding.unjudged in ("mistaken", "raised")]:
        ways.append(f"state {_some_places(wrong)} in {file} so that it can be computed")
    if nothing := [finding.where for finding in own if finding.unjudged == "no values"]:
        ways.append(
            f"state {_some_places(nothing)} in {file} so that it judges some rows, or as severity: warn"
        )
    if len(own) < len(stopped) and not ways:
        ways.append("see why the built-in expectation could not be computed, and mend that")
    return f"{'; '.join(ways)}; then {run.again}"


def _some_places(places: Sequence[str]) -> str:
    return ", ".join(places[:MOST_PLACES]) + (
        f" and {len(places) - MOST_PLACES} more" if len(places) > MOST_PLACES else ""
    )


def _cause(run: Run, table: GatedTable) -> str:
    if table == "drift":
        return (
            "the drift report's diagnosis says why, and what follows: mend a source that is broken, or lacks"
            " labels; a training is called for where one helps"
        )
    if table == "past":  # what it was made of may be mended by now, and has to be read again
        return "mend what is told of each day"
    rows = (
        f" (python -m pipelines quarantine show {run.use_case.name} {run.kind} {run.partition})"
        if table == "clean"
        else ""
    )
    version = archive.made_by(run.loaded)
    waits = (
        ", whose columns, cleanse and features wait for a training: this run goes by those of version"
        f" {version}"
        if version
        else ""
    )
    return f"mend the cause{rows}, in the data or in {run.loaded.path.name}{waits}"
