"""What scoring costs: Sluice from published features to published predictions, beside what people use.

Run as `python -m benchmarks.scoring [rows] [rounds]`: for each model the seconds, how many times sooner
Sluice is, and the peak memory; DECISIONS.md quotes it. Two million rows need 1.5 GB of disk in the temp
folder and 6 GB of memory, for pandas.

The models: XGBoost with 300 trees of depth 6 on 30 numbers; the same with numbers (a tenth missing; imputed
and clipped) and categories, one-hot or ordinal, inside the Pipeline. Each contestant runs in a process of its
own, in turns with the others:

- Sluice reads the features, checks their checksum, scores by the engine that export chose, and publishes the
  predictions;
- `inplace_predict` is XGBoost alone: the rows are in memory as it likes them best, on both cores, and nothing
  is written;
- MLflow's pyfunc (of the same graph) and scikit-learn's Pipeline read Parquet into pandas, score, and write
  Parquet.

The clock starts when everything is imported and loaded, and ends with the scores.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, TypeAlias

from benchmarks import gates

# The process that only starts others stays small: a child's peak memory begins with that of its parent.
if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    from pipelines.core.config import UseCase
    from pipelines.model.engine import Engine, Feeds
    from pipelines.registry.registry import Champion
    from pipelines.run.run import Run
    from pipelines.storage.store import Store

    # what is timed, and the mean score of what it returns
    Job: TypeAlias = tuple[Callable[[], Any], Callable[[Any], float]]

ROWS, ROUNDS, CORES, SEED = 2_000_000, 5, 2, 7
TRAINED = 100_000
NIGHT = date(2026, 2, 1)
VALUES = {"channel": 3, "country": 8, "weekday": 7, "product": 20}  # how many each category has


@dataclass(frozen=True)
class Model:
    """What is scored: how many of the 30 features are numbers, and how the others are encoded."""

    numbers: int
    encode: str = "one_hot"
    clip: str = "null"

    @property
    def categories(self) -> list[str]:
        """The features that are no numbers."""
        return list(VALUES) if self.numbers < 30 else []


MODELS = {
    "30 numbers": Model(30),
    "26 numbers clipped, 4 categories one-hot": Model(26, "one_hot", "[0.005, 0.995]"),
    "26 numbers clipped, 4 categories ordinal": Model(26, "ordinal", "[0.005, 0.995]"),
}


@dataclass(frozen=True)
class Measured:
    """Seconds by the clock and of CPU, the process's peak memory in MB, and the mean score."""

    seconds: float
    cpu: float
    peak: float
    mean: float


# --- the rows and the model


def use_case_text(model: Model) -> str:
    """The facts of a use case with these features."""
    numbers = [f"number_{n}" for n in range(model.numbers)]
    columns = [
        *(f"  {name}: {{type: number}}" for name in numbers),
        *(f"  {name}: {{type: string}}" for name in model.categories),
    ]
    return f"""
name: benchmark
title: Which rows are bad?
task: binary
source: {{kind: python, function: "tests.helpers.tiny:payments"}}
columns:
  id: {{type: string, role: key}}
  at: {{type: timestamp, role: time}}
  bad: {{type: integer, role: label, allowed: [0, 1]}}
{chr(10).join(columns)}
label: {{positive: 1, delay_days: 2}}
features:
  numbers: {{{", ".join(f"{name}: {name}" for name in numbers)}}}
  categories: {{{", ".join(f"{name}: {name}" for name in model.categories)}}}
prepare: {{numbers: {{clip: {model.clip}}}, categories: {{encode: {model.encode}}}}}
split: {{window_days: 20, by: time, test: 0.25, folds: {{by: time, n: 3}}}}
candidates: {{baseline: {{}}, xgboost: {{}}}}
metric: {{name: aucpr}}
threshold: {{policy: max_recall, precision: 0.5}}
demo: {{training: 2026-01-31}}
"""


def batches(model: Model, rows: int) -> Iterator[pa.RecordBatch]:
    """Features as the step of that name publishes them.

    Where there are categories, a tenth of each number is missing.
    """
    import numpy as np
    import pyarrow as pa

    random = np.random.default_rng(SEED)
    for start in range(0, rows, TRAINED):
        n = min(TRAINED, rows - start)
        ids = pa.array([f"P{i:012}" for i in range(start, start + n)])
        at = np.datetime64(NIGHT, "us") + np.arange(start, start + n) * np.timedelta64(
            86_400_000_000 // rows, "us"
        )
        columns: dict[str, Any] = {"id": ids, "at": pa.array(at, pa.timestamp("us"))}
        for name in (f"number_{number}" for number in range(model.numbers)):
            values = random.normal(size=n).astype(np.float32)
            columns[name] = pa.array(values, mask=random.random(n) < 0.1 if model.categories else None)
        columns |= {
            name: pa.array(random.integers(VALUES[name], size=n).astype(str)) for name in model.categories
        }
        yield pa.RecordBatch.from_pydict(columns)


