"""The data's way: for each step which tables it reads, what it calls, which table it writes.

Read this file first.

Each function here is one task of a DAG; `pipelines.runner` takes it under its guards. Steps import their
tools when they run, because Airflow parses a DAG file every few seconds and again in every task: pandas,
scikit-learn, MLflow, Great Expectations and Evidently at the top of this file would cost 15 seconds each
time. No step calls another; what one needs of another, it reads from the store.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, cast

from pipelines.core.config import Family, Step
from pipelines.run import plan
from pipelines.run.plan import Outcome
from pipelines.run.run import Run

if TYPE_CHECKING:
    from duckdb import DuckDBPyRelation


def ingest(run: Run) -> Outcome:
    """Source -> raw: this partition's rows, and, where features look back, past_raw: the rows before them."""
    from pipelines.steps import ingest

    with run.store.together() as store:  # a mistake in the past must not leave half of this step published
        written = ingest.stream(run, run.days, partial(store.write, "raw"), labels=run.kind != "scoring")
        if run.past_days:
            # It may be empty: the source's first days have none.
            ingest.stream(run, run.past_days, partial(store.write, "past_raw"), may_be_empty=True)
    return Outcome(f"raw: {written.rows:,} rows of {run.days}", numbers={"rows": written.rows})


def cleanse(run: Run) -> Outcome:
    """Raw -> clean and quarantine; where features look back, a training's further, too: rows that only feed
    windows.
    """
    from pipelines.steps.cleanse import cleanse

    clean, bad, further = cleanse(run.store.read("raw"), run.use_case, run.partition)
    with run.store.together() as store:
        quarantined = store.write("quarantine", bad)
        written = store.write("clean", clean)
        if run.kind == "training" and run.use_case.features.history:
            store.write("further", further)
    numbers = {"rows": written.rows, "quarantined_rows": quarantined.rows}
    return Outcome(f"clean: {written.rows:,} rows, {quarantined.rows:,} in quarantine", numbers=numbers)


def past(run: Run) -> Outcome:
    """Past_raw (and further) -> past, what windows see beside clean, and days: what each of them holds, by
    which the gate judges them.
    """
    from pipelines.steps import past

    if not run.use_case.features.history:
        return Outcome("past: nothing, since no feature of this run looks back")
    further = run.store.read("further") if run.kind == "training" else None
    past_raw = run.store.read("past_raw")
    fed, days = past.compute(past_raw, further, run.use_case), (run.past_days, run.days)
    with run.store.together() as store:
        written = store.write("past", fed.rows)
        clean = run.store.read("clean")
        store.write("days", past.days(store.read("past"), clean, past_raw, fed.aside, run.use_case, days))
    summary = f"past: {written.rows:,} rows of {len(run.past_days)} days before {run.days.first}"
    return Outcome(summary, numbers={"rows": written.rows})


def sources(run: Run) -> Outcome:
    """Other sources -> sources_raw, sources and sources_aside, a piece each: what they tell of these days."""
    from pipelines.core import other_rows
    from pipelines.steps import ingest

    told = {}
    for name, source in run.use_case.others.items():
        days, where = other_rows.asked(run.use_case, name, run.days), f"{run.use_case.name}, sources.{name}"
        write = partial(run.store.write, "sources_raw", piece=name)
        ingest.stream(run, days, write, may_be_empty=True, other=name)
        found = other_rows.cleanse(run.store.read("sources_raw", (name,)), source, where)
        run.store.write("sources_aside", found.aside, piece=name)
        told[name] = run.store.write("sources", found.rows, piece=name).rows
    summary = ", ".join(f"{rows:,} rows of {name}" for name, rows in told.items())
    return Outcome(f"sources: {summary or 'nothing, since this run reads no other'}")


def features(run: Run) -> Outcome:
    """Clean (its past, and other sources) -> features; a training's rows are marked as train or test."""
    from pipelines.core.meaning import meanings
    from pipelines.core.split import assign, require_apart
    from pipelines.run import others
    from pipelines.steps.features import compute

    past = run.store.read("past") if run.use_case.features.history else None
    clean = run.store.read("clean")
    rows = compute(clean, past, run.use_case, others.published(run))
    if run.kind == "training":
        rows = assign(rows, run.use_case, run.days)
        require_apart(rows, clean, run.use_case)
    written = run.store.write("features", rows, meaning=meanings(run.use_case))
    summary = f"features: {written.rows:,} rows, {len(run.use_case.features.names)} features"
    return Outcome(summary, numbers={"rows": written.rows})


