"""The metrics of labels that are numbers."""

from __future__ import annotations

from math import nan, sqrt
from typing import TYPE_CHECKING

from pipelines.core.metric import Metric, Sum, mean

if TYPE_CHECKING:
    from pipelines.core.metric import Floats
    from pipelines.core.stakes import Stakes


def _rmse(truth: Floats, score: Floats, _: Stakes) -> float:
    from sklearn.metrics import root_mean_squared_error

    return float(root_mean_squared_error(truth, score))


def _squares(truth: Floats, score: Floats, _: Stakes, __: float) -> list[Floats]:
    import numpy as np

    return [np.square(score - truth), np.ones(len(truth))]


def _mae(truth: Floats, score: Floats, _: Stakes) -> float:
    from sklearn.metrics import mean_absolute_error

    return float(mean_absolute_error(truth, score))


def _distances(truth: Floats, score: Floats, _: Stakes, __: float) -> list[Floats]:
    import numpy as np

    return [np.abs(score - truth), np.ones(len(truth))]


def _r2(truth: Floats, score: Floats, _: Stakes) -> float:
    from sklearn.metrics import r2_score

    return float(r2_score(truth, score))


def _explained_variance_terms(truth: Floats, score: Floats, _: Stakes, near: float) -> list[Floats]:
    import numpy as np

    # About a number near the mean: else the squares of great labels would cancel out, and their digits with
    # them.
    label = truth - near
    return [np.square(score - truth), np.square(label), label, np.ones(len(truth))]


def _share_explained(sums: Floats) -> float:
    errors, squares, labels, rows = sums
    spread = squares - labels**2 / rows
    return float(1 - errors / spread) if spread > 0 else nan


def _asymmetric(truth: Floats, score: Floats, stakes: Stakes) -> float:
    return float(costs(truth, score, stakes.under).mean())


def costs(truth: Floats, score: Floats, under_cost: float) -> Floats:
    """What each forecast costs, where one unit too high costs 1."""
    import numpy as np

    return np.where(score < truth, under_cost * (truth - score), score - truth)


def _pinball(truth: Floats, score: Floats, stakes: Stakes) -> float:
    from sklearn.metrics import mean_pinball_loss

    return nan if stakes.quantile is None else float(mean_pinball_loss(truth, score, alpha=stakes.quantile))


def _pinball_terms(truth: Floats, score: Floats, stakes: Stakes, _: float) -> list[Floats]:
    import numpy as np

    below = nan if stakes.quantile is None else stakes.quantile
    off = truth - score
    return [np.where(off > 0, below * off, (below - 1) * off), np.ones(len(truth))]


def _costs(truth: Floats, score: Floats, stakes: Stakes, _: float) -> list[Floats]:
    import numpy as np

    return [costs(truth, score, stakes.under), np.ones(len(truth))]


EVERY: tuple[Metric, ...] = (
    Metric(
        name="rmse",
        task="regression",
        meaning="root of the mean squared error",
        needs="number",
        on_arrays=_rmse,
        by=Sum(_squares, lambda sums: sqrt(sums[0] / sums[1])),
    ),
    Metric(
        name="mae",
        task="regression",
        meaning="mean absolute error",
        needs="number",
        on_arrays=_mae,
        by=Sum(_distances, mean),
        quantile=lambda _: 0.5,
    ),
    Metric(
        name="r2",
        task="regression",
        meaning="share of the label's variance that is explained",
        needs="number",
        on_arrays=_r2,
        by=Sum(_explained_variance_terms, _share_explained),
        greater_is_better=True,
        of_labels_that_differ=True,
    ),
    Metric(
        name="asymmetric",
        task="regression",
        meaning="mean error, where one unit too low costs {under:g}, one too high 1",
        needs="number",
        on_arrays=_asymmetric,
        by=Sum(_costs, mean),
        quantile=lambda stakes: stakes.under / (1 + stakes.under),
    ),
    Metric(
        name="quantile_loss",
        task="regression",
        meaning="mean pinball loss of the {quantile:g} quantile",
        needs="number",
        on_arrays=_pinball,
        by=Sum(_pinball_terms, mean),
        quantile=lambda stakes: nan if stakes.quantile is None else stakes.quantile,
        made_of=("quantile",),
    ),
)
