"""What a gate has let through: a step reads no table that its gate has not judged, as the table is now, and
found good.

So a gate cannot be left out. Take it from a DAG, mark its task as a success by hand, or change the table
behind its back: the next step finds no evidence for this very table, and refuses. Evidence is read, not
believed: it bears its gate's seal; what it says it has judged, of which partition, by which file, and what it
found have to add up to an open gate; and the table was made of those that stand beside it. The seal is
against mishaps and edits by hand, not against somebody who seals anew: whoever may write the data can write
anything. And whatever a step then reads is the very table that was asked about here, since a task reads each
manifest once (`Store.manifest`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any

from pipelines.core import dates
from pipelines.core.config import Expectation, GatedTable, Step, UseCase
from pipelines.core.errors import BadInput, GateClosed, TableCorrupt, TableMissing, brief
from pipelines.run import plan
from pipelines.run.run import Run
from pipelines.run.tables import TABLES, pieces
from pipelines.storage import kept
from pipelines.storage.store import Store


def is_cleared(store: Store, use_case: UseCase, table: GatedTable) -> bool:
    """Whether the table's gate let through the very table that this task reads, by the file that the table
    was made by.
    """
    return why_not(store, use_case, table) is None


def why_not(store: Store, use_case: UseCase, table: GatedTable) -> str | None:
    """Why a table is not let through, in a few words; None if it is."""
    try:
        evidence = evidence_of(store, table)
        made_by = {store.manifest(name).use_case for name in TABLES[table].published_as(use_case)}
        digest = store.digest(table, pieces(use_case, table))
        others = made_of_others(store, use_case, table)
    except TableMissing:
        return "not judged yet"
    except TableCorrupt as error:
        return error.sentence
    rows = sum(store.manifest(name).rows for name in TABLES[table].published_as(use_case))
    if why := _why_closed(evidence, digest, made_by, rows) or others:
        return why
    # What other files have stated than this task's is known to the gates of their own runs alone.
    asked = use_case.gates.get(table, ()) if made_by == {store.version.use_case} and rows else ()
    told = [finding.get("where") for finding in evidence["findings"]]
    if table == "sources" and rows and made_by == {store.version.use_case}:
        stated = [
            f"sources.{name}.gates.{n}"
            for name, source in use_case.sources.items()
            if store.manifest(f"sources/{name}").rows  # of none, none is asked
            for n in range(len(source.gates))
        ]
        if lost := [where for where in stated if where not in told]:
            return f"its evidence does not tell what became of {lost[0]}"
    for n, expectation in enumerate(asked):
        if f"gates.{table}.{n}" not in told and not (
            store.kind == "scoring" and _about_labels(expectation, use_case)
        ):
            return f"its evidence does not tell what became of gates.{table}.{n}"
    return None


def newest_night(run: Run) -> datetime:
    """When the newest night was over whose predictions are published and let through: of which a dashboard
    makes an age.

    An age that is sent once a night would be the same all day long, and for ever if no night came any more.
    """
    store = run.store.as_published()
    nights = (store.at("scoring", day) for day in reversed(store.partitions("scoring")))
    newest = next(night.partition for night in nights if is_cleared(night, run.use_case, "predictions"))
    return dates.starts_at(run.use_case, "scoring", newest).replace(tzinfo=UTC)


def evidence_of(store: Store, table: GatedTable) -> dict[str, Any]:
    """What a table's gate has said of this very partition, and nobody has changed since.

    Raises:
        TableMissing: the gate has not run.
        TableCorrupt: the file is damaged, says something else than the gate has, or is that of another gate
            or partition.
    """
    name, way_out = f"gates/{table}.json", f"run gate_{table} of {store} again"
    said = kept.unseal(store.read_file(name), store.folder / name, way_out)
    if said.get("gate") != f"gate_{table} of {store}":
        raise kept.corrupt(store.folder / name, f"its evidence is that of {brief(said.get('gate'))}", way_out)
    return said


def made_of_others(store: Store, use_case: UseCase, table: GatedTable) -> str | None:
    """That a table was made of other tables than stand in its partition now, or of another partition's.

    None if it was not.

    So neither a table that somebody has put into the wrong folder nor one that was left behind when those
    before it were made again is let through. One that is gone contradicts nothing: whoever needs it says that
    it is missing. A week's report reads those of weeks before, and its own outcomes.
    """
    here, ours = (
        f"{store.kind}/{store.partition}/",
        [*TABLES[table].published_as(use_case), *TABLES[table].with_it],
    )
    cited = {
        name: digest for one in ours if store.has(one) for name, digest in store.manifest(one).inputs.items()
    }
    of_this_kind = [name for name in cited if name.startswith(f"{store.kind}/")]
    if of_this_kind and not any(name.startswith(here) for name in of_this_kind):
        where, _, source = of_this_kind[0].removeprefix(f"{store.kind}/").partition("/")
        return f"{table} was made of {source} of {store.kind}/{where}"
    for source in _sources(store, use_case, table):
        if here + source in cited and store.has(source) and store.digest(source) != cited[here + source]:
            return f"{table} was made of another {source} than is there now"
    return None


def _sources(store: Store, use_case: UseCase, table: GatedTable) -> Iterator[str]:
    """The names of the tables that a gated table may be made of: those before it."""
    yield "past_raw"
    for step in takewhile(lambda step: step.gate != table, plan.STEPS[store.kind]):
        yield from TABLES[step.gate].published_as(use_case) if step.gate else ()


def _why_closed(evidence: dict[str, Any], digest: str, made_by: set[str], rows: int) -> str | None:
    if evidence.get("passed") is not True:
        return "closed"
    if evidence.get("digest") != digest:
        return "it has judged another table than is there now"
    if list(made_by) != [evidence.get("use_case")]:
        return "it has judged by another use-case file than the table was made by"
    findings = evidence.get("findings")
    if not isinstance(findings, list) or not all(isinstance(finding, dict) for finding in findings):
        return "its evidence is of another shape"
    if evidence.get("refusal") is not None or not (findings or (evidence.get("note") and rows == 0)):
        return "its evidence tells nothing that was found"
    if any(finding.get("severity") != "warn" and finding.get("success") is not True for finding in findings):
        return "its evidence tells an expectation that failed"
    return None


def _about_labels(expectation: Expectation, use_case: UseCase) -> bool:
    """Whether only a training can answer it: see `gates.resolve.only_trainings_know`, which knows it
    exactly.
    """
    unknown = {
        "split",
        *(name for column in use_case.hidden_at_night for name in (column, use_case.source_names[column])),
    }
    return expectation.name == "expect_feature_not_to_tell_the_label" or any(
        name in str(expectation.kwargs) for name in unknown
    )


def require(run: Run, step: Step) -> None:
    """Make sure that every gate before a step was open.

    Raises:
        BadInput: a table that lies before the step was made by another use-case file than the run's.
        GateClosed: some gates were not open, or have judged another table than the one that is published now.
    """
    require_one_file(run, step)
    closed = [
        f"gate_{table} of {store}: {why}"
        for store, table in _before(run, step)
        if (why := why_not(store, run.use_case, table))
    ]
    if closed:
        raise GateClosed(
            f"{step} reads only what its gates have let through; closed, or not run on the table as it is"
            " now",
            where=run.store,
            details=closed,
            fix=f"see the gate's report, mend the cause; then {run.again}",
        )


def require_one_file(run: Run, step: Step) -> None:
    """Make sure that all tables before a step were made by the run's own file: a run is of one file, from its
    first task to its last.

    Raises:
        BadInput: another run has written some of them, by another file.
    """
    made = [
        (name, run.store.manifest(name).use_case) for name in _tables_before(run, step) if run.store.has(name)
    ]
    others = [f"{name}: by file {file[:12]}" for name, file in made if file != run.loaded.sha256]
    if others:
        raise BadInput(
            f"{step} goes by the use-case file {run.loaded.sha256[:12]}, and other tables of this"
            " partition were made by another one",
            where=run.store,
            details=others,
            fix="run the partition again from its first step",
        )


def _tables_before(run: Run, step: Step) -> Iterator[str]:
    for table in _gated_before(run, step):
        yield from TABLES[table].published_as(run.use_case)


def _gated_before(run: Run, step: Step) -> Iterator[GatedTable]:
    """The gated tables of a run that lie before a step.

    The step may be one that a DAG has, and this run does not need.
    """
    for before in takewhile(lambda before: before.name != step, plan.dag_steps(run.use_case, run.kind)):
        if before.gate and before.needed(run.use_case):
            yield before.gate


def _before(run: Run, step: Step) -> Iterator[tuple[Store, GatedTable]]:
    """The gated tables that lie before a step: those of its own partition, and for the drift report its
    nights'.
    """
    store = run.store.citing_nothing()  # what a gate has said is no input of the step's table
    for table in _gated_before(run, step):
        yield store, table
    if step == "drift":
        for day in dates.days_of(run.use_case, "drift", run.partition):
            night = store.at("scoring", day)
            if night.has("predictions"):  # the step itself says which nights are missing
                yield night, "features"
                yield night, "predictions"
