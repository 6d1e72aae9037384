"""Outliers are clipped to percentiles of the training rows, in scikit-learn and, to the last bit, in ONNX."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

if TYPE_CHECKING:
    from skl2onnx.common._container import ModelComponentContainer
    from skl2onnx.common._topology import Operator, Scope


class PercentileClipper(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Clip each column to the values that bound its central part.

    Args:
        lower: The share of training values that lie below the lower limit, 0 to 1.
        upper: The share of training values that lie below the upper limit, 0 to 1.
    """

    def __init__(self, lower: float = 0.005, upper: float = 0.995) -> None:
        self.lower = lower
        self.upper = upper

    def fit(self, X: npt.ArrayLike, y: object = None) -> Self:  # noqa: ARG002, N803 (scikit-learn's signature)
        """Learn the limits, shape (2, columns), from X, shape (rows, columns).

        Missing values (NaN) say nothing.
        """
        values = validate_data(self, X, dtype=np.float32, ensure_all_finite="allow-nan")
        limits = pd.DataFrame(values).quantile([self.lower, self.upper]).to_numpy()
        # a column without any value is not clipped
        limits = np.where(np.isnan(limits), [[-np.inf], [np.inf]], limits)
        # float32 like the graph's tensors: a limit of more digits would be another limit there.
        self.limits_ = limits.astype(np.float32)
        return self

    def transform(self, X: npt.ArrayLike) -> npt.NDArray[np.float32]:  # noqa: N803
        """Clip X, shape (rows, columns), to the limits. Missing values stay missing."""
        check_is_fitted(self)
        values = validate_data(self, X, dtype=np.float32, ensure_all_finite="allow-nan", reset=False)
        clipped: npt.NDArray[np.float32] = np.clip(values, *self.limits_)
        return clipped


def register() -> None:
    """Teach skl2onnx how the clipper is written in ONNX."""
    from skl2onnx import update_registered_converter

    update_registered_converter(PercentileClipper, "SluicePercentileClipper", _shapes, _convert)


def _shapes(operator: Operator) -> None:
    operator.outputs[0].type = operator.inputs[0].type.__class__(
        [None, operator.raw_operator.limits_.shape[1]]
    )


def _convert(scope: Scope, operator: Operator, container: ModelComponentContainer) -> None:
    from skl2onnx.common.data_types import guess_proto_type

    clipper: Any = operator.raw_operator
    names = [scope.get_unique_variable_name(name) for name in ("lower", "upper", "raised")]
    for name, limits in zip(names, clipper.limits_, strict=False):
        container.add_initializer(name, guess_proto_type(operator.inputs[0].type), [len(limits)], limits)
    lower, upper, raised = names
    # Not ONNX's Clip: its limits are one number for all columns.
    container.add_node("Max", [operator.inputs[0].full_name, lower], raised, op_version=13)
    container.add_node("Min", [raised, upper], operator.outputs[0].full_name, op_version=13)
