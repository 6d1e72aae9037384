"""A training of the tiny use case as its evaluation and export leave it, from a few numbers: what a promotion
goes by.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pandas as pd

from pipelines.evaluation import follows, scores
from pipelines.evaluation.verdict import PromotionVerdict
from pipelines.run.run import Run
from pipelines.run.tables import scores as scores_types

Gain = tuple[float, float, float]  # with the ends of its interval
BETTER: Gain = (0.6, 0.5, 0.7)
WORSE: Gain = (-0.1, -0.2, -0.05)
# The policy, the greatest recall at a precision of a half, chooses the threshold between the two scores.
VALIDATION = {
    "key": [f"k{n}" for n in range(40)],
    "label": [1] * 20 + [0] * 20,
    "score": [0.3] * 20 + [0.2] * 20,
    "unit": list(range(40)),
}


def tables(
    run: Run, baseline: Gain = BETTER, champion: Gain = BETTER, version: str | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Trials that xgboost wins, and scores: the gains over the baseline and over the champion of a
    version.
    """
    trials = pd.DataFrame(
        [
            {"family": family, "candidate": 0, "params": "{}", "mean_score": mean, "gain": mean, "best": True}
            for family, mean in (("linear", 0.7), ("xgboost", 0.8))
        ]
    )
    others = {"baseline": baseline} | ({"champion": champion} if version else {})
    better = {
        f"gain_over_{name}{end}": n
        for name in others
        for end, n in zip(("", "_low", "_high"), BETTER, strict=True)
    }
    gains = {
        f"gain_over_{name}{end}": n
        for name, gain in others.items()
        for end, n in zip(("", "_low", "_high"), gain, strict=True)
    }
    overall: dict[str, Any] = {"slice": "all", "n": 100, "primary": False, "champion_version": version}
    rows: list[dict[str, Any]] = [
        {
            "metric": "aucpr",
            "challenger": 0.9,
            "baseline": 0.3,
            "champion": 0.3 if version else None,
            "linear": 0.8,
            "xgboost": 0.9,
        }
        | gains
        | {"primary": True},
        {
            "metric": scores.CUT,
            "challenger": 0.25,
            "challenger_low": 0.2,
            "challenger_high": 0.3,
            "champion": 0.5 if version else None,
        },
        {"metric": scores.CALIBRATION, "challenger": 0.03},
        {"metric": scores.LUCK, "note": "that much is luck"},
        {"metric": scores.LEARNING, "note": "more rows would help"},
        {"metric": scores.LOOK, "challenger": 0.998, "note": "a look of a week"} | gains,
        {"metric": scores.UNITS, "challenger": 100.0, "note": "row"},
        {"metric": scores.RARER, "n": 30, "note": "positives"},
    ]
    kinds = scores_types(run.use_case)
    # The file declares a slice; it is not harmed.
    part = {"metric": "aucpr", "slice": "channel=chip", "n": 50, "primary": True, "challenger": 0.9, **better}
    return trials, pd.DataFrame(
        [*(overall | row for row in rows), overall | part], columns=list(kinds)
    ).astype(kinds)


def leave(
    run: Run, graph: bytes, baseline: Gain = BETTER, champion: Gain = BETTER, version: str | None = None
) -> PromotionVerdict:
    """Leave the tables, the verdict that they say, and a graph that parity has compared."""
    trials, judged = tables(run, baseline, champion, version)
    for family in run.use_case.candidates.families:
        run.store.write("trials", trials[trials["family"] == family], piece=family)
        run.store.write("validation", pd.DataFrame(VALIDATION).assign(family=family), piece=family)
    run.store.write("scores", judged)
    verdict = follows.of_tables(trials, judged, run.use_case)
    run.store.write_file("verdict.json", verdict.as_json())
    run.store.write_file("models/xgboost.onnx", graph)
    run.store.write(
        "parity",
        pd.DataFrame([{"family": "xgboost", "fit": "refit", "graph_sha256": sha256(graph).hexdigest()}]),
    )
    return verdict
