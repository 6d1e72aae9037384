"""The pictures of an evaluation, as PNG: for the model card, and beside the metrics in MLflow."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipelines.core.tasks import Task
from pipelines.metrics.metrics import Floats
from pipelines.metrics.scored import CONFUSION, Scored

if TYPE_CHECKING:
    from pipelines.evaluation.inspection import Inspection
    from pipelines.evaluation.rows import HeldOut

INK, SOFT, GRID = "#1b2330", "#5d6878", "#e8ebf0"
CHALLENGER, POSITIVE, NEGATIVE = "#3557c8", "#c8553d", "#8fa3bf"
OTHERS = {"champion": "#d08a12", "baseline": "#8a94a6"}
STYLE = {
    "font.size": 9.5,
    "axes.edgecolor": GRID,
    "axes.labelcolor": SOFT,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "legend.frameon": False,
}


def models(
    task: Task, curves: pd.DataFrame, held_out: HeldOut, challenger: Scored, others: Sequence[Scored]
) -> dict[str, bytes]:
    """Draw how the models do on the held-out rows.

    Args:
        task: By which it is known what there is to see: of one that decides precision-recall, ROC, confusion,
            score distribution and calibration; of another predicted against actual, calibration, and the
            residuals, together and by hour of day.
        curves: The table of `curves.table`.
        held_out: The rows.
        challenger: The model that is judged.
        others: The models beside it, in the order of the legend.
    """
    y, every = held_out.y, [challenger, *others]
    if task.decides:
        return {
            "precision_recall": _png(lambda axes: _precision_recall(axes, curves, every, float(y.mean()))),
            "roc": _png(lambda axes: _roc(axes, curves, every)),
            "score_distribution": _png(lambda axes: _distribution(axes, y, challenger)),
            "calibration": _png(lambda axes: _calibration(axes, curves, every, "share of positive rows")),
            "confusion": _png(lambda axes: _confusion(axes, y, challenger)),
        }
    residual = challenger.score - y
    drawn = {
        "predicted_actual": _png(lambda axes: _predicted_actual(axes, y, challenger.score)),
        "calibration": _png(lambda axes: _calibration(axes, curves, every, "mean label")),
        "residuals": _png(lambda axes: _residuals(axes, residual)),
    }
    if np.ptp(held_out.hours) > 0:
        drawn["residuals_by_hour"] = _png(lambda axes: _by_hour(axes, residual, held_out.hours))
    return drawn


def inspection(found: Inspection, metric: str, baseline: float | None) -> dict[str, bytes]:
    """Draw how the winner learns, and what its features are worth."""
    drawn = {"importance": _png(lambda axes: _importance(axes, found.importance, metric))}
    if len(found.learning) > 1:
        drawn["learning"] = _png(lambda axes: _learning(axes, found.learning, metric, baseline))
    return drawn


def _png(draw: Callable[[Axes], None]) -> bytes:
    # No pyplot: its figures are shared by the whole process. No version in the file: same inputs, same bytes.
    import matplotlib as mpl

    with mpl.rc_context({**mpl.rcParamsDefault, **STYLE, "backend": "Agg"}):
        figure = Figure(figsize=(4.8, 3.4), layout="constrained")
        draw(figure.subplots())
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=175, metadata={"Software": None})
    return buffer.getvalue()


def _lines(
    axes: Axes,
    curves: pd.DataFrame,
    models: Sequence[Scored],
    curve: str,
    *,
    step: bool = False,
    marker: str = "",
) -> None:
    """One line a model; the challenger is drawn last, above the others."""
    for model in reversed(models):
        points = curves[(curves["model"] == model.name) & (curves["curve"] == curve)]
        if points.empty:
            continue
        colour = OTHERS.get(model.name, CHALLENGER)
        axes.plot(
            points["x"],
            points["y"],
            color=colour,
            linewidth=2 if colour == CHALLENGER else 1.4,
            label=model.name,
            marker=marker,
            markersize=4,
            drawstyle="steps-pre" if step else "default",
        )
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc="best")


def _precision_recall(axes: Axes, curves: pd.DataFrame, models: Sequence[Scored], base: float) -> None:
    _lines(axes, curves, models, "precision_recall", step=True)
    axes.axhline(base, color=SOFT, linewidth=1, linestyle=":")
    axes.set(title="Precision and recall", xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.03))


def _roc(axes: Axes, curves: pd.DataFrame, models: Sequence[Scored]) -> None:
    axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle=":")
    _lines(axes, curves, models, "roc")
    axes.set(
        title="ROC", xlabel="false positive rate", ylabel="true positive rate", xlim=(0, 1), ylim=(0, 1.03)
    )


def _calibration(axes: Axes, curves: pd.DataFrame, models: Sequence[Scored], truth: str) -> None:
    points = curves[curves["curve"] == "calibration"]
    low, high = float(points[["x", "y"]].min().min()), float(points[["x", "y"]].max().max())
    axes.plot([low, high], [low, high], color=SOFT, linewidth=1, linestyle=":")
    _lines(axes, curves, models, "calibration", marker="o")
    axes.set(
        title="Calibration: what was said, what came true",
        xlabel="mean score of a tenth of the rows",
        ylabel=truth,
    )


def _distribution(axes: Axes, y: Floats, model: Scored) -> None:
    edges = np.linspace(min(0.0, model.score.min()), max(1.0, model.score.max()), 41).tolist()
    for label, name, colour in ((0, "negative rows", NEGATIVE), (1, "positive rows", POSITIVE)):
        scores = model.score[y == label]
        # Shares of each class: beside a hundred times as many negative rows, positive ones could not be seen.
        axes.hist(
            scores,
            edges,
            weights=np.full(len(scores), 1 / max(len(scores), 1)),
            color=colour,
            alpha=0.7,
            label=name,
        )
    axes.axvline(
        model.threshold, color=INK, linewidth=1.2, linestyle="--", label=f"threshold {model.threshold:.4g}"
    )
    axes.set(title="Scores by class", xlabel="score", ylabel="share of the class")
    axes.set_yscale("symlog", linthresh=0.01)
    axes.set_yticks([0, 0.01, 0.1, 1], ["0", "1 %", "10 %", "100 %"])
    axes.legend(loc="best")


def _confusion(axes: Axes, y: Floats, model: Scored) -> None:
    counts = model.confusion(y, np.full(len(y), True))
    tp, fp, fn, tn = (counts[name] for name in CONFUSION)
    cells = np.array([[tn, fp], [fn, tp]])
    shares = cells / np.maximum(cells.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.15, aspect="auto")
    words = (("right, silent", "false alarms"), ("misses", "right alarms"))
    for row, column in np.ndindex(2, 2):
        colour = "white" if shares[row, column] > 0.6 else INK
        told = f"{cells[row, column]:,.0f}\n{words[row][column]} ({shares[row, column]:.1%})"
        axes.text(column, row, told, ha="center", va="center", color=colour, fontsize=11)
    axes.set(title=f"Decisions at threshold {model.threshold:.4g}", xlabel="decision", ylabel="truth")
    axes.set_xticks([0, 1], ["no alarm", "alarm"])
    axes.set_yticks([0, 1], ["negative", "positive"])
    axes.grid(visible=False)


def _predicted_actual(axes: Axes, y: Floats, score: Floats) -> None:
    low, high = min(y.min(), score.min()), max(y.max(), score.max())
    # Cells instead of points: they still tell where most rows are when there are a million.
    cells = axes.hexbin(
        y,
        score,
        gridsize=45,
        bins="log",
        mincnt=1,
        cmap="Blues",
        extent=(low, high, low, high),
        linewidths=0.1,
    )
    axes.figure.colorbar(cells, ax=axes, label="rows", shrink=0.8)
    axes.plot([low, high], [low, high], color=SOFT, linewidth=1, linestyle=":")
    axes.set(title="Predicted against actual", xlabel="actual", ylabel="predicted")


def _residuals(axes: Axes, residual: Floats) -> None:
    axes.hist(residual, bins=60, color=CHALLENGER, alpha=0.8)
    axes.axvline(0, color=INK, linewidth=1, linestyle="--")
    axes.set(title="Residuals: predicted minus actual", xlabel="residual", ylabel="rows")


def _by_hour(axes: Axes, residual: Floats, hours: Floats) -> None:
    quantiles = pd.Series(residual).groupby(hours).quantile(np.array([0.1, 0.25, 0.5, 0.75, 0.9])).unstack()
    axes.fill_between(
        quantiles.index,
        quantiles[0.1],
        quantiles[0.9],
        color=CHALLENGER,
        alpha=0.15,
        label="80 % of rows",
        linewidth=0,
    )
    axes.fill_between(
        quantiles.index,
        quantiles[0.25],
        quantiles[0.75],
        color=CHALLENGER,
        alpha=0.3,
        label="50 % of rows",
        linewidth=0,
    )
    axes.plot(quantiles.index, quantiles[0.5], color=CHALLENGER, linewidth=2, label="median")
    axes.axhline(0, color=INK, linewidth=1, linestyle="--")
    axes.set(title="Residuals by hour of day", xlabel="hour", ylabel="predicted minus actual")
    axes.legend(loc="best", ncols=3)


MOST_FEATURES = 12


def _importance(axes: Axes, importance: pd.DataFrame, metric: str) -> None:
    shown = importance.head(MOST_FEATURES).iloc[::-1]
    axes.barh(
        shown["feature"],
        shown["loss"],
        xerr=shown["spread"],
        color=CHALLENGER,
        alpha=0.8,
        ecolor=SOFT,
        height=0.7,
    )
    axes.axvline(0, color=INK, linewidth=1)
    axes.set(title="What a feature is worth", xlabel=f"{metric} lost when it is shuffled")
    axes.tick_params(axis="y", labelsize=8)
    axes.grid(visible=False, axis="y")


def _learning(axes: Axes, learning: pd.DataFrame, metric: str, baseline: float | None) -> None:
    axes.plot(
        learning["rows"],
        learning["training"],
        color=POSITIVE,
        marker="o",
        markersize=4,
        label="on its own training rows",
    )
    axes.plot(
        learning["rows"],
        learning["held_out"],
        color=CHALLENGER,
        marker="o",
        markersize=4,
        linewidth=2,
        label="on held-out rows",
    )
    if baseline is not None:
        axes.axhline(
            baseline, color=OTHERS["baseline"], linewidth=1.2, linestyle="--", label="baseline, held out"
        )
    axes.set(title="Learning curve", xlabel="training rows", ylabel=metric)
    axes.legend(loc="best")
