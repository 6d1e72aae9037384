"""Whether rows come in order, watched while they pass by."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class Watch:
    """Looks at batch after batch of rows that should be ordered by time and key, as `ORDER BY` orders them: a
    missing key is last.
    """

    def __init__(self, time: str, key: str) -> None:
        self.columns = [time, key]
        self.last: pa.RecordBatch | None = None

    def goes_on(self, batch: pa.RecordBatch) -> bool:
        """Whether the batch is in order, and comes after those before it. No time may be missing."""
        if not batch.num_rows:
            return True
        seen = batch.select(self.columns)
        if self.last is not None:
            seen = pa.concat_batches([self.last, seen])
        self.last = seen.slice(seen.num_rows - 1)
        times, keys = seen.column(0).cast(pa.int64()).to_numpy(), seen.column(1)
        steps = np.diff(times)
        if (steps < 0).any():
            return False
        ties = pa.array(np.flatnonzero(steps == 0))
        return not len(ties) or not _any_after(keys.take(ties), keys.take(pc.add(ties, 1)))


def _any_after(keys: pa.Array, followers: pa.Array) -> bool:
    """Whether any key sorts after the one that follows it."""
    missing_first = pc.and_(pc.is_null(keys), pc.is_valid(followers))
    return bool(pc.any(pc.or_(missing_first, pc.fill_null(pc.greater(keys, followers), False))).as_py())
