"""Tests wait for a condition: a number of seconds is exceeded by a machine that is busy with other tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE = 300.0  # seconds: far more than anything takes, and less than a test may (see pyproject.toml)

Found = TypeVar("Found")


def until(condition: Callable[[], Found], what: str | Callable[[], str], seconds: float = PATIENCE) -> Found:
    """Wait until something holds, and return what it has found.

    Args:
        condition: Asked again and again, until what it returns is true.
        what: What is waited for, for the error; a function, where that is only known then (such as a log).
        seconds: How long at most.

    Raises:
        TimeoutError: it did not hold in time.
    """
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"not within {seconds:.0f} seconds: {what if isinstance(what, str) else what()}"
            )
        time.sleep(0.1)
    return found
