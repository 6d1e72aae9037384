"""The data's way: for each step which tables it reads, what it calls, which table it writes.

Read this file first.

Each function here is one task of a DAG. Steps import their tools when they run, because Airflow parses a DAG
file every few seconds and again in every task: pandas, scikit-learn, MLflow, Great Expectations and Evidently
at the top of this file would cost 15 seconds each time. No step calls another; what one needs of another, it
reads from the store.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, cast

from pipelines.core import dates
from pipelines.core.config import Family, GatedTable, Step
from pipelines.core.errors import BadInput
from pipelines.run import plan
from pipelines.run.plan import Outcome

if TYPE_CHECKING:
    from duckdb import DuckDBPyRelation

    from pipelines.run.run import Run
    from pipelines.storage.store import Store


def ingest(run: Run) -> Outcome:
    """Source -> raw: this partition's rows, and, where features look back, past_raw: the rows before them."""
    from pipelines.steps import ingest

    days = dates.days_of(run.use_case, run.kind, run.partition)
    past = dates.past_of(run.use_case, run.kind, run.partition)
    with run.store.together() as store:  # a mistake in the past must not leave half of this step published
        written = ingest.stream(run, days, partial(store.write, "raw"), labels=run.kind != "scoring")
        if past:
            # It may be empty: the source's first days have none.
            ingest.stream(run, past, partial(store.write, "past_raw"), may_be_empty=True)
    return Outcome(f"raw: {written.rows:,} rows of {days}", numbers={"rows": written.rows})


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
    every = (
        dates.past_of(run.use_case, run.kind, run.partition),
        dates.days_of(run.use_case, run.kind, run.partition),
    )
    fed = past.compute(past_raw, further, run.use_case)
    with run.store.together() as store:
        written = store.write("past", fed.rows)
        clean = run.store.read("clean")
        store.write("days", past.days(store.read("past"), clean, past_raw, fed.aside, run.use_case, every))
    return Outcome(
        f"past: {written.rows:,} rows of {len(every[0])} days before {every[1].first}",
        numbers={"rows": written.rows},
    )


def features(run: Run) -> Outcome:
    """Clean (and its past) -> features; a training's rows are marked as train or test."""
    from pipelines.core.meaning import meanings
    from pipelines.core.split import assign
    from pipelines.steps.features import compute

    past = run.store.read("past") if run.use_case.features.history else None
    rows = compute(run.store.read("clean"), past, run.use_case)
    if run.kind == "training":
        rows = assign(rows, run.use_case, dates.days_of(run.use_case, run.kind, run.partition))
    written = run.store.write("features", rows, meaning=meanings(run.use_case))
    return Outcome(
        f"features: {written.rows:,} rows, {len(run.use_case.features.names)} features",
        numbers={"rows": written.rows},
    )


def snapshot(run: Run) -> Outcome:
    """Features -> a version in DVC, by which this training's data can be brought back at any later time."""
    from pipelines.registry import snapshot

    version = snapshot.publish(run)
    return Outcome(f"snapshot: {version.md5}, {version.size:,} bytes")


def tune(run: Run, share: str) -> Outcome:
    """Training rows -> trials of one family, its out-of-fold scores (validation), and its best candidate,
    fitted.
    """
    from pipelines.registry import tracking
    from pipelines.steps import tune

    family = cast("Family", share)
    found = tune.search(run.store.read("features"), run.use_case, family, on_progress=run.tally.report)
    run.store.write("trials", found.trials, piece=family)
    run.store.write("validation", found.validation, piece=family)
    run.store.write_file(f"candidates/{family}.skops", found.candidate)
    mlflow_run = tracking.log_search(run, family, found)
    return Outcome(
        f"trials: {len(found.trials)} of {family}, best {run.use_case.metric.name} {found.best_score:.4f}",
        mlflow_run=mlflow_run,
    )


