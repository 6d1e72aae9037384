"""How true calibrated scores become, beside scikit-learn's curves on the same rows; how often a healthy model
is left alone; and how often an error that is too great is let through.

Run as `python -m benchmarks.calibration [draws]`.
"""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from pipelines.evaluation.calibration import reliability
from pipelines.model import calibration
from pipelines.model.calibration import Method
from tests.model.test_calibration import RANGES, Margins, misplaced, overconfident

Floats = npt.NDArray[np.float64]
METHODS: tuple[Method, ...] = ("sigmoid", "isotonic")


def ranges(draws: int) -> None:
    """How far told probabilities are from the planted ones, wherever the scores lie."""
    print("mean distance to the true probability, scores of another range, 2,000 rows to learn on")
    print(f"{'':<24}{'as scored':>12}{'calibrated':>12}{'scikit-learn':>14}{'forests':>12}")
    for where in RANGES:
        for method in METHODS:
            off = []
            for seed in range(draws):
                y, _, score = misplaced(where, 2_000, seed)
                _, truth, fresh = misplaced(where, 2_000, seed + 10_000)
                theirs = CalibratedClassifierCV(FrozenEstimator(Margins()), method=method)
                theirs.fit(logit(score).reshape(-1, 1), y)
                told = (
                    fresh,
                    calibration.fit(method, y, score).of_scores(fresh),
                    theirs.predict_proba(logit(fresh).reshape(-1, 1))[:, 1],
                    calibration.fit(method, y, score, margins=False).of_scores(fresh),
                )
                off.append([np.abs(each - truth).mean() for each in told])
            found = np.mean(off, axis=0)
            print(
                f"{where + ', ' + method:<24}{found[0]:12.4f}{found[1]:12.4f}{found[2]:14.4f}{found[3]:12.4f}"
            )


def helps(draws: int) -> None:
    """How often scores are calibrated, and what that does to the Brier score of fresh rows."""
    print("\nhow often scores are calibrated; of those, how often fresh rows' Brier score is worse by it")
    print(f"{'':<34}{'healthy %':>10}{'worse %':>9}{'twice too sure %':>18}{'worse %':>9}")
    for method in METHODS:
        for rows in (500, 2_000, 10_000):
            told = []
            for by in (0.5, 1.0):
                used, worse = 0, 0
                for seed in range(draws):
                    y, score = overconfident(rows, seed)
                    fresh, its = overconfident(50_000, seed + 10_000)
                    score, its = expit(by * logit(score)), expit(by * logit(its))
                    n = np.arange(rows)
                    line = calibration.learn(method, y, score, n % 5, n, margins=True).line
                    if line is not None:
                        used += 1
                        worse += ((line.of_scores(its) - fresh) ** 2).mean() > ((its - fresh) ** 2).mean()
                told += [100 * used / draws, 100 * worse / max(used, 1)]
            print(
                f"{method + f', {rows:,} rows':<34}{told[0]:10.1f}{told[1]:9.1f}{told[2]:18.1f}{told[3]:9.1f}"
            )


def errors(draws: int) -> None:
    """How often a true error lies within its interval, and is let through, by three rules."""
    print("\nexpected calibration error, 0.03 allowed; let through by the upper end (ours), value, lower end")
    print(f"{'':<28}{'true':>8}{'told':>8}{'covered %':>11}{'upper %':>9}{'value %':>9}{'lower %':>9}")
    for shift in (0.0, 0.1, 0.25, 0.5):
        for rows, customers in ((1_000, 1), (5_000, 1), (20_000, 1), (20_000, 20)):
            random = np.random.default_rng(5)

            def drawn(n: int, each: int, by: float, random: np.random.Generator) -> tuple[Floats, Floats]:
                certainty = random.normal(-1, 1.5, n // each)
                y = (random.random(n // each) < expit(certainty)) * 1.0
                return np.repeat(y, each), np.repeat(expit(certainty + by), each)

            y, score = drawn(2_000_000, 1, shift, random)
            # its own bins: of so many rows that chance adds nothing
            true = reliability(y[:400_000], score[:400_000], np.arange(400_000) // 400, 0.95, 0).error.value
            found = [
                reliability(
                    *drawn(rows, customers, shift, random), np.arange(rows) // customers, 0.95, 0
                ).error
                for _ in range(draws)
            ]
            covered = np.mean([each.low <= true <= each.high for each in found])
            through = [
                100 * np.mean([value <= 0.03 for value in values])
                for values in zip(*((each.high, each.value, each.low) for each in found), strict=True)
            ]
            name = f"{rows:,} rows" + (f", {customers} a customer" if customers > 1 else "")
            print(
                f"{name:<28}{true:8.4f}{np.mean([each.value for each in found]):8.4f}{100 * covered:11.1f}"
                + "".join(f"{share:9.1f}" for share in through)
            )


def main(draws: int) -> None:
    """Print the three tables."""
    ranges(draws)
    helps(draws)
    errors(draws)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
