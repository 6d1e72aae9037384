"""Judging a table: its expectations in, a verdict out. Whatever could not be judged is red.

A table that is missing, damaged or empty, a suite without expectations, an expectation that does not exist,
that names a column that the table lacks, or that raised: each closes the gate and says so. Only severity
`warn` lets a failure pass, and shows it. Only a night to which the source gave no row at all may be empty, if
the use case says so: by limits.empty_nights, or of days on which no delivery is expected.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from pipelines.core import personal as privacy
from pipelines.core.config import GatedTable, UseCase
from pipelines.core.errors import GateClosed, TableCorrupt, TableMissing, listed
from pipelines.gates import accepted, days, defaults, findings, resolve
from pipelines.gates.fact import Fact
from pipelines.gates.facts import facts
from pipelines.gates.findings import Finding
from pipelines.gates.gx import engine, evidence, examples, masking, own_steady, suite
from pipelines.gates.gx.suite import Stated
from pipelines.reports import pages
from pipelines.run import archive, clearance
from pipelines.run.run import Run
from pipelines.run.tables import TABLES, pieces
from pipelines.storage import kept
from pipelines.storage.store import as_json

if TYPE_CHECKING:
    import duckdb

EMPTY_NIGHT = (
    "there were no rows to judge, since the source gave none for this night, which limits.empty_nights allows"
)
UNEXPECTED = "there were no rows to judge, since no delivery is expected on {day}: source.expected says so"
MOST_PLACES = 3  # of expectations, in a way out
MOST_LINES = 6  # expectations told in the log: with what stands around them, ten lines


@dataclass(frozen=True)
class Verdict:
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
        what = (
            listed((finding.sentence() for finding in stopped), MOST_LINES)
            if stopped
            else f"  - {findings.one_line(self.refusal or '')}"
        )
        word = self._word() if may_be_accepted else ""
        raise GateClosed(
            f"{self.gate} is closed: {self._why_closed()}\n{what}\n  report: {report}\n  way out:"
            f" {self.way_out}{word}",
            report,
            len(stopped),
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
        return as_json(kept.sealed(told))

    def results(self) -> bytes:
        """Great Expectations' own results as its JSON, see `evidence.results`."""
        name, _, run_name = self.gate.partition(" of ")
        asked = [finding.result for finding in self.findings if finding.result is not None]
        not_asked = [finding.sentence() for finding in self.findings if finding.result is None]
        return evidence.results(name, asked, run_name=run_name, not_asked=not_asked)


def judge(run: Run, table: GatedTable) -> Verdict:
    """Judge a table of a run by the built-in expectations and by the use-case file's own."""
    gate, in_pieces = f"gate_{table} of {run.store}", pieces(run.use_case, table)
    own = _own(run.use_case, table)
    verdict = partial(
        Verdict, gate=gate, table=table, way_out=_ways_out(run, table, ()), use_case=run.loaded.sha256
    )
    try:
        relation = run.store.read(table, in_pieces)
        if others := _other_files(run, table) or clearance.made_of_others(run.store, run.use_case, table):
            return verdict(rows=0, digest=None, findings=(), refusal=others)
        asked = resolve.asked(run, table, own)
        said = accepted.of(run.store, table, run.store.digest(table, in_pieces))
        stated = accepted.applied(said, (*defaults.expectations(run, table), *asked))
    except (TableMissing, TableCorrupt) as error:
        return verdict(rows=0, digest=None, findings=(), refusal=str(error).split("\n", 1)[0])
    ((rows,),) = relation.count("*").fetchall()
    verdict = partial(verdict, rows=rows, digest=run.store.digest(table, in_pieces))
    if (
        rows == 0 and table != "past"
    ):  # before the source's first day there are none: the days tell whether any are due
        if note := _empty_night(run):
            return verdict(findings=(), refusal=None, note=note)
        # Great Expectations finds no fault with a table without rows.
        return verdict(findings=(), refusal=_nothing(run, table))
    if not stated:
        return verdict(findings=(), refusal="no expectation is stated for this table")
    found = judged(
        relation,
        run.store,
        stated,
        personal(run.use_case, table),
        TABLES[table].key(run.use_case),
        facts(run.use_case, table),
    )
    if table == "past":
        if run.store.manifest("past").schema != run.store.manifest("clean").schema:
            return verdict(
                findings=found,
                refusal="past has other columns, or of other types, than clean: its days cannot be judged",
            )
        table_of_days = days.table(run)
        found = _failed_first(
            (
                *found,
                *judged(table_of_days, run.store, days.expectations(run, table_of_days), frozenset(), "day"),
            )
        )
    ways = _ways_out(run, table, found)
    return verdict(findings=found, refusal=None, way_out=ways, accepted=None if said is None else str(said))


def _other_files(run: Run, table: GatedTable) -> str | None:
    """That the table was made by another use-case file than the run's, whose expectations are not about
    it.
    """
    made_by = {run.store.manifest(name).use_case for name in TABLES[table].published_as(run.use_case)} - {
        run.loaded.sha256
    }
    if not made_by:
        return None
    return (
        f"the table was made by the use-case file {min(made_by)[:12]}, and this gate goes by"
        f" {run.loaded.sha256[:12]}: run the partition again"
    )


def _failed_first(found: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(found, key=lambda finding: (finding.success, finding.severity)))


