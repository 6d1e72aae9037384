"""No step reads a table that its gate has not let through: a gate cannot be left out, gone around, or
outwitted.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest

from pipelines import runner
from pipelines.core.config import Expectation, GatedTable, Kind, Step
from pipelines.core.errors import BadInput, GateClosed
from pipelines.core.rendered import MAX_LINES
from pipelines.run import clearance
from pipelines.run.run import Run
from pipelines.storage import kept
from pipelines.storage.store import Version, as_json
from tests.helpers.judged import clearance as leave
from tests.helpers.ways import WAYS

OpenRun = Callable[[Kind, date], Run]
DAYS: dict[Kind, date] = {
    "training": date(2026, 1, 31),
    "scoring": date(2026, 2, 1),
    "drift": date(2026, 2, 1),
}
FAMILIES = ("linear", "xgboost")  # of the tiny use case
# Each gate that has a step behind it, and that step.
GUARDED: list[tuple[Kind, GatedTable, Step]] = [
    (kind, table, behind) for kind, way in WAYS.items() for (_, table), (behind, _) in pairwise(way) if table
]


def publish(run: Run, table: GatedTable, content: str = "as judged") -> None:
    for piece in FAMILIES if table == "trials" else (None,):
        run.store.write(table, pa.table({"content": [content]}), piece=piece)


def judged(run: Run, table: GatedTable, passed: object = True) -> None:
    publish(run, table)
    leave(run.store, table, FAMILIES if table == "trials" else (), passed=passed)


@pytest.fixture
def good(open_run: OpenRun) -> Callable[[Kind], Run]:
    """A partition whose every table was let through."""

    def opened(kind: Kind) -> Run:
        run = open_run(kind, DAYS[kind])
        for _, table in WAYS[kind]:
            if table:
                judged(run, table)
        return run

    return opened


@pytest.mark.parametrize("kind", WAYS)
def test_every_step_may_run_behind_open_gates(good: Callable[[Kind], Run], kind: Kind) -> None:
    for step, _ in WAYS[kind]:
        clearance.require(good(kind), step)


@pytest.mark.parametrize(("kind", "table", "behind"), GUARDED)
def test_a_gate_that_is_left_out_stops_the_step_behind_it(
    good: Callable[[Kind], Run], kind: Kind, table: GatedTable, behind: Step
) -> None:
    run = good(kind)
    (run.store.disk / "gates" / f"{table}.json").unlink()
    with pytest.raises(
        GateClosed,
        match=f"{behind} reads only what its gates have let through.*\n  - gate_{table} of tiny {kind}",
    ):
        runner.take(run, behind)


@pytest.mark.parametrize(("kind", "table", "behind"), GUARDED)
def test_a_closed_gate_that_somebody_marks_as_a_success_still_stops_the_step_behind_it(
    good: Callable[[Kind], Run], kind: Kind, table: GatedTable, behind: Step
) -> None:
    run = good(kind)
    for passed in (False, "yes", None):
        judged(run, table, passed=passed)
        with pytest.raises(GateClosed, match=f"gate_{table}"):
            runner.take(run, behind)


@pytest.mark.parametrize(("kind", "table", "behind"), GUARDED)
def test_a_table_that_was_written_again_has_to_be_judged_again(
    good: Callable[[Kind], Run], kind: Kind, table: GatedTable, behind: Step
) -> None:
    run = good(kind)
    publish(run, table, "written again")
    with pytest.raises(GateClosed, match=f"gate_{table}"):
        runner.take(run, behind)


FORGED: dict[str, dict[str, Any]] = {
    "without findings": {"findings": []},
    "with findings of another shape": {"findings": ["good"]},
    "with an expectation that failed": {
        "findings": [{"where": "built in", "severity": "stop", "success": False}]
    },
    "with a finding that does not say whether it holds": {
        "findings": [{"where": "built in", "severity": "stop"}]
    },
    "that refuses to judge": {"refusal": "no expectation is stated for this table"},
    "by another file": {"use_case": "0" * 64},
    "by no file": {"use_case": None},
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_evidence_that_does_not_add_up_opens_nothing(
    good: Callable[[Kind], Run], forged: dict[str, Any]
) -> None:
    run = good("scoring")
    leave(run.store, "features", **forged)
    with pytest.raises(GateClosed, match="gate_features"):
        runner.take(run, "score")


@pytest.mark.parametrize(("kind", "table", "behind"), GUARDED)
def test_what_the_gate_of_another_day_has_said_opens_nothing(
    good: Callable[[Kind], Run], kind: Kind, table: GatedTable, behind: Step
) -> None:
    run = good(kind)
    leave(
        run.store,
        table,
        FAMILIES if table == "trials" else (),
        gate=f"gate_{table} of tiny {kind} 2026-01-25",
    )
    with pytest.raises(
        GateClosed,
        match=rf"gate_{table} .*: its evidence is that of 'gate_{table} of tiny {kind} 2026-01-25'",
    ):
        clearance.require(run, behind)


def made_of(run: Run, source: str, table: GatedTable) -> None:
    """Publish a table as a step does that reads the one before it."""
    store = run.task().store
    store.read(source)
    store.write(table, pa.table({"content": ["as judged"]}))
    leave(store, table)


def test_a_table_that_was_made_of_other_rows_than_stand_there_now_is_not_let_through(
    good: Callable[[Kind], Run],
) -> None:
    run = good("scoring")
    made_of(run, "clean", "features")
    clearance.require(run, "score")
    publish(run, "clean", "delivered again")
    leave(run.store, "clean")
    with pytest.raises(
        GateClosed,
        match=(
            r"gate_features of tiny scoring 2026-02-01: features was made of another clean than is there now"
        ),
    ):
        clearance.require(run, "score")
    judged(run, "clean")  # the same rows again
    clearance.require(run, "score")


def test_a_table_of_another_day_is_not_let_through_though_it_was_judged_here(
    good: Callable[[Kind], Run], open_run: OpenRun
) -> None:
    run, other = good("scoring"), open_run("scoring", DAYS["scoring"] - timedelta(days=1))
    publish(other, "clean")
    made_of(other, "clean", "features")
    run.store.adopt("features", other.store)
    leave(run.store, "features")
    with pytest.raises(
        GateClosed,
        match=r"gate_features of tiny scoring 2026-02-01: features was made of clean of scoring/2026-01-31",
    ):
        clearance.require(run, "score")


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b"null"])
def test_evidence_that_cannot_be_read_opens_nothing(good: Callable[[Kind], Run], content: bytes) -> None:
    run = good("scoring")
    run.store.write_file("gates/clean.json", content)
    with pytest.raises(GateClosed, match=r"gate_clean of tiny scoring 2026-02-01: .*clean\.json is damaged"):
        runner.take(run, "features")


@pytest.mark.parametrize(
    "edit", [{"passed": True}, {"findings": []}, {"digest": "another"}, {"sha256": "of nothing"}]
)
def test_evidence_that_somebody_has_edited_opens_nothing(
    good: Callable[[Kind], Run], edit: dict[str, object]
) -> None:
    run = good("scoring")
    leave(run.store, "clean", passed=False)
    said = json.loads(run.store.read_file("gates/clean.json"))
    run.store.write_file("gates/clean.json", as_json(said | edit))
    with pytest.raises(
        GateClosed,
        match=r"gate_clean of tiny scoring 2026-02-01: .*clean\.json is damaged: it is not what was written",
    ):
        runner.take(run, "features")


def test_evidence_whose_seal_is_gone_opens_nothing(good: Callable[[Kind], Run]) -> None:
    run = good("scoring")
    said = kept.unseal(run.store.read_file("gates/clean.json"), "", "")
    run.store.write_file("gates/clean.json", as_json(said))
    with pytest.raises(GateClosed, match="it is not what was written"):
        runner.take(run, "features")


def test_evidence_without_the_files_own_expectation_opens_nothing(good: Callable[[Kind], Run]) -> None:
    run = good("scoring")
    stated = run.use_case.model_copy(
        update={"gates": {"clean": (Expectation(name="expect_column_to_exist"),)}}
    )
    strict = replace(run, loaded=replace(run.loaded, use_case=stated))
    with pytest.raises(GateClosed, match=r"gate_clean .*does not tell what became of gates\.clean\.0"):
        clearance.require(strict, "features")
    leave(run.store, "clean", own=1)
    clearance.require(strict, "features")


def test_tables_of_two_files_are_no_run(good: Callable[[Kind], Run]) -> None:
    run = good("scoring")
    other = replace(run.store, version=Version(use_case="f" * 64, code="c"))
    judged(replace(run, store=other), "clean")
    with pytest.raises(
        BadInput,
        match=(
            r"score goes by the use-case file [\s\S]*- clean: by file ffffffffffff\n  way out: run the"
            r" partition again"
        ),
    ):
        clearance.require(run, "score")


def test_a_step_reads_the_very_table_that_was_let_through_though_another_run_publishes_meanwhile(
    good: Callable[[Kind], Run], open_run: OpenRun
) -> None:
    run = good("scoring").task()
    clearance.require(run, "score")
    publish(open_run("scoring", DAYS["scoring"]), "features", "not judged")
    assert run.store.read("features").fetchall() == [("as judged",)]
    assert run.store.record is not None
    assert (
        run.store.record.inputs["scoring/2026-02-01/features"]
        == run.store.digest("features")
        != run.store.as_published().digest("features")
    )


def test_one_familys_trials_count_as_little_as_none(good: Callable[[Kind], Run]) -> None:
    run = good("training")
    run.store.write("trials", pa.table({"content": ["written again"]}), piece="xgboost")
    with pytest.raises(GateClosed, match="gate_trials"):
        runner.take(run, "evaluate")


def test_every_closed_gate_is_named_at_once_in_ten_lines(open_run: OpenRun) -> None:
    with pytest.raises(GateClosed) as error:
        runner.take(open_run("training", DAYS["training"]), "promote")
    assert all(f"gate_{table}" in str(error.value) for _, table in WAYS["training"] if table)
    assert len(str(error.value).splitlines()) <= MAX_LINES


@pytest.mark.parametrize("table", ["features", "predictions"])
def test_the_drift_report_reads_only_nights_that_were_let_through(
    good: Callable[[Kind], Run], open_run: OpenRun, table: GatedTable
) -> None:
    for n in range(7):
        night = open_run("scoring", DAYS["drift"] + timedelta(days=n))
        for one in ("features", "predictions"):
            judged(night, one, passed=(n, one) != (3, table))
    with pytest.raises(
        GateClosed, match=f"drift reads only .*\n  - gate_{table} of tiny scoring 2026-02-04: closed\n"
    ):
        runner.take(good("drift"), "drift")


def test_what_a_gate_has_said_is_no_input_of_the_next_table(good: Callable[[Kind], Run]) -> None:
    run = good("scoring").task()
    clearance.require(run, "score")
    publish(run, "predictions")
    assert run.store.manifest("predictions").inputs == {}
