"""Backfill: the nights of a range of days, run again or for the first time, each as it would have been or as
it would be now.

`then`: each night is scored by the champion of its own morning, into its own predictions. Nights of which
nothing has changed publish the same bytes; a night that was delivered again with changes becomes a new
revision, beside the old one.

`now`: what would the champion of today have said? The whole way, gates included, is gone in a folder beside
each night (`what_if/`), whose tables nobody else reads. What it says is compared with what was published.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, TypeAlias

from pipelines import runner
from pipelines.core import dates, sql
from pipelines.core.dates import Days
from pipelines.core.errors import BadInput, SluiceError, TryAgain
from pipelines.run.run import Run
from pipelines.storage.settings import Settings

if TYPE_CHECKING:
    import duckdb

    from pipelines.core.config import UseCase

Champion: TypeAlias = Literal["then", "now"]
PREDICTIONS = "predictions"


def backfill(use_case: str, days: Days, champion: Champion, settings: Settings) -> Iterator[str]:
    """Run the nights of a range, in order. A night that cannot be run does not keep the others from it.

    Args:
        use_case: its name.
        days: the nights.
        champion: `then` or `now`, see the module's text.
        settings: where things are.

    Returns:
        A line a night, as it is done.

    Raises:
        BadInput: the range is empty.
        SluiceError: some nights could not be run, and why; told after the last one.
    """
    if not len(days):
        raise BadInput(
            f"no night lies between {days.first} and {days.last}", fix="name the first day, then the last"
        )
    failed: list[SluiceError] = []
    for day in days:
        run = Run.open(use_case, "scoring", day, settings, what_if=champion == "now")
        before = run.store.manifest(PREDICTIONS).digest if run.store.has(PREDICTIONS) else None
        try:
            runner.run_all(run)
        except SluiceError as error:
            failed.append(error)
            yield f"{run.store}: {error.sentence}"
        else:
            yield f"{run.store}: {_comparison(run) if champion == 'now' else _summary_of_night(run, before)}"
    if champion == "now":
        yield from _trained_on_these(use_case, days, settings)
    if failed:
        kind = TryAgain if all(isinstance(error, TryAgain) for error in failed) else SluiceError
        first = failed[0].parts
        raise kind(
            f"{len(failed)} of {len(days)} nights could not be run; the first of them: {first.sentence}",
            where=use_case,
            details=first.details,
            in_all=first.in_all,
            at=first.at or first.report,
            fix=first.fix,
        )


def _summary_of_night(run: Run, before: str | None) -> str:
    """What has become of a night's predictions."""
    store = run.store
    now = store.manifest(PREDICTIONS)
    told = f"{now.rows:,} rows by version {_version(store.read(PREDICTIONS))}"
    if before is None:
        return f"{told}, scored for the first time"
    return (
        f"{told}, unchanged"
        if before == now.digest
        else f"{told}, revision {len(store.revisions(PREDICTIONS))}"
    )


def _comparison(run: Run) -> str:
    """What the champion of now says, beside what was published."""
    found = run.store
    ours = found.read(PREDICTIONS)
    told = f"{found.manifest(PREDICTIONS).rows:,} rows by version {_version(ours)}, in {found.where}"
    published = found.at("scoring", run.partition)
    if not published.has(PREDICTIONS):
        return f"{told}; nothing was published to compare it with"
    theirs = published.read(PREDICTIONS)
    return f"{told}; beside version {_version(theirs)}: {_difference(ours, theirs, run.use_case)}"


def _trained_on_these(use_case: str, days: Days, settings: Settings) -> Iterator[str]:
    """Say so where the champion of now was trained on these very nights: what it says of them is better than
    it is.
    """
    from pipelines.registry import registry

    run = Run.open(use_case, "scoring", days.first, settings, what_if=True)
    champion = registry.champion(run)
    seen = set(days) & set(dates.days_of(run.use_case, "training", champion.partition))
    if seen:
        yield (
            f"note: version {champion.version} was trained on the labels of {len(seen)} of these {len(days)}"
            f" nights, {min(seen)} to {max(seen)}"
        )


def _version(predictions: duckdb.DuckDBPyRelation) -> str:
    """The version that scored, of which publishing has seen to it that there is but one.

    A night without rows tells none.
    """
    found = predictions.project("model_version").distinct().fetchall()
    return str(found[0][0]) if found else "none"


def _difference(ours: duckdb.DuckDBPyRelation, theirs: duckdb.DuckDBPyRelation, use_case: UseCase) -> str:
    """How two predictions of the same night differ, row by row."""
    if use_case.key not in ours.columns or use_case.key not in theirs.columns:
        return f"not compared, since the key is not called {use_case.key} in both"
    key = sql.name(use_case.key)
    both = ours.set_alias("ours").join(theirs.set_alias("theirs"), f"ours.{key} = theirs.{key}")
    decided = "count(*) FILTER (ours.decision <> theirs.decision)" if use_case.task.decides else "NULL"
    ((rows, apart, others),) = both.aggregate(
        f"count(*), avg(abs(ours.score - theirs.score)), {decided}"
    ).fetchall()
    told = f"scores differ by {apart or 0:.3g} on average"
    if others is not None:
        told = f"{others:,} of {rows:,} decisions differ, {told}"
    alone = [(len(side) - rows, what) for side, what in ((ours, "new"), (theirs, "gone"))]
    return told + "".join(f", {n:,} rows are {what}" for n, what in alone if n)
