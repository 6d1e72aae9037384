"""The data's way: the same tables, whoever calls the steps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from pipelines import flow, runner
from pipelines.core.config import Kind, Step
from pipelines.core.errors import BadUseCase, NoChampion
from pipelines.core.rendered import MAX_LINES
from pipelines.preflight.check import check
from pipelines.run import plan
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from tests.cluster import world
from tests.helpers import tiny
from tests.helpers.ways import WAYS

NIGHT = date(2026, 2, 1)
STEPS: tuple[Step, ...] = ("ingest", "cleanse", "past", "features")


def test_every_table_that_a_step_writes_has_its_gate_right_behind_it() -> None:
    without = [step for way in WAYS.values() for step, table in way if table is None]
    # One keeps a table that was judged, one asks for every gate's let-through, and slices are judged when
    # they are a table.
    assert without == ["snapshot", "promote", "score"]
    gated = [step for steps in plan.STEPS.values() for step in steps if step.gate]
    assert all(step.gate == step.writes for step in gated)


@pytest.mark.usefixtures("mlflow_uri")
def test_the_way_in_one_go_and_each_step_as_a_task_of_its_own_publish_the_same_manifests(
    open_run: Callable[..., Run],
) -> None:
    store = open_run("scoring", NIGHT).store
    with pytest.raises(NoChampion):
        runner.run_all(open_run("scoring", NIGHT))
    in_one_go = {path: path.read_bytes() for path in store.disk.rglob("manifest.json")}
    for step in STEPS:
        flow.STEPS[step](open_run("scoring", NIGHT).task())
    assert {path: path.read_bytes() for path in store.disk.rglob("manifest.json")} == in_one_go
    assert set(store.manifest("features").inputs) == {"scoring/2026-02-01/clean", "scoring/2026-02-01/past"}


@pytest.mark.usefixtures("mlflow_uri")
def test_a_step_that_stops_leaves_no_table_behind_it(open_run: Callable[..., Run]) -> None:
    with pytest.raises(NoChampion):
        runner.run_all(open_run("scoring", NIGHT))
    assert not open_run("scoring", NIGHT).store.has("predictions")


@pytest.mark.parametrize("kind", ["training", "scoring"])
@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("amount: amount\n", "amount: case when bad = 1 and amount > 72 then 1 else 0 end\n"),
        ("over known", "over week"),
        ('payments"}', 'payments", derive: {amount: "bad * 2"}}'),
        ("customer: {type: string, required: true}", "customer: {type: string, min: 1}"),
        ("lower: [channel]", "fill: {amount: much}"),
        ("lower: [channel]", "rules: {cheap: amount + 1}"),
        ("C: [0.1, 1]", "Cc: [0.1, 1]"),
        ("unit: row, ", "unit: day, "),
        ("demo:", "gates: {clean: [expect_column_values_to_not_be_nil: {column: amount}]}\ndemo:"),
        ("demo:", "gates: {clean: [expect_feature_not_to_tell_the_label: {column: amount}]}\ndemo:"),
    ],
)
def test_whatever_check_finds_in_a_file_stops_a_run_of_it_at_its_first_step(
    settings: Settings, kind: Kind, there: str, instead: str
) -> None:
    assert there in tiny.YAML
    (settings.use_cases / "tiny.yaml").write_text(tiny.YAML.replace(there, instead))
    run = Run.open("tiny", kind, NIGHT, settings)
    ((_, sentence),) = check(run.loaded)
    with pytest.raises(BadUseCase) as refused:
        runner.take(run, "ingest")
    assert sentence in str(refused.value)
    assert not run.store.has("raw")


def test_a_file_of_many_mistakes_stops_its_run_with_all_of_them_in_at_most_ten_lines(
    settings: Settings,
) -> None:
    many = "".join(f"    wrong{n}: wrong{n}\n" for n in range(30))
    (settings.use_cases / "tiny.yaml").write_text(tiny.YAML.replace("    amount: amount\n", many))
    with pytest.raises(BadUseCase) as refused:
        runner.take(Run.open("tiny", "scoring", NIGHT, settings), "ingest")
    assert len(str(refused.value).splitlines()) <= MAX_LINES
    assert all(f"features.numbers.wrong{n}" in str(refused.value) for n in range(30))


def test_the_way_of_a_dag_whose_file_does_not_look_back_goes_past_the_past(settings: Settings) -> None:
    world.write(settings.use_cases, "few", "few")
    done: list[str] = []
    use_case = Run.open("few", "training", world.TRAINING, settings).use_case
    for step in plan.dag_steps(use_case, "training")[:4]:
        run = Run.open("few", "training", world.TRAINING, settings, resume=bool(done))
        done.append(runner.take(run, step.name).summary)
        done += [runner.gate(run, step.gate).summary] if step.gate else []
    assert done[4:6] == [
        "past: nothing, since no feature of this run looks back",
        "gate_past: nothing to judge, since no feature of this run looks back",
    ]
    assert "gate_features of few training 2026-01-31 is open" in done[-1]
