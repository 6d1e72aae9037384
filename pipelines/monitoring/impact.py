"""What a move costs: the week's scores beside those that its rows would have had, had the feature not moved.

A feature's values are swapped back to the reference's by the fewest changes that make them so (an optimal
transport of one column): a number takes the value that has its rank in the reference; of values that have
become too frequent so many rows take others as are too many. So a feature that has not moved changes nothing,
whatever it weighs; all of them at once keep their ranks, and with these what binds them. It is computed on a
sample of rows, the same ones each time, by the champion's graph.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from pipelines.core import sql
from pipelines.monitoring.looks import Rows, usable

if TYPE_CHECKING:
    from pipelines.model.graph import Graph
    from pipelines.monitoring.effects import Floats

MOST_ROWS = 20_000  # of either side: a share of 1 % of them is known to within 0.07 %
# What matters: so many of all decisions, of the alarms that there were, or so far in the scores' deviations.
DECISIONS, ALARMS, SCORE = 0.01, 0.2, 0.05
LEAST_CHANGED = 20  # rows whose decision changes: of fewer nobody can say
NOT_NIL = 0.002  # deviations of the score: a feature that moves it by less has no importance


@dataclass(frozen=True)
class Impact:
    """What a move does to the sampled rows.

    Attributes:
        score: The mean absolute change of the score, in its deviations over the held-out rows.
        decisions: The share of decisions that change; None where nothing is decided.
        alarms: How many change, as a share of the alarms without the move; None likewise.
        rows: How many rows were scored.
    """

    score: float
    decisions: float | None
    alarms: float | None
    rows: int

    @property
    def matters(self) -> bool:
        """Whether it is worth a red gate."""
        if self.score >= SCORE:
            return True
        if self.decisions is None or self.alarms is None:
            return False
        enough = self.decisions * self.rows >= LEAST_CHANGED
        return self.decisions >= DECISIONS or (enough and self.alarms >= ALARMS)

    @property
    def nil(self) -> bool:
        """Whether the model does not care."""
        return self.score < NOT_NIL and not self.decisions


@dataclass(frozen=True)
class Swap:
    """The rows by which impact is measured, and the model.

    Attributes:
        before, now: Samples of the reference and of the week, each value as the model takes it.
        types: Feature -> number, category or text.
        graph: The champion's.
        threshold: From which score on it decides; None where it does not.
        deviation: Of its scores of held-out rows.
    """

    before: pd.DataFrame
    now: pd.DataFrame
    types: Mapping[str, str]
    graph: Graph
    threshold: float | None
    deviation: float
    _own: dict[str, Floats] = field(default_factory=dict, init=False)

    def back(self, features: Collection[str]) -> Impact:
        """Swap some features' values back, all at once."""
        own = self._scores(self.now) if "" not in self._own else self._own[""]
        self._own[""] = own
        changed = self.now.assign(**{name: self._as_before(name) for name in features})
        found = self._scores(changed)
        score = float(np.abs(found - own).mean() / self.deviation) if self.deviation > 0 else 0.0
        if self.threshold is None:
            return Impact(score, None, None, len(own))
        decided, then = own >= self.threshold, found >= self.threshold
        moved = float((decided != then).mean())
        return Impact(score, moved, moved / max(float(then.mean()), 1 / len(own)), len(own))

    def _as_before(self, name: str) -> pd.Series:
        random = np.random.default_rng(list(sha256(name.encode()).digest()[:8]))
        before, now = self.before[name], self.now[name]
        if not len(before):
            return now
        if self.types[name] == "number":
            return pd.Series(
                as_numbers(before.to_numpy(np.float64), now.to_numpy(np.float64), random), index=now.index
            )
        known = before.astype(object).where(before.notna(), "").to_numpy()
        there = now.astype(object).where(now.notna(), "").to_numpy()
        texts = self.types[name] == "text"
        drawn = random.choice(known, len(there)) if texts else as_values(known, there, random)
        return pd.Series(drawn, index=now.index, dtype=object)

    def _scores(self, rows: pd.DataFrame) -> Floats:
        columns = {
            name: pa.array(rows[name].to_numpy(np.float64), pa.float64(), from_pandas=True)
            if kind == "number"
            else pa.array(rows[name].astype(object).where(rows[name].notna(), ""), pa.string())
            for name, kind in ((each, self.types[each]) for each in self.graph.inputs)
        }
        return self.graph.scores(pa.table(columns)).astype(np.float64)


def as_numbers(before: Floats, now: Floats, random: np.random.Generator) -> Floats:
    """Each number of the week at its rank in the reference; as many are missing as were there.

    Equal ones take ranks at random, so that a constant takes all of the reference's values.
    """
    known = np.sort(before[~np.isnan(before)])
    if not len(known):
        return np.full(len(now), np.nan)
    gone = _gone(np.isnan(now), 1 - len(known) / len(before), random)
    # What is missing and should not be has no rank of its own.
    there = np.where(np.isnan(now), random.choice(known, len(now)), now)
    order = np.lexsort((random.random(len(now)), there))
    ranks = np.empty(len(now))
    ranks[order] = (np.arange(len(now)) + 0.5) / len(now)
    made = known[np.minimum((ranks * len(known)).astype(int), len(known) - 1)]
    return np.where(gone, np.nan, made)


def as_values(
    before: npt.NDArray[np.object_], now: npt.NDArray[np.object_], random: np.random.Generator
) -> npt.NDArray[np.object_]:
    """The week's values, of which so many are others as are too many."""
    known, old = np.unique(before.astype(str), return_counts=True)
    values, at, n = np.unique(now.astype(str), return_inverse=True, return_counts=True)
    shares = dict(zip(known.tolist(), (old / len(before)).tolist(), strict=True))
    was = np.array([shares.get(value, 0.0) for value in values.tolist()])
    kept = random.random(len(now)) < np.minimum(was / (n / len(now)), 1.0)[at]
    there = dict(zip(values.tolist(), (n / len(now)).tolist(), strict=True))
    lacking = np.array([max(shares[value] - there.get(value, 0.0), 0.0) for value in known.tolist()])
    if not lacking.sum():
        return now
    drawn = random.choice(known, len(now), p=lacking / lacking.sum())
    return np.where(kept, now, drawn).astype(object)


def _gone(missing: npt.NDArray[np.bool_], share: float, random: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Which rows are missing where that share is, changed in as few rows as can be."""
    now = float(missing.mean())
    draw = random.random(len(missing))
    if now > share:
        return missing & (draw < share / now)
    return missing | (draw < (share - now) / max(1 - now, 1e-12))


def sample(rows: Rows, types: Mapping[str, str], where: str = "true") -> pd.DataFrame:
    """A sample of rows that is always the same, each value as the model takes it."""
    columns = ", ".join(f"{usable(name, kind)} AS {sql.name(name)}" for name, kind in types.items())
    key, time = sql.name(rows.key), sql.name(rows.time)
    found: pd.DataFrame = sql.select(
        rows.relation,
        "rows",
        f"SELECT {columns} FROM rows WHERE {where} ORDER BY md5({key}::VARCHAR), {key}, {time}"
        f" LIMIT {MOST_ROWS}",
    ).df()
    return found
