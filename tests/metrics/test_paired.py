"""What two models differ by on the same rows is told with how sure it is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from pipelines.core.metrics import by_name
from pipelines.metrics import metrics, paired
from pipelines.metrics.influence import Batch, Batches
from pipelines.metrics.metrics import Floats

DRAWS = 200


def batches(label: Floats, score: Floats, day: Floats, unit: Floats | None, size: int = 500) -> Batches:
    """The rows in pieces."""

    def of() -> Iterator[Batch]:
        for at in range(0, len(label), size):
            some = slice(at, at + size)
            yield Batch(
                label[some],
                score[some],
                np.zeros(len(label[some]), np.int64),
                day[some].astype(np.int64),
                None if unit is None else unit[some].astype(np.int64),
            )

    return of


def drawn(seed: int, customers: int = 0) -> tuple[Floats, Floats, Floats, Floats, Floats | None]:
    """Labels, scores of two models of which the second knows more, days and units."""
    random = np.random.default_rng([5, seed])
    n = 2_100
    told, more = random.normal(size=n), random.normal(size=n)
    unit = random.integers(customers, size=n) if customers else None
    own = random.normal(size=customers)[unit] if customers else 0.0
    label = (random.random(n) < 1 / (1 + np.exp(1.5 - told - 0.7 * more - own))).astype(np.float64)
    day = (np.arange(n) * 14 // n).astype(np.float64)
    return label, told, told + 0.7 * more, day, None if unit is None else unit.astype(np.float64)


def test_the_value_is_the_difference_of_the_two() -> None:
    label, one, other, day, _ = drawn(0)
    found = paired.gain(
        by_name("roc_auc"), batches(label, one, day, None), batches(label, other, day, None), 14
    )
    assert found is not None
    values = [metrics.measure("roc_auc", label, score) for score in (one, other)]
    assert (found.before, found.after) == pytest.approx(values)
    assert found.value == pytest.approx(values[1] - values[0])


@pytest.mark.parametrize(("name", "customers"), [("roc_auc", 0), ("aucpr", 0), ("roc_auc", 60)])
def test_the_interval_covers_the_truth(name: str, customers: int) -> None:
    pairs = [drawn(seed, customers) for seed in range(DRAWS)]
    found = [
        paired.gain(by_name(name), batches(label, one, day, unit), batches(label, other, day, unit), 14)
        for label, one, other, day, unit in pairs
    ]
    truth = float(np.mean([each.value for each in found if each]))
    held = sum(low <= truth <= high for low, high in (each.interval() for each in found if each))  # type: ignore[misc]
    assert 0.9 * DRAWS <= held <= 0.99 * DRAWS


def test_pairs_are_surer_than_two_models_apart() -> None:
    from pipelines.metrics import influence, sureness

    label, one, _, day, _ = drawn(1)
    near = one + 0.01 * np.random.default_rng(2).normal(size=len(one))
    metric = by_name("roc_auc")
    found = paired.gain(metric, batches(label, one, day, None), batches(label, near, day, None), 14)
    alone = sureness.sure(metric, influence.sums(metric, batches(label, one, day, None), 14))  # type: ignore[arg-type]
    assert found is not None
    assert alone is not None
    assert found.error < 0.1 * alone.error


def test_too_few_rows_of_a_class_have_no_interval() -> None:
    label, one, other, day, _ = drawn(0)
    few = np.zeros(len(label))
    few[:3] = 1
    found = paired.gain(by_name("roc_auc"), batches(few, one, day, None), batches(few, other, day, None), 14)
    assert found is not None
    assert found.interval() is None
