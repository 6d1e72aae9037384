"""A step and its table are told once: whoever adds them to the plan finds them wherever steps are spoken of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag

from pipelines import flow, runner
from pipelines.core.errors import GateClosed
from pipelines.run import lineage, plan, tables
from pipelines.run.plan import Outcome, Step
from pipelines.run.run import Run
from pipelines.storage.settings import ROOT, Settings
from scripts import docs

NIGHT = date(2026, 2, 1)
AUDIT: Any = Step("audit", writes="audited", gate="audited")  # type: ignore[arg-type]


def audit(run: Run) -> Outcome:
    """Features -> audited: how dear the night's payments are."""
    rows = run.store.read("features").aggregate("round(max(amount), 2) AS dearest")
    return Outcome(f"audited: {run.store.write('audited', rows).rows} row")


@pytest.fixture(autouse=True)
def _audited(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = list(plan.STEPS["scoring"])
    behind = [step.name for step in steps].index("features") + 1
    monkeypatch.setitem(plan.STEPS, "scoring", (*steps[:behind], AUDIT, *steps[behind:]))
    monkeypatch.setitem(flow.STEPS, AUDIT.name, audit)
    audited = tables.Table("audited", columns=lambda _: ("dearest",), made_of="features")
    monkeypatch.setitem(tables.TABLES, "audited", audited)


@pytest.fixture
def night(open_run: Callable[..., Run]) -> Callable[[], Run]:
    """Open the night's run, as each task does; every step before the new one has been taken."""
    needed = plan.steps_of(open_run("scoring", NIGHT).use_case, "scoring")
    for step, table in pairwise_of(needed, before="audit"):
        runner.take(open_run("scoring", NIGHT), step)
        runner.gate(open_run("scoring", NIGHT), table)
    return lambda: open_run("scoring", NIGHT)


def pairwise_of(steps: tuple[Step, ...], before: str) -> list[tuple[Any, Any]]:
    return [(step.name, step.gate) for step in steps[: [step.name for step in steps].index(before)]]  # type: ignore[arg-type]


def test_the_dag_has_it_and_its_gate_with_its_own_words(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_USE_CASES", str(settings.use_cases))
    dag = DagBag(dag_folder=str(ROOT / "dags")).dags["tiny_scoring"]
    chain = ["gate_features", "audit", "gate_audited", "score"]
    assert all(dag.get_task(one).downstream_task_ids == {other} for one, other in pairwise(chain))
    assert dag.get_task("audit").doc_md == "Features -> audited: how dear the night's payments are."


def test_its_gate_judges_the_columns_that_the_table_has(night: Callable[[], Run]) -> None:
    runner.take(night(), AUDIT.name)
    runner.gate(night(), AUDIT.gate)
    other = night().store.read("audited").project("dearest, 1 AS cheapest")
    night().store.write("audited", other)
    with pytest.raises(GateClosed, match="cheapest"):
        runner.gate(night(), AUDIT.gate)


def test_the_step_behind_it_waits_for_its_gate(night: Callable[[], Run]) -> None:
    runner.take(night(), AUDIT.name)
    with pytest.raises(GateClosed, match=r"gate_audited of .*: not judged yet"):
        runner.take(night(), "score", "0000000-0000040")


def test_a_table_that_was_made_of_other_features_is_not_let_through(night: Callable[[], Run]) -> None:
    runner.take(night(), AUDIT.name)
    runner.gate(night(), AUDIT.gate)
    run = night()
    run.store.write("features", run.store.read("features").order("id").limit(39))
    with pytest.raises(GateClosed, match="audited was made of another features"):
        runner.take(night(), "score", "0000000-0000040")


def test_lineage_tells_what_it_has_read_and_written(night: Callable[[], Run]) -> None:
    runner.take(night(), AUDIT.name)
    touched = lineage.of_step(night(), AUDIT.name)
    assert [dataset.name for dataset in touched.reads] == ["tiny/scoring/features"]
    assert [dataset.name for dataset in touched.writes] == ["tiny/scoring/audited"]
    assert [dataset.name for dataset in lineage.of_gate(night(), AUDIT.gate).reads] == [
        "tiny/scoring/audited"
    ]


def test_the_documents_have_it() -> None:
    line = "| `audit` | scoring | audited | `gate_audited` |  | Features -> audited: how dear"
    assert line in docs.contributing()


def test_a_step_that_is_shared_out_is_mapped(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shared: Any = Step("audit", writes="audited", mapped_by=lambda run: ("one", "two"))  # type: ignore[arg-type]
    steps = tuple(shared if step is AUDIT else step for step in plan.STEPS["scoring"])
    monkeypatch.setitem(plan.STEPS, "scoring", steps)
    monkeypatch.setenv("SLUICE_USE_CASES", str(settings.use_cases))
    assert DagBag(dag_folder=str(ROOT / "dags")).dags["tiny_scoring"].get_task("audit").is_mapped
