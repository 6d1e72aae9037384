"""Every gate bites, and the self-test would notice if one did not: each is switched off, and each is left
out, in turn.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import get_args

import pytest

from pipelines.commands.selftest.damage import Damage
from pipelines.commands.selftest.damages import every
from pipelines.commands.selftest.matrix import Matrix
from pipelines.commands.selftest.stage import Stage
from pipelines.core.config import GatedTable
from pipelines.gates.verdict import GateVerdict
from pipelines.run import plan

GATES: tuple[GatedTable, ...] = get_args(GatedTable)
# `make gates` does every damage to every shipped use case; here one of so many is done, or all of them.
EVERY = 1 if os.environ.get("SLUICE_DAMAGES") == "all" else 4


def suffered(stage: Stage, damages: list[Damage]) -> Matrix:
    matrix = Matrix(stage.use_case.name)
    for damage in damages:
        matrix.add(damage, stage.suffer(damage))
    return matrix


def meant_for(stage: Stage, gate: GatedTable) -> list[Damage]:
    """One of the damages that this gate alone has to stop."""
    return [damage for damage in every(stage) if damage.stopped_by == f"gate_{gate}"][-1:]


def test_every_damage_is_stopped_where_it_should_be(stage: Stage) -> None:
    found = suffered(stage, list(every(stage))[::EVERY]).wrong()
    assert [
        wrong for wrong in found if EVERY == 1 or not wrong.endswith("has stopped none of the damages")
    ] == []


@pytest.mark.parametrize("gate", GATES)
def test_a_gate_that_is_switched_off_is_noticed(
    stage: Stage, gate: GatedTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = GateVerdict.passed.fget  # type: ignore[attr-defined]
    monkeypatch.setattr(
        GateVerdict, "passed", property(lambda verdict: verdict.table == gate or judged(verdict))
    )
    wrong, *_ = suffered(stage, meant_for(stage, gate)).wrong()
    assert f"gate_{gate} should" in wrong


@pytest.mark.parametrize("gate", GATES)
def test_a_gate_that_is_left_out_of_the_way_is_noticed(
    stage: Stage, gate: GatedTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    damages = meant_for(stage, gate)
    without = {
        kind: tuple(replace(step, gate=None) if step.gate == gate else step for step in steps)
        for kind, steps in plan.STEPS.items()
    }
    monkeypatch.setattr(plan, "STEPS", without)
    wrong, *_ = suffered(stage, damages).wrong()
    assert f"gate_{gate} should" in wrong


def test_a_gate_that_closes_on_good_data_is_noticed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    good = Damage("none", "scoring", lambda stage: stage.run("scoring"), good=True)
    assert not any("good data" in wrong for wrong in suffered(stage, [good]).wrong())
    monkeypatch.setattr(GateVerdict, "passed", property(lambda verdict: verdict.table != "clean"))
    assert any(
        wrong.startswith("none: gate_clean does not let good data through: gate_clean of tiny")
        for wrong in suffered(stage, [good]).wrong()
    )


def test_a_damage_that_changes_no_feature_is_in_order_only_where_that_was_said(stage: Stage) -> None:
    untouched = Damage("nothing at all", "scoring", lambda stage: stage.run("scoring"), may_be_harmless=True)
    assert stage.suffer(untouched).harmless
    as_is = Damage("nothing at all", "scoring", lambda stage: stage.run("scoring"))
    assert not stage.suffer(as_is).harmless
    assert "nothing at all: nothing stopped it" in suffered(stage, [as_is]).wrong()
