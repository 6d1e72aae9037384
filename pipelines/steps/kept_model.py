"""The model that a training keeps, as its version's own training has left it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pipelines.core.errors import BadInput, TableCorrupt, TableMissing
from pipelines.core.sql import name as quoted
from pipelines.evaluation.recalibrated import INSTEAD, Kept
from pipelines.model import candidate, inputs, refit
from pipelines.model.graph import Graph
from pipelines.registry import definitions, registry, snapshot

if TYPE_CHECKING:
    import duckdb
    from sklearn.pipeline import Pipeline

    from pipelines.core.config import Keep
    from pipelines.registry.registry import Champion
    from pipelines.run.run import Run

SAME = 1e-5  # of a probability: as far as a graph may be from its model, see `gates.built_in.models.PARITY`


def read(run: Run, features: duckdb.DuckDBPyRelation, keep: Keep) -> Kept:
    """Read the model of a version, and make sure that it is the one that serves.

    The candidate of its training, fitted again on all of that training's labelled rows where that fit serves.

    Args:
        run: A training.
        features: Its features, whose held-out rows the model must score as the version does.
        keep: Which version's.

    Raises:
        BadInput: what its training has left is gone, or is another model by now.
        TryAgain: MLflow or DVC does not answer.
    """
    version = registry.champion(replace(run, model_version=keep.version))
    training, family = run.store.at("training", version.partition), version.metadata["family"]
    try:
        fitted = candidate.load(training.read_file(f"candidates/{family}.skops"))
        trials = training.read("trials", pieces=[family])
        ((params,),) = trials.filter("best").project("params").fetchall()
        if refit.ROWS in version.metadata:
            learned_by = definitions.file_of(run.settings, run.use_case.name, version.version).use_case
            with snapshot.rows(run, version.metadata["data_version"]) as known:
                fitted = refit.on_all_rows(fitted, known, learned_by)[0]
    except (BadInput, TableCorrupt, TableMissing) as error:
        raise BadInput(
            f"the model of version {keep.version} cannot be kept, since what its training"
            f" {version.partition} has left is gone: {error.sentence}",
            where=run.store,
            fix=f"bring it back from a backup; or {INSTEAD}",
        ) from error
    _require_same(version, fitted, features, run)
    return Kept(keep.version, fitted, str(params))


def _require_same(version: Champion, fitted: Pipeline, features: duckdb.DuckDBPyRelation, run: Run) -> None:
    use_case = run.use_case
    rows = features.filter("split = 'test'").order(quoted(use_case.key)).to_arrow_table()
    own = candidate.scores(fitted, inputs.frame(rows.to_pandas(), use_case.features), use_case.task)
    apart = float(np.abs(own - Graph(version.graph).scores(rows)).max(initial=0.0))
    if not apart <= SAME:
        raise BadInput(
            f"the model of version {version.version} cannot be kept: what its training {version.partition}"
            f" has left scores {len(rows):,} rows otherwise than the version does, by up to {apart:.2g}",
            where=run.store,
            details=["a training of that day by another file, or other libraries, have made another model"],
            fix=INSTEAD,
        )
