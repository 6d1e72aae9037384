"""The winner, fitted once more on all labelled rows: once it is judged, the held-out ones have done their
work.

Where the last days are held out, the judged fit knows nothing of the newest ones, and forecasts worse than a
fit that does (`benchmarks/refit.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.core.sql import name as quoted
from pipelines.model import candidate, inputs

if TYPE_CHECKING:
    import duckdb
    from sklearn.pipeline import Pipeline

    from pipelines.core.config import UseCase

# In a graph's metadata: of how many rows it has learned, and which graph was judged in its place.
ROWS, JUDGED = "fitted_rows", "judged_graph_sha256"


def on_all_rows(
    judged: Pipeline, features: duckdb.DuckDBPyRelation, use_case: UseCase
) -> tuple[Pipeline, int]:
    """Fit a Pipeline's like, with the same parameters, seed and calibration, on all labelled rows.

    Args:
        judged: Fitted on the training rows.
        features: The training's features table, with its column `split`.
        use_case: Names the label and the features.

    Returns:
        The Pipeline, and the number of rows it was fitted on.
    """
    # In order of time, then key, as the search has them: what a fit draws, it draws by a row's place.
    by = ", ".join(map(quoted, (use_case.time, use_case.key)))
    rows = features.filter("split IN ('train', 'test')").order(by).df()
    y = rows[use_case.target].to_numpy(np.int64 if use_case.task.classes else np.float64)
    return candidate.unfitted_copy(judged).fit(inputs.frame(rows, use_case.features), y), len(rows)
