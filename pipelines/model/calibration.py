"""Making probabilities true: a rising curve over the model's scores, learned on rows that a fold held out,
inside the exported graph.

Platt's sigmoid (1999) or an isotonic regression (Zadrozny and Elkan 2002), as scikit-learn draws them. Of a
model that has log-odds inside (linear models, boosted trees) the curve is over these margins, in double
precision, since near 0 and 1 a probability of 32 bits has lost what tells scores apart: 1e-7 is nothing at
0.5 and a tenth at 1e-6. Of others (forests) it is over the probability. No piece of a curve is so steep that
the last bits of a score, which engines may see differently, would show.

It is learned to be used only if it helps: on each fold by a curve that the other folds have taught.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper, numpy_helper
from scipy.special import expit, logit
from scipy.stats import t as student
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

if TYPE_CHECKING:
    from collections.abc import Mapping

    Floats = npt.NDArray[np.float64]

Method = Literal["sigmoid", "isotonic"]
Scale = Literal["score", "margin", "logit"]

KEY = "calibration"  # in a graph's metadata
POINTS = 400  # of a sigmoid over probabilities, drawn as a line: as many as its curve needs
# Of a piece: margins of engines differ by some 1e-6, probabilities of forests by up to 5e-7, and parity
# allows 1e-5.
STEEPEST = {"score": 20.0, "margin": 5.0}
LEAST = 1e-7  # from 0 and 1: the logit of a score that says `certainly` has no value
WIDEST = 100.0  # a margin beyond says no more
BLURRED = 0.05  # of a probability: a curve that is off by more on average, to be less steep, is another curve
SURE = 0.95  # that the scores become truer, or they stay as they are


@dataclass(frozen=True)
class Line:
    """A rising line through points: score or margin -> probability.

    Attributes:
        x: Rising: scores from 0 to 1, or margins (log-odds).
        y: Not falling: probabilities, or their logits.
        scale: `score`: x are scores; `margin`: x are margins; `logit`: that, and y are logits.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    scale: Scale = "score"

    def __call__(self, value: npt.ArrayLike) -> Floats:
        """Calibrate scores, or margins where the line is over those, shape (n,)."""
        found = np.interp(np.asarray(value, dtype=np.float64), self.x, self.y)
        return np.asarray(expit(found) if self.scale == "logit" else found)

    def of_scores(self, score: npt.ArrayLike) -> Floats:
        """Calibrate probabilities, shape (n,), whatever the line is over."""
        return self(score if self.scale == "score" else _margins(np.asarray(score, dtype=np.float64)))

    def as_json(self) -> str:
        """As it lies in a graph's metadata."""
        scale = {} if self.scale == "score" else {"scale": self.scale}
        return json.dumps({"x": self.x, "y": self.y} | scale)


@dataclass(frozen=True)
class Calibration:
    """What came of learning to calibrate.

    Attributes:
        line: None where the scores stay as they are.
        note: What was found, a sentence.
    """

    line: Line | None
    note: str


def read(metadata: Mapping[str, str]) -> Line | None:
    """The line of a graph's metadata; None where the graph is not calibrated."""
    if KEY not in metadata:
        return None
    found = json.loads(metadata[KEY])
    return Line(tuple(found["x"]), tuple(found["y"]), found.get("scale", "score"))


