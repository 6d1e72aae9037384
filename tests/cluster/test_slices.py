"""A night in sixteen shards, shared out among the workers: what the faults will be done to."""

from __future__ import annotations

from collections import Counter

from tests.cluster import world as given
from tests.cluster.airflow import Task
from tests.cluster.running import Running


def test_a_night_of_sixteen_shards_is_published_whole(world: Running, sliced_night: list[Task]) -> None:
    shards = [task for task in sliced_night if task.facts["task_id"] == "score"]
    for task in sliced_night:
        print(f"{task.name:20} {task.machine} {task.facts['duration']:6.1f} seconds")
    assert len(shards) == given.SHARDS
    assert min(Counter(task.machine for task in shards).values()) >= given.SHARDS // 4, (
        "one worker did nearly all of it"
    )
    assert {task.tries for task in sliced_night} == {1}
    assert (
        world.manifest(f"{given.SLICED}/scoring/{given.NIGHT}/predictions").rows == given.SHARDS * given.GROUP
    )
