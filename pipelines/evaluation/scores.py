"""The table `scores`: every metric of the models that are compared, on all held-out rows and on each slice,
with intervals.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipelines.core import personal
from pipelines.evaluation import significance, units
from pipelines.evaluation.look import Look
from pipelines.metrics import bootstrap, metrics
from pipelines.metrics.scored import CONFUSION, NEVER, Mask, Scored
from pipelines.run import tables

if TYPE_CHECKING:
    from pipelines.core.config import Family, UseCase
    from pipelines.evaluation.inspection import Inspection
    from pipelines.evaluation.rows import HeldOut
    from pipelines.evaluation.significance import Gain
    from pipelines.metrics.bootstrap import Drawn, Interval
    from pipelines.metrics.cut import Cut

BASELINE, CONSTANT, CHAMPION = "baseline", "constant", "champion"
# What stands in the table beside metrics and counts, about all rows: the thresholds of decisions, how true
# the winner's probabilities are, what its like with other seeds are worth, what more rows would bring, the
# gains at the level of this look, of how many units they are, and of how many rows of the rarer class.
# Promotion goes by this table and the trials alone.
CUT, CALIBRATION, EXPECTED = "threshold", "calibration_error", "expected_over_seen"
LUCK, LEARNING, LOOK = "luck", "learning", "look"
UNITS, RARER = "units", "rarer_class"
BESIDE = (CUT, CALIBRATION, EXPECTED, LUCK, LEARNING, LOOK, UNITS, RARER)
MISSING = "(missing)"  # a slice's name for the empty value


def table(
    compared: Mapping[str, Scored],
    families: Mapping[Family, Scored],
    held_out: HeldOut,
    inspected: Inspection,
    cut: Cut | None,
    champion_version: str | None,
    look: Look,
    use_case: UseCase,
) -> pd.DataFrame:
    """Measure models on the same rows.

    Args:
        compared: Role (`challenger`, `baseline`, `constant` where that is a rule, `champion` if there is
            one) -> its scores, shape (n,).
        families: Family -> the same of its best candidate.
        held_out: The rows, of whose features the slices are made.
        inspected: What else was tried out on the challenger.
        cut: The challenger's threshold; None for a regression.
        champion_version: Whose scores the champion's are.
        look: Which look at the champion this is.
        use_case: Names the metrics, the slices and the confidence level.

    Returns:
        See `results.Judged.scores`.
    """
    everything = np.full(len(held_out.y), True)
    own = {family: values(model, held_out.y, everything, use_case) for family, model in families.items()}
    unit, held_out = units.least_sure(compared, held_out, use_case)
    parts = list(_parts(compared, held_out, inspected.across_seeds, use_case))
    judged = sum(part.n >= use_case.promotion.slice_rows for part in parts[1:])
    rows = [
        row | ({family: own[family].get(str(row["metric"])) for family in own} if part.name == "all" else {})
        for part in parts
        for row in _rows(part, judged, use_case)
    ]
    beside = [
        {"slice": "all", "n": len(held_out.y), "primary": False} | row
        for row in (
            *_beside(compared, inspected, cut, use_case),
            _look(look, parts[0].gains, use_case),
            *_counts(held_out, unit, use_case),
        )
    ]
    types = tables.scores(use_case)
    found = pd.DataFrame([*rows, *beside], columns=list(types))
    return found.assign(champion_version=champion_version).astype(types)


def to_beat(metric: str, found: Mapping[str, float | None]) -> float:
    """What a model must be better than to be worth anything: the better of the baseline and, where that is a
    rule, the best constant.

    Args:
        metric: Its name.
        found: Role -> its value on the same rows. There is no constant beside a baseline that is one, nor in
            what was kept before constants were compared.

    Returns:
        NaN where neither has a value.
    """
    known = [value for role in (BASELINE, CONSTANT) if (value := found.get(role)) is not None]
    return max(known, key=lambda value: metrics.gain(metric, value, 0.0), default=np.nan)


def _beside(
    compared: Mapping[str, Scored], inspected: Inspection, cut: Cut | None, use_case: UseCase
) -> Iterator[dict[str, object]]:
    if cut is not None:
        decided = {role: model.threshold for role, model in compared.items() if model.threshold != NEVER}
        yield {
            "metric": CUT,
            **decided,
            "challenger": cut.value,
            "challenger_low": cut.low,
            "challenger_high": cut.high,
        }
    if inspected.reliable is not None:
        error, ratio = inspected.reliable.error, inspected.reliable.ratio
        yield {"metric": CALIBRATION, **_ends(error), "note": inspected.calibrated}
        note = f"the probabilities expect {ratio.value:.2f} positive rows for each that was seen"
        if np.isfinite(ratio.low):
            note += (
                f" ({use_case.promotion.confidence_level:.0%} interval {ratio.low:.2f} to {ratio.high:.2f})"
            )
        yield {"metric": EXPECTED, **_ends(ratio), "note": note}
    others = inspected.across_seeds[1:]
    if others:
        least, most = min(others), max(others)
        note = (
            f"{len(others)} other seeds of the same training give {use_case.metric.name} {least:.4f} to"
            f" {most:.4f}: that much is luck"
        )
        yield {
            "metric": LUCK,
            "challenger": inspected.across_seeds[0],
            "challenger_low": least,
            "challenger_high": most,
            "note": note,
        }
    yield {"metric": LEARNING, "note": inspected.learned}


def _ends(found: Interval) -> dict[str, object]:
    return {"challenger": found.value, "challenger_low": found.low, "challenger_high": found.high}


def values(model: Scored, y: metrics.Floats, rows: Mask, use_case: UseCase) -> dict[str, float | None]:
    """Every metric of the task on some of the rows."""
    return {name: model.value(name, y, use_case.stakes, rows) for name in use_case.measured}


def _look(look: Look, gains: Mapping[str, Mapping[str, Gain | None]], use_case: UseCase) -> dict[str, object]:
    """The gains of the primary metric at the level of this look; over the champion, of the one by which it is
    compared with that.
    """
    own = {**gains[use_case.metric.name]}
    if CHAMPION in own:
        own[CHAMPION] = gains[use_case.judged_by][CHAMPION]
    asked = use_case.promotion.confidence_level
    level = look.level(asked)
    note = (
        f"this look may promote what is no better with a probability of {look.error(asked):.2g}, its share of"
        f" the {1 - asked:.2g} of a year ({look.after})"
    )
    return {"metric": LOOK, "challenger": level, "note": note} | _gain_ends(own, level)


def _counts(held_out: HeldOut, unit: str, use_case: UseCase) -> Iterator[dict[str, object]]:
    """How many units and rows of the rarer class there are, and as how many of equal weight they count."""
    y, codes, classes = held_out.y, held_out.units, bool(use_case.task.classes)
    effective = bootstrap.effective_units(y, codes, classes)
    yield {"metric": UNITS, "n": len(np.unique(codes)), "challenger": effective, "note": unit}
    if classes:
        positive = int((y == 1).sum())
        rarer = "positives" if positive <= len(y) - positive else "negatives"
        yield {"metric": RARER, "n": min(positive, len(y) - positive), "note": rarer}


@dataclass(frozen=True)
class _Part:
    """Some of the rows, and what was measured on them.

    Attributes:
        name: `all`, or `column=value`.
        n: How many rows.
        measured: Role -> metric -> value.
        drawn: The same on draws.
        counts: Role -> its right and false alarms and silences.
        gains: Metric -> role -> what the challenger gains over it: of the primary metric, and of the one by
            which it is compared with the champion.
    """

    name: str
    n: int
    measured: Mapping[str, dict[str, float | None]]
    drawn: Drawn
    counts: Mapping[str, dict[str, int]]
    gains: Mapping[str, Mapping[str, Gain | None]]


def _parts(
    compared: Mapping[str, Scored], held_out: HeldOut, lucky: tuple[float, ...], use_case: UseCase
) -> Iterator[_Part]:
    names, primary, y = use_case.measured, use_case.metric.name, held_out.y
    judging = dict.fromkeys((primary, use_case.judged_by))
    for part, mask in _slices(held_out.X, use_case):
        measured = {role: values(model, y, mask, use_case) for role, model in compared.items()}
        drawn = _draws(names if part == "all" else tuple(judging), compared, held_out, mask, use_case)
        counts = {role: model.confusion(y, mask) for role, model in compared.items()}
        units = bootstrap.effective_units(y[mask], held_out.units[mask], bool(use_case.task.classes))
        gains = {
            metric: {
                other: significance.paired_gain(
                    metric,
                    (measured["challenger"][metric], measured[other][metric]),
                    (drawn["challenger"].get(metric), drawn[other].get(metric)),
                    units,
                    # Another seed is another model everywhere, but what it does is only known on all rows.
                    lucky if part == "all" else (),
                )
                for other in compared
                if other != "challenger"
            }
            for metric in judging
        }
        yield _Part(part, int(mask.sum()), measured, drawn, counts, gains)


def _rows(part: _Part, slices: int, use_case: UseCase) -> Iterator[dict[str, object]]:
    for metric in use_case.measured:
        primary = metric == use_case.metric.name
        about = {"metric": metric, "slice": part.name, "n": part.n, "primary": primary}
        yield about | _comparison(metric, part, slices, use_case)
    if use_case.task.decides:
        for count in CONFUSION:
            yield {"metric": count, "slice": part.name, "n": part.n, "primary": False} | {
                role: part.counts[role][count] for role in part.counts
            }


def _draws(
    names: tuple[str, ...],
    compared: Mapping[str, Scored],
    held_out: HeldOut,
    mask: Mask,
    use_case: UseCase,
) -> Drawn:
    """The metrics of each model on the same draws of some of the rows, by the model's role."""
    models = [model.of(role, mask) for role, model in compared.items()]
    drawn_together = np.unique(held_out.units[mask], return_inverse=True)[1]
    return bootstrap.draw(
        names, held_out.y[mask], models, drawn_together, use_case.stakes, use_case.candidates.seed
    )


