"""What the seed of a training does to its model: how much of a challenger's gain is luck."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.pipeline import Pipeline
from xgboost import XGBModel

from pipelines.model import candidate

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

SEEDS = 5  # more trainings, each with another seed


def is_random(pipeline: Pipeline) -> bool:
    """Whether another seed would make another model."""
    model = pipeline["model"]
    if isinstance(model, RandomForestClassifier | RandomForestRegressor):
        return True
    if isinstance(model, XGBModel):
        drawn = [name for name in model.get_params() if name == "subsample" or name.startswith("colsample_")]
        return any(getattr(model, name) not in (None, 1) for name in drawn)
    return False


def across_seeds(
    pipeline: Pipeline,
    X: pd.DataFrame,  # noqa: N803 (scikit-learn's letter)
    y: npt.NDArray[np.generic],
    measure: Callable[[Pipeline], float],
) -> tuple[float, ...]:
    """Measure models that differ from a fitted one in their seed only.

    Args:
        pipeline: Fitted on these rows.
        X: The training rows, a frame of `inputs.frame`.
        y: Their labels.
        measure: What a model is worth, on held-out rows.

    Returns:
        The fitted one's value and those of `SEEDS` others; only the first where the seed makes no difference.
    """
    seeds = range(1, SEEDS + 1) if is_random(pipeline) else ()
    others = [
        candidate.unfitted_copy(pipeline, model__random_state=pipeline["model"].random_state + n).fit(X, y)
        for n in seeds
    ]
    return tuple(measure(model) for model in (pipeline, *others))