def snapshot(run: Run) -> Outcome:
    """Features -> a version in DVC, by which this training's data can be brought back at any later time."""
    from pipelines.registry import snapshot

    version = snapshot.publish(run)
    return Outcome(f"snapshot: {version.md5}, {version.size:,} bytes")


def tune(run: Run, family: Family) -> Outcome:
    """Training rows -> trials of one family, its out-of-fold scores (validation), and its best candidate,
    fitted; or that of the champion, with a new calibration.
    """
    from pipelines.registry import tracking
    from pipelines.steps import kept_model, tune

    rows, keep = run.store.read("features"), run.use_case.candidates.keep
    if keep:
        found = tune.keep(rows, run.use_case, family, kept_model.read(run, rows, keep))
    else:
        found = tune.search(rows, run.use_case, family, on_progress=run.tally.report)
    run.store.write("trials", found.trials, piece=family)
    run.store.write("validation", found.validation, piece=family)
    run.store.write_file(f"candidates/{family}.skops", found.candidate)
    best = f"best {run.use_case.metric.name} {found.best_score:.4f}"
    mlflow_run = tracking.log_search(run, family, found)
    return Outcome(f"trials: {len(found.trials)} of {family}, {best}", mlflow_run=mlflow_run)


def evaluate(run: Run) -> Outcome:
    """Best candidate, baseline and champion on the held-out rows -> scores, and the model card."""
    from pipelines.registry import looks, tracking
    from pipelines.reports import card
    from pipelines.steps import as_learned, evaluate

    families, every = run.use_case.candidates.families, run.store.read("features")
    rivals = as_learned.rivals(run, every)
    judged = evaluate.evaluate(
        features=rivals.features,
        trials=run.store.read("trials", pieces=families),
        validation=run.store.read("validation", pieces=families),
        candidates=_candidates(run),
        champion=rivals.champion,
        learned=rivals.learned,
        entities=_entities(run),
        look=looks.of(run),
        use_case=run.use_case,
    )
    run.store.write("scores", judged.scores)
    run.store.write("curves", judged.curves)
    run.store.write("left_out", as_learned.left_out(every, rivals.features, run.use_case.key))
    run.store.write_file("verdict.json", judged.verdict.as_json())
    report = run.write_report("evaluate", card.render(run, judged))
    return Outcome(judged.summary(), report=report, mlflow_run=tracking.log_evaluation(run, judged))


def _entities(run: Run) -> DuckDBPyRelation | None:
    """By the key, whom the rows are about, where the use case does not state what is independent."""
    from pipelines.core import sql

    columns = run.use_case.entities if run.use_case.states_no_unit else ()
    names = ", ".join(map(sql.name, (run.use_case.key, *columns)))
    return run.store.read("clean").project(names) if columns else None


def export(run: Run) -> Outcome:
    """Fitted candidates -> ONNX graphs, registered as model versions, and parity: trained model beside graph,
    row by row.
    """
    from pipelines.evaluation import follows
    from pipelines.registry import registry, snapshot
    from pipelines.steps import as_learned, export

    judged, features = follows.read(run), run.store.read("features")
    on, lineage = as_learned.judged_rows(run, features), snapshot.lineage(run)
    exported = export.export(features, _candidates(run), judged, run.use_case, metadata=lineage, on=on)
    for family, graph in exported.graphs.items():
        run.store.write_file(f"models/{family}.onnx", graph)
    for family, graph in exported.judged.items():
        run.store.write_file(f"models/{family}.judged.onnx", graph)
    written = run.store.write("parity", exported.parity)
    summary = f"parity: {written.rows:,} rows, greatest difference {exported.greatest_difference:.1e}"
    return Outcome(summary, mlflow_run=registry.register(run, exported, judged))


def _candidates(run: Run) -> dict[Family, bytes]:
    """The best candidate of each family, fitted."""
    families = run.use_case.candidates.families
    return {family: run.store.read_file(f"candidates/{family}.skops") for family in families}


