"""The two sides of a comparison, of features and of scores: what the champion knows, and what the week has
brought.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, TypeAlias

import duckdb
import pandas as pd

from pipelines.core import sql
from pipelines.monitoring import drift_report
from pipelines.monitoring.drift_table import SCORE

if TYPE_CHECKING:
    from pipelines.core.config import UseCase

Types: TypeAlias = Mapping[str, drift_report.Type]

# Rows of each side that Evidently compares. More would find nothing new: what drift is, is a distance of a
# size that matters (`drift_report.FAR`), and 10,000 rows tell it from chance (see `drift_report.test_for`);
# all rows would take memory and minutes.
SAMPLE = 10_000
COMMON = 0.01  # a category is named when it has this share of the reference's rows; the others are one, OTHER
OTHER = "(other)"
SCORES: Types = {SCORE: "number"}


@dataclass(frozen=True)
class Side:
    """The reference or the week: how many rows, the share of each column that is missing, and a sample to
    compare.
    """

    rows: int
    missing: dict[str, float]
    sample: pd.DataFrame


@dataclass(frozen=True)
class Sides:
    """All that is compared.

    Features are compared with the rows that the champion was trained on. Its scores on those would be better
    than they can be on any new row, so scores are compared with those of its held-out rows.

    Attributes:
        types: Feature -> what it is.
        before, now: The features of the champion's training rows, and of the week.
        score_before, score_now: The champion's scores of its held-out rows, and of its own nights.
    """

    types: Types
    before: Side
    now: Side
    score_before: Side
    score_now: Side

    @classmethod
    def of(
        cls,
        reference: duckdb.DuckDBPyRelation,
        nights: Sequence[duckdb.DuckDBPyRelation],
        held_out: duckdb.DuckDBPyRelation,
        own: duckdb.DuckDBPyRelation,
        use_case: UseCase,
    ) -> Sides:
        """Look at the champion's training, the week's features night by night, the champion's scored held-out
        rows, and its predictions of the week.
        """
        types, score = feature_types(use_case), SCORES
        return cls(
            types,
            _side(reference.filter("split = 'train'"), types, use_case),
            _side(together(nights, [use_case.key, use_case.time, *types]), types, use_case),
            _side(held_out, score, use_case),
            _side(own, score, use_case),
        )

    def samples(self, use_case: UseCase) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Features and scores below one another: they are samples of different rows, and Evidently leaves out
        what a row lacks.
        """
        old, new = common_only(self.before.sample, self.now.sample, use_case.features.categories)
        return (
            pd.concat([old, self.score_before.sample], ignore_index=True),
            pd.concat([new, self.score_now.sample], ignore_index=True),
        )

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Of how many rows of each side how many were compared."""
        sides = {"training": self.before, "week": self.now}
        return {what: (len(side.sample), side.rows) for what, side in sides.items()}


def feature_types(use_case: UseCase) -> Types:
    """What each feature is."""
    features = use_case.features
    kinds: dict[drift_report.Type, Mapping[str, str]] = {
        "number": features.numbers,
        "category": features.categories,
        "text": features.texts,
    }
    return {name: kind for kind, names in kinds.items() for name in names}


def together(nights: Sequence[duckdb.DuckDBPyRelation], columns: Sequence[str]) -> duckdb.DuckDBPyRelation:
    """The nights' rows in one relation."""
    named = ", ".join(map(sql.name, columns))
    return reduce(lambda week, night: week.union(night), (night.project(named) for night in nights))


def _side(rows: duckdb.DuckDBPyRelation, types: Types, use_case: UseCase) -> Side:
    key, time = sql.name(use_case.key), sql.name(use_case.time)
    columns = {name: _usable(sql.name(name), kind) for name, kind in types.items()}
    cleaned = rows.project(
        ", ".join([key, time, *(f"{value} AS {sql.name(name)}" for name, value in columns.items())])
    )
    total, *present = cleaned.aggregate(
        ", ".join(["count(*)", *(f"count({sql.name(name)})" for name in types)])
    ).fetchall()[0]
    sample = (
        cleaned.order(f"{_random_order(key)}, {time}")
        .limit(SAMPLE)
        .order(f"{time}, {key}")
        .df()
        .drop(columns=use_case.key)
    )
    missing = {name: 1 - count / total if total else 0.0 for name, count in zip(types, present, strict=True)}
    return Side(total, missing, sample)


def _usable(column: str, kind: drift_report.Type) -> str:
    """A value as the model takes it: an infinite number and an empty string are as good as missing."""
    if kind == "number":
        return f"CASE WHEN isfinite({column}::DOUBLE) THEN {column}::DOUBLE END"
    return f"nullif({column}::VARCHAR, '')"


def _random_order(key: str) -> str:
    """An order by which the first rows are a sample, and always the same one."""
    return f"md5({key}::VARCHAR), {key}"


def common_only(
    before: pd.DataFrame, now: pd.DataFrame, categories: Iterable[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make one category of the rare and the new values: among a hundred small counts a test takes chance for
    drift.
    """
    before, now = before.copy(), now.copy()
    for name in categories:
        shares = before[name].value_counts(normalize=True)
        common = shares[shares >= COMMON].index
        for side in (before, now):
            values = side[name].astype(object)
            side[name] = values.where(values.isna() | values.isin(common), OTHER)
    return before, now
