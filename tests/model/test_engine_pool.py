"""Work is shared among threads, its results come in order, and nothing is left running."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from pipelines.model.engine_pool import cores, in_order
from tests.helpers.waiting import PATIENCE


def test_results_come_in_the_order_of_the_items_whoever_is_ready_first() -> None:
    second_is_done = threading.Event()

    def slow_first(n: int) -> int:
        if n == 0:
            assert second_is_done.wait(PATIENCE)
        if n == 1:
            second_is_done.set()
        return n * n

    assert list(in_order(slow_first, range(20), 2)) == [n * n for n in range(20)]


def test_only_a_few_items_are_taken_before_results_are() -> None:
    taken = []

    def items() -> Iterator[int]:
        for n in range(100):
            taken.append(n)
            yield n

    results = in_order(lambda n: n, items(), 2)
    assert (next(results), len(taken)) == (0, 4)
    assert (next(results), len(taken)) == (1, 5)
    results.close()


def test_an_error_comes_at_its_items_turn_and_ends_the_threads() -> None:
    def refuse_three(n: int) -> int:
        if n == 3:
            raise ValueError("three")
        return n

    results = in_order(refuse_three, range(10), 2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)
    assert not _scoring()


def test_an_error_of_the_source_ends_the_threads() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(in_order(lambda n: n, items(), 2))
    assert not _scoring()


def test_who_stops_early_leaves_no_thread() -> None:
    results = in_order(lambda n: n, range(100), 2)
    next(results)
    assert _scoring()
    results.close()
    assert not _scoring()


def test_nothing_to_do_starts_nothing() -> None:
    assert list(in_order(lambda n: n, [], 2)) == []
    assert cores() >= 1


def _scoring() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("score")]
