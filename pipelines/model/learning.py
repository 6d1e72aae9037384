"""How a model learns: from fewer of its training rows, how good would it be on them, and on rows that it has
not seen?
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from pipelines.model import candidate

if TYPE_CHECKING:
    import numpy.typing as npt

# of the training rows, beside all of them: together less than the work of one more training
SHARES = (0.125, 0.25, 0.5)
KEPT = 0.5  # of what it gains on its own training rows, a model must keep on others, or it is overfitted
GROWING = (
    0.05  # by such a share of its gain it grew with the last doubling of the rows: more of them would help
)
# what is as good on others as on its own rows, and grows no more, could learn no more from such features
LEVEL = 0.9


NOTHING = pd.DataFrame({"rows": [], "training": [], "held_out": []}, dtype=np.float64)  # of `curve`


def curve(
    pipeline: Pipeline,
    X: pd.DataFrame,  # noqa: N803 (scikit-learn's letter)
    y: npt.NDArray[np.float64],
    on_training: Callable[[Pipeline, npt.NDArray[np.int64]], float | None],
    on_held_out: Callable[[Pipeline], float | None],
    seed: int,
) -> pd.DataFrame:
    """Train on ever more of the training rows, drawn by chance.

    Args:
        pipeline: The model, fitted on all of them.
        X: The training rows, a frame of `inputs.frame`.
        y: Their labels.
        on_training: The metric of a model on some of the training rows, given by position.
        on_held_out: Its metric on the held-out rows.
        seed: Of the drawing.

    Returns:
        A row a size: rows, training and held_out, the metric in its own unit. A size whose rows a model
        cannot be fitted on, or measured on, such as those of one class, is left out.
    """
    order = np.random.default_rng(seed).permutation(len(y))
    points = []
    for share in SHARES:
        some = np.sort(order[: round(share * len(y))])
        if len(np.unique(y[some])) > 1:
            fitted = candidate.unfitted_copy(pipeline).fit(X.iloc[some], y[some])
            points.append((len(some), on_training(fitted, some), on_held_out(fitted)))
    points.append((len(y), on_training(pipeline, np.arange(len(y))), on_held_out(pipeline)))
    table = pd.DataFrame(points, columns=["rows", "training", "held_out"]).astype(
        {"training": np.float64, "held_out": np.float64}
    )
    return table.dropna(ignore_index=True)


@dataclass(frozen=True)
class Bar:
    """The baseline's metric, which a model has to beat on the same rows: with more positives among them, a
    metric such as AUCPR is greater for whatever model.

    Attributes:
        training: On the training rows; None where it has no value.
        held_out: On the held-out rows; the same.
    """

    training: float | None
    held_out: float | None


def verdict(points: pd.DataFrame, baseline: Bar, sign: int) -> str:
    """Say whether the model is over- or underfitted, a sentence.

    Args:
        points: The table of `curve`.
        baseline: What it has to beat.
        sign: 1 where more of the metric is better, else -1.
    """
    if baseline.training is None or baseline.held_out is None:
        return "the baseline has no value to compare with"
    if len(points) < 2:
        return "too few rows to say whether it is over- or underfitted"
    own = sign * (points["training"].to_numpy(np.float64) - baseline.training)
    others = sign * (points["held_out"].to_numpy(np.float64) - baseline.held_out)
    if own[-1] <= 0:
        return "underfitted: even on its own training rows it is no better than the baseline"
    kept = others[-1] / own[-1]
    grown = (others[-1] - others[-2]) / abs(others[-1]) if others[-1] else 0.0
    told = (
        f"it keeps {kept:.0%} of its gain over the baseline on rows that it has not seen, and"
        f" {'grew' if grown >= 0 else 'lost'} {abs(grown):.0%} of that with the last doubling of its training"
        " rows"
    )
    if kept < KEPT:
        return f"overfitted: {told}; fewer or weaker features, a simpler model, or more rows would help"
    if grown > GROWING:
        return f"not at its end: {told}; more rows would help"
    if kept >= LEVEL:
        return (
            f"underfitted, or at the end of what these features tell: {told}; other features or a richer"
            " model may help, more rows will hardly"
        )
    return f"neither over- nor underfitted: {told}"
