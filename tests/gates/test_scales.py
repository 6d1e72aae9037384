"""What is measured is right at any scale: compared with NumPy and SciPy, from trillionths to quadrillions,
near zero and far from it.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from pipelines.core.config import Expectation
from pipelines.gates.gx import engine, suite

SCALES = [10.0**exponent for exponent in range(-12, 16)]
OFFSETS = [0.0, 1.0, -1e3, 1e6, 1e9]  # in units of the scale
QUANTILES = [0.1, 0.25, 0.5, 0.9]
EXAMPLES = settings(max_examples=25, deadline=None)

numbers = st.lists(st.integers(-1000, 1000), min_size=20, max_size=60).map(
    lambda drawn: np.array(drawn, dtype=float)
)
constants = st.integers(-1000, 1000).map(lambda value: np.full(30, float(value)))
scales, offsets, signs = st.sampled_from(SCALES), st.sampled_from(OFFSETS), st.sampled_from([1, -1])


def scaled(values: np.ndarray, scale: float, offset: float, sign: int = 1) -> np.ndarray:
    """Values and their offset, both in units of the scale: a billion and a little, at any size."""
    return np.asarray(sign * scale * (values + offset))


def observed(rows: pa.Table, *asked: tuple[str, dict[str, Any]]) -> list[Any]:
    """What each expectation observes on the rows."""
    connection = duckdb.connect()
    built = [suite.build(Expectation(name=f"expect_{name}", kwargs=kwargs)) for name, kwargs in asked]
    found = engine.validate(connection.from_arrow(rows), connection, built)
    assert [each.raised for each in found] == [None] * len(asked)
    return [each.result["observed_value"] for each in found]


def measured(column: pa.Array) -> dict[str, Any]:
    """Statistic -> what Great Expectations finds for a column."""
    limits = {"column": "x", "min_value": 0}
    names = (
        "mean",
        "stdev",
        "median",
        "sum",
        "min",
        "max",
        "unique_value_count",
        "proportion_of_unique_values",
        "proportion_of_non_null_values",
    )
    ranges = {"quantiles": QUANTILES, "value_ranges": [[0, None]] * len(QUANTILES)}
    asked = [(f"column_{name}_to_be_between", limits) for name in names]
    *found, quantiles = observed(
        pa.table({"x": column}),
        *asked,
        ("column_quantile_values_to_be_between", {"column": "x", "quantile_ranges": ranges}),
    )
    found = [float(value) if isinstance(value, Decimal) else value for value in found]
    return {
        **dict(zip(names, found, strict=True)),
        "quantiles": [float(value) for value in quantiles["values"]],
    }


def expected(x: np.ndarray) -> dict[str, Any]:
    """The same, by NumPy."""
    return {
        "mean": math.fsum(x) / len(x),
        "stdev": float(np.std(x - x[0], ddof=1)),
        "median": float(np.median(x)),
        "sum": math.fsum(x),
        "min": x.min(),
        "max": x.max(),
        "unique_value_count": len(np.unique(x)),
        "proportion_of_unique_values": len(np.unique(x)) / len(x),
        "proportion_of_non_null_values": 1.0,
        "quantiles": list(np.quantile(x, QUANTILES, method="inverted_cdf")),
    }


def assert_alike(found: dict[str, Any], wanted: dict[str, Any], size: float) -> None:
    """Equal but for rounding: a share of the greatest number for sums, of itself for all else."""
    rounding = {"mean": 1e-14 * size, "sum": 1e-12 * size, "median": 1e-15 * size}
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, rel=1e-9, abs=rounding.get(name, 0.0)), name


@given(numbers | constants, scales, offsets, signs)
@example(np.arange(30.0), 1.0, 1e9, 1)
@EXAMPLES
def test_statistics_of_doubles(values: np.ndarray, scale: float, offset: float, sign: int) -> None:
    x = scaled(values, scale, offset, sign)
    assert_alike(measured(pa.array(x)), expected(x), float(np.abs(x).max()))


@given(numbers, st.sampled_from([1, 10**6, 10**12, 9 * 10**15]))
@EXAMPLES
def test_statistics_of_whole_numbers_whose_sum_no_64_bits_hold(values: np.ndarray, scale: int) -> None:
    whole = [int(value) * scale for value in values]
    found = measured(pa.array(whole, pa.int64()))
    assert found["sum"] == sum(whole)
    assert_alike(found, expected(np.array(whole, dtype=float)) | {"sum": sum(whole)}, 1e3 * scale)


@given(numbers, st.sampled_from([(18, 3), (18, 12), (38, 20), (38, 0)]))
@EXAMPLES
def test_statistics_of_decimals(values: np.ndarray, form: tuple[int, int]) -> None:
    precision, places = form
    exact = [Decimal(int(value)).scaleb(-places) for value in values]
    x = np.array([float(value) for value in exact])
    assert_alike(
        measured(pa.array(exact, pa.decimal128(precision, places))), expected(x), float(np.abs(x).max())
    )


@given(numbers, scales, offsets, signs, st.floats(0.5, 2.5))
@EXAMPLES
def test_z_scores(values: np.ndarray, scale: float, offset: float, sign: int, threshold: float) -> None:
    x = scaled(values, scale, offset, sign)
    if np.ptp(x) == 0:
        return
    scores = np.abs(stats.zscore(x - x[0], ddof=1))
    if np.min(np.abs(scores - threshold)) < 1e-6:
        return
    connection = duckdb.connect()
    kwargs = {"column": "x", "threshold": threshold, "double_sided": True}
    built = suite.build(Expectation(name="expect_column_value_z_scores_to_be_less_than", kwargs=kwargs))
    (found,) = engine.validate(connection.from_arrow(pa.table({"x": x})), connection, [built])
    assert (found.raised, found.result["unexpected_count"]) == (None, int(np.sum(scores >= threshold)))


# --- what a column tells of the label


def adjusted(explained: float, n: int, k: int) -> float:
    """The square root of epsilon-squared, by the formula of `own`."""
    return math.sqrt(max(0.0, 1 - (1 - explained) * (n - 1) / (n - k)))


def told(name: str, x: pa.Array, label: pa.Array) -> float:
    (value,) = observed(
        pa.table({"x": x, "label": label}),
        (f"column_{name}_to_be_at_most", {"column": "x", "label": "label", "max_value": 0.9}),
    )
    return float(value)


labelled = st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=20, max_size=60).map(
    lambda drawn: np.array(drawn, dtype=float).T
)


@given(labelled, scales, offsets, signs, scales, offsets)
@EXAMPLES
def test_a_correlation(
    pairs: np.ndarray, scale: float, offset: float, sign: int, its_scale: float, its_offset: float
) -> None:
    x, label = scaled(pairs[0], scale, offset, sign), scaled(pairs[1], its_scale, its_offset)
    found = told("correlation", pa.array(x), pa.array(label))
    if np.ptp(x) == 0 or np.ptp(label) == 0:
        assert found == 0
    else:
        r = stats.pearsonr(x - x[0], label - label[0]).statistic
        assert found == pytest.approx(adjusted(r**2, len(x), 2), abs=2e-6)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(-50, 50)), min_size=20, max_size=60),
    scales,
    offsets,
    signs,
)
@example([(n % 3, n % 3) for n in range(30)], 1e-12, 0.0, 1)  # a perfect leak of tiny values
@example([(n % 3, n % 3) for n in range(30)], 1e-6, 1e9, -1)
@example([(n % 4, 7 * n % 5) for n in range(40)], 1e3, 0.0, 1)  # dollars that tell nothing
@EXAMPLES
def test_a_correlation_ratio(pairs: list[tuple[int, int]], scale: float, offset: float, sign: int) -> None:
    group, values = np.array(pairs, dtype=float).T
    label = scaled(values, scale, offset, sign)
    found = told("correlation_ratio", pa.array([f"g{value:.0f}" for value in group]), pa.array(label))
    apart = label - label[0]  # exact: what is compared is not NumPy's own loss of digits
    whole = float(np.sum((apart - apart.mean()) ** 2))
    groups = [apart[group == value] for value in np.unique(group)]
    between = sum(len(each) * (each.mean() - apart.mean()) ** 2 for each in groups)
    assert found == (
        pytest.approx(adjusted(between / whole, len(label), len(groups)), abs=2e-5) if np.ptp(label) else 0
    )


@given(labelled, st.sampled_from(["int64", "decimal"]))
@EXAMPLES
def test_labels_and_features_may_be_whole_numbers_and_decimals(pairs: np.ndarray, form: str) -> None:
    def column(values: np.ndarray) -> pa.Array:
        if form == "int64":
            return pa.array([int(value) * 10**9 for value in values], pa.int64())
        return pa.array([Decimal(int(value)).scaleb(-12) for value in values], pa.decimal128(38, 12))

    for name, x in (
        ("correlation", column(pairs[0])),
        ("correlation_ratio", pa.array([f"{value:.0f}" for value in pairs[0]])),
    ):
        assert told(name, x, column(pairs[1])) == pytest.approx(
            told(name, pa.array(pairs[0]) if name == "correlation" else x, pa.array(pairs[1])), abs=2e-6
        )


@given(labelled, st.sampled_from([math.inf, -math.inf, math.nan]), st.integers(0, 19))
@EXAMPLES
def test_numbers_that_are_not_finite_tell_nothing(pairs: np.ndarray, odd: float, where: int) -> None:
    """A row whose feature or label is not finite counts as a row without it."""
    x, label = pairs
    spoilt, known = label.copy(), np.delete(label, where)
    spoilt[where] = odd
    words = [f"{value:.0f}" for value in x]
    if len(known) >= 20:
        ratio = told("correlation_ratio", pa.array(words), pa.array(spoilt))
        assert ratio == pytest.approx(
            told("correlation_ratio", pa.array(np.delete(words, where)), pa.array(known)), abs=2e-6
        )
        number = told("correlation", pa.array(x), pa.array(spoilt))
        assert number == pytest.approx(
            told("correlation", pa.array(np.delete(x, where)), pa.array(known)), abs=2e-6
        )


def test_what_is_large_and_nearly_alike_keeps_its_last_digits() -> None:
    """A billion and a little, over many rows: by the numbers themselves, a deviation is wrong by 0.4 %, and a
    leak tells 0.999.
    """
    rng = np.random.default_rng(1)
    label = 1e9 + 1e-5 * rng.standard_normal(200_000)
    words = pa.array([f"g{n % 5}" for n in range(len(label))])
    assert told("correlation_ratio", words, pa.array(label)) < 0.01
    assert told("correlation", pa.array(rng.standard_normal(len(label))), pa.array(label)) < 0.01
    assert told("correlation", pa.array(1e9 + 3 * (label - 1e9)), pa.array(label)) == 1
    deviation = observed(
        pa.table({"x": label}), ("column_stdev_to_be_between", {"column": "x", "min_value": 0})
    )
    assert deviation == [pytest.approx(np.std(label - 1e9, ddof=1), rel=1e-9)]
