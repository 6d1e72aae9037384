"""Every way in which a good partition is damaged: what the source delivers, column by column, and each step's
table.

A damage to the delivery may be stopped by any step or gate, but for those whose place is certain. A damage to
a table is what a bug in the step that writes it would do: its own gate has to stop it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial

from pipelines import runner
from pipelines.commands.selftest import (
    deliveries,
    diagnosed,
    edits,
    exported,
    labels,
    left_out,
    past,
    plain,
    sources,
    taken,
)
from pipelines.commands.selftest.damage import Damage, behind
from pipelines.commands.selftest.stage import Stage
from pipelines.core import dates, sql
from pipelines.core.config import Column, Step
from pipelines.evaluation import follows, scores, verdict
from pipelines.metrics.cut import Cut
from pipelines.registry import registry
from pipelines.run import clearance
from pipelines.run.run import Run
from pipelines.storage import kept
from pipelines.storage.store import as_json

MISSING_AT_LEAST = 0.3  # of the values, where ten times the share that is missing anyway would be little
SOME = "abs(hash({key})) % 3 = 0"  # a third of the rows


def every(stage: Stage) -> Iterator[Damage]:
    """All damages that a use case's columns, features and families admit."""
    yield from _of_deliveries(stage)
    yield from deliveries.every(stage)
    for name, column in stage.use_case.columns.items():
        if column.role == "feature":
            yield from _of_column(name, column, stage)
    yield from _of_raw(stage)
    yield from _of_clean_and_features(stage)
    yield from _of_predictions(stage)
    yield from _of_training(stage)
    yield from _of_drift(stage)
    yield from edits.every(stage)
    yield from exported.every(stage)
    yield from past.damages(stage)
    yield from sources.every(stage)
    yield from plain.every(stage)
    yield from left_out.every(stage)


# --- what the source delivers


def _of_deliveries(stage: Stage) -> Iterator[Damage]:
    feature, typed, time = _some_feature(stage), _column_of_type(stage), _source(stage, stage.use_case.time)
    refused = {
        "a column is missing": f"SELECT * EXCLUDE ({feature}) FROM rows",
        "a column is renamed": f"SELECT * RENAME ({feature} AS renamed) FROM rows",
        "a column is added": "SELECT *, 1 AS added FROM rows",
        "a column's type has changed": f"SELECT * REPLACE ({typed}::VARCHAR || '?' AS {typed}) FROM rows",
        "no rows": "SELECT * FROM rows LIMIT 0",
        "dates in the future": f"SELECT * REPLACE ({time} + INTERVAL 1 YEAR AS {time}) FROM rows",
        "days are spelt d/m/yy": (
            f"SELECT * REPLACE (strftime({time}, '%-d/%-m/%y %H:%M') AS {time}) FROM rows"
        ),
        # Of floats as large as these, two ids become one.
        "ids are floats": (
            f"SELECT * REPLACE ((2**53 + row_number() OVER ())::DOUBLE AS {_key(stage)}) FROM rows"
        ),
    }
    for what, statement in refused.items():
        yield Damage(
            f"delivered: {what}", "scoring", partial(_deliver, statement=statement), stopped_by="ingest"
        )
    yield Damage(
        "delivered: yesterday's rows again",
        "scoring",
        partial(_deliver, statement="FROM rows", back=1),
        stopped_by="ingest",
    )
    for what, statement in {
        "a tenth of the rows": f"SELECT * FROM rows WHERE hash({_key(stage)}) % 10 = 0",
        "every row twice": "FROM rows UNION ALL FROM rows",
    }.items():
        yield Damage(
            f"delivered: {what}", "scoring", partial(_deliver, statement=statement), stopped_by="gate_raw"
        )
    twice = f"FROM rows UNION ALL (FROM rows ORDER BY {_key(stage)} LIMIT 1)"
    yield Damage(
        "delivered: a key stands twice", "scoring", partial(_deliver, statement=twice), may_be_harmless=True
    )


def _of_column(name: str, column: Column, stage: Stage) -> Iterator[Damage]:
    """What happens to one column of a delivery, while all others stay as they are."""
    source, some = _source(stage, name), SOME.format(key=_key(stage))
    changes = {"all null": "NULL", "null share x10": f"if({_share_missing(stage, source)}, NULL, {source})"}
    if column.type in ("integer", "number"):
        changes |= {"unit x100": f"{source} * 100", "sign flipped": f"-{source}"}
    if column.type == "string":
        changes |= {"white space and case variants": f"'  ' || upper({source}) || ' '"}
        if not _is_text(name, stage):
            changes |= {"unseen category": f"if({some}, 'never seen ' || {source}, {source})"}
    for what, value in changes.items():
        statement = f"SELECT * REPLACE (CAST({value} AS {sql.TYPES[column.type]}) AS {source}) FROM rows"
        yield Damage(
            f"{name}: {what}", "scoring", partial(_deliver, statement=statement), may_be_harmless=True
        )


