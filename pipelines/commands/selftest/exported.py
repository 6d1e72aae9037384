"""Damages to what a training exports: a graph that is not the trained model, a fit that has gone wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from pipelines.commands.selftest import graphs
from pipelines.commands.selftest.damage import Damage
from pipelines.core import sql
from pipelines.evaluation import verdict
from pipelines.model import candidate, convert, parity, refit
from pipelines.steps import export

if TYPE_CHECKING:
    import duckdb

    from pipelines.commands.selftest.stage import Stage
    from pipelines.core.config import Family
    from pipelines.run.run import Run


def every(stage: Stage) -> Iterator[Damage]:
    """All of them."""
    yield Damage(
        "parity: one threshold or weight of the graph is moved",
        "training",
        _move_a_threshold,
        "export",
        "gate_parity",
    )
    if stage.use_case.candidates.refit == "all":
        yield Damage(
            "parity: the winner was fitted again on flipped labels",
            "training",
            _refit_on_other_labels,
            "export",
            "gate_parity",
        )


def _move_a_threshold(stage: Stage) -> Run:
    """Compare the trained model with a graph in which one number is another."""
    run = stage.run("training")
    judged = verdict.read(run.store.read_file("verdict.json"))
    families = run.use_case.candidates.families
    trained = {
        family: candidate.load(run.store.read_file(f"candidates/{family}.skops")) for family in families
    }
    exported = {family: _judged_graph(run, family, judged.winner) for family in families}
    exported[judged.winner] = graphs.with_one_number_moved(exported[judged.winner])
    features, good = run.store.read("features"), run.store.read("parity").df()
    again = export.parity(features, trained, exported, judged, run.use_case)
    run.store.write("parity", pd.concat([again, good[good["fit"] == parity.REFIT]], ignore_index=True))
    return run


def _judged_graph(run: Run, family: Family, winner: Family) -> bytes:
    again = run.use_case.candidates.refit == "all" and family == winner
    return run.store.read_file(f"models/{family}{'.judged' if again else ''}.onnx")


def _refit_on_other_labels(stage: Stage) -> Run:
    """Fit the winner again on rows whose labels are another row's."""
    run = stage.run("training")
    judged, use_case = verdict.read(run.store.read_file("verdict.json")), run.use_case
    features, good = run.store.read("features"), run.store.read("parity").df()
    label = sql.name(use_case.target)
    flipped = f"1 - {label}" if use_case.task.classes else f"-{label}"
    wrong = features.project(f"* REPLACE (({flipped})::{_type(features, use_case.target)} AS {label})")
    first = candidate.load(run.store.read_file(f"candidates/{judged.winner}.skops"))
    again, _ = refit.on_all_rows(first, wrong, use_case)
    graph = convert.graph_of(again, use_case.features, use_case.task, use_case.name, {})
    compared = export.refit_parity(features, again, graph, judged, use_case)
    run.store.write("parity", pd.concat([good[good["fit"] == parity.JUDGED], compared], ignore_index=True))
    return run


def _type(rows: duckdb.DuckDBPyRelation, column: str) -> str:
    return str(rows.types[rows.columns.index(column)])
