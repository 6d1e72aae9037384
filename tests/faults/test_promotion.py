"""Export and promote killed at moments all over them: no champion without its line, no version twice, and the alias agrees with the history."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines import flow, registry, tracking
from pipelines.config import Step
from pipelines.run import Run
from pipelines.settings import Settings
from tests import tiny
from tests.faults import child, night
from tests.faults.conftest import World
from tests.faults.night import Calls

KILLS = {"export": 4, "promote": 10}


@dataclass(frozen=True)
class Champions:
    """What the registry and the history say."""

    champion: str | None
    versions: list[str]  # the sha256 of each version's graph
    decisions: list[tuple[str, str | None, str]]  # version, previous, decision


@pytest.fixture
def settings(world: World, tmp_path: Path) -> Iterator[Settings]:
    """The training's own place, since MLflow knows its artifacts by absolute paths; it is brought back at the end."""
    place = world.settings.data.parent
    shutil.copytree(place, tmp_path / "after")
    yield world.settings
    bring_back(tmp_path / "after", place)


def bring_back(copy: Path, place: Path) -> None:
    shutil.rmtree(place)
    shutil.copytree(copy, place)


def champions(settings: Settings) -> Champions:
    client = tracking.connect(settings)
    versions = client.search_model_versions(f"name='{tiny.NAME}'")
    lines = registry.history(settings, tiny.NAME)
    return Champions(
        registry.champion_version(client, tiny.NAME),
        [version.tags[registry.GRAPH_TAG] for version in versions],
        [(line.version, line.previous, line.decision) for line in lines],
    )


def take(settings: Settings, step: Step) -> None:
    flow.take(Run.open(tiny.NAME, "training", night.TRAINING, settings), step)


def to_the_end(settings: Settings, step: Step) -> None:
    """A killed step again, and what follows it."""
    if step == "export":
        take(settings, "export")
        flow.gate(Run.open(tiny.NAME, "training", night.TRAINING, settings), "parity")
    take(settings, "promote")


@pytest.mark.parametrize("step", ["export", "promote"])
def test_killed_anywhere_and_taken_again_there_is_one_champion_with_its_line(
    step: Step, world: World, settings: Settings, record_property: Callable[[str, object], None]
) -> None:
    after = child.run(lambda: champions(settings)).value()
    assert after.champion
    assert after.decisions == [(after.champion, None, "promoted")]

    def counted() -> int:
        calls = Calls()
        take(settings, step)
        return calls.count

    bring_back(world.before[step], settings.data.parent)
    whole = child.run(counted).value()
    killed = 0
    for n in range(KILLS[step]):
        moment = whole * (n + 1) // (KILLS[step] + 1)
        bring_back(world.before[step], settings.data.parent)

        def doomed(moment: int = moment) -> None:
            Calls(kill_at=moment)
            take(settings, step)

        killed += child.run(doomed).signal == signal.SIGKILL
        found = child.run(lambda: champions(settings)).value()
        assert found.champion in (None, *(version for version, _, decision in found.decisions if decision == "promoted"))
        child.run(lambda: to_the_end(settings, step)).value()
        assert child.run(lambda: champions(settings)).value() == after
    record_property("kills", killed)
    assert killed >= KILLS[step] - 1
