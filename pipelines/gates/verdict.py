"""What a gate decides about a table, and how it is told: in a line, in a message, as evidence."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from pipelines.core.config import GatedTable
from pipelines.core.errors import GateClosed
from pipelines.gates.findings import Finding
from pipelines.gates.gx import evidence, own_steady
from pipelines.storage import kept
from pipelines.storage.store import as_json


@dataclass(frozen=True)
class GateVerdict:
    """What a gate decides about a table.

    Attributes:
        gate: The gate and the partition, as messages name them.
        table: The judged table.
        rows: How many rows it has.
        digest: The table's content (`Manifest.digest`; over all parts, where the table comes in pieces).
        use_case: The sha256 of the use-case file by which it was made, and by whose expectations it is
            judged.
        findings: One for each expectation, the failed ones first.
        refusal: Why nothing could be judged, where that is so.
        note: Why there was nothing to judge and the gate is open all the same, where that is so.
        accepted: Who has said that what is unlike earlier days is right, and why, where someone has.
        way_out: What to do about a closed gate.
    """

    gate: str
    table: GatedTable
    rows: int
    digest: str | None
    findings: tuple[Finding, ...]
    refusal: str | None
    way_out: str
    use_case: str
    note: str | None = None
    accepted: str | None = None

    @property
    def passed(self) -> bool:
        """Whether what stands behind the gate may run."""
        return self.refusal is None and bool(self.findings or self.note) and not self.failed("stop")

    def failed(self, severity: Literal["stop", "warn"]) -> list[Finding]:
        """The failed expectations of a severity."""
        return [finding for finding in self.findings if not finding.success and finding.severity == severity]

    def summary(self) -> str:
        """One line, for the log of an open gate, and for whoever traces a row."""
        if self.note:
            return f"{self.gate} is open: {self.note}"
        if not self.passed:
            return f"{self.gate} is closed: {self._why_closed()}"
        warned = self.failed("warn")
        told = (
            f", {len(warned)} warned: {', '.join(finding.brief() for finding in warned[:3])}"
            if warned
            else ""
        )
        word = f"; {self.accepted}" if self.accepted else ""
        return (
            f"{self.gate} is open: {len(self.findings) - len(warned)} of {len(self.findings)} expectations"
            f" hold{told}{word}"
        )

    def raise_if_closed(self, report: str, *, may_be_accepted: bool = True) -> None:
        """Stop the run unless the gate is open.

        Args:
            report: Where the gate's page lies, below the data root.
            may_be_accepted: Whether a person's word on it would find what was judged: a table that is not
                published is gone by then.

        Raises:
            GateClosed: with a message of at most ten lines.
        """
        if self.passed:
            return
        stopped = self.failed("stop")
        what = [finding.sentence() for finding in stopped] or [self.refusal or ""]
        word = self._word() if may_be_accepted else ""
        raise GateClosed(
            f"{self.gate} is closed: {self._why_closed()}",
            report,
            len(stopped),
            gate=self.gate.partition(" of ")[0],
            details=what,
            fix=f"{self.way_out}{word}",
        )

    def _why_closed(self) -> str:
        stopped = self.failed("stop")
        why = (
            f"{len(stopped)} of {len(self.findings)} expectations failed"
            if self.refusal is None
            else "there is nothing to judge"
        )
        unjudged = sum(finding.unjudged is not None for finding in stopped)
        return f"{why}, {unjudged} of them could not be judged" if unjudged else why

    def _word(self) -> str:
        """How to say that it is right, where nothing but the comparison with earlier days has failed."""
        stopped = self.failed("stop")
        if self.refusal or not stopped or any(finding.name not in own_steady.NAMES for finding in stopped):
            return ""
        _, _, partition = self.gate.partition(" of ")
        return (
            f"; or, if it is right, say so: python -m pipelines gates accept {partition} {self.table}"
            f" --reason ..., and run it again (in Airflow: clear gate_{self.table} alone)"
        )

    def evidence(self) -> bytes:
        """The verdict as JSON that bears its seal, the same bytes for the same table and use-case file."""
        told = asdict(self) | {"passed": self.passed}
        for finding in told["findings"]:
            del finding["result"]  # in a file of its own, see `results`
        return as_json(kept.seal(told))

    def results(self) -> bytes:
        """Great Expectations' own results as its JSON, see `evidence.results`."""
        name, _, run_name = self.gate.partition(" of ")
        asked = [finding.result for finding in self.findings if finding.result is not None]
        not_asked = [finding.sentence() for finding in self.findings if finding.result is None]
        return evidence.results(name, asked, run_name=run_name, not_asked=not_asked)