def _comparison(metric: str, part: _Part, slices: int, use_case: UseCase) -> dict[str, object]:
    """One metric of each model, and what the challenger gains, with intervals where there are draws."""
    level = use_case.promotion.confidence_level
    value = {role: found[metric] for role, found in part.measured.items()}
    draws = {role: found.get(metric) for role, found in part.drawn.items()}
    others = [role for role in value if role != "challenger"]
    gains = {f"gain_over_{other}": _gain(metric, value["challenger"], value[other]) for other in others}
    own = bootstrap.interval(value["challenger"], draws["challenger"], level)
    ends = {"challenger_low": own.low, "challenger_high": own.high} if own else {}
    if metric in part.gains:
        level = level if part.name == "all" else significance.slices_level(level, slices)
        return {**value, **gains, **ends, **_gain_ends(part.gains[metric], level)}
    for other in others:
        found = significance.gain(
            metric, value["challenger"], value[other], draws["challenger"], draws[other], level
        )
        if found:
            ends |= {f"gain_over_{other}_low": found.low, f"gain_over_{other}_high": found.high}
    return {**value, **gains, **ends}


def _gain_ends(gains: Mapping[str, Gain | None], level: float) -> dict[str, object]:
    """Gains at a level, by the names of their columns."""
    return {
        f"gain_over_{other}{end}": at
        for other, gain in gains.items()
        if gain
        for end, at in zip(("", "_low", "_high"), astuple(gain.interval(level)), strict=True)
    }


def _slices(X: pd.DataFrame, use_case: UseCase) -> Iterator[tuple[str, Mask]]:  # noqa: N803 (scikit-learn's letter)
    """All rows, then the rows of each value of each declared slice."""
    yield "all", np.full(len(X), True)
    hidden = personal.features(use_case)
    for column in use_case.slices:
        values = X[column].replace("", MISSING)
        shown = _numbers(values) if column in hidden else {value: value for value in sorted(values.unique())}
        for value, name in shown.items():
            yield f"{column}={name}", (values == value).to_numpy()


def _numbers(values: pd.Series) -> dict[str, str]:
    """A number for each personal value, by its number of rows: its place in the alphabet would tell of it."""
    rows = Counter(values)
    missing = {MISSING: MISSING} if rows.pop(MISSING, 0) else {}
    by_size = sorted(rows, key=lambda value: (-rows[value], value))
    return {value: f"{personal.MASK} {number}" for number, value in enumerate(by_size, start=1)} | missing


def _gain(metric: str, value: float | None, other: float | None) -> float | None:
    return None if value is None or other is None else metrics.gain(metric, value, other)
