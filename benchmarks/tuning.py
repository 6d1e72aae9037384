"""What a search costs: Sluice's, beside scikit-learn's GridSearchCV over the same Pipelines, on the same
folds.

Run as `python -m benchmarks.tuning [rows] [rounds]`: the seconds of each, in turns, of the clock and of the
CPU, and how many times Sluice's they are; DECISIONS.md quotes it. Both search 24 settings of XGBoost on 5
folds of a table of 30 features, on two cores, by average precision, and fit the best on all rows. It fails if
they do not find the same scores and the same best setting.

GridSearchCV runs in two worker processes, its default. They are started, with everything imported, before the
clock.
"""

from __future__ import annotations

import sys
import time
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import psutil
import yaml
from sklearn.model_selection import GridSearchCV, ParameterGrid, StratifiedKFold

from benchmarks import scoring
from pipelines.core.config import UseCase
from pipelines.model import families, inputs
from pipelines.model.search import PipelineSearchCV

ROWS, ROUNDS, CORES, SEED = 100_000, 5, 2, 7
MODEL = scoring.Model(26, clip="[0.005, 0.995]")
NUMBERS = tuple(f"number_{n}" for n in range(MODEL.numbers))
CATEGORIES = scoring.VALUES
GRID = {
    "model__n_estimators": [50, 100, 150, 200],
    "model__max_depth": [3, 5, 7],
    "model__learning_rate": [0.05, 0.1],
}
CUT = StratifiedKFold(5, shuffle=True, random_state=SEED)


def table(rows: int) -> tuple[pd.DataFrame, npt.NDArray[np.int64]]:
    """Rows of which a tenth is bad; every tenth value of a number is missing."""
    random = np.random.default_rng(SEED)
    columns: dict[str, Any] = {name: random.normal(size=rows) for name in NUMBERS}
    columns |= {name: random.integers(values, size=rows).astype(str) for name, values in CATEGORIES.items()}
    X = pd.DataFrame(columns)  # noqa: N806 (scikit-learn's letter)
    level = (
        X.number_0
        + X.number_1 * X.number_2
        + np.abs(X.number_3)
        + (X.channel == "1")
        + random.normal(size=rows)
    )
    X[list(NUMBERS)] = X[list(NUMBERS)].mask(random.random((rows, len(NUMBERS))) < 0.1)
    return X, (level > level.quantile(0.9)).to_numpy(np.int64)


def results(rows: int = ROWS, rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """Let both search in turns and compare what they find: a row a contestant, medians of seconds and of
    ratios to Sluice's.
    """
    facts = UseCase.model_validate(yaml.safe_load(scoring.use_case_text(MODEL)))
    X, y = table(rows)  # noqa: N806
    X = inputs.frame(X, facts.features)  # noqa: N806
    pipeline, common = (
        families.pipeline(facts, "xgboost"),
        {"scoring": "average_precision", "cv": CUT, "n_jobs": CORES},
    )
    searches: dict[str, Any] = {
        "Sluice": PipelineSearchCV(pipeline, ParameterGrid(GRID), **common),
        "GridSearchCV": GridSearchCV(pipeline, GRID, **common),
    }
    # starts the workers
    GridSearchCV(pipeline, {"model__n_estimators": [1, 2]}, **common).fit(X[:1000], y[:1000])
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in searches}
    for _ in range(rounds):
        for name, search in searches.items():
            start, cpu = time.perf_counter(), _cpu_seconds()
            search.fit(X, y)
            runs[name].append((time.perf_counter() - start, _cpu_seconds() - cpu))
    off = _difference(*searches.values())
    ours = runs["Sluice"]
    return [
        {
            "contestant": name,
            "seconds": median(seconds for seconds, _ in measured),
            "cpu": median(cpu for _, cpu in measured),
            "to_sluice": median(one[0] / our[0] for one, our in zip(measured, ours, strict=True)),
            "cpu_to_sluice": median(one[1] / our[1] for one, our in zip(measured, ours, strict=True)),
            "scores_off": off,
        }
        for name, measured in runs.items()
    ]


def _cpu_seconds() -> float:
    """Of this process and its workers: on a machine that others use too, the steadier measure."""
    own = psutil.Process()
    return sum(sum(process.cpu_times()[:2]) for process in (own, *own.children(recursive=True)))


def _difference(ours: PipelineSearchCV, theirs: GridSearchCV) -> float:
    splits = [f"split{fold}_test_score" for fold in range(CUT.get_n_splits())]
    off = max(float(np.abs(ours.cv_results_[split] - theirs.cv_results_[split]).max()) for split in splits)
    if off > 1e-6 or ours.best_params_ != theirs.best_params_:
        sys.exit(f"they differ: scores by {off:.1e}; best {ours.best_params_} and {theirs.best_params_}")
    return off


def main(rows: int = ROWS, rounds: int = ROUNDS) -> None:
    """Print the results."""
    print(
        f"{rows:,} rows, {len(NUMBERS) + len(CATEGORIES)} features; {len(ParameterGrid(GRID))} settings on"
        f" {CUT.get_n_splits()} folds"
    )
    print(f"{'':22}{'seconds':>9}{'of CPU':>9}{'to Sluice':>11}{'CPU':>8}")
    for row in results(rows, rounds):
        ratios = f"{row['to_sluice']:10.2f}x{row['cpu_to_sluice']:7.2f}x"
        print(f"{row['contestant']:22}{row['seconds']:9.1f}{row['cpu']:9.1f}{ratios}")
    print(f"the same best setting; scores differ by {row['scores_off']:.0e} at most")


if __name__ == "__main__":
    main(*(int(argument.replace("_", "")) for argument in sys.argv[1:]))