def opened(folder: Path) -> Run:
    """The night that is scored."""
    from pipelines.run.run import Run
    from pipelines.storage.settings import Settings

    return Run.open(
        "benchmark",
        "scoring",
        NIGHT,
        Settings(data=folder, use_cases=folder, var=folder, mlflow="", mirror=None),
    )


def prepare(folder: Path, name: str, rows: int) -> str:
    """Publish the features, train on the first of them, export, and choose the engine, which is told."""
    import pyarrow as pa

    from pipelines.model import candidate, convert, engines
    from pipelines.model.engine_xgboost import booster_metadata

    model = MODELS[name]
    (folder / "benchmark.yaml").write_text(use_case_text(model))
    run = opened(folder)
    rest = batches(model, rows)
    first = next(rest)
    run.store.write(
        "features",
        pa.RecordBatchReader.from_batches(
            first.schema, (batch for part in ([first], rest) for batch in part)
        ),
    )
    pipeline = fitted(first.to_pandas(), run.use_case)
    (folder / "model.skops").write_bytes(candidate.dump(pipeline))
    graph = convert.graph_of(
        pipeline, run.use_case.features, run.use_case.task, "benchmark", booster_metadata(pipeline)
    )
    (folder / "model.onnx").write_bytes(graph)
    choice = engines.fastest(engines.every(graph), pa.Table.from_batches([first]))
    (folder / "choice.json").write_text(json.dumps(asdict(choice)))
    return (
        f"{choice.engine}, {choice.chunk_rows:,} rows at once: {choice.rows_per_second:,.0f} rows a second"
        " and thread"
    )


def fitted(frame: pd.DataFrame, use_case: UseCase) -> Any:
    """The trained Pipeline."""
    import numpy as np

    from pipelines.model import families, inputs

    known = inputs.frame(frame, use_case.features)
    noise = np.random.default_rng(SEED).normal(size=len(known))
    filled = known.fillna({f"number_{n}": 0 for n in range(4)})
    level = filled.number_0 + filled.number_1 * filled.number_2 + np.abs(filled.number_3) + noise
    whole = families.pipeline(use_case, "xgboost").set_params(model__n_estimators=300, model__max_depth=6)
    return whole.fit(known, (level > level.quantile(0.9)).to_numpy(np.int64))


# --- the contestants: each loads what it needs, and returns what is timed


def sluice(folder: Path) -> Job:
    """The step `score`, by the engine that export chose."""
    return scoring(folder, champion(folder))


def by_onnxruntime(folder: Path) -> Job:
    """The same, by the reference engine."""
    return scoring(folder, replace(champion(folder), engine="onnxruntime", chunk_rows=None))


def without_scores(folder: Path) -> Job:
    """The same, by an engine that does nothing: reading and writing alone."""
    import numpy as np

    from pipelines.model import engines
    from pipelines.model.engine import Engine

    class Nothing(Engine):
        name = "nothing"

        def __init__(self, inputs: dict[str, Any]) -> None:
            self.inputs = inputs

        @property
        def rows_at_once(self) -> int:
            return 25_000

        def _scores(self, feeds: Feeds) -> np.ndarray:
            return np.zeros(len(next(iter(feeds.values()))), np.float32)

    load = engines.load

    def nothing(content: bytes, name: str = "") -> Engine:  # noqa: ARG001
        return Nothing(load(content).inputs)

    engines.load = nothing
    return scoring(folder, champion(folder))


def scoring(folder: Path, version: Champion) -> Job:
    """Read, score and publish, as `flow.score` does."""
    import duckdb  # noqa: F401
    import pyarrow.parquet  # noqa: F401

    from pipelines.model import engine_xgboost  # noqa: F401
    from pipelines.steps import score

    run = opened(folder)

    def timed() -> Run:
        rows = run.store.manifest("features").rows
        run.store.write("predictions", score.predict(run.store.stream("features"), rows, version, run))
        return run

    return timed, lambda run: float(run.store.read("predictions").aggregate("avg(score)").fetchall()[0][0])


def champion(folder: Path) -> Champion:
    """The model as the registry would give it."""
    from pipelines.registry.registry import Champion

    graph, choice = (folder / "model.onnx").read_bytes(), json.loads((folder / "choice.json").read_text())
    return Champion(
        "1",
        graph,
        "0" * 64,
        date(2026, 1, 31),
        0.5,
        {},
        engine=choice["engine"],
        chunk_rows=choice["chunk_rows"],
    )


