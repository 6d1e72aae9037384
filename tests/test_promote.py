"""The alias moves when the held-out rows speak for it, and each decision is written down once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import date
from typing import Any

import pytest

from pipelines import registry, tracking
from pipelines.errors import TableMissing
from pipelines.promote import promote
from pipelines.run import Run
from pipelines.store import as_json
from tests import fitted


@pytest.fixture
def run(open_run: Callable[..., Run], mlflow_uri: str) -> Run:
    return trained(open_run("training", date(2026, 1, 31)))


def trained(run: Run, **verdict: Any) -> Run:
    """A training that has come as far as promotion, of which only the winner is registered."""
    exported = fitted.exported(partition=run.partition.isoformat())
    winner = {"xgboost": exported.graphs["xgboost"]}
    registry.register(run, replace(exported, graphs=winner), fitted.verdict())  # type: ignore[arg-type]
    run.store.write_file("verdict.json", as_json(asdict(fitted.verdict(**verdict))))
    run.store.write_file("models/xgboost.onnx", winner["xgboost"])
    return run


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


def test_a_winner_that_is_no_version_is_told(run: Run) -> None:
    run.store.write_file("models/xgboost.onnx", b"something else")
    with pytest.raises(TableMissing, match="no registered version"):
        promote(run)
