"""Which look at the champion a training is, counted from the history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import takewhile
from typing import TYPE_CHECKING

from pipelines.core import dates
from pipelines.evaluation import look
from pipelines.evaluation.look import Look
from pipelines.registry.history import Decision, History

if TYPE_CHECKING:
    from pipelines.run.run import Run


def of(run: Run) -> Look:
    """The look that a training is.

    Raises:
        TableCorrupt: the history is damaged.
    """
    lines = History.of(run.settings, run.use_case.name).read()
    return of_history(lines, run.partition, run.loaded.sha256)


def _days(first: date, last: date) -> float:
    return (last - first) / timedelta(days=1)


def of_history(lines: Sequence[Decision], partition: date, file: str) -> Look:
    """The look that a training of a partition by a use-case file is.

    The same training run again is the same look, whatever was decided since: it is counted once, by what was
    decided before it was decided first.

    Args:
        lines: The history, oldest first. Decisions of persons are no looks.
        partition: The training's.
        file: The sha256 of its use-case file.
    """

    def is_other(line: Decision) -> bool:
        return not (line.partition == partition.isoformat() and line.file in (None, file))

    before = [line for line in takewhile(is_other, lines) if line.partition is not None]
    seen = [dates.read(line.partition) for line in before if line.partition is not None]
    if not seen:
        return look.first(None, "the first look")
    latest = max(seen)
    if latest < partition:
        gap = _days(latest, partition)
        return look.first(gap, f"{gap:g} days after that of {latest}")
    # No time has passed since the latest one: what it has left is shared out.
    its = seen.index(latest)
    earlier = max(seen[:its], default=None)
    others = {(line.partition, line.file) for line in before[its:]}
    after = f"number {len(others) + 1} of those at {latest} or before"
    return look.further(None if earlier is None else _days(earlier, latest), len(others), after)
