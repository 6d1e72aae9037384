"""Performance estimated before labels are known, beside NannyML's on its own data sets.

Run as `python -m benchmarks.estimates_beside <python>`, the Python of an environment of its own in which
NannyML is installed (it is no dependency of ours): it tells where its data sets lie, and estimates by CBPE
with its defaults what Sluice estimates of the very same chunks of rows. Both learn on the reference alone.
Told is, over all chunks, the mean distance of the estimate to the truth that the labels tell, in hundredths,
and in how many chunks the 95 % interval holds it; NannyML's interval is its value and 1.96 of its sampling
errors.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from pipelines.core.metrics import by_name
from pipelines.metrics import expected, metrics
from pipelines.metrics.expected import Estimator

CHUNKS = 10
# Ours -> NannyML's.
METRICS = {
    "aucpr": "average_precision",
    "roc_auc": "roc_auc",
    "f1": "f1",
    "precision": "precision",
    "recall": "recall",
}
# Data set -> reference, analysis, its labels, and what the columns are called: label, score, decision.
SETS = {
    "car loan": (
        ("synthetic_car_loan_reference.csv", "synthetic_car_loan_analysis.csv"),
        "synthetic_car_loan_analysis_target.csv",
        ("repaid", "y_pred_proba", "y_pred"),
    ),
    "work from home": (
        ("synthetic_sample_reference.csv", "synthetic_sample_analysis.csv"),
        "synthetic_sample_analysis_gt.csv",
        ("work_home_actual", "y_pred_proba", "y_pred"),
    ),
    "employment": (
        ("employment_MA_reference.pq", "employment_MA_analysis.pq"),
        "employment_MA_analysis_target.pq",
        ("employed", "predicted_probability", "prediction"),
    ),
    "housing": (
        ("california_housing_reference.csv", "california_housing_analysis.csv"),
        "california_housing_analysis_gt.csv",
        ("clf_target", "y_pred_proba", "y_pred"),
    ),
}
THEIRS = """
import json, sys
import pandas as pd
import nannyml
table = pd.read_csv(sys.stdin)
metrics = sys.argv[1].split(",")
cbpe = nannyml.CBPE(
    problem_type="classification_binary", y_true="label", y_pred="decision", y_pred_proba="score",
    metrics=metrics, chunk_number=int(sys.argv[2]),
).fit(table[table.part == "reference"])
found = cbpe.estimate(table[table.part == "analysis"]).filter(period="analysis").to_df()
print(json.dumps({name: found[name][["value", "sampling_error"]].values.tolist() for name in metrics}))
"""


def read(folder: Path, name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Reference and analysis, with the columns `label`, `score` and `decision`."""
    files, target, (label, score, decision) = SETS[name]
    every = [
        pd.read_csv(folder / file) if file.endswith("csv") else pd.read_parquet(folder / file)
        for file in (*files, target)
    ]
    reference, analysis, labels = every
    if label not in analysis:
        analysis = analysis.merge(labels[["id", label]], on="id", how="left")
    named = {label: "label", score: "score", decision: "decision"}
    before, now = (part.rename(columns=named)[list(named.values())] for part in (reference, analysis))
    return before, now


def theirs(python: str, reference: pd.DataFrame, analysis: pd.DataFrame) -> dict[str, list[list[float]]]:
    """NannyML's estimates and sampling errors, metric by metric, chunk by chunk."""
    table = pd.concat([reference.assign(part="reference"), analysis.assign(part="analysis", label=np.nan)])
    asked = [python, "-I", "-c", THEIRS, ",".join(METRICS.values()), str(CHUNKS)]
    told = subprocess.run(asked, input=table.to_csv(index=False), capture_output=True, text=True, check=True)
    found: dict[str, list[list[float]]] = json.loads(told.stdout.splitlines()[-1])
    return found


def ours(
    reference: pd.DataFrame, chunks: list[pd.DataFrame], name: str
) -> Iterator[tuple[float, float, float]]:
    """Sluice's estimates and intervals, chunk by chunk."""
    metric = by_name(name)

    def rows(part: pd.DataFrame, days: int) -> expected.Rows:
        day = np.arange(len(part)) * days // len(part)
        return expected.of_relation(duckdb.from_df(part.assign(day=day, unit=None)), metric)

    estimator = Estimator.fit(metric, rows(reference, CHUNKS))
    for chunk in chunks:
        sure = estimator.estimate(rows(chunk.assign(label=np.nan), 1))
        yield (sure.value, *sure.interval()) if sure else (np.nan, np.nan, np.nan)


def main(python: str) -> None:
    """Print the results."""
    where = "import nannyml.datasets as found; print(found.__path__[0])"
    printed = subprocess.run([python, "-I", "-c", where], capture_output=True, text=True, check=True).stdout
    folder = Path(printed.splitlines()[-1]) / "data"
    print(f"{'distance in hundredths, held':30}" + "".join(f"{name:>22}" for name in METRICS))
    for name in SETS:
        reference, analysis = read(folder, name)
        analysis = analysis.iloc[
            : len(analysis) // CHUNKS * CHUNKS
        ]  # of what is left, NannyML makes another one
        cuts = np.array_split(np.arange(len(analysis)), CHUNKS)
        chunks = [analysis.iloc[cut] for cut in cuts]
        beside = theirs(python, reference, analysis)
        lines = {"Sluice": "", "NannyML": ""}
        for metric, their_name in METRICS.items():
            truth = np.array([metrics.measure(metric, part.label, _needed(part, metric)) for part in chunks])
            mine = np.array(list(ours(reference, chunks, metric)))
            value, error = np.array(beside[their_name]).T
            intervals = {
                "Sluice": mine,
                "NannyML": np.column_stack([value, value - 1.96 * error, value + 1.96 * error]),
            }
            for who, (estimate, low, high) in ((who, found.T) for who, found in intervals.items()):
                held = int(((low <= truth) & (truth <= high)).sum())
                lines[who] += f"{f'{100 * np.abs(estimate - truth).mean():.2f}, {held} of {CHUNKS}':>22}"
        for who, line in lines.items():
            print(f"{name + ', ' + who:30}{line}", flush=True)


def _needed(part: pd.DataFrame, metric: str) -> pd.Series:
    """The metric's scores: at a threshold of a half, a decision is its own score."""
    return part.decision.astype(float) if by_name(metric).needs == "decision" else part.score


if __name__ == "__main__":
    main(sys.argv[1])
