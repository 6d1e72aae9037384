"""Which engines can score a model, and which of them does it fastest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from time import thread_time

import pyarrow as pa

from pipelines.core.errors import BadInput
from pipelines.model.engine import BOOSTER, Engine
from pipelines.model.graph import Graph

# rows at once that are tried: the two largest that an engine allows
CHUNKS = (250, 1_000, 2_500, 10_000, 25_000)
ROUNDS = 5
# ONNX Runtime is left only for an engine that is clearly sooner: two measurements of the same thing differ by
# some percent.
CLEARLY = 1.2


@dataclass(frozen=True)
class Choice:
    """How a model is scored from now on.

    Attributes:
        engine: The engine's name, as predictions say it.
        chunk_rows: How many rows it is given at once.
        rows_per_second: What it did on one thread when it was measured.
    """

    engine: str
    chunk_rows: int
    rows_per_second: float


def load(content: bytes, name: str = Graph.name) -> Engine:
    """Load an exported model into an engine.

    Raises:
        BadInput: these bytes are no exported model, or the engine cannot run it.
    """
    graph = Graph(content)
    loaders = _loaders(graph, content)
    if name not in loaders:
        raise BadInput(
            f"the model is to be scored by the engine {name!r}, which this version of Sluice cannot do"
            f" with it; it can by {', '.join(loaders)}",
            fix="score with the version of Sluice that trained the model, or train again",
        )
    return loaders[name]()


def every(content: bytes) -> dict[str, Engine]:
    """Load an exported model into each engine that can run it, ONNX Runtime first; see `load`."""
    return {name: loader() for name, loader in _loaders(Graph(content), content).items()}


def fastest(engines: Mapping[str, Engine], rows: pa.Table) -> Choice:
    """Measure engines on real rows, as often as it takes.

    ONNX Runtime stays unless another is clearly sooner.

    Args:
        engines: name -> engine, among them ONNX Runtime.
        rows: at least one row.
    """
    trials = [(name, chunk) for name, engine in engines.items() for chunk in _chunks(engine)]
    tables = {name: _repeat(rows, max(_chunks(engine))) for name, engine in engines.items()}
    seconds: dict[tuple[str, int], list[float]] = {trial: [] for trial in trials}
    for _ in range(ROUNDS):  # in turns, so that a busy moment of the machine meets all of them
        for name, chunk in trials:
            seconds[name, chunk].append(_seconds(engines[name], tables[name], chunk))
    choices = {
        trial: Choice(*trial, rows_per_second=len(tables[trial[0]]) / median(seconds[trial]))
        for trial in trials
    }
    best = {
        name: max((choices[name, chunk] for chunk in _chunks(engines[name])), key=_rows_per_second)
        for name in engines
    }
    first, other = best[Graph.name], max(best.values(), key=_rows_per_second)
    return other if _rows_per_second(other) >= CLEARLY * _rows_per_second(first) else first


def _loaders(graph: Graph, content: bytes) -> dict[str, Callable[[], Engine]]:
    loaders: dict[str, Callable[[], Engine]] = {Graph.name: lambda: graph}
    if BOOSTER in graph.metadata:
        # Imported here: XGBoost takes a second, which a model of another family does without.
        from pipelines.model.engine_xgboost import XGBoostEngine

        loaders[XGBoostEngine.name] = lambda: XGBoostEngine(graph, content)
    return loaders


def _chunks(engine: Engine) -> tuple[int, ...]:
    return tuple(chunk for chunk in CHUNKS if chunk <= engine.rows_at_once)[-2:]


def _repeat(rows: pa.Table, n: int) -> pa.Table:
    return pa.concat_tables([rows] * -(-n // len(rows))).slice(0, n).combine_chunks()


def _seconds(engine: Engine, rows: pa.Table, chunk: int) -> float:
    # of CPU, which neighbours on a busy machine do not lengthen: an engine runs on the thread that asks
    start = thread_time()
    for at in range(0, len(rows), chunk):
        engine.scores(rows.slice(at, chunk))
    return thread_time() - start


def _rows_per_second(choice: Choice) -> float:
    return choice.rows_per_second
