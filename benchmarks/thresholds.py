"""How often a threshold keeps its promise on new rows, and what the promise costs in recall.

Run as `python -m benchmarks.thresholds [draws]`: for each world a line of thresholds chosen as today, by a
bound, and one as it was before, by the share on the validation rows alone. The last lines are fits of real
Pipelines: chosen on out-of-fold scores, kept by the refitted model on fresh rows.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict

from pipelines.core.policies import MaxPrecision, MaxRecall, Points, Policy, Unreachable
from pipelines.metrics import threshold
from pipelines.model import calibration
from tests.helpers import planted
from tests.helpers.planted import Choices, World

POSITIVES = (55, 200, 1_000)


class AsBefore(MaxRecall):
    """The greatest recall whose precision on the validation rows is enough: the luckiest threshold."""

    def best(self, points: Points) -> int | None:
        """No bound."""
        allowed = np.flatnonzero(points.precision >= self.precision)
        return (
            int(allowed[np.lexsort((points.precision[allowed], points.recall[allowed]))[-1]])
            if len(allowed)
            else None
        )

    def unreachable(self, points: Points) -> Unreachable:  # noqa: ARG002
        """Nothing more is said."""
        return Unreachable("none", where="threshold", fix="ask for less")


WORLDS: dict[str, World] = {
    "independent rows": planted.independent(-4, 2),
    "scores twice too sure": planted.independent(-4, 2, bent=2),
    "customers of 10 rows": planted.customers(-4, 2, own=1, rows_each=10),
    "customers of 30, alike": planted.customers(-3, 2, own=2, rows_each=30),
    "60 days that differ": planted.days(-4, 2, own=0.7, number=60),
    "20 days that differ": planted.days(-4, 2, own=0.7, number=20),
}


def line(name: str, found: Choices) -> str:
    """How often a threshold was chosen, and kept."""
    kept = 100 * (1 - found.broken / found.chosen) if found.chosen else float("nan")
    return (
        f"{name:<46}{100 * found.chosen / found.draws:9.1f}{100 * found.broken / found.draws:9.1f}{kept:9.1f}"
        f"{found.recall:9.3f}{found.precision:11.3f}"
    )


def told(name: str, world: World, policies: dict[str, Policy], positives: int, draws: int) -> None:
    """Print a line a policy."""
    for how, policy in policies.items():
        asked = getattr(policy, "precision", None) or getattr(policy, "recall", 0.0)
        keeps = (
            (lambda precision, _, asked=asked: precision >= asked)
            if isinstance(policy, MaxRecall)
            else (lambda _, recall, asked=asked: recall >= asked)
        )
        print(
            line(
                f"{name}, {positives:,} positive: {how}",
                planted.choices(world, policy, positives, draws, keeps),
            )
        )


def calibrated(method: calibration.Method, positives: int, draws: int) -> Choices:
    """Thresholds on scores that a curve has calibrated which was learned on the very same rows."""
    world, policy = WORLDS["scores twice too sure"], MaxRecall(policy="max_recall", precision=0.5)
    truth, random = planted.truth_of(world), np.random.default_rng(1)
    found: list[tuple[float, float]] = []
    for _ in range(draws):
        y, score, unit = world(random, int(positives / truth.share))
        line = calibration.fit(method, y, score)
        try:
            cut = threshold.choose(policy, y, line.of_scores(score), units=unit)
        except Unreachable:
            continue
        last = int((line.of_scores(truth.score).astype(np.float32) >= cut).sum()) - 1
        found.append((float(truth.precision[last]), float(truth.recall[last])))
    kept = np.array(found).reshape(-1, 2)
    return Choices(
        draws,
        len(found),
        int((kept[:, 0] < 0.5).sum()),
        float(kept[:, 1].sum()) / draws,
        float(kept[:, 0].mean()) if found else float("nan"),
    )


def fitted(model: object, customers: bool, draws: int) -> tuple[int, int, float]:
    """Of trainings with real fits: in how many a threshold was chosen, and not kept on fresh rows by the
    model that is fitted on all rows; and the mean recall.
    """
    random, chosen, broken, recall = np.random.default_rng(3), 0, 0, 0.0
    policy = MaxRecall(policy="max_recall", precision=0.5)
    weights = random.normal(size=8)

    def rows(n: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
        unit = np.repeat(np.arange(n // 5), 5) if customers else np.arange(n)
        own = random.normal(0, 1.0 if customers else 0.0, len(unit))[unit]
        x = random.normal(size=(len(unit), 8))
        certainty = x @ weights * 0.45 + np.abs(x[:, 0]) + own - 4
        return pd.DataFrame(x), (random.random(len(unit)) < expit(certainty)).astype(int), unit

    fresh, truth, _ = rows(200_000)
    for _ in range(draws):
        x, y, unit = rows(5_000)
        score = cross_val_predict(model, x, y, groups=unit, cv=GroupKFold(4), method="predict_proba")[:, 1]
        try:
            cut = threshold.choose(policy, y, score, units=unit)
        except Unreachable:
            continue
        alarm = model.fit(x, y).predict_proba(fresh)[:, 1].astype(np.float32) >= cut  # type: ignore[attr-defined]
        chosen += 1
        broken += truth[alarm].mean() < 0.5
        recall += truth[alarm].sum() / truth.sum()
    return chosen, broken, recall / draws


def main(draws: int) -> None:
    """Print a line a world, number of positive rows and way of choosing."""
    head = ("chosen %", "broken %", "kept %", "recall", "precision")
    print(
        f"{'precision of at least 0.5; recall of at least 0.7':<46}" + "".join(f"{name:>9}" for name in head)
    )
    half: dict[str, Policy] = {
        "before": AsBefore(policy="max_recall", precision=0.5),
        "now": MaxRecall(policy="max_recall", precision=0.5),
    }
    found: dict[str, Policy] = {"recall": MaxPrecision(policy="max_precision", recall=0.7)}
    for name, world in WORLDS.items():
        for positives in POSITIVES:
            told(name, world, half | found, positives, draws)
    for method in ("sigmoid", "isotonic"):
        for positives in POSITIVES:
            print(
                line(
                    f"{method} of the same rows, {positives:,} positive", calibrated(method, positives, draws)
                )
            )
    for share in (0.05, 0.3, 0.49):
        for how, policy in half.items():
            none = planted.choices(planted.noise(share), policy, int(2_000 * share), draws, lambda *_: False)
            print(line(f"noise, {share:.0%} positive: {how}", none))
    models = {
        "logistic": LogisticRegression(max_iter=500),
        "boosted trees": HistGradientBoostingClassifier(max_iter=60, random_state=0),
    }
    for name, model in models.items():
        for customers in (False, True):
            some = max(draws // 5, 20)
            chosen, broken, recall = fitted(model, customers, some)
            print(
                f"{f'{name}, refitted' + (', customers' if customers else ''):<46}{100 * chosen / some:9.1f}"
                f"{100 * broken / some:9.1f}{100 * (1 - broken / max(chosen, 1)):9.1f}{recall:9.3f}"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
