"""Rows whose labels are known, as models learn from them and are judged on them."""

from __future__ import annotations

from dataclasses import dataclass
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
    """

    X: pd.DataFrame
    y: Floats


@dataclass(frozen=True)
class HeldOut(LabelledRows):
    """The rows on which models are judged.

    Attributes:
        units: Which rows are drawn together, shape (n,); see `bootstrap.units`.
        hours: Their hours of day, shape (n,).
    """

    units: Codes
    hours: Floats
