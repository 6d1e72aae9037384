"""A night in sixteen slices, shared out among the workers: what the faults will be done to."""

from __future__ import annotations

from collections import Counter

from tests.cluster import world as given
from tests.cluster.running import Running


def test_a_night_of_sixteen_slices_is_published_whole(world: Running) -> None:
    world.run(f"{given.SLICED}_training", given.TRAINING)
    tasks = world.run(f"{given.SLICED}_scoring", given.NIGHT, seconds=600)
    slices = [task for task in tasks if task.facts["task_id"] == "score"]
    for task in tasks:
        print(f"{task.name:20} {task.machine} {task.facts['duration']:6.1f} seconds")
    assert len(slices) == given.SLICES
    assert min(Counter(task.machine for task in slices).values()) >= given.SLICES // 4, "one worker did nearly all of it"
    assert {task.tries for task in tasks} == {1}
    assert world.manifest(f"{given.SLICED}/scoring/{given.NIGHT}/predictions").rows == given.SLICES * given.GROUP
