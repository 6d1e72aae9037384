"""Rows whose labels are known, as models learn from them and are judged on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.metrics.bootstrap import Codes
    from pipelines.metrics.metrics import Floats


@dataclass(frozen=True)
class LabelledRows:
    """Rows whose labels are known.

    Attributes:
        X: Their features, a frame of `inputs.frame`.
        y: Their labels, shape (n,).
        days: The days that they are of, numbers, shape (n,). Rows stand in order of their keys.
    """

    X: pd.DataFrame
    y: Floats
    days: Codes


@dataclass(frozen=True)
class HeldOut(LabelledRows):
    """The rows on which models are judged.

    Attributes:
        units: Which rows are drawn together, shape (n,); see `bootstrap.units`.
        hours: Their hours of day, shape (n,).
        entities: Column -> the same by whom the rows are about, where no unit is stated, see `units`.
    """

    units: Codes
    hours: Floats
    entities: Mapping[str, Codes] = field(default_factory=dict)
