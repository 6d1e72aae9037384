"""Every family of models, each by one object: whoever adds one to `EVERY` finds it in the schema of use-case
files, in the documents, and wherever models are tried, kept and exported.

Models import their libraries when they are made, since every DAG file reads this module each time it is
parsed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Make: TypeAlias = Callable[[int], Any]
MakeOfQuantile: TypeAlias = Callable[[int, float], Any]


@dataclass(frozen=True)
class Family:
    """Models of one kind, that compete under one name.

    Attributes:
        name: In use-case files, tables and pages.
        models: Task's name -> makes an unfitted scikit-learn estimator of a seed. One thread each: families
            run beside one another as tasks, and a second thread of XGBoost waits more than it works.
        of_quantile: Makes an estimator of a seed and the share of labels that shall lie below what it says;
            None: it learns squares, whatever errors cost.
        linear: Whether columns are weighed and added up, so that they have to be of one scale.
        grows: Whether it is an XGBoost ensemble, whose trees improve on one another: it may stop early.
        allowed: Task's name -> parameter -> the only values with which it can be exported.
        refused: Parameters of which there is no use, and why.
        trusted: The types in a fitted model that skops does not trust by itself.
        teach: Lets skl2onnx know its models, where it does not by itself.
    """

    name: str
    models: Mapping[str, Make]
    of_quantile: MakeOfQuantile | None = None
    linear: bool = False
    grows: bool = False
    allowed: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    trusted: tuple[str, ...] = ()
    teach: Callable[[], None] = lambda: None


def _logistic(seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=1000, random_state=seed)


def _ridge(seed: int) -> Any:
    from sklearn.linear_model import Ridge

    return Ridge(random_state=seed)


def _linear_quantile(_: int, quantile: float) -> Any:
    from pipelines.core.linear_quantile import LinearQuantile

    return LinearQuantile(quantile)


def _teach_linear() -> None:
    from pipelines.core import linear_quantile

    linear_quantile.register()


def _forest_of_classes(seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(n_jobs=1, random_state=seed)


def _forest_of_numbers(seed: int) -> Any:
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(n_jobs=1, random_state=seed)


def _boosted_classes(seed: int) -> Any:
    from xgboost import XGBClassifier

    return XGBClassifier(tree_method="hist", n_jobs=1, random_state=seed)


def _boosted_numbers(seed: int) -> Any:
    from xgboost import XGBRegressor

    return XGBRegressor(tree_method="hist", n_jobs=1, random_state=seed)


def _boosted_quantile(seed: int, quantile: float) -> Any:
    from xgboost import XGBRegressor

    loss = {"objective": "reg:quantileerror", "quantile_alpha": quantile}
    return XGBRegressor(**loss, tree_method="hist", n_jobs=1, random_state=seed)


def _teach_xgboost() -> None:
    from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
    from skl2onnx import update_registered_converter
    from skl2onnx.common import shape_calculator as shapes
    from xgboost import XGBClassifier, XGBRegressor

    update_registered_converter(
        XGBClassifier,
        "XGBoostXGBClassifier",
        shapes.calculate_linear_classifier_output_shapes,
        convert_xgboost,
        options={"nocl": [True, False], "zipmap": [True, False, "columns"]},
    )
    update_registered_converter(
        XGBRegressor, "XGBoostXGBRegressor", shapes.calculate_linear_regressor_output_shapes, convert_xgboost
    )


_OTHER_ROWS = (
    "judges by rows that no fit is given: trials are judged by metric.name; leave it out (see early_stopping)"
)
_TREES = ("gbtree",)

EVERY: tuple[Family, ...] = (
    Family(
        "linear",
        {"binary": _logistic, "regression": _ridge},
        of_quantile=_linear_quantile,
        linear=True,
        trusted=("pipelines.core.linear_quantile.LinearQuantile",),
        teach=_teach_linear,
    ),
    Family(
        "forest",
        {"binary": _forest_of_classes, "regression": _forest_of_numbers},
        trusted=("sklearn.tree._tree.Tree",),
    ),
    Family(
        "xgboost",
        {"binary": _boosted_classes, "regression": _boosted_numbers},
        of_quantile=_boosted_quantile,
        grows=True,
        # What gives a probability or a number, and can be exported as ONNX: others end in an error after the
        # training.
        allowed={
            "binary": {"objective": ("binary:logistic", "reg:logistic"), "booster": _TREES},
            "regression": {
                "objective": (
                    *("reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror"),
                    *("reg:squaredlogerror", "reg:gamma", "reg:tweedie", "count:poisson"),
                ),
                "booster": _TREES,
            },
        },
        refused={"eval_metric": _OTHER_ROWS, "early_stopping_rounds": _OTHER_ROWS},
        trusted=(*("xgboost.core.Booster", "xgboost.sklearn.XGBClassifier", "xgboost.sklearn.XGBRegressor"),),
        teach=_teach_xgboost,
    ),
)


def named(name: str) -> Family:
    """A family by its name."""
    return next(family for family in EVERY if family.name == name)
