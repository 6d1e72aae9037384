"""A model version trained again, from its own data, use-case file and seed: is it the same model?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from pipelines import registry, snapshot, threshold, tune, use_cases
from pipelines.errors import SluiceError
from pipelines.model import candidate, convert
from pipelines.model.graph import Graph
from pipelines.run import Run, code_version, lock_version
from pipelines.sql import name as quoted

if TYPE_CHECKING:
    import duckdb

    from pipelines.config import Family, UseCase
    from pipelines.registry import Champion
    from pipelines.settings import Settings

SAME = 1e-6  # of a probability, or of the labels' standard deviation


class NotTheSame(SluiceError):
    """The version cannot be made again: what comes out scores rows otherwise."""


def reproduce(settings: Settings, use_case: str, version: str) -> Iterator[str]:
    """Search and fit a version's family again, and compare its scores on the held-out rows.

    Yields:
        What it was made of, and whether that is so now; at last that it is the same, and by how much the scores differ.

    Raises:
        NotTheSame: they differ by more than `SAME`; says by how much, and what else is different.
        BadInput, TableCorrupt: the version, its rows or its use-case file are gone.
        TryAgain: MLflow or DVC does not answer.
    """
    run = Run.open(use_case, "training", date.min, settings)
    model = registry.champion(replace(run, model_version=version))
    facts = _use_case(settings, use_case, version)
    made = model.metadata
    yield f"{use_case} version {version}: {made['family']}, training {made['training_partition']}, data {made['data_version']}, seed {made['seed']}"
    yield f"use-case file {made['use_case_sha256'][:12]}: {'as it is now' if made['use_case_sha256'] == run.loaded.sha256 else 'another one than now; the one of then is taken'}"
    others = [
        f"{what} {then[:12]} then, {now[:12]} now"
        for what, then, now in (("commit", made["code"], code_version()), ("lock", made.get("lock", "unknown"), lock_version()))
        if then != now
    ]
    yield "; ".join(others) if others else "commit and lock: the same as now"
    with snapshot.rows(run, made["data_version"]) as features:
        apart, rows, cut = _again(features, facts, model)
    if model.threshold is not None and cut is not None:
        yield f"threshold {model.threshold:.6g}, chosen again {cut:.6g}"
    if not apart <= SAME:
        why = (
            f"what is different: {'; '.join(others)}"
            if others
            else "commit, lock, data, use-case file and seed are the same: the machine's arithmetic, or a bug"
        )
        raise NotTheSame(
            f"{use_case} version {version} is not the same: the scores of {rows:,} held-out rows differ by up to {apart:.2g}, at most {SAME:g} is the same\n"
            f"  {why}\n  way out: check out commit {made['code']} and install its lock (make setup), then reproduce again"
        )
    yield f"same: the scores of {rows:,} held-out rows differ by {apart:.1e} at most"


def _use_case(settings: Settings, use_case: str, version: str) -> UseCase:
    """The use case as it was when the version was trained."""
    return use_cases.parse(Path(f"{use_case}.yaml"), registry.use_case_file(settings, use_case, version)).use_case


def _again(features: duckdb.DuckDBPyRelation, facts: UseCase, model: Champion) -> tuple[float, int, float | None]:
    """The greatest difference of scores, on how many rows, and the threshold that is chosen now."""
    found = tune.search(features, facts, cast("Family", model.metadata["family"]))
    graph = convert.graph_of(candidate.load(found.candidate), facts.features, facts.task, facts.name, {})
    test = features.filter("split = 'test'").order(quoted(facts.key)).to_arrow_table()
    then, now = (Graph(content).scores(test).astype(np.float64) for content in (model.graph, graph))
    scale = 1.0 if facts.task == "binary" else float(np.std(np.asarray(test[facts.target].to_numpy(), dtype=np.float64)))
    validation, night = found.validation, threshold.night(features, facts)
    cut = threshold.choose(facts.threshold, validation["label"], validation["score"], night) if facts.threshold else None
    return float(np.abs(then - now).max() / scale), len(test), cut
