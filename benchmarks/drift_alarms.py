"""How often the drift tests take chance for drift, and how often they find drift that is there.

Run as `python -m benchmarks.drift_alarms [repeats]`: prints the tables that
`pipelines.monitoring.drift_report.test_for` quotes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pandas as pd
from evidently.legacy.calculations.stattests import get_stattest
from evidently.legacy.core import ColumnType

from pipelines.monitoring import drift_report
from pipelines.monitoring.sides import common_only

Draw: TypeAlias = Callable[[np.random.Generator, int], np.ndarray]

REFERENCE = 10_000
WEEKS = (30, 100, 300, 600, 1_000, 2_000, 5_000, 10_000)


def zipf(values: int) -> Draw:
    """Categories of which the k-th is k times rarer than the first."""
    shares = 1 / np.arange(1, values + 1)
    return lambda random, n: random.choice(values, n, p=shares / shares.sum()).astype(str)


NUMBERS: dict[str, Draw] = {
    "normal": lambda random, n: random.normal(size=n),
    "log-normal": lambda random, n: random.lognormal(0, 1, n),
    "log-normal, wider": lambda random, n: random.lognormal(0, 1.5, n),
    "t": lambda random, n: random.standard_t(3, n),
    "uniform": lambda random, n: random.uniform(size=n),
    "exponential": lambda random, n: random.exponential(size=n),
    "Poisson": lambda random, n: random.poisson(2, n).astype(float),
    "hours": lambda random, n: random.integers(0, 24, n).astype(float),
    "1 % ones": lambda random, n: (random.random(n) < 0.01).astype(float),
    "20 % ones": lambda random, n: (random.random(n) < 0.2).astype(float),
    "90 % zeros": lambda random, n: np.where(random.random(n) < 0.9, 0, random.lognormal(3, 1, n)),
}
CATEGORIES: dict[str, Draw] = {f"{values} values": zipf(values) for values in (2, 3, 10, 30, 100, 5_000)}
DRIFTED: dict[str, tuple[drift_report.Type, Draw, Draw]] = {
    "normal + 0.3 sd": ("number", NUMBERS["normal"], lambda random, n: random.normal(0.3, 1, n)),
    "normal + 0.6 sd": ("number", NUMBERS["normal"], lambda random, n: random.normal(0.6, 1, n)),
    "log-normal * 1.5": ("number", NUMBERS["log-normal"], lambda random, n: 1.5 * random.lognormal(0, 1, n)),
    "2 % -> 8 % ones": (
        "number",
        lambda random, n: (random.random(n) < 0.02) * 1.0,
        lambda random, n: (random.random(n) < 0.08) * 1.0,
    ),
    "half -> two thirds": (
        "category",
        lambda random, n: random.choice(["a", "b"], n),
        lambda random, n: random.choice(["a", "b", "b"], n),
    ),
    "5 % unseen": (
        "category",
        zipf(10),
        lambda random, n: np.where(random.random(n) < 0.05, "new", zipf(10)(random, n)),
    ),
}


def drifted(type_: drift_report.Type, before: np.ndarray, now: np.ndarray) -> bool:
    """Judge two samples as the drift step does."""
    old, new = pd.DataFrame({"x": before}), pd.DataFrame({"x": now})
    if type_ == "category":
        old, new = common_only(old, new, ["x"])
    test = drift_report.test_for(type_, old["x"], new["x"])
    if test is None:
        return False
    kind = ColumnType.Numerical if type_ == "number" else ColumnType.Categorical
    return test.drifted(
        get_stattest(old["x"], new["x"], kind, test.method)(
            old["x"], new["x"], kind, test.threshold
        ).drift_score
    )


def share(type_: drift_report.Type, before: Draw, now: Draw, week: int, repeats: int) -> float:
    """The share of repeats in which drift is found."""
    random = np.random.default_rng(week)
    return float(
        np.mean([drifted(type_, before(random, REFERENCE), now(random, week)) for _ in range(repeats)])
    )


def main(repeats: int) -> None:
    """Print per cent of repeats, a line a case, a column a number of rows in the week."""
    cases: dict[str, tuple[drift_report.Type, Draw, Draw]] = {
        **{name: ("number", draw, draw) for name, draw in NUMBERS.items()},
        **{name: ("category", draw, draw) for name, draw in CATEGORIES.items()},
    }
    print(f"{'rows of the week':20}", *(f"{week:>7,}" for week in WEEKS))
    alarms = {name: [share(*case, week, repeats) for week in WEEKS] for name, case in cases.items()}
    found = {name: [share(*case, week, repeats) for week in WEEKS] for name, case in DRIFTED.items()}
    for name, shares in {
        **alarms,
        "no drift, mean": list(np.mean(list(alarms.values()), axis=0)),
        **found,
    }.items():
        print(f"{name:20}", *(f"{100 * value:7.1f}" for value in shares))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
