"""Export and promote killed at moments all over them: no champion without its line, no version twice, and the
alias agrees with the history.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest

from pipelines import runner
from pipelines.core.config import Step
from pipelines.registry import registry, tracking
from pipelines.registry.history import History
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from tests.faults.conftest import World, bring_back
from tests.helpers import child, night, tiny
from tests.helpers.night import Calls, FileOperations

pytestmark = pytest.mark.slow

AT_CALLS = {"export": 4, "promote": 8}  # evenly over all that it calls
AT_OPERATIONS = {"export": 6, "promote": 1}  # every sixth operation on a file, and every one


@dataclass(frozen=True)
class Champions:
    """What the registry and the history say."""

    champion: str | None
    alias: str | None
    versions: list[str]  # the sha256 of each version's graph
    decisions: list[tuple[str | None, str | None, str]]  # version, previous, decision


def champions(settings: Settings) -> Champions:
    client = tracking.connect(settings)
    versions = client.search_model_versions(f"name='{tiny.NAME}'")
    history = History.of(settings, tiny.NAME)
    lines = history.read()
    alias = (
        client.search_registered_models(filter_string=f"name='{tiny.NAME}'")[0].aliases.get(registry.CHAMPION)
        if versions
        else None
    )
    return Champions(
        history.champion,
        None if alias is None else str(alias),
        [version.tags[registry.GRAPH_TAG] for version in versions],
        [(line.version, line.previous, line.decision) for line in lines],
    )


def take(settings: Settings, step: Step) -> None:
    runner.take(Run.open(tiny.NAME, "training", night.TRAINING, settings), step)


def to_the_end(settings: Settings, step: Step) -> None:
    """A killed step again, and what follows it."""
    if step == "export":
        take(settings, "export")
        runner.gate(Run.open(tiny.NAME, "training", night.TRAINING, settings), "parity")
    take(settings, "promote")


@pytest.mark.parametrize("step", ["export", "promote"])
def test_killed_anywhere_and_taken_again_there_is_one_champion_with_its_line(
    step: Step, world: World, settings: Settings, record_property: Callable[[str, object], None]
) -> None:
    after = child.run(lambda: champions(settings)).value()
    assert after.champion
    assert after.alias == after.champion
    assert after.decisions == [(after.champion, None, "promoted")]

    def counted() -> tuple[int, int]:
        files, calls = FileOperations(settings.disk), Calls()
        take(settings, step)
        return files.count, calls.count

    bring_back(world.before[step], settings.disk.parent)
    files, calls = child.run(counted).value()
    moments = [calls * (n + 1) // (AT_CALLS[step] + 1) for n in range(AT_CALLS[step])]
    operations = range(1, files + 1, AT_OPERATIONS[step])
    killers: list[Callable[[], object]] = [
        *(partial(Calls, moment) for moment in moments),
        *(partial(FileOperations, settings.disk, n) for n in operations),
    ]
    killed = 0
    for killer in killers:
        bring_back(world.before[step], settings.disk.parent)

        def doomed(killer: Callable[[], object] = killer) -> None:
            killer()
            take(settings, step)

        killed += child.run(doomed).signal == signal.SIGKILL
        found = child.run(lambda: champions(settings)).value()
        assert found.champion in (
            None,
            *(version for version, _, decision in found.decisions if decision == "promoted"),
        )
        child.run(lambda: to_the_end(settings, step)).value()
        assert child.run(lambda: champions(settings)).value() == after
    record_property("kills", killed)
    print(f"{killed} times killed by SIGKILL in {step}, of {len(killers)}")  # noqa: T201  (shown by pytest -s)
    assert killed >= len(killers) - 1
