"""Making probabilities true: a rising curve over the model's scores, learned on rows that a fold held out,
inside the exported graph.

Platt's sigmoid (1999) or an isotonic regression (Zadrozny and Elkan 2002), either as a line through some
points: scikit-learn draws the curve, the graph and every engine only follow the line, and none of its pieces
is so steep that the last bit of a score, which engines may see differently, would show.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper, numpy_helper
from scipy.special import logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

if TYPE_CHECKING:
    from collections.abc import Mapping

    Floats = npt.NDArray[np.float64]

KEY = "calibration"  # in a graph's metadata
POINTS = 200  # of the sigmoid's line: as many as its curve needs, where the scores are
STEEPEST = 20.0  # of a piece: times the 3e-7 that engines differ by, it stays below what parity allows
LEAST = 1e-7  # from 0 and 1: the logit of a score that says `certainly` has no value


@dataclass(frozen=True)
class Line:
    """A rising line through points: score -> probability.

    Attributes:
        x: Scores, rising, from 0 to 1.
        y: Probabilities, not falling.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]

    def __call__(self, score: npt.ArrayLike) -> Floats:
        """Calibrate scores, shape (n,)."""
        return np.interp(np.asarray(score, dtype=np.float64), self.x, self.y)

    def as_json(self) -> str:
        """As it lies in a graph's metadata."""
        return json.dumps({"x": self.x, "y": self.y})


def read(metadata: Mapping[str, str]) -> Line | None:
    """The line of a graph's metadata; None where the graph is not calibrated."""
    if KEY not in metadata:
        return None
    found = json.loads(metadata[KEY])
    return Line(tuple(found["x"]), tuple(found["y"]))


def fit(method: Literal["sigmoid", "isotonic"], y: npt.ArrayLike, score: npt.ArrayLike) -> Line:
    """Learn the line on rows that the scoring model has not seen.

    Args:
        method: sigmoid has two numbers to learn and does for some hundred rows; isotonic takes any rising
            shape and wants thousands.
        y: The truth, shape (n,): 0 or 1, both there.
        score: The model's probabilities of these rows, shape (n,).
    """
    truth, scores = np.asarray(y, dtype=np.float64), np.asarray(score, dtype=np.float64)
    x, curve = _sigmoid(truth, scores) if method == "sigmoid" else _isotonic(truth, scores)
    return _gentle(x, np.maximum.accumulate(curve))


def _sigmoid(y: Floats, score: Floats) -> tuple[Floats, Floats]:
    def certainty(x: Floats) -> Floats:
        return np.asarray(logit(x.clip(LEAST, 1 - LEAST))).reshape(-1, 1)

    # Without a penalty: two numbers are not overfitted.
    curve = LogisticRegression(C=np.inf).fit(certainty(score), y)
    x = np.unique(
        np.concatenate(
            [[0.0, 1.0], np.quantile(score, np.linspace(0, 1, POINTS // 2)), np.linspace(0, 1, POINTS // 2)]
        )
    )
    return x, curve.predict_proba(certainty(x))[:, 1]


def _isotonic(y: Floats, score: Floats) -> tuple[Floats, Floats]:
    curve = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(score, y)
    x, found = curve.X_thresholds_.astype(np.float64), curve.y_thresholds_.astype(np.float64)
    return np.concatenate([[0.0], x, [1.0]]), np.concatenate([found[:1], found, found[-1:]])


def _gentle(x: Floats, y: Floats) -> Line:
    """Leave out points until no piece is too steep.

    The ends stay, and between them no line is steeper than one.
    """
    kept = [0]
    for n in range(1, len(x)):
        last = n == len(x) - 1
        while kept[1:] and last and _slope(x, y, kept[-1], n) > STEEPEST:
            kept.pop()
        if last or _slope(x, y, kept[-1], n) <= STEEPEST:
            kept.append(n)
    return Line(tuple(x[kept].tolist()), tuple(y[kept].tolist()))


def _slope(x: Floats, y: Floats, one: int, other: int) -> float:
    width = x[other] - x[one]
    return float((y[other] - y[one]) / width) if width > 0 else np.inf


def append_to(graph: Any, line: Line) -> None:
    """Let a graph whose output is `score` [N] follow the line: sums of clipped pieces, in double
    precision.
    """
    before, pieces = ":uncalibrated", np.diff(line.x)
    slopes = np.divide(np.diff(line.y), pieces, out=np.zeros_like(pieces), where=pieces > 0)
    constants = {
        ":starts": np.array(line.x[:-1]),
        ":widths": pieces,
        ":slopes": slopes.reshape(-1, 1),
        ":first": np.array(line.y[0]),
        ":nothing": np.array(0.0),
        ":second_axis": np.array([1], np.int64),
    }
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    for node in graph.node:
        node.output[:] = [before if name == "score" else name for name in node.output]
    graph.node.extend(
        [
            helper.make_node("Cast", [before], [":double"], to=TensorProto.DOUBLE),
            helper.make_node("Unsqueeze", [":double", ":second_axis"], [":column"]),
            helper.make_node("Sub", [":column", ":starts"], [":beyond"]),
            helper.make_node("Max", [":beyond", ":nothing"], [":risen"]),
            helper.make_node("Min", [":risen", ":widths"], [":within"]),
            helper.make_node("MatMul", [":within", ":slopes"], [":gains"]),
            helper.make_node("Squeeze", [":gains", ":second_axis"], [":gain"]),
            helper.make_node("Add", [":gain", ":first"], [":calibrated"]),
            helper.make_node("Cast", [":calibrated"], ["score"], to=TensorProto.FLOAT),
        ]
    )
