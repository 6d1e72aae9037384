"""A reference partition's table, and what can be expected of other days by it.

Limits are wider than the reference by its margin, and by what chance may do:

- Each day of the reference counts for itself, since what is judged at night is a day: limits hold the
  smallest and the greatest day. A training's reference knows many days, a night's only one: what does not
  vary in it (a month, a season) is not taken for a rule.
- A share of rows is at most Wilson's bound (1927, Probable inference, JASA 22), and a day's share somewhat
  more, by chance: three standard deviations each.
- A median lies between the quantiles that are three standard deviations of its rank away: no distribution is
  assumed.
- How many values may come that the reference has not is told by how many it has just once (Good 1953, The
  population frequencies of species, Biometrika 40).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import cached_property
from typing import Any

import duckdb

from pipelines.core import sql
from pipelines.core.config import Expectation, GatedTable
from pipelines.gates.resolve import time_column
from pipelines.run.run import Run

PROPOSED = "proposed from "  # what the `why` of a proposal begins with
CHANCE = 3.0  # standard deviations
# Rows of one customer come together, so chance is greater than it is by rows: at least such shares of rows
# may be
UNUSUAL = 0.005  # missing, or not among the values of the reference
BEYOND = 0.01  # smaller or greater than all of the reference
MOST_VALUES = 20  # of a column that has few, which come twenty times each, on average
DIGITS = 4  # significant ones of a limit


@dataclass(frozen=True)
class Reference:
    """A table of the reference partition, and what can be expected of its columns."""

    run: Run
    table: GatedTable
    margin: float

    @cached_property
    def rows(self) -> duckdb.DuckDBPyRelation:
        """The table's rows, with `#day`."""
        time = time_column(self.run.use_case, self.table) or ""
        return self.run.store.read(self.table).select(
            f'*, {self.run.calendar.of_sql(sql.name(time))} AS "#day"'
        )

    @cached_property
    def size(self) -> tuple[int, int]:
        """The number of rows, and of days."""
        ((rows, days),) = self.rows.aggregate('count(*), count(DISTINCT "#day")').fetchall()
        return rows, max(days, 1)

    @property
    def why(self) -> str:
        """What each proposal says of itself."""
        return (
            f"{PROPOSED}{self.run.kind} {self.run.partition} ({self.size[0]:,} rows), margin {self.margin:g}"
        )

    # --- what is expected

    def there(self, column: str) -> Iterator[Expectation]:
        """Not more missing values than on the worst day."""
        missing = f"avg(CAST({sql.name(column)} IS NULL AS INT))"
        ((share, worst),) = self._asked(
            f'SELECT avg(share), max(share) FROM (SELECT {missing} AS share FROM rows GROUP BY "#day")'
        )
        yield from self._mostly(
            "column_values_to_not_be_null", max(self._at_most(share), worst, UNUSUAL), column=column
        )

    def numbers(self, column: str, *, whole: bool = False) -> Iterator[Expectation]:
        """A mean (of few different values) or a median, and a least and a greatest value.

        Few whole numbers without a gap are a set.
        """
        few = self._few(column)
        if whole and few and few[-1][0] - few[0][0] == len(few) - 1:
            yield from self._among(column, few)
            return
        number = f"CAST({sql.name(column)} AS DOUBLE)"
        values = f'(SELECT {number} AS x, "#day" FROM rows WHERE isfinite({number}))'
        ((n, low, high, mean, deviation, quantiles),) = self._asked(
            "SELECT count(x), min(x), max(x), avg(x), stddev_pop(x), quantile_cont(x, [0.05, 0.25, 0.75,"
            f" 0.95]) FROM {values}"
        )
        if n == 0 or (low == high and self.size[1] < 2):
            return
        p5, q25, q75, p95 = quantiles
        # of the reference and of a day, in standard deviations of one value
        chance = CHANCE * math.sqrt((1 + self.size[1]) / n)
        if few:
            name, middle, spread = "mean", "avg(x)", deviation
            bounds = mean - chance * deviation, mean + chance * deviation
        else:
            name, middle, spread = (
                "median",
                "quantile_cont(x, 0.5)",
                (q75 - q25) or (p95 - p5) or (high - low),
            )
            # a rank's standard deviation is a half
            ranks = [max(0.5 - chance / 2, 0), min(0.5 + chance / 2, 1)]
            ((bounds,),) = self._asked(f"SELECT quantile_cont(x, {ranks}) FROM {values}")
        ((lowest, highest),) = self._asked(
            f'SELECT min(m), max(m) FROM (SELECT {middle} AS m FROM {values} GROUP BY "#day")'
        )
        slack = self.margin * spread
        least = 0.0 if low >= 0 else -math.inf  # where nothing is negative, nothing should become so
        limits = {
            "min_value": _down(max(min(bounds[0], lowest) - slack, least)),
            "max_value": _up(max(bounds[1], highest) + slack),
        }
        if limits["min_value"] > low or limits["max_value"] < high:
            yield self._expected(f"column_{name}_to_be_between", column=column, **limits)
        limits = {"min_value": _down(max(low - slack, least)), "max_value": _up(high + slack)}
        yield from self._mostly(
            "column_values_to_be_between", max(self._at_most(1 / n), BEYOND), column=column, **limits
        )

    def texts(self, column: str, *, hidden: bool = False) -> Iterator[Expectation]:
        """Texts of which there are few are a set; others have a length."""
        values = [] if hidden else self._few(column)
        if values:
            yield from self._among(column, values)
            return
        ((n, least, most, usual),) = self._asked(
            "SELECT count(x), min(x), max(x), quantile_cont(x, [0.25, 0.75]) FROM (SELECT"
            f" length({sql.name(column)}) AS x FROM rows)"
        )
        if n:
            slack = self.margin * (usual[1] - usual[0])
            limits = {
                "min_value": max(math.floor(least - slack), min(least, 1)),
                "max_value": math.ceil(most + slack),
            }
            yield from self._mostly(
                "column_value_lengths_to_be_between",
                max(self._at_most(1 / n), BEYOND),
                column=column,
                **limits,
            )

    def label(self, column: str) -> Iterator[Expectation]:
        """The mean of the label, over all rows of a training; a night knows none."""
        ((n, mean, deviation, q25, q75),) = self._asked(
            "SELECT count(x), avg(x), stddev_pop(x), quantile_disc(x, 0.25), quantile_disc(x, 0.75) FROM"
            f" (SELECT CAST({sql.name(column)} AS DOUBLE) AS x FROM rows)"
        )
        if n:
            share = bool(self.run.use_case.task.classes)
            # Both trainings' means have their chance.
            slack = self.margin * (mean if share else q75 - q25) + CHANCE * deviation * math.sqrt(2 / n)
            low, high = (
                (max(mean - slack, 0), min(mean + slack, 1)) if share else (mean - slack, mean + slack)
            )
            yield self._expected(
                "column_mean_to_be_between", column=column, min_value=_down(low), max_value=_up(high)
            )

    # --- how

    def _asked(self, query: str) -> list[Any]:
        return sql.select(self.rows, "rows", query).fetchall()

    def _few(self, column: str) -> list[tuple[Any, int]]:
        """A column's values and how often each occurs, in order; nothing where there are many."""
        name = sql.name(column)
        found = self._asked(
            f"SELECT {name}, count(*) FROM rows WHERE {name} IS NOT NULL GROUP BY 1 ORDER BY 1 LIMIT"
            f" {MOST_VALUES + 1}"
        )
        return found if len(found) <= MOST_VALUES and len(found) * MOST_VALUES <= self.size[0] else []

    def _among(self, column: str, values: Sequence[tuple[Any, int]]) -> Iterator[Expectation]:
        if len(values) < 2 and self.size[1] < 2:
            return
        once = sum(n == 1 for _, n in values) / sum(n for _, n in values)
        yield from self._mostly(
            "column_values_to_be_in_set",
            max(self._at_most(once), UNUSUAL),
            column=column,
            value_set=[value for value, _ in values],
        )

    def _at_most(self, share: float) -> float:
        """How great a share of a day's rows may be that is `share` of the reference's: by Wilson's bound, and
        by the day's own chance.
        """
        (rows, days), z2 = self.size, CHANCE**2
        bound = (
            share + z2 / (2 * rows) + CHANCE * math.sqrt(share * (1 - share) / rows + z2 / (4 * rows * rows))
        ) / (1 + z2 / rows)
        return bound + CHANCE * math.sqrt(bound * (1 - bound) * days / rows)

    def _mostly(self, name: str, bad: float, **kwargs: Any) -> Iterator[Expectation]:
        """An expectation on single values of which a share may be bad; none where most of them may."""
        mostly = math.floor(10**DIGITS * (1 - (1 + self.margin) * bad)) / 10**DIGITS
        if mostly >= 0.5:
            yield self._expected(name, **kwargs, mostly=mostly)

    def _expected(self, name: str, **kwargs: Any) -> Expectation:
        return Expectation(name=f"expect_{name}", kwargs=kwargs, why=self.why)


def _down(value: float) -> float | int:
    return _round(value, ROUND_FLOOR)


def _up(value: float) -> float | int:
    return _round(value, ROUND_CEILING)


def _round(value: float, direction: str) -> float | int:
    """A limit with few digits, on the generous side."""
    if value == 0:
        return 0
    exact = Decimal(repr(float(value)))
    found = exact.quantize(Decimal(1).scaleb(exact.adjusted() - DIGITS + 1), rounding=direction)
    return int(found) if found == found.to_integral_value() else float(found)