def evaluate(run: Run) -> Outcome:
    """Best candidate, baseline and champion on the held-out rows -> scores, and the model card."""
    from pipelines.registry import holdout_overlap, registry, tracking
    from pipelines.reports import card
    from pipelines.steps import as_learned, evaluate

    families = run.use_case.candidates.families
    champion, every = registry.champion_or_none(run), run.store.read("features")
    learned = as_learned.rows(run, champion) if champion else None
    if champion:
        holdout_overlap.require(run, every, champion)
    features = as_learned.common(every, learned, run.use_case.key) if learned else every
    judged = evaluate.evaluate(
        features=features,
        trials=run.store.read("trials", pieces=families),
        validation=run.store.read("validation", pieces=families),
        candidates={family: run.store.read_file(f"candidates/{family}.skops") for family in families},
        champion=champion,
        learned=learned,
        use_case=run.use_case,
    )
    run.store.write("scores", judged.scores)
    run.store.write("curves", judged.curves)
    run.store.write("left_out", as_learned.left_out(every, features, run.use_case.key))
    run.store.write_file("verdict.json", judged.verdict.as_json())
    report = run.write_report("evaluate", card.render(run, judged))
    return Outcome(judged.summary(), report=report, mlflow_run=tracking.log_evaluation(run, judged))


def export(run: Run) -> Outcome:
    """Fitted candidates -> ONNX graphs, registered as model versions, and parity: trained model beside graph,
    row by row.
    """
    from pipelines.evaluation import follows
    from pipelines.registry import registry, snapshot
    from pipelines.steps import as_learned, export

    judged, features = follows.read(run), run.store.read("features")
    # Of trainings that were evaluated before there was such a table, all held-out rows were judged.
    on = (
        as_learned.judged(features, run.store.read("left_out"), run.use_case.key)
        if run.store.has("left_out")
        else features
    )
    candidates = {
        family: run.store.read_file(f"candidates/{family}.skops")
        for family in run.use_case.candidates.families
    }
    exported = export.export(
        features, candidates, judged, run.use_case, metadata=snapshot.lineage(run), on=on
    )
    for family, graph in exported.graphs.items():
        run.store.write_file(f"models/{family}.onnx", graph)
    written = run.store.write("parity", exported.parity)
    mlflow_run = registry.register(run, exported, judged)
    return Outcome(
        f"parity: {written.rows:,} rows, greatest difference {exported.greatest_difference:.1e}",
        mlflow_run=mlflow_run,
    )


def promote(run: Run) -> Outcome:
    """The gates have let everything through: make the challenger champion if it beats the champion."""
    from pipelines.steps import promote

    return Outcome(promote.promote(run))


def score(run: Run, share: str) -> Outcome:
    """Features -> one slice of the predictions, by the champion."""
    from pipelines.registry import definitions, registry
    from pipelines.steps import score

    champion = registry.champion(run)
    definitions.require_learned(run, run.store.manifest("features"), champion)
    slice_ = plan.slices(run).get(share)
    if slice_ is None:
        raise BadInput(
            f"{run.store}: features are not dealt into a slice {share!r}: they were written again meanwhile\n"
            "  way out: run the gate before and score again"
        )
    # By which the gate sees that each decision follows from its score.
    run.store.write_file(score.SCORED_BY, score.scored_by(champion))
    rows = run.store.stream("features", slice_)
    written = run.store.write("predictions", score.predict(rows, slice_.rows, champion, run), piece=share)
    return Outcome(f"predictions: {written.rows:,} rows by version {champion.version}, slice {share}")


