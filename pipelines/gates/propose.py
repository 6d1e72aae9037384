"""Expectations read off a reference partition, and written into the use-case file for a person to review.

What a good day looks like can be read off a day, but not off the one that is judged: hence a reference, which
a person chooses, whose gates have let it through, and whose expectations a person reads before they count.

Raw is asked how much of each column is there. Values are judged once they are clean, where codes for missing
values and spellings are out of the way, and features, unless they are a column as it is, once more. Of a
personal column nothing is proposed that tells a value. How many rows there are is not proposed: past
partitions tell it anew each night.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from pathlib import Path

from pipelines.core import personal
from pipelines.core.config import Expectation, GatedTable
from pipelines.core.errors import BadInput, GateClosed
from pipelines.gates import edit
from pipelines.gates.facts import facts
from pipelines.gates.gx import suite
from pipelines.gates.reference import PROPOSED, Reference
from pipelines.run.clearance import is_cleared
from pipelines.run.run import Run

MOST_MARGIN = 10  # beyond it nothing is far from what is usual


def propose(run: Run, margin: float) -> str:
    """Write expectations read off a run's partition into its use-case file, in the place of earlier
    proposals.

    Args:
        run: The reference. Its gates have let raw, clean and features through.
        margin: How far beyond the reference is still good, as a share of what is usual there.

    Returns:
        The difference to the file as it was, and what to do with it.

    Raises:
        BadInput: a margin that is none, or a drift report, which is no reference.
        GateClosed: a gate has not let its table through as it is now.
        BadUseCase: the file cannot be edited safely.
    """
    if not 0 <= margin <= MOST_MARGIN:
        raise BadInput(
            f"margin {margin:g} is none to judge by",
            fix=f"write a share of what is usual, 0.5 for half as much again, up to {MOST_MARGIN}",
        )
    if run.kind == "drift":
        raise BadInput(
            "expectations are read off the rows of a training or a night; a drift report has none",
            fix="propose from one of these",
        )
    _require(run)
    own = {
        table: [each for each in there if not _is_proposal(each)]
        for table, there in run.use_case.gates.items()
    }
    taken = {(table, each.name, each.kwargs.get("column")) for table, there in own.items() for each in there}
    found = {
        table: list(_worth_asking(run, table, read(Reference(run, table, margin))))
        for table, read in TABLES.items()
    }
    added = {
        table: [each for each in there if (table, each.name, each.kwargs["column"]) not in taken]
        for table, there in found.items()
    }
    before, after = edit.edit(run.loaded, _is_proposal, added)
    edit.write(run.loaded, after)
    return _report(run, before, after, sum(map(len, added.values())), sum(map(len, found.values())))


def _worth_asking(run: Run, table: GatedTable, expectations: Iterator[Expectation]) -> Iterator[Expectation]:
    """Those that the table could break: what a column's own limits already say, less widely, needs no
    proposal.
    """
    known = facts(run.use_case, table)
    return (each for each in expectations if not suite.mistakes(each, known, known))


def _report(run: Run, before: str, after: str, added: int, found: int) -> str:
    path = run.loaded.path
    difference = "\n".join(
        difflib.unified_diff(before.splitlines(), after.splitlines(), path.name, path.name, n=1, lineterm="")
    )
    left = f", {found - added} left to what the file says itself" if found > added else ""
    night = (
        "\none night is one day: what differs from day to day is better read off a training"
        if run.kind == "scoring"
        else ""
    )
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    changed = f"review it: git diff {shown}" if difference else "the file says so already"
    told = f"{added} expectations proposed from {run.kind} {run.partition}{left}{night}"
    return f"{difference}\n{told}\n{changed}".lstrip()


def _require(run: Run) -> None:
    closed = [f"gate_{table}" for table in TABLES if not is_cleared(run.store, run.use_case, table)]
    if closed:
        raise GateClosed(
            f"{run.store} is no reference: {', '.join(closed)} {'has' if len(closed) == 1 else 'have'}"
            " not let the table through as it is now",
            fix=f"python -m pipelines run {run.use_case.name} {run.kind} {run.partition}",
        )


def _is_proposal(expectation: Expectation) -> bool:
    return (expectation.why or "").startswith(PROPOSED)


def _raw(reference: Reference) -> Iterator[Expectation]:
    use_case = reference.run.use_case
    for name, column in use_case.columns.items():
        if column.role == "feature":
            yield from reference.there(use_case.source_names[name])


def _clean(reference: Reference) -> Iterator[Expectation]:
    use_case = reference.run.use_case
    hidden = personal.columns(use_case)
    for name, column in use_case.columns.items():
        if column.role != "feature":
            continue
        if name in use_case.cleanse.missing and name not in use_case.cleanse.fill:
            yield from reference.there(name)  # codes have become missing values only here
        if column.type == "string":
            yield from reference.texts(name, hidden=name in hidden)
        elif column.type in ("integer", "number") and name not in hidden:
            yield from reference.numbers(name, whole=column.type == "integer")
    if use_case.target not in hidden:
        yield from reference.label(use_case.target)


def _features(reference: Reference) -> Iterator[Expectation]:
    use_case = reference.run.use_case
    hidden = personal.features(use_case)
    for name, expression in use_case.features.numbers.items():
        if expression.strip() not in use_case.columns:  # else it has been judged as a column
            yield from reference.there(name)
            yield from reference.numbers(name) if name not in hidden else ()
    for name, expression in use_case.features.categories.items():
        if expression.strip() not in use_case.columns and name not in hidden:
            yield from reference.texts(name)


TABLES: dict[GatedTable, Callable[[Reference], Iterator[Expectation]]] = {
    "raw": _raw,
    "clean": _clean,
    "features": _features,
}