def _share_missing(stage: Stage, source: str) -> str:
    """SQL: true for ten times as many rows as have no value now, drawn by their key."""
    share = f"greatest(10 * avg(({source} IS NULL)::INT) OVER (), {MISSING_AT_LEAST})"
    return f"hash({_key(stage)}) % 1000 < 1000 * {share}"


def _deliver(stage: Stage, statement: str, back: int = 0) -> Run:
    stage.deliver(stage.night, statement, of=stage.night - timedelta(days=back))
    return stage.run("scoring")


# --- a step's table


def _of_raw(stage: Stage) -> Iterator[Damage]:
    feature, typed, time = _some_feature(stage), _column_of_type(stage), _source(stage, stage.use_case.time)
    for what, statement in {
        "a column is missing": f"SELECT * EXCLUDE ({feature}) FROM rows",
        "a column is renamed": f"SELECT * RENAME ({feature} AS renamed) FROM rows",
        "a column is added": "SELECT *, 1 AS added FROM rows",
        "a column's type has changed": f"SELECT * REPLACE ({typed}::VARCHAR AS {typed}) FROM rows",
        "no rows": "SELECT * FROM rows LIMIT 0",
        "dates in the future": f"SELECT * REPLACE ({time} + INTERVAL 1 YEAR AS {time}) FROM rows",
        "yesterday's rows again": f"SELECT * REPLACE ({time} - INTERVAL 1 DAY AS {time}) FROM rows",
    }.items():
        yield behind("ingest", "raw", what, statement)


def _of_clean_and_features(stage: Stage) -> Iterator[Damage]:
    key, number = sql.name(stage.use_case.key), sql.name(next(iter(stage.use_case.features.numbers)))
    lost = f"FROM rows ORDER BY {key} OFFSET 1"
    twice = (
        f"FROM rows WHERE {key} <> (SELECT max({key}) FROM rows) UNION ALL (FROM rows ORDER BY {key} LIMIT 1)"
    )
    steps: tuple[tuple[Step, str], ...] = (("cleanse", "clean"), ("features", "features"))
    for step, table in steps:
        yield behind(step, table, "a row is lost", lost)
        yield behind(step, table, "a key stands twice, another is gone", twice)
    yield behind(
        "features",
        "features",
        "a number is infinite",
        f"SELECT * REPLACE ('inf'::FLOAT AS {number}) FROM rows",
    )


def _of_predictions(stage: Stage) -> Iterator[Damage]:
    beyond = "score + 1" if stage.use_case.task.probabilities else "'inf'::DOUBLE"
    for what, statement in {
        "constant": "SELECT * REPLACE (0.5::DOUBLE AS score) FROM rows",
        "out of range": f"SELECT * REPLACE ({beyond} AS score) FROM rows",
        "NaN": "SELECT * REPLACE ('nan'::DOUBLE AS score) FROM rows",
        "fewer than inputs": f"FROM rows ORDER BY {sql.name(stage.use_case.key)} OFFSET 1",
    }.items():
        yield behind("publish", "predictions", what, statement)


# --- training


def _of_training(stage: Stage) -> Iterator[Damage]:
    yield Damage("training delivered: labels flipped", "training", _flip_labels)
    leaked = (
        f"CAST({sql.name(stage.use_case.target)} AS FLOAT) AS"
        f" {sql.name(next(iter(stage.use_case.features.numbers)))}"
    )
    yield behind(
        "features",
        "features",
        "the target leaks into one",
        f"SELECT * REPLACE ({leaked}) FROM rows",
        kind="training",
    )
    worse = "SELECT * REPLACE (-0.01 - abs(gain) AS gain) FROM rows"
    yield behind("tune", "trials", "worse than the baseline", worse, kind="training")
    equal = "SELECT * REPLACE (baseline AS challenger, 0::DOUBLE AS gain_over_baseline) FROM rows"
    yield behind("evaluate", "scores", "the challenger's are the baseline's", equal, kind="training")
    if len(stage.use_case.candidates.families) > 1:
        yield Damage(
            "scores: the challenger's are the champion's",
            "training",
            _judge_the_champion,
            "evaluate",
            "gate_parity",
        )
    yield from _of_verdicts(stage)


def _flip_labels(stage: Stage) -> Run:
    """Swap the classes; turn a number's sign."""
    flipped, label = past.other_label(stage), _source(stage, stage.use_case.target)
    for day in dates.days_of(stage.use_case, "training", stage.training):
        stage.deliver(day, f"SELECT * REPLACE ({flipped} AS {label}) FROM rows")
    return stage.run("training")


