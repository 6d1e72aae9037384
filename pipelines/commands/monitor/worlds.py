"""The worlds that a monitor lives in: years in which nothing changes, which are not to be red, and changes,
which are to be found. Each is planted, so what is true of it is known without the monitor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.commands.monitor import draws as drawn
from pipelines.commands.monitor.draws import Draws
from pipelines.core.dates import WEEK

if TYPE_CHECKING:
    from pipelines.commands.monitor.own import Own
    from pipelines.metrics.metrics import Floats

# A day's rows, by the draws, the day, and how many weeks ago the change began.
Changed: TypeAlias = Callable[[Draws, date, float], pa.Table]
# What a change does to the truth: the model's inputs, how many rows have which label, what inputs mean.
What: TypeAlias = Literal["inputs", "labels", "meaning", "slowly"]

YEAR = 364  # days
SEASON = 0.5  # at its height, three times as likely are rows of the one end of a feature as of the other
MOST_OF_ONE = 0.9  # of the rows
NEW, OF_ROWS = "#never seen", 0.2
GRADUAL_WEEKS, GRADUAL = 8, 2.0  # deviations in all
DELAYS = (0, 7, 30, 90)
MOST_BROKEN = 2  # features, the weightiest
LEAST_ROWS = 50  # of which a ranking of features can be told


@dataclass(frozen=True)
class Steady:
    """A year without change.

    Attributes:
        name: In words.
        day: How a day is drawn, of the training and after it.
        window: The training's days; None: as the file says.
    """

    name: str
    day: drawn.Drawn
    window: int | None = None


@dataclass(frozen=True)
class Change:
    """Something that changes one day, and stays.

    Attributes:
        name: In words.
        what: Is changed.
        day: A day's rows since.
        delay: After how many days labels are known; None: as the file says.
    """

    name: str
    what: What
    day: Changed
    delay: int | None = None


def steady(own: Own) -> Iterator[Steady]:
    """Years without change."""
    yield Steady("a year without change", drawn.plain)
    number = next(iter(weightiest(own, own.use_case.features.numbers)), None)
    if number:
        yield Steady(f"a season in {number}", partial(_season, feature=number), YEAR)
    if len(own.units) > drawn.FEWEST_UNITS:
        yield Steady(f"few: a tenth of {own.use_case.unit_column} a week", drawn.few_units)


def changes(own: Own) -> Iterator[Change]:
    """Changes, each to be found by something."""
    features = own.use_case.features
    numbers = weightiest(own, features.numbers)
    for number in numbers[:MOST_BROKEN]:
        for what, value in BROKEN.items():
            yield Change(f"{number}: {what}", "inputs", partial(_inputs, feature=number, to=value))
    for name in weightiest(own, {**features.categories, **features.texts})[:1]:
        yield Change(f"{name}: a fifth is new", "inputs", partial(_inputs, feature=name, to=_new))
    prior = "twice the positives" if own.use_case.task.classes else "twice the rows of the highest labels"
    yield Change(prior, "labels", _prior)
    for delay in DELAYS:
        yield Change(f"concept reversed, labels after {delay} d", "meaning", _reversed, delay)
    for number in numbers[:1]:
        name = f"{number}: {GRADUAL:g} deviations in {GRADUAL_WEEKS} weeks"
        yield Change(name, "slowly", partial(_gradual, feature=number, deviation=deviation(own, number)))


def weightiest(own: Own, names: object) -> list[str]:
    """Features by what dealing their values to other rows does to scores, the greatest first; without those
    that do nothing.
    """
    rows = own.days[0]
    for more in own.days[1:]:
        if rows.num_rows >= LEAST_ROWS * 40:
            break
        rows = pa.concat_tables([rows, more])
    scores, random = _scores(rows), np.random.default_rng(0)
    weights = {}
    for name in names if isinstance(names, dict) else ():
        at = rows.column_names.index(name)
        other = rows.set_column(at, rows.schema.field(at), rows[name].take(random.permutation(rows.num_rows)))
        weights[name] = float(np.abs(_scores(own.scored(other)) - scores).mean())
    return [name for name in sorted(weights, key=lambda name: (-weights[name], name)) if weights[name] > 0]


def deviation(own: Own, feature: str) -> float:
    """Of a number, over all own days."""
    every = pa.chunked_array([chunk for day in own.days for chunk in day[feature].chunks])
    return float(pc.stddev(every).as_py() or 0.0)


def _scores(rows: pa.Table) -> Floats:
    return np.asarray(rows["score"].to_numpy(), np.float64)


# --- years


def _season(draws: Draws, on: date, feature: str) -> pa.Table:
    """Rows with high values of a feature come and go with the year; what they mean stays."""
    height = SEASON * np.sin(2 * np.pi * (on.toordinal() % YEAR) / YEAR)

    def keep(rows: pa.Table) -> Floats:
        values = np.nan_to_num(rows[feature].to_numpy().astype(np.float64), nan=-np.inf)
        ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable") / max(len(values) - 1, 1)
        return np.asarray(0.5 * (1 + height * (2 * ranks - 1)))

    return drawn.thinned(draws, on, keep)


# --- changes

Value: TypeAlias = Callable[[pa.ChunkedArray, np.random.Generator], pa.Array]


def _zero(values: pa.ChunkedArray, _: np.random.Generator) -> pa.Array:
    return pa.repeat(pa.scalar(0, values.type), len(values))


def _times_ten(values: pa.ChunkedArray, _: np.random.Generator) -> pa.Array:
    return pc.cast(pc.multiply(values, 10.0), values.type)


def _missing(values: pa.ChunkedArray, _: np.random.Generator) -> pa.Array:
    return pa.nulls(len(values), values.type)


def _new(values: pa.ChunkedArray, random: np.random.Generator) -> pa.Array:
    return pc.if_else(pa.array(random.random(len(values)) < OF_ROWS), pa.scalar(NEW, values.type), values)


BROKEN: dict[str, Value] = {"all zero": _zero, "times ten": _times_ten, "all missing": _missing}


def _replaced(draws: Draws, rows: pa.Table, feature: str, values: pa.Array) -> pa.Table:
    at = rows.column_names.index(feature)
    return draws.own.scored(rows.set_column(at, rows.schema.field(at), values))


def _inputs(draws: Draws, on: date, since: float, feature: str, to: Value) -> pa.Table:  # noqa: ARG001 (at once)
    rows = draws.day(on)
    return _replaced(draws, rows, feature, to(rows[feature], draws.random(on.toordinal(), 3)))


def _gradual(draws: Draws, on: date, since: float, feature: str, deviation: float) -> pa.Table:
    rows = draws.day(on)
    by = GRADUAL * deviation * min(since / GRADUAL_WEEKS, 1.0)
    moved = pc.cast(pc.add(pc.cast(rows[feature], pa.float64()), by), rows[feature].type)
    return _replaced(draws, rows, feature, moved)


def _prior(draws: Draws, on: date, since: float) -> pa.Table:  # noqa: ARG001 (at once)
    """Rows of two days, all of one kind and fewer of the others: what rows of a label look like stays."""
    use_case = draws.own.use_case
    most = 0.5 if use_case.task.classes else draws.own.high_label

    def keep(rows: pa.Table) -> Floats:
        high = np.nan_to_num(rows[use_case.target].to_numpy().astype(np.float64)) > most
        share = float(high.mean())
        now = min(2 * share, MOST_OF_ONE)
        # as many rows as a day has, of which twice as many are of the kind
        return np.where(high, now / max(2 * share, 1e-9), (1 - now) / max(1 - share, 1e-9) / 2)

    return drawn.thinned(draws, on, keep)


def _reversed(draws: Draws, on: date, since: float) -> pa.Table:  # noqa: ARG001 (at once)
    """Each row has the label of the row at the opposite rank by score: as many of each, and the contrary."""
    rows, target = draws.day(on), draws.own.use_case.target
    at = rows.column_names.index(target)
    order = np.argsort(_scores(rows), kind="stable")
    opposite = np.empty_like(order)
    opposite[order] = order[::-1]
    return rows.set_column(at, rows.schema.field(at), rows[target].take(pa.array(opposite)))


def weeks_since(on: date, began: date) -> float:
    """How many weeks ago something began; below 0 before it."""
    return (on.toordinal() - began.toordinal()) / WEEK