def promote(run: Run) -> Outcome:
    """The gates have let everything through: make the challenger champion if it beats the champion."""
    from pipelines.steps import promote

    return Outcome(promote.promote(run))


def score(run: Run, share: str) -> Outcome:
    """Features -> one shard of the predictions, by the champion."""
    from pipelines.registry import definitions, registry
    from pipelines.steps import score

    champion = registry.champion(run)
    definitions.require_learned(run, run.store.manifest("features"), champion)
    shard = score.shard_of(run, share)
    # By which the gate sees that each decision follows from its score.
    run.store.write_file(score.SCORED_BY, score.scored_by(champion, run))
    rows = run.store.stream("features", shard)
    written = run.store.write("predictions", score.predict(rows, shard.rows, champion, run), piece=share)
    return Outcome(f"predictions: {written.rows:,} rows by version {champion.version}, shard {share}")


def publish(run: Run) -> Outcome:
    """Shards of the predictions -> predictions, if every row of features has come out, all of them by one
    model.
    """
    from pipelines.steps import publish, score

    names = tuple(plan.shards(run))
    shards = [run.store.manifest(f"predictions/{name}") for name in names]
    publish.require_whole(run.store.manifest("features"), shards, run)
    rows = run.store.read("predictions", names)
    publish.require_one_model(rows, run)
    alarms = score.every_night(run)
    if alarms is None:
        written = run.store.join("predictions", names)
    else:
        decided = publish.greatest_of_the_night(rows, alarms, run.use_case.key)
        written = run.store.join_decided("predictions", names, decided)
    summary = f"predictions: {written.rows:,} rows of {len(names)} shard{'s' if len(names) > 1 else ''}"
    return Outcome(summary, numbers={"rows": written.rows})


def deliver(run: Run) -> Outcome:
    """Predictions -> the sink's table, which then holds this night exactly as it is published.

    No gate behind it: it judged them.
    """
    from pipelines.steps import deliver

    if run.what_if:  # nobody is to act on it
        return Outcome("deliver: nothing, since a what-if run changes nothing elsewhere")
    return Outcome(deliver.deliver(run))


def drift(run: Run) -> Outcome:
    """The week's features and predictions against the champion's training rows -> drift, and its report;
    predictions whose labels are due -> outcomes, and performance, a row a scored day; and diagnosis: why it
    is so, and what follows, and what has come true
    of the gains that promotions have claimed.
    """
    from dataclasses import replace

    from pipelines.monitoring.outcomes import WEEKS, wants_more
    from pipelines.steps import drift, outcomes, retraining, week

    read = week.read(run)
    for weeks in (1, WEEKS):
        due = outcomes.read(run, read.champion, read.reference, weeks, read.reports)
        run.store.write("outcomes", due.rows)
        due = replace(due, rows=run.store.read("outcomes"))
        if not wants_more(due, run.use_case):
            break
    judge = outcomes.judge(run, read.champion, read.judged, read.reference, due.rows)
    found = drift.compare(
        reference=read.reference,
        features=read.features,
        predictions=read.predictions,
        week=read.days,
        nights=read.nights,
        due=due,
        earlier=read.earlier,
        reports=read.reports,
        weeks=read.performed,
        champion=read.champion,
        judged=read.judged,
        use_case=run.use_case,
        judge=judge,
    )
    run.store.write("performance", found.performance)
    run.store.write("drift_days", found.days)
    run.store.write("drift", found.table)
    told = retraining.verdict(run, read, found, judge)
    run.store.write("diagnosis", told.table)
    report = run.write_report("drift", found.page(told.table))
    retraining.write_down(run, read, told)
    numbers = {"drift_alarms": float(found.alarms)}
    summary = "; ".join([found.summary(), told.decision.sentence, *read.left_out(), *due.told()])
    return Outcome(summary, report=report, retrain=told.decision.model, numbers=numbers)


_EVERY: tuple[Callable[..., Outcome], ...] = (
    *(ingest, cleanse, past, sources, features),
    *(snapshot, tune, evaluate, export, promote),
    *(score, publish, deliver, drift),
)
STEPS = {cast("Step", step.__name__): step for step in _EVERY}
