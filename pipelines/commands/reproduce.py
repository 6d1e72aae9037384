"""A model version trained again, from its own data, use-case file and seed: is it the same model?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np

from pipelines.core.errors import SluiceError
from pipelines.core.sql import name as quoted
from pipelines.metrics import threshold
from pipelines.model import candidate, convert, refit
from pipelines.model.graph import Graph
from pipelines.registry import definitions, registry, snapshot
from pipelines.run.run import Run, code_version, lock_version
from pipelines.steps import kept_model, tune

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa
    from sklearn.pipeline import Pipeline

    from pipelines.core.config import UseCase
    from pipelines.registry.registry import Champion
    from pipelines.storage.settings import Settings

SAME = 1e-6  # of a probability, or of the labels' standard deviation


class NotTheSame(SluiceError):
    """The version cannot be made again: what comes out scores rows otherwise."""


def reproduce(settings: Settings, use_case: str, version: str) -> Iterator[str]:
    """Make a version's features of its raw rows again, search and fit its family on them, and compare its
    scores on the held-out rows. Of a version that keeps another one's model, learn its curve again.

    Yields:
        What it was made of, and whether that is so now; at last that it is the same, and by how much the
        scores differ.

    Raises:
        NotTheSame: the features are others, or the scores differ by more than `SAME`; says by how much, and
            what else is different.
        BadInput, TableCorrupt: the version, its rows or its use-case file are gone.
        TryAgain: MLflow or DVC does not answer.
    """
    now = Run.open(use_case, "training", date.min, settings)
    model = registry.champion(replace(now, model_version=version))
    made = model.metadata
    run = Run.open(use_case, "training", model.partition, settings).by(
        definitions.file_of(settings, use_case, version)
    )
    yield (
        f"{use_case} version {version}: {made['family']}, training {made['training_partition']}, data"
        f" {made['data_version']}, seed {made['seed']}"
    )
    same = made["use_case_sha256"] == now.loaded.sha256
    told = "as it is now" if same else "another one than now; the one of then is taken"
    yield f"use-case file {made['use_case_sha256'][:12]}: {told}"
    others = _differing(made)
    yield "; ".join(others) if others else "commit and lock: the same as now"
    with snapshot.rows(run, made["data_version"]) as features:
        yield _made_of_raw(run, made, features, others)
        apart, rows, cut = _again(features, run, model)
    if model.threshold is not None and cut is not None:
        yield f"threshold {model.threshold:.6g}, chosen again {cut:.6g}"
    if not apart <= SAME:
        bug = "commit, lock, data, use-case file and seed are the same: the machine's arithmetic, or a bug"
        why = f"what is different: {'; '.join(others)}" if others else bug
        raise NotTheSame(
            f"{use_case} version {version} is not the same: the scores of {rows:,} held-out rows differ"
            f" by up to {apart:.2g}, at most {SAME:g} is the same",
            details=[why],
            fix=f"check out commit {made['code']} and install its lock (make setup), then reproduce again",
        )
    yield f"same: the scores of {rows:,} held-out rows differ by {apart:.1e} at most"


def _differing(made: Mapping[str, str]) -> list[str]:
    """What else than then it would be made by now."""
    now = {"commit": code_version(), "lock": lock_version()}
    then = {"commit": made["code"], "lock": made.get("lock", "unknown")}
    return [f"{what} {then[what][:12]} then, {now[what][:12]} now" for what in now if then[what] != now[what]]


def _made_of_raw(
    run: Run, made: Mapping[str, str], features: duckdb.DuckDBPyRelation, others: Sequence[str]
) -> str:
    """Make the features of the raw rows that were kept, by the version's own file, and compare them with
    those it was trained on.

    Raises:
        NotTheSame: they are others, or mean something else by now.
    """
    from pipelines.core.meaning import KEY, meanings

    if "raw_version" not in made:
        return "features: taken as they were, since the training has kept no raw rows"
    learned = json.loads(made.get(KEY, "{}"))
    means = meanings(run.use_case)
    if apart := [name for name, fingerprint in learned.items() if means.get(name) != fingerprint]:
        raise NotTheSame(
            "Sluice itself makes features in another way than when the version was trained:"
            f" {', '.join(apart[:10])}",
            where=run.use_case.name,
            fix=f"check out commit {made['code']} and install its lock (make setup), then reproduce again",
        )
    with ExitStack() as kept:
        raw = kept.enter_context(snapshot.raw_rows(run, made["raw_version"]))
        before = (
            kept.enter_context(snapshot.raw_rows(run, made["past_raw_version"]))
            if "past_raw_version" in made
            else None
        )
        again = _features(run, raw, before)
        count = "SELECT (SELECT count(*) FROM (FROM {one} EXCEPT ALL FROM {other}))"
        then, now = (f"features {name} {uuid4().hex}" for name in ("then", "now"))
        features.create_view(then)
        again.project(", ".join(map(quoted, features.columns))).create_view(now)
        pairs = ((quoted(then), quoted(now)), (quoted(now), quoted(then)))
        gone, new = (
            run.store.connection.sql(count.format(one=one, other=other)).fetchall()[0][0]
            for one, other in pairs
        )
    if gone or new:
        raise NotTheSame(
            f"of the raw rows come other features than the version was trained on: {gone:,} rows are gone"
            f" or changed, {new:,} new",
            where=run.use_case.name,
            details=["; ".join(others) or "commit and lock are the same"],
            fix=f"check out commit {made['code']} and install its lock (make setup), then reproduce again",
        )
    return "features: made again of the raw rows, by the file of then: the same to the bit"


def _features(
    run: Run, raw: duckdb.DuckDBPyRelation, past_raw: duckdb.DuckDBPyRelation | None
) -> duckdb.DuckDBPyRelation:
    """Raw rows -> features, as a training's steps make them."""
    from pipelines.core import dates
    from pipelines.core.split import assign
    from pipelines.run import others
    from pipelines.steps import past
    from pipelines.steps.cleanse import cleanse
    from pipelines.steps.features import compute

    clean, _, further = cleanse(raw, run.use_case, run.partition)
    fed = None if past_raw is None else past.compute(past_raw, further, run.use_case).rows
    made = compute(clean, fed, run.use_case, others.published(run))
    return assign(made, run.use_case, dates.days_of(run.use_case, run.kind, run.partition))


