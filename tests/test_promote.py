"""The alias moves when every gate was open and the held-out rows speak for it, and each decision is written down once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from pipelines import registry, tracking
from pipelines.errors import GateClosed, TableMissing
from pipelines.promote import promote
from pipelines.run import Run
from pipelines.store import as_json
from tests import fitted

GATES = ("raw", "clean", "features", "trials", "scores", "parity")
PIECES = {"trials": ("linear", "xgboost")}  # the families of the tiny use case


@pytest.fixture
def run(open_run: Callable[..., Run], mlflow_uri: str) -> Run:
    return trained(open_run("training", date(2026, 1, 31)))


def trained(run: Run, **verdict: Any) -> Run:
    """A training as far as its last gate, of which only the winner is registered."""
    exported = fitted.exported(partition=run.partition.isoformat())
    winner = {"xgboost": exported.graphs["xgboost"]}
    registry.register(run, replace(exported, graphs=winner), fitted.verdict())  # type: ignore[arg-type]
    run.store.write_file("verdict.json", as_json(asdict(fitted.verdict(**verdict))))
    run.store.write_file("models/xgboost.onnx", winner["xgboost"])
    for gate in GATES:
        for piece in PIECES.get(gate, (None,)):
            run.store.write(gate, pa.table({"gate": [gate]}), piece=piece)
        run.store.write_file(f"gates/{gate}.json", evidence(run, gate))
    return run


def evidence(run: Run, gate: str, passed: object = True) -> bytes:
    return as_json({"passed": passed, "digest": run.store.digest(gate, PIECES.get(gate, ()))})


def champion_version(run: Run) -> str | None:
    return registry.champion_version(tracking.connect(run.settings), "tiny")


def test_the_first_challenger_that_beats_the_baseline_becomes_champion(run: Run) -> None:
    said = promote(run)
    found = registry.champion(run)
    assert found.metadata["family"] == "xgboost"
    assert said == f"version {found.version} (xgboost) promoted: better than the baseline"
    (line,) = registry.history(run.settings, "tiny")
    assert (line.version, line.previous, line.decision, line.partition) == (found.version, None, "promoted", "2026-01-31")
    assert line.values == {"linear": 0.8, "forest": 0.85, "xgboost": 0.9, "baseline": 0.3}


def test_a_better_challenger_dethrones_the_champion(run: Run, open_run: Callable[..., Run]) -> None:
    promote(run)
    first = champion_version(run)
    second = trained(open_run("training", date(2026, 2, 28)), champion_version=first)
    promote(second)
    assert champion_version(run) != first
    assert [(line.previous, line.decision) for line in registry.history(run.settings, "tiny")] == [(None, "promoted"), (first, "promoted")]


@pytest.mark.parametrize("worse", [{"beats_baseline": False}, {"beats_champion": False}])
def test_a_challenger_that_is_not_better_stays_one(run: Run, open_run: Callable[..., Run], worse: dict[str, bool]) -> None:
    promote(run)
    first = champion_version(run)
    second = trained(open_run("training", date(2026, 2, 28)), champion_version=first, reasons=("not better",), **worse)
    assert "kept: not better" in promote(second)
    assert champion_version(run) == first
    assert registry.history(run.settings, "tiny")[-1].decision == "kept"


def test_without_a_champion_the_baseline_must_be_beaten_too(run: Run) -> None:
    run.store.write_file("verdict.json", as_json(asdict(fitted.verdict(beats_baseline=False))))
    promote(run)
    assert champion_version(run) is None


def test_promoting_twice_is_promoting_once(run: Run) -> None:
    promote(run)
    assert "champion already" in promote(run)
    assert len(registry.history(run.settings, "tiny")) == 1


def test_keeping_twice_is_one_line(run: Run) -> None:
    run.store.write_file("verdict.json", as_json(asdict(fitted.verdict(beats_baseline=False))))
    assert promote(run) == promote(run)
    assert len(registry.history(run.settings, "tiny")) == 1


def test_a_step_killed_before_the_alias_moved_completes_when_run_again(run: Run) -> None:
    promote(run)
    tracking.connect(run.settings).delete_registered_model_alias("tiny", "champion")
    promote(run)
    assert champion_version(run) is not None
    assert len(registry.history(run.settings, "tiny")) == 1


def test_a_comparison_with_a_champion_of_yesterday_promotes_nobody(run: Run, open_run: Callable[..., Run]) -> None:
    promote(run)
    first = champion_version(run)
    # This one was evaluated while there was no champion.
    late = trained(open_run("training", date(2026, 2, 28)), champion_version=None)
    assert f"compared with no champion, but now there is champion version {first}" in promote(late)
    assert champion_version(run) == first


@pytest.mark.parametrize("passed", [False, "yes", None])
def test_no_let_through_no_promotion(run: Run, passed: object) -> None:
    run.store.write_file("gates/parity.json", evidence(run, "parity", passed))
    with pytest.raises(GateClosed, match="gate_parity"):
        promote(run)
    assert champion_version(run) is None
    assert registry.history(run.settings, "tiny") == []


@pytest.mark.parametrize("gate", ["scores", "trials"])
def test_a_let_through_of_the_table_as_it_was_before_counts_for_nothing(run: Run, gate: str) -> None:
    run.store.write(gate, pa.table({"gate": ["written again"]}), piece=PIECES.get(gate, (None,))[-1])
    with pytest.raises(GateClosed, match=f"gate_{gate}"):
        promote(run)


def test_every_closed_gate_is_named_at_once(run: Run) -> None:
    for gate in GATES:
        (run.store.folder / "gates" / f"{gate}.json").unlink()
    with pytest.raises(GateClosed) as error:
        promote(run)
    assert all(f"gate_{gate}" in str(error.value) for gate in GATES)


def test_a_winner_that_is_no_version_is_told(run: Run) -> None:
    run.store.write_file("models/xgboost.onnx", b"something else")
    with pytest.raises(TableMissing, match="no registered version"):
        promote(run)
