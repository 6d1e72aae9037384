"""A model's inputs: the same columns of the same types wherever a model is fitted, judged or exported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipelines.core.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.core.config import Features


def frame(rows: pd.DataFrame, features: Features) -> pd.DataFrame:
    """Take the features' columns as the model sees them.

    Numbers become float32 (missing: NaN), the type of an ONNX graph's inputs: a model fitted on float64 would
    put its thresholds between values that the graph cannot tell apart. Categories and texts become objects
    holding `str` (missing: the empty string), since ONNX Runtime would read a None as the text "None".

    Args:
        rows: At least the features' columns, shape (n, ...).
        features: Which columns, and of what kind.

    Returns:
        Shape (n, number of features), in the order of `features.names`, with the index of `rows`.

    Raises:
        BadInput: a number is infinite or beyond float32.
    """
    columns: dict[str, object] = {name: _float32(rows[name]) for name in features.numbers}
    mistakes = [f"{name}: {count:,} of {len(rows):,} rows" for name, count in _infinite(columns)]
    if mistakes:
        raise BadInput(
            "numbers that are infinite, or beyond what a 32-bit number holds (3.4e38)",
            details=mistakes,
            fix="guard the feature's SQL, for instance against a division by zero with nullif",
        )
    columns |= {name: _strings(rows[name]) for name in (*features.categories, *features.texts)}
    return pd.DataFrame(columns, index=rows.index)


def _float32(column: pd.Series) -> np.ndarray:
    with np.errstate(over="ignore"):  # told by the caller, with the column's name
        return column.to_numpy(np.float64, na_value=np.nan).astype(np.float32)


def _infinite(columns: dict[str, object]) -> Iterator[tuple[str, int]]:
    for name, values in columns.items():
        count = int(np.isinf(values).sum())  # type: ignore[call-overload]
        if count:
            yield name, count


def _strings(column: pd.Series) -> pd.Series:
    return column.astype(object).where(column.notna(), "")