def _again(features: duckdb.DuckDBPyRelation, run: Run, model: Champion) -> tuple[float, int, float | None]:
    """The greatest difference of scores, on how many rows, and the threshold that is chosen now.

    Of the fit that was judged, and of the one on all labelled rows, where that is the one that scores.
    """
    facts, judged = run.use_case, registry.as_judged(run, model)
    family, keep = model.metadata["family"], facts.candidates.keep
    found = (
        tune.keep(features, facts, family, kept_model.read(run, features, keep))
        if keep
        else tune.search(features, facts, family)
    )
    fitted = candidate.load(found.candidate)
    pairs = [(judged, fitted)]
    if judged is not model:
        pairs.append((model, refit.on_all_rows(fitted, features, facts)[0]))
    test = features.filter("split = 'test'").order(quoted(facts.key)).to_arrow_table()
    apart = [_apart(then.graph, now, test, facts) for then, now in pairs]
    validation, night = found.validation, threshold.night(features, facts)
    cut = (
        threshold.choose(
            facts.threshold,
            validation["label"],
            validation["score"],
            night,
            units=threshold.units_of(validation),
        )
        if facts.threshold
        else None
    )
    return max(apart), len(test), cut


def _apart(then: bytes, now: Pipeline, test: pa.Table, facts: UseCase) -> float:
    """The greatest difference between a graph's scores and those of a Pipeline's graph."""
    graph = convert.graph_of(now, facts.features, facts.task, facts.name, {})
    before, again = (Graph(content).scores(test).astype(np.float64) for content in (then, graph))
    labels = np.asarray(test[facts.target].to_numpy(), dtype=np.float64)
    scale = 1.0 if facts.task.probabilities else float(np.std(labels))
    return float(np.abs(before - again).max() / scale)