def _empty_night(run: Run) -> str | None:
    """Why this night may be empty, if the source gave it no row.

    Rows that were lost on their way are another matter.
    """
    if run.kind != "scoring" or not run.store.has("raw") or run.store.manifest("raw").rows:
        return None
    if not run.use_case.expects(run.partition):
        return UNEXPECTED.format(day=f"{run.partition:%A} {run.partition}")
    return EMPTY_NIGHT if run.use_case.limits.empty_nights else None


def _nothing(run: Run, table: GatedTable) -> str:
    """That there are no rows, and, where all of them went to quarantine, for which reasons most of them
    did.
    """
    refusal = "the table has no rows"
    if table != "clean" or run.store.manifest("quarantine").rows != run.store.manifest("raw").rows:
        return refusal
    reasons = (
        run.store.read("quarantine")
        .aggregate("reasons, count(*) as n")
        .order("n desc, reasons")
        .limit(3)
        .fetchall()
    )
    return (
        f"{refusal}: all went to quarantine, most for"
        f" {'; '.join(f'{reason} ({n:,} rows)' for reason, n in reasons)}"
    )


def judged(
    relation: duckdb.DuckDBPyRelation,
    connection: engine.HasCursor,
    stated: Sequence[Stated],
    masked: frozenset[str],
    key: str | None = None,
    known: Mapping[str, Fact] | None = None,
) -> tuple[Finding, ...]:
    """Judge a relation of a connection by some expectations.

    What failed comes first, and `stop` before `warn`.

    Args:
        relation: The table.
        connection: Its connection, or the store that it comes from.
        stated: What it is asked.
        masked: Columns whose values are personal.
        key: The column that names a row, if the table has one.
        known: What the use-case file says of the columns: a file's expectation that says no more is a
            mistake; built-in ones are what the file says.
    """
    wrong = {
        number: suite.mistakes(
            each.expectation, relation.columns, known if each.where != suite.BUILT_IN else None
        )
        for number, each in enumerate(stated)
    }
    good = [number for number, mistakes in wrong.items() if not mistakes]
    observed = dict(
        zip(
            good,
            engine.validate(relation, connection, [suite.build(stated[n].expectation) for n in good]),
            strict=True,
        )
    )

    def found(number: int) -> Finding:
        if number not in observed:
            return findings.of_mistakes(stated[number], wrong[number])
        seen = masking.masked(stated[number], observed[number], masked)
        if seen.success or not seen.result.get("unexpected_count"):
            return findings.of(stated[number], seen)
        return findings.of(
            stated[number], seen, examples.rows(relation, connection, stated[number].expectation, key, masked)
        )

    return _failed_first(map(found, range(len(stated))))


def page(run: Run, verdict: Verdict) -> str:
    """The gate's page: what was asked, what was found, and what that means."""
    return pages.render(
        "gate.html.j2",
        verdict=verdict,
        use_case=run.use_case,
        partition=run.partition,
        kind=run.kind,
        file=run.loaded,
        made_by=archive.made_by(run.loaded),
        mask=privacy.MASK,
    )


def check(use_case: UseCase) -> list[tuple[str, str]]:
    """What is wrong with the expectations of a use-case file: place in the file, and a sentence each."""
    return [
        (each.where, mistake)
        for table in use_case.gates
        for each in _own(use_case, table)
        for mistake in suite.mistakes(
            each.expectation, TABLES[table].columns(use_case), facts(use_case, table)
        )
    ]


def _own(use_case: UseCase, table: GatedTable) -> list[Stated]:
    """The use-case file's expectations on a table."""
    return [
        Stated(expectation, where=f"gates.{table}.{n}", why=expectation.why or "")
        for n, expectation in enumerate(use_case.gates.get(table, ()))
    ]


def personal(use_case: UseCase, table: GatedTable) -> frozenset[str]:
    """The columns whose values are masked: the personal ones, whatever they are called here, and features
    made of them.
    """
    marked = privacy.columns(use_case)
    key = {"key"} if table == "parity" and use_case.key in marked else set()
    return marked | privacy.features(use_case) | key


def _ways_out(run: Run, table: GatedTable, found: Sequence[Finding]) -> str:
    """What to do about findings: about data that break an expectation, and about expectations that could not
    be judged.
    """
    stopped = [finding for finding in found if not finding.success and finding.severity == "stop"]
    ways = [_cause(run, table)] if any(finding.unjudged is None for finding in stopped) or not stopped else []
    file = run.loaded.path.name
    own = [finding for finding in stopped if finding.where != suite.BUILT_IN]
    if wrong := [finding.where for finding in own if finding.unjudged in ("mistaken", "raised")]:
        ways.append(f"state {_places(wrong)} in {file} so that it can be computed")
    if nothing := [finding.where for finding in own if finding.unjudged == "no values"]:
        ways.append(f"state {_places(nothing)} in {file} so that it judges some rows, or as severity: warn")
    if len(own) < len(stopped) and not ways:
        ways.append("see why the built-in expectation could not be computed, and mend that")
    return f"{'; '.join(ways)}; then {run.again}"


def _places(places: Sequence[str]) -> str:
    return ", ".join(places[:MOST_PLACES]) + (
        f" and {len(places) - MOST_PLACES} more" if len(places) > MOST_PLACES else ""
    )


def _cause(run: Run, table: GatedTable) -> str:
    if table == "drift":
        return (
            "read the drift report; let the source give labels that are missing; if a change is there to"
            " stay, train again"
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
