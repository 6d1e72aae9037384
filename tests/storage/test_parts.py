"""Row groups are dealt without gap or overlap, and come back as they were written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipelines.storage import parts

SIZES = st.lists(st.lists(st.integers(1, 20), max_size=6), min_size=1, max_size=5)


def every(shards: tuple[parts.Shard, ...]) -> list[int]:
    return [group for shard in shards for group in shard.groups]


@given(SIZES, st.integers(1, 50))
def test_each_row_group_is_in_one_shard_in_order_and_only_the_last_shard_is_small(
    sizes: list[list[int]], rows: int
) -> None:
    groups = [size for part in sizes for size in part]
    shards = parts.shards(groups, rows)
    assert every(shards) == list(range(len(groups)))
    assert [(shard.number, shard.of) for shard in shards] == [
        (n + 1, len(shards)) for n in range(len(shards))
    ]
    for shard in shards:
        held = groups[shard.groups.start : shard.groups.stop]
        assert shard.rows == sum(held)
        assert sum(held[:-1]) < rows
        assert sum(held) >= rows or shard is shards[-1]


@given(SIZES, st.integers(1, 50))
def test_shards_read_the_same_groups_however_they_lie_in_parts(sizes: list[list[int]], rows: int) -> None:
    places = [(part, group) for part, size in enumerate(sizes) for group in range(len(size))]
    found = [
        (part, group)
        for shard in parts.shards([size for part in sizes for size in part], rows)
        for part, groups in enumerate(parts.locate(shard.groups, sizes))
        for group in groups
    ]
    assert found == places


def test_a_table_without_rows_is_one_shard() -> None:
    assert parts.shards([], 10) == (parts.Shard(1, 1, range(0), 0),)


def test_a_shard_is_named_so_that_the_names_are_in_order() -> None:
    assert [str(shard) for shard in parts.shards([10] * 3, 10)] == [
        "0001-of-0003",
        "0002-of-0003",
        "0003-of-0003",
    ]