def publish(run: Run) -> Outcome:
    """Slices of the predictions -> predictions, if every row of features has come out, all of them by one
    model.
    """
    from pipelines.steps import publish

    names = tuple(plan.slices(run))
    publish.require_whole(
        run.store.manifest("features"), [run.store.manifest(f"predictions/{name}") for name in names], run
    )
    publish.require_one_model(run.store.read("predictions", names), run)
    written = run.store.join("predictions", names)
    summary = f"predictions: {written.rows:,} rows of {len(names)} slice{'s' if len(names) > 1 else ''}"
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
    """The week's features and predictions against the champion's training rows, and matured labels -> drift,
    and its report.
    """
    from pipelines.registry import definitions, registry
    from pipelines.steps import drift, ingest
    from pipelines.steps.cleanse import cleanse

    week = dates.days_of(run.use_case, "drift", run.partition)
    matured = dates.Days(week.first, dates.last_labelled(run.use_case, "drift", run.partition))
    every = [run.store.at("scoring", day) for day in week]
    # A day on which no delivery is expected needs no run.
    nights = [night for night in every if run.use_case.expects(night.partition) or night.has("raw")] or every
    labels = cleanse(ingest.rows(run, matured), run.use_case, run.partition)[0] if matured else None
    champion = registry.champion(run)
    training = run.store.at("training", champion.partition)
    alike = definitions.of_one_meaning(run, champion, training, nights)
    judged = definitions.of_one_label(run, champion, nights)

    def read(store: Store, table: str) -> DuckDBPyRelation:
        return drift.called(store.read(table), definitions.file_of_table(run, store, table), run.use_case)

    found = drift.compare(
        reference=read(training, "features"),
        features=[read(night, "features") for night in alike],
        predictions=[read(night, "predictions") for night in judged],
        week=week,
        nights=len(nights),
        labels=labels,
        due=matured.last,
        champion=champion,
        use_case=run.use_case,
    )
    run.store.write("drift", found.table)
    report = run.write_report("drift", found.html)
    summary = found.summary()
    if left_out := len(nights) - len(alike):
        summary += f"; features of {left_out} nights mean something else, and are not compared"
    if left_out := len(nights) - len(judged):
        summary += (
            f"; predictions of {left_out} nights tell another label or go by another key, and are not"
            " compared"
        )
    return Outcome(
        summary,
        report=report,
        retrain=found.retrain(run.use_case),
        numbers={"drifted_share": found.drifted_share},
    )


def gate(run: Run, table: GatedTable) -> Outcome:
    """Judge a table, keep the evidence, and raise `GateClosed` unless every expectation on the table
    holds.
    """
    from pipelines.gates import gate

    if table == "past" and not run.use_case.features.history:
        return Outcome("gate_past: nothing to judge, since no feature of this run looks back")
    return gate.gate(run, table)


STEPS: dict[Step, Callable[..., Outcome]] = {
    "ingest": ingest,
    "cleanse": cleanse,
    "past": past,
    "features": features,
    "snapshot": snapshot,
    "tune": tune,
    "evaluate": evaluate,
    "export": export,
    "promote": promote,
    "score": score,
    "publish": publish,
    "deliver": deliver,
    "drift": drift,
}


def take(run: Run, step: Step, share: str | None = None) -> Outcome:
    """Take a step, or a share of it, as Airflow's tasks and the command line do: only if the gates before it
    have let its tables through.
    """
    from pipelines.preflight import begin
    from pipelines.run import clearance, progress

    first = plan.is_first(run.kind, step)
    with run.store.room(step):
        run = begin.begin(run) if first else run
        clearance.require(run, step)
    with begin.explaining(run, first), progress.reporting(run, step, share), run.store.room(step):
        outcome = STEPS[step](run, share) if share else STEPS[step](run)
        run.note(f"{step} {share}" if share else step, outcome.summary)
        return outcome


def way(run: Run) -> None:
    """Go the whole way without Airflow: each step, then its gate, in order; the first red gate ends it."""
    first, *others = plan.steps_of(run.use_case, run.kind)
    run.log(take(run.afresh(), first.name))
    run = run.resumed()
    if first.gate:
        run.log(gate(run.afresh(), first.gate))
    for step in others:
        for share in plan.shares(run, step.name) or (None,):
            run.log(take(run.afresh(), step.name, share))
        if step.gate:
            run.log(gate(run.afresh(), step.gate))