def learn(
    method: Method,
    y: npt.ArrayLike,
    score: npt.ArrayLike,
    fold: npt.ArrayLike,
    unit: npt.ArrayLike,
    margins: bool,
) -> Calibration:
    """Learn the line, and whether the scores are surely truer by it.

    Judged by the Brier score, which has a value where an isotonic curve says 0 or 1, of each fold's rows by
    the line that the other folds have taught; by units, as Student's t knows.

    Args:
        method: See `fit`.
        y: The truth, shape (n,): 0 or 1.
        score: The model's out-of-fold probabilities, shape (n,).
        fold: The fold that held each row out, shape (n,).
        unit: Which unit each row belongs to, shape (n,).
        margins: See `fit`.
    """
    truth, scores, folds = np.asarray(y, np.float64), np.asarray(score, np.float64), np.asarray(fold)
    line, off = _fit(method, truth, scores, margins)
    if off > BLURRED:
        return Calibration(
            None,
            "calibration: none, since the model's scores lie too close together for a curve over them that"
            " every engine sees alike; find features that tell the classes apart better",
        )
    crossed = scores.copy()
    for each in np.unique(folds):
        others = folds != each
        if len(np.unique(truth[others])) == 2:
            crossed[~others] = fit(method, truth[others], scores[others], margins).of_scores(scores[~others])
    gained = np.bincount(
        np.unique(unit, return_inverse=True)[1], weights=(scores - truth) ** 2 - (crossed - truth) ** 2
    )
    gain, units = float(gained.sum() / len(truth)), len(gained)
    error = float(gained.std(ddof=1) * np.sqrt(units) / len(truth)) if units > 1 else np.inf
    low = gain - float(student.ppf(SURE, max(units - 1, 1))) * error
    if not low > 0:
        return Calibration(
            None,
            "calibration: none, since the scores are as true without it (on rows that it was not learned on,"
            f" {method} makes the Brier score {'better' if gain > 0 else 'worse'} by {abs(gain):.2g}, which"
            " may be chance)",
        )
    return Calibration(
        line,
        f"calibration: {method}, by which the Brier score is better by {gain:.2g} on rows not learned on",
    )


def fit(method: Method, y: npt.ArrayLike, score: npt.ArrayLike, margins: bool = True) -> Line:
    """Learn the line on rows that the scoring model has not seen.

    Args:
        method: sigmoid has two numbers to learn and does for some hundred rows; isotonic takes any rising
            shape and wants thousands.
        y: The truth, shape (n,): 0 or 1, both there.
        score: The model's probabilities of these rows, shape (n,).
        margins: Whether the model has log-odds inside, so that the line can be over them.
    """
    return _fit(method, np.asarray(y, np.float64), np.asarray(score, np.float64), margins)[0]


def bend(before: Line | None, y: npt.ArrayLike, score: npt.ArrayLike, margins: bool) -> Line:
    """A line that makes a model's scores true on rows that it has not seen, and keeps their order: Platt's
    sigmoid, which moves all odds alike where only the share of positives has moved (Saerens, Latinne and
    Decaestecker 2002), behind the line that the model has.

    Args:
        before: The line that its scores follow, if any: what that makes one score stays one.
        y: The truth, shape (n,): 0 or 1, both there.
        score: Its scores of these rows, shape (n,).
        margins: See `fit`; asked where there is no line.
    """
    truth, scores = np.asarray(y, np.float64), np.asarray(score, np.float64)
    if before is None:
        return fit("sigmoid", truth, scores, margins)
    slope, start = _platt(truth, _margins(scores))
    x, told = np.array(before.x), np.array(before.y)
    if before.scale == "logit":
        steepest = float(np.max(np.diff(told) / np.diff(x)))
        slope = min(slope, 4 * STEEPEST["margin"] / steepest) if steepest > 0 else slope
        return Line(before.x, tuple((slope * told + start).tolist()), before.scale)
    return _gentle(x, expit(slope * _margins(told) + start), before.scale)


def _fit(method: Method, y: Floats, score: Floats, margins: bool) -> tuple[Line, float]:
    """The line, and by how much it is off the curve on average, since it may not be too steep."""
    if method == "isotonic":
        curve = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
        x = _margins(score) if margins else score
        curve.fit(x, y)
        knots = curve.X_thresholds_.astype(np.float64), curve.y_thresholds_.astype(np.float64)
        line = _gentle(*knots, "margin" if margins else "score")
        return line, float(np.abs(line(x) - curve.predict(x)).mean())
    slope, start = _platt(y, _margins(score))
    if margins:
        steep = min(slope, 4 * STEEPEST["margin"])
        middle = -start / slope if slope > 0 else 0.0
        first = start if slope == steep else -steep * middle
        ends = np.array([-WIDEST, WIDEST])
        line = Line(tuple(ends.tolist()), tuple((steep * ends + first).tolist()), "logit")
    else:
        x = np.unique(
            np.concatenate([np.quantile(score, np.linspace(0, 1, POINTS)), np.linspace(0, 1, POINTS)])
        )
        line = _gentle(x, expit(slope * _margins(x) + start), "score")
    return line, float(np.abs(line.of_scores(score) - expit(slope * _margins(score) + start)).mean())