def inplace_predict(folder: Path) -> Job:
    """XGBoost alone, on a matrix in memory, with a thread a core."""
    os.environ["OMP_NUM_THREADS"] = str(CORES)  # before XGBoost is loaded, since Sluice's own setting is one
    import numpy as np

    from pipelines.model import candidate

    pipeline, rows = candidate.load((folder / "model.skops").read_bytes()), frame(opened(folder).store)
    matrix = np.ascontiguousarray(pipeline["prepare"].transform(rows), np.float32)
    booster = pipeline["model"].get_booster()
    booster.set_param({"nthread": CORES})
    return lambda: booster.inplace_predict(matrix), lambda scores: float(scores.astype(np.float64).mean())


def mlflow_pyfunc(folder: Path) -> Job:
    """The exported graph as MLflow serves it, on pandas."""
    import mlflow.onnx
    import onnx

    place = folder / f"pyfunc-{os.getpid()}"
    mlflow.onnx.save_model(
        onnx.load(folder / "model.onnx"), place, onnx_execution_providers=["CPUExecutionProvider"]
    )
    model = mlflow.pyfunc.load_model(str(place))
    return on_pandas(folder, lambda rows: model.predict(rows)["score"])


def sklearn_pipeline(folder: Path) -> Job:
    """The trained Pipeline on pandas, with a thread a core."""
    os.environ["OMP_NUM_THREADS"] = str(CORES)
    from pipelines.model import candidate

    pipeline = candidate.load((folder / "model.skops").read_bytes()).set_params(model__n_jobs=CORES)
    return on_pandas(folder, lambda rows: pipeline.predict_proba(rows)[:, 1])


def on_pandas(folder: Path, scores: Callable[[pd.DataFrame], Any]) -> Job:
    """Read Parquet, score, write Parquet."""
    store = opened(folder).store

    def timed() -> pd.DataFrame:
        rows = frame(store)
        keys = gates.in_pandas(store, "features", ["id", "at"])
        found = keys.assign(score=scores(rows))
        found.to_parquet(folder / "predictions.parquet")
        return found

    return timed, lambda found: float(found["score"].astype("float64").mean())


def frame(store: Store) -> pd.DataFrame:
    """The features as a model takes them, in pandas."""
    rows: pd.DataFrame = gates.in_pandas(store, "features").drop(columns=["id", "at"])
    return rows.astype({name: object for name in rows.columns if name in VALUES})


CONTESTANTS: dict[str, Callable[[Path], Job]] = {
    "Sluice": sluice,
    "inplace_predict alone": inplace_predict,
    "MLflow pyfunc": mlflow_pyfunc,
    "scikit-learn Pipeline": sklearn_pipeline,
    "Sluice by ONNX Runtime": by_onnxruntime,
    "reading, writing alone": without_scores,
}


# --- the race


def measure(contestant: str, folder: Path) -> Measured:
    """Let one contestant run in this process."""
    timed, mean = CONTESTANTS[contestant](folder)
    start, start_cpu = time.perf_counter(), time.process_time()
    found = timed()
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Measured(seconds, cpu, peak, mean(found))


def alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def race(name: str, rows: int = ROWS, rounds: int = ROUNDS) -> dict[str, list[Measured]]:
    """Let all contestants score so many rows with a model, in turns."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        print(f"{name}, {rows:,} rows: {alone(prepare, folder, name, rows)}", flush=True)
        runs: dict[str, list[Measured]] = {contestant: [] for contestant in CONTESTANTS}
        for _ in range(rounds):
            for contestant, measured in runs.items():
                measured.append(alone(measure, contestant, folder))
        return runs


def results(rows: int = ROWS, rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """A row for each model and contestant: medians of seconds and of the ratio to Sluice in the same round,
    and greatest peak.
    """
    found = []
    for name in MODELS:
        runs = race(name, rows, rounds)
        for contestant, measured in runs.items():
            ratios = [
                other.seconds / ours.seconds for other, ours in zip(measured, runs["Sluice"], strict=True)
            ]
            row = {
                "seconds": median(run.seconds for run in measured),
                "cpu": median(run.cpu for run in measured),
            }
            row |= {
                "peak_mb": max(run.peak for run in measured),
                "to_sluice": median(ratios),
                "mean_score": measured[0].mean,
            }
            found.append({"model": name, "contestant": contestant, **row})
            print(
                f"  {contestant:24}{row['seconds']:8.2f} s{row['cpu']:8.2f} s of CPU{row['peak_mb']:8,.0f}"
                f" MB{row['to_sluice']:8.2f}x",
                flush=True,
            )
    return found


def main(rows: int = ROWS, rounds: int = ROUNDS) -> None:
    """Print the races, and make sure that all have found the same scores."""
    found = results(rows, rounds)
    for name in MODELS:
        means = {
            row["contestant"]: row["mean_score"]
            for row in found
            if row["model"] == name and row["contestant"] != "reading, writing alone"
        }
        if max(means.values()) - min(means.values()) > 1e-6:
            sys.exit(f"{name}: the mean scores differ: {means}")


if __name__ == "__main__":
    main(*(int(argument.replace("_", "")) for argument in sys.argv[1:]))
