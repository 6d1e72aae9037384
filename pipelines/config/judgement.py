"""What counts: the primary metric, and the policy of the decision threshold."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pipelines.config.base import Share, Strict

BINARY_METRICS = ("aucpr", "roc_auc", "f1", "precision", "recall", "log_loss", "brier")
REGRESSION_METRICS = ("rmse", "mae", "r2", "asymmetric")
GREATER_IS_BETTER = frozenset({"aucpr", "roc_auc", "f1", "precision", "recall", "r2"})


class Metric(Strict):
    """The primary metric: it ranks the trials and decides between champion and challenger."""

    name: Literal["aucpr", "roc_auc", "f1", "precision", "recall", "log_loss", "brier", "rmse", "mae", "r2", "asymmetric"]
    margin: float = Field(default=0.0, ge=0, description="By how much a challenger must beat the champion.")
    under_cost: float = Field(default=1.0, gt=0, description="asymmetric: the cost of one unit too low, where one unit too high costs 1.")


class MaxRecall(Strict):
    """The greatest recall whose precision is at least `precision`."""

    policy: Literal["max_recall"]
    precision: Share


class MaxPrecision(Strict):
    """The greatest precision whose recall is at least `recall`."""

    policy: Literal["max_precision"]
    recall: Share


class LeastCost(Strict):
    """The least total cost, of false alarms and of misses."""

    policy: Literal["least_cost"]
    false_positive: float = Field(gt=0)
    false_negative: float = Field(gt=0)


class Fixed(Strict):
    """This very threshold."""

    policy: Literal["fixed"]
    value: Share


Threshold = Annotated[MaxRecall | MaxPrecision | LeastCost | Fixed, Field(discriminator="policy")]