def _margins(score: Floats) -> Floats:
    return np.asarray(logit(score.clip(LEAST, 1 - LEAST)))


def _platt(y: Floats, margin: Floats) -> tuple[float, float]:
    """Slope and start of Platt's sigmoid, whose targets are a little less sure than the labels."""
    positive, negative = y.sum(), len(y) - y.sum()
    target = np.where(y == 1, (positive + 1) / (positive + 2), 1 / (negative + 2))
    centre, spread = margin.mean(), margin.std()
    if not spread > 0:
        return 0.0, float(logit(target.mean()))
    x = np.tile((margin - centre) / spread, 2).reshape(-1, 1)
    label = np.repeat([1, 0], len(y))
    # Without a penalty: two numbers are not overfitted.
    curve = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10).fit(
        x, label, sample_weight=np.concatenate([target, 1 - target])
    )
    slope = max(float(curve.coef_[0, 0] / spread), 0.0)
    start = float(curve.intercept_[0] - slope * centre) if slope else float(logit(target.mean()))
    return slope, start


def _gentle(x: Floats, y: Floats, scale: Scale) -> Line:
    """The line through points, nowhere too steep: where it would be, midway between the greatest line below
    it that is not and the least one above it (McShane 1934), than which none is nearer.
    """
    steepest = STEEPEST[scale]
    y = np.maximum.accumulate(y)
    rise, width = np.diff(y), np.diff(x)
    steep = rise > steepest * width
    knots = x
    if steep.any():
        half = rise[steep] / steepest / 2
        around = [side + times * half for side in (x[:-1][steep], x[1:][steep]) for times in (-2, -1, 1, 2)]
        knots = np.unique(np.concatenate([x, *around]).round(12))
    if scale == "score":
        knots = np.unique(np.concatenate([[0.0], knots.clip(0, 1), [1.0]]))
    values = np.interp(knots, x, y)
    if steep.any():
        level = values - steepest * knots
        below = steepest * knots + np.minimum.accumulate(level)
        above = steepest * knots + np.maximum.accumulate(level[::-1])[::-1]
        values = np.maximum.accumulate(((below + above) / 2).clip(0, 1))
    return Line(tuple(knots.tolist()), tuple(values.tolist()), scale)


def append_to(graph: Any, line: Line) -> None:
    """Let a graph whose output is `score` [N] follow the line: sums of clipped pieces, in double
    precision.
    """
    if line.scale != "score":
        _give_margins(graph)
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
    curved = ":logit" if line.scale == "logit" else ":calibrated"
    graph.node.extend(
        [
            helper.make_node("Cast", [before], [":double"], to=TensorProto.DOUBLE),
            helper.make_node("Unsqueeze", [":double", ":second_axis"], [":column"]),
            helper.make_node("Sub", [":column", ":starts"], [":beyond"]),
            helper.make_node("Max", [":beyond", ":nothing"], [":risen"]),
            helper.make_node("Min", [":risen", ":widths"], [":within"]),
            helper.make_node("MatMul", [":within", ":slopes"], [":gains"]),
            helper.make_node("Squeeze", [":gains", ":second_axis"], [":gain"]),
            helper.make_node("Add", [":gain", ":first"], [curved]),
            *([helper.make_node("Sigmoid", [curved], [":calibrated"])] if line.scale == "logit" else []),
            helper.make_node("Cast", [":calibrated"], ["score"], to=TensorProto.FLOAT),
        ]
    )


def _give_margins(graph: Any) -> None:
    """Let the classifier say log-odds instead of probabilities."""
    (told,) = (
        attribute
        for node in graph.node
        for attribute in node.attribute
        if attribute.name == "post_transform" and attribute.s == b"LOGISTIC"
    )
    told.s = b"NONE"
