"""Row groups are dealt without gap or overlap, and come back as they were written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipelines.storage import parts

SIZES = st.lists(st.lists(st.integers(1, 20), max_size=6), min_size=1, max_size=5)


def every(slices: tuple[parts.Slice, ...]) -> list[int]:
    return [group for slice_ in slices for group in slice_.groups]


@given(SIZES, st.integers(1, 50))
def test_each_row_group_is_in_one_slice_in_order_and_only_the_last_slice_is_small(
    sizes: list[list[int]], rows: int
) -> None:
    groups = [size for part in sizes for size in part]
    slices = parts.deal(groups, rows)
    assert every(slices) == list(range(len(groups)))
    assert [(slice_.number, slice_.of) for slice_ in slices] == [
        (n + 1, len(slices)) for n in range(len(slices))
    ]
    for slice_ in slices:
        held = groups[slice_.groups.start : slice_.groups.stop]
        assert slice_.rows == sum(held)
        assert sum(held[:-1]) < rows
        assert sum(held) >= rows or slice_ is slices[-1]


@given(SIZES, st.integers(1, 50))
def test_slices_read_the_same_groups_however_they_lie_in_parts(sizes: list[list[int]], rows: int) -> None:
    places = [(part, group) for part, size in enumerate(sizes) for group in range(len(size))]
    found = [
        (part, group)
        for slice_ in parts.deal([size for part in sizes for size in part], rows)
        for part, groups in enumerate(parts.locate(slice_.groups, sizes))
        for group in groups
    ]
    assert found == places


def test_a_table_without_rows_is_one_slice() -> None:
    assert parts.deal([], 10) == (parts.Slice(1, 1, range(0), 0),)


def test_a_slice_is_named_so_that_the_names_are_in_order() -> None:
    assert [str(slice_) for slice_ in parts.deal([10] * 3, 10)] == [
        "0001-of-0003",
        "0002-of-0003",
        "0003-of-0003",
    ]
