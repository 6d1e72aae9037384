"""Edits of the use-case file, after a training and in the middle of a run: no score may be given to what no
model has learned.

A night goes by its champion's own definitions, so its features are those of the good night to the bit; or it
is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from pipelines import runner
from pipelines.commands.selftest.damage import Damage
from pipelines.core import sql
from pipelines.core.config import Expectation

if TYPE_CHECKING:
    from pipelines.commands.selftest.stage import Stage
    from pipelines.core.use_cases import Loaded
    from pipelines.run.run import Run


def every(stage: Stage) -> Iterator[Damage]:
    """All edits that a use case's features admit."""
    edits: dict[str, Callable[[Stage], Loaded]] = {"a feature's SQL": _sql, "a code for missing": _missing}
    if stage.use_case.features.windows:
        edits |= {"a window": _window, "a rule of rows": _rule}
    for what, edit in edits.items():
        after = partial(_after_training, edit=edit)
        yield Damage(f"file edited after the training: {what}", "scoring", after, may_be_harmless=True)
    if _namesakes(stage):
        asked = partial(_after_training, edit=_expectation)
        yield Damage(
            "file edited after the training: a feature, and a limit of its namesake column",
            "scoring",
            asked,
            stopped_by="gate_clean",
        )
    during = partial(_during_the_run, edit=_sql)
    yield Damage(
        "file edited in the middle of a run: a feature's SQL",
        "scoring",
        during,
        behind="ingest",
        stopped_by="gate_raw",
    )


def _after_training(stage: Stage, edit: Callable[[Stage], Loaded]) -> Run:
    return stage.run("scoring", loaded=edit(stage))


def _during_the_run(stage: Stage, edit: Callable[[Stage], Loaded]) -> Run:
    """Begin by one file, and let a task that does not ask which go on by another."""
    runner.take(stage.run("scoring"), "ingest")
    return stage.run("scoring", loaded=edit(stage))


def _sql(stage: Stage) -> Loaded:
    features = stage.use_case.features
    name, text = next(iter(features.numbers.items()))
    return stage.edited(
        features=features.model_copy(update={"numbers": {**features.numbers, name: f"({text}) / 100 + 1"}})
    )


def _namesakes(stage: Stage) -> list[str]:
    """Number features that are called like the column of clean that they are."""
    columns, numbers = stage.use_case.columns, stage.use_case.features.numbers
    return [
        name
        for name, text in numbers.items()
        if text.strip() == name and columns[name].type in ("integer", "number")
    ]


def _expectation(stage: Stage) -> Loaded:
    """Edit a feature, and expect of the column of the same name, which is what it was, less than the night
    has.
    """
    features, clean = stage.use_case.features, stage.run("scoring").store.read("clean")
    ranges = {}
    for one in _namesakes(stage):
        ((least, most),) = clean.aggregate(
            f"coalesce(min({sql.name(one)}), 0), coalesce(max({sql.name(one)}), 0)"
        ).fetchall()
        ranges[one] = (float(least), float(most))
    # such as a weekday does not differ within a night
    name = max(ranges, key=lambda one: ranges[one][0] < ranges[one][1])
    quoted = sql.name(name)
    limit = Expectation(
        name="expect_column_max_to_be_between", kwargs={"column": name, "max_value": sum(ranges[name]) / 2}
    )
    gates = {**stage.use_case.gates, "clean": (*stage.use_case.gates.get("clean", ()), limit)}
    edited = features.model_copy(update={"numbers": {**features.numbers, name: f"{quoted} / 100"}})
    return stage.edited(features=edited, gates=gates)


def _window(stage: Stage) -> Loaded:
    features = stage.use_case.features
    name, window = next(iter(features.windows.items()))
    longer = window.model_copy(update={"since": window.since * 2})
    return stage.edited(features=features.model_copy(update={"windows": {**features.windows, name: longer}}))


def _rule(stage: Stage) -> Loaded:
    """Let in no row of the later half of a day."""
    cleanse, time = stage.use_case.cleanse, sql.name(stage.use_case.time)
    return stage.edited(
        cleanse=cleanse.model_copy(
            update={"rules": {**cleanse.rules, "early": f"hour({time}) < 12"}, "max_quarantined": 1.0}
        )
    )


def _missing(stage: Stage) -> Loaded:
    """Call the commonest value of a column missing: of a number, where one is read."""
    use_case, cleanse, features = stage.use_case, stage.use_case.cleanse, stage.use_case.features
    expressions = [*features.numbers.values(), *features.categories.values(), *features.texts.values()]
    read = {column for text in expressions for column in sql.parse(text, _frames(stage)).every_column}
    able = [name for name, column in use_case.columns.items() if name in read and column.role == "feature"]
    name = min(able, key=lambda one: use_case.columns[one].type not in ("integer", "number"))
    rows = stage.run("scoring").store.read("clean")
    ((value, _),) = (
        rows.aggregate(f"{sql.name(name)} AS value, count(*) AS n")
        .filter("value IS NOT NULL")
        .order("n DESC, value")
        .limit(1)
        .fetchall()
    )
    missing = {**cleanse.missing, name: (*cleanse.missing.get(name, ()), value)}
    return stage.edited(cleanse=cleanse.model_copy(update={"missing": missing}))


def _frames(stage: Stage) -> dict[str, str]:
    from pipelines.core.windows import Clock

    return Clock().frames(stage.use_case)
