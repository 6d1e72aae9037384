"""A night in sixteen slices, shared out among the workers: what the faults will be done to."""

from __future__ import annotations

from collections import Counter

from pipelines.parts import ROW_GROUP
from tests.cluster import use_cases
from tests.cluster.use_cases import SLICED, SLICES
from tests.cluster.world import World


def test_a_night_of_sixteen_slices_is_published_whole(world: World) -> None:
    world.run(f"{SLICED}_training", use_cases.TRAINING)
    tasks = world.run(f"{SLICED}_scoring", use_cases.NIGHT, seconds=600)
    slices = [task for task in tasks if task.facts["task_id"] == "score"]
    for task in tasks:
        print(f"{task.name:20} {task.machine} {task.facts['duration']:6.1f} seconds")
    assert len(slices) == SLICES
    assert min(Counter(task.machine for task in slices).values()) >= SLICES // 4, "one worker did nearly all of it"
    assert {task.tries for task in tasks} == {1}
    assert world.manifest(f"{SLICED}/scoring/{use_cases.NIGHT}/predictions").rows == SLICES * ROW_GROUP