def _judge_the_champion(stage: Stage) -> Run:
    """Let evaluation compare with a champion of another family, and take that one's scores for the
    challenger's.
    """
    run = stage.run("training")
    good = verdict.read(run.store.read_file("verdict.json"))
    own = good.values[good.winner][good.metric]
    others = [family for family in run.use_case.candidates.families if family != good.winner]
    champion = max(others, key=lambda family: abs(good.values[family][good.metric] - own))
    version = registry.version_of(
        run.settings, run.use_case.name, run.store.read_file(f"models/{champion}.onnx")
    )
    beside = replace(run, model_version=version)
    runner.take(beside, "evaluate")
    stage.rewrite(
        run,
        "scores",
        f"""SELECT * REPLACE (
                if(metric IN ({", ".join(map(sql.text, scores.BESIDE))}), challenger, champion) AS challenger,
            champion AS {sql.name(good.winner)}, 0::DOUBLE AS gain_over_champion) FROM rows""",
    )
    store = run.store
    tried, found = store.read("trials", run.use_case.candidates.families).df(), store.read("scores").df()
    run.store.write_file(follows.FILE, follows.of_tables(tried, found, run.use_case).as_json())
    return run


def _of_verdicts(stage: Stage) -> Iterator[Damage]:
    """A file that says something else than the tables, which the gates have let through."""
    families = stage.use_case.candidates.families
    changes: dict[str, Callable[[verdict.PromotionVerdict], verdict.PromotionVerdict]] = {
        "a rule has other numbers": lambda good: replace(
            good, rules=(replace(good.rules[0], low=1e9), *good.rules[1:])
        ),
        "no rule is left": lambda good: replace(good, rules=()),
        "another champion was compared": lambda good: replace(good, champion_version="1000000"),
    }
    if len(families) > 1:
        changes["another winner"] = lambda good: replace(
            good, winner=next(one for one in families if one != good.winner)
        )
    if stage.use_case.threshold:
        changes["another threshold"] = lambda good: replace(good, threshold=Cut(0.123, 0.1, 0.2))
    for what, change in changes.items():
        places: tuple[tuple[Step, Step], ...] = (("evaluate", "export"), ("export", "promote"))
        for step, stopped_by in places:
            title = f"verdict, edited behind {step}: {what}"
            yield Damage(title, "training", partial(_edit_verdict, change=change), step, stopped_by)
    broken = "SELECT * REPLACE (-1::DOUBLE AS gain_over_baseline_low) FROM rows"
    yield replace(
        behind("evaluate", "scores", "not surely better, but the verdict says so", broken, "training"),
        stopped_by="export",
    )


def _edit_verdict(
    stage: Stage, change: Callable[[verdict.PromotionVerdict], verdict.PromotionVerdict]
) -> Run:
    run = stage.run("training")
    run.store.write_file(follows.FILE, change(verdict.read(run.store.read_file(follows.FILE))).as_json())
    return run


# --- drift


def _of_drift(stage: Stage) -> Iterator[Damage]:
    yield Damage(
        "a week unlike the training, which no night's gate has noticed",
        "drift",
        _another_week,
        stopped_by="gate_drift",
    )
    first = sql.text(stage.use_case.features.names[0])
    yield behind(
        "drift", "drift", "a feature is left out", f"FROM rows WHERE subject <> {first}", kind="drift"
    )
    yield from diagnosed.every(stage)
    yield from taken.every(stage)
    yield from labels.every(stage)


def _another_week(stage: Stage) -> Run:
    features, run = stage.use_case.features, stage.run("drift")
    others = {
        **{name: f"3 * {sql.name(name)} + 1" for name in features.numbers},
        **dict.fromkeys(features.categories, "'another'"),
        **{name: f"reverse({sql.name(name)})" for name in features.texts},
    }
    changed = ", ".join(f"{sql_} AS {sql.name(name)}" for name, sql_ in others.items())
    for day in dates.days_of(stage.use_case, "drift", run.partition):
        night = stage.run("scoring", day)
        stage.rewrite(night, "features", f"SELECT * REPLACE ({changed}) FROM rows")
        _made_of_features(night, "predictions")
        for table in ("features", "predictions"):
            said = clearance.evidence_of(night.store, table) | {"digest": night.store.digest(table)}
            night.store.write_file(f"gates/{table}.json", as_json(kept.seal(said)))
    return run


def _made_of_features(run: Run, table: str) -> None:
    """Publish a table again, as one that was made of the features that are there now."""
    store = run.task().store
    store.read("features")
    store.write(table, store.read(table))


# --- columns


def _source(stage: Stage, column: str) -> str:
    return sql.name(stage.use_case.source_names[column])


def _key(stage: Stage) -> str:
    return _source(stage, stage.use_case.key)


def _some_feature(stage: Stage) -> str:
    return _source(
        stage, next(name for name, column in stage.use_case.columns.items() if column.role == "feature")
    )


def _column_of_type(stage: Stage) -> str:
    """A column that is no text."""
    columns = stage.use_case.columns.items()
    return _source(
        stage,
        next(
            name
            for name, column in columns
            if column.type in ("integer", "number") and column.role != "label"
        ),
    )


def _is_text(column: str, stage: Stage) -> bool:
    """Whether a feature reads the column as free text."""
    return any(column in sql.parse(text).columns for text in stage.use_case.features.texts.values())
