"""Great Expectations' Data Docs, built page by page: each gate adds its result's page, and its line to the
use case's index.

The pages' content is made by Great Expectations' own renderers; frame, style and index are ours. Its
SiteBuilder is not used: for each new result it reads every stored one again (0.2 s for the first, twice that
for the eightieth), its pages load scripts, styles and a logo from seven hosts, and values from the data stand
in them as they are, markup included.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from great_expectations.core.expectation_validation_result import expectationSuiteValidationResultSchema
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaSectionView
from markupsafe import Markup

from pipelines.core.config import GatedTable, Kind
from pipelines.core.errors import TableCorrupt
from pipelines.reports import pages
from pipelines.run import plan
from pipelines.storage import kept, places
from pipelines.storage.places import Place
from pipelines.storage.store import as_json

if TYPE_CHECKING:
    from pipelines.gates.verdict import GateVerdict
    from pipelines.run.run import Run

# Great Expectations puts some values into its pages as they are, and escapes others. So the characters that
# mean something there take no part: while it renders, others stand for them, from Unicode's area for private
# use.
MEANINGFUL = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;", "$": "$"}
STAND_INS = "".join(chr(0xE100 + n) for n in range(len(MEANINGFUL)))
INERT = str.maketrans("".join(MEANINGFUL), STAND_INS)
ESCAPED = str.maketrans(dict(zip(STAND_INS, MEANINGFUL.values(), strict=True)))
CHART = re.compile(r"<script\b.*?</script>", re.DOTALL)
MOST_ENTRIES = 1_000  # of the index, the newest ones: the time that a gate takes must not grow with the years
WAIT = 60  # seconds for another gate that is writing its line


def page(run: Run, verdict: GateVerdict, result: bytes) -> str:
    """The page of one gate's result.

    Args:
        run: The use case and its partition.
        verdict: What the gate has decided.
        result: Great Expectations' results as `evidence.results` writes them: the page shows nothing else of
            the data.
    """
    return pages.render(
        "data_docs.html.j2",
        verdict=verdict,
        use_case=run.use_case,
        kind=run.kind,
        partition=run.partition,
        told=json.loads(result),
        sections=sections(result),
    )


def sections(result: bytes) -> list[Markup]:
    """Great Expectations' sections, one for the table and one a column.

    Its first, an overview, is told by our frame.
    """
    told = json.loads(result)
    for each in told["results"]:
        _parse_condition(each["expectation_config"])
    read = expectationSuiteValidationResultSchema.load(_inert(told))
    document = ValidationResultsPageRenderer().render(read).to_json_dict()
    sections = enumerate(document["sections"][1:], start=1)
    return [Markup(_section_html(number, section)) for number, section in sections]  # noqa: S704 (escaped)


def _parse_condition(told: dict[str, Any]) -> None:
    """Let a condition that is a text in Great Expectations' own language be what it says: the text could not
    be read with stand-ins in it.
    """
    if isinstance(told["kwargs"].get("row_condition"), str):
        condition = (
            ExpectationConfiguration(type=told["type"], kwargs=told["kwargs"]).to_domain_obj().row_condition
        )
        told["kwargs"]["row_condition"] = json.loads(condition.json())
        told["kwargs"].pop("condition_parser", None)


def _inert(value: object) -> object:
    if isinstance(value, dict):
        # A condition's operator is one of a few, read before anything is rendered, and escaped by Great
        # Expectations itself.
        return {_inert(key): item if key == "operator" else _inert(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_inert(item) for item in value]
    return value.translate(INERT) if isinstance(value, str) else value


def _section_html(number: int, section: object) -> str:
    html = _view().render({"section": section, "section_loop": {"index": number}})
    # A chart of Great Expectations is a script that loads a library from elsewhere.
    return CHART.sub("<em>(a chart)</em>", html).translate(ESCAPED)


@cache
def _view() -> DefaultJinjaSectionView:
    view = DefaultJinjaSectionView()
    # Ids for scripts that are not there. Chance would make of the same result another page.
    view.env.filters["generate_html_element_uuid"] = lambda prefix="": prefix
    return view


# --- the index


@dataclass(frozen=True)
class Entry:
    """One gate's result, as the index tells it."""

    partition: str
    kind: Kind
    table: GatedTable
    passed: bool
    expectations: int
    failed: int
    warned: int
    rows: int

    @property
    def report(self) -> str:
        """Where the gate's page lies, below the use case's folder."""
        return f"{self.kind}/{self.partition}/reports/gate_{self.table}.html"

    @property
    def full(self) -> str:
        """Where the page of Great Expectations' result lies."""
        return f"{self.kind}/{self.partition}/reports/gate_{self.table}_full.html"


def enter(run: Run, verdict: GateVerdict) -> Place:
    """Put a gate's result into the index of its use case, in the place of an earlier one of the same table.

    The entries lie beside the page as JSON, so that each gate adds a line and reads no other gate's evidence.
    Left out are results whose pages are gone, and those beyond the newest thousand.

    Returns:
        The index, `<use case>/data_docs/index.html`.
    """
    folder = run.store.root / run.use_case.name
    index = folder / "data_docs" / "index.html"
    entry, entries = _entry(run, verdict), list[Entry]()

    def entered(before: bytes | None) -> bytes:
        nonlocal entries
        known = {other.report: other for other in _entries(before) if not _is_outdated(other, entry)} | {
            entry.report: entry
        }
        entries = sorted((other for other in known.values() if _is_there(folder, other)), key=_place)[
            -MOST_ENTRIES:
        ]
        return as_json([asdict(other) for other in entries])

    busy = f"{run.use_case.name}: another gate has been writing {index} for {WAIT} s"
    with places.at(index.parent / "index.lock").one_writer(WAIT, busy):
        places.at(index.parent / "index.json").rewrite(entered)
        places.at(index).publish(
            pages.render("data_docs_index.html.j2", use_case=run.use_case, entries=entries).encode()
        )
    return index


def _is_outdated(other: Entry, entry: Entry) -> bool:
    """Whether an entry is about a table behind a gate that is closed now: it was made of rows that are no
    longer there.
    """
    same = (other.partition, other.kind) == (entry.partition, entry.kind)
    return same and not entry.passed and _place(other) > _place(entry)


def _is_there(folder: Place, entry: Entry) -> bool:
    # Whoever clears old partitions away removes their folders. A bucket's objects lapse by its own rules; to
    # ask for each would cost a request an entry.
    return not places.at(folder / entry.report).known_gone()


def _entry(run: Run, verdict: GateVerdict) -> Entry:
    return Entry(
        partition=run.partition.isoformat(),
        kind=run.kind,
        table=verdict.table,
        passed=verdict.passed,
        expectations=len(verdict.findings),
        failed=len(verdict.failed("stop")),
        warned=len(verdict.failed("warn")),
        rows=verdict.rows,
    )


def _place(entry: Entry) -> tuple[str, Kind, int]:
    """By day, and the gates of a run in their order."""
    gates = [step.gate for step in plan.STEPS[entry.kind]]
    # One that there was before, and is no more, stands behind the others.
    return entry.partition, entry.kind, gates.index(entry.table) if entry.table in gates else len(gates)


def _entries(content: bytes | None) -> list[Entry]:
    """What an index holds.

    Of a damaged one nothing: it is a list of pages, which stay, and each gate adds its own again.
    """
    try:
        return (
            [kept.read(Entry, json.dumps(entry).encode(), "an entry", "") for entry in json.loads(content)]
            if content
            else []
        )
    except (ValueError, TypeError, TableCorrupt):
        return []
