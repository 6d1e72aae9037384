"""Replay: how just the rows in quarantine are run again after a fix.

A replay reads the quarantined rows of a night from the source anew, so a mended source counts as well as a
mended rule, and takes them the night's way as the use-case file is now. What is good joins the night's
tables; what stood there is not touched. What is decided:

- Rows are found again by their key. Those without one stay as they are, and so do those that the source no
  longer has.
- A key that is in clean stays, too: one row of it has been scored, and the quarantined ones are copies or
  worse.
- The night's own model scores, champion or not: one night, one model.
- What joins gets the features that running the night again would give it: windows see the past, as the rules
  are now, and all of the night's rows. The windows of rows that stood there are not computed again; running
  the night again does that.
- Rules are what may have changed in the file: which rows are let in. Where a feature's values mean something
  else than the night's model has learned, the rows are judged by that model's own definitions
  (`pipelines.registry.definitions`).

The new tables are made and judged beside the night (`Store.beside`), and only then published, one by one. A
note, written before the first and gone after the last, says that they are good: a replay that is killed in
between is finished by the next one. Two replays of a night cannot run at once; a run that begins while a
replay publishes can mix with it, and shows as a night that does not belong together, which running the night
again mends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from pipelines import runner
from pipelines.commands import replay_tables
from pipelines.commands.replay_tables import ASIDE, both
from pipelines.core.config import GatedTable
from pipelines.core.errors import BadInput, GateClosed, TableCorrupt, TableMissing
from pipelines.run.clearance import is_cleared
from pipelines.run.run import Run
from pipelines.run.tables import TABLES
from pipelines.storage import kept, places
from pipelines.storage.store import as_json

GATED: tuple[GatedTable, ...] = ("raw", "clean", "past", "features", "predictions")
# Those of a night that belong together.
JUDGED = ("raw", "quarantine", "clean", "past", "days", "features", "predictions")
GOOD = "judged_good.json"  # the note in the folder beside the night's tables


def replay(run: Run) -> str:
    """Run a night's quarantined rows again, and publish those that are good now.

    See the module's text for what is decided.

    Replaying twice is replaying once: what became good is no longer in quarantine.

    Returns:
        A sentence: what became of the rows.

    Raises:
        TableMissing: the night has not been scored.
        BadInput: its tables do not belong together (it was run again, but not to the end), it changed while
            the replay ran, or the use-case file has other columns now. What the source holds may be told,
            too; see `ingest.rows`. Or the sink refuses what is published by then; the next replay delivers
            it.
        GateClosed: a table would not pass its gate. Nothing is published.
        TryAgain: another replay of the night is running, or the source or MLflow does not answer.
    """
    run.store.manifest("quarantine")  # says so when there is none
    run = _by_learned_values(run)
    with _alone(run):
        if _was_stopped(run):
            _publish(run)
            return (
                f"{run.store}: the replay that was stopped while it published is finished; still in"
                f" quarantine: {_rows_held(run):,}"
            )
        if not (held := _rows_held(run)):
            return f"{run.store}: nothing to replay: no row is in quarantine"
        return _publication_text(run, held)


def _publication_text(run: Run, held: int) -> str:
    """What became of so many rows in quarantine, of which those that are good now are published."""
    before = _belonging_together(run)
    aside = run.store.beside(ASIDE)
    aside.discard()
    joined, judged = replay_tables.write_rows(run)
    if not joined:
        aside.discard()
        return f"{run.store}: nothing is published: of {held:,} rows in quarantine, {_why_none(run, judged)}"
    if run.use_case.features.history:
        replay_tables.write_past(run)
    replay_tables.write_features(run)
    version = replay_tables.write_predictions(run)
    _require_open_gates(run)
    _require_unchanged(run, before)
    aside.write_file(GOOD, as_json(before))
    _publish(run)
    return (
        f"{run.store}: {joined:,} rows are good now, and scored by version {version}; still in"
        f" quarantine: {_rows_held(run):,}"
    )


def _by_learned_values(run: Run) -> Run:
    """The run by the file as it is, if only rules have changed in it since the night's model was trained;
    else by that one's definitions.

    The rows that join are the first that a mended rule lets in, and they look back by it. The nights to come
    go by the champion's definitions all the same, until a model is promoted that has learned the rule. What
    the file has besides, and the night has not, no model has learned, either: the rows that join do without
    it, too.
    """
    from pipelines.composition import by_version
    from pipelines.core.meaning import label, meanings, values_only
    from pipelines.preflight import check
    from pipelines.registry import definitions
    from pipelines.run import archive

    predictions = (
        run.store.read("predictions").project("model_version").distinct().fetchall()
        if run.store.has("predictions")
        else []
    )
    for (version,) in predictions[:1]:
        try:
            night = run.resumed().use_case
        except TableCorrupt:  # the night's file is gone: what its model has learned is what it has at least
            night = definitions.file_of(run.settings, run.use_case.name, version).use_case
        now = meanings(run.use_case)
        alike = label(night) == label(run.use_case) and all(
            values_only(now.get(name, "")) == values_only(one) for name, one in meanings(night).items()
        )
        run = run.by(
            by_version.as_far_as(run.loaded, night) if alike else by_version.for_version(run, version)
        )
    check.require(run.loaded)
    archive.keep(run)
    return run


def _rows_held(run: Run) -> int:
    return run.store.manifest("quarantine").rows


def _why_none(run: Run, judged: int) -> str:
    from pipelines.run import archive

    if judged:
        version = archive.made_by(run.loaded)
        by_others = (
            f"\n  by the definitions of version {version}, rules among them: features of"
            f" {run.loaded.path.name} mean something else by now; mend the rule alone, or run the"
            " whole night again when a model has learned the features"
        )
        return f"{judged:,} were judged again, and are still bad{by_others if version else ''}"
    return (
        "none could be judged again: they have no key, a key that is in clean, or one that the source no"
        " longer has"
    )


@contextmanager
def _alone(run: Run) -> Iterator[None]:
    sentence = f"{run.store}: another replay of this night is running; run it again when that has ended"
    with places.at(run.store.folder / ".replay.lock").alone(sentence):
        yield


# --- may it be replayed?


def _belonging_together(run: Run) -> dict[str, str]:
    """Table -> digest, of a night that was run to its end, each table made of the one before it as that is
    now.
    """
    store = run.store
    store.manifest("predictions")  # says so when the night was not scored
    if missing := [
        name for name in (run.use_case.key, run.use_case.time) if name not in store.manifest("clean").schema
    ]:
        raise BadInput(
            f"the night knows no column {missing[0]!r}: the file has another name for it by now",
            where=store,
            fix=run.again,
        )
    for table in _tables(run):
        source = TABLES[table].made_of
        if source and store.manifest(table).inputs.get(
            f"{run.kind}/{run.partition}/{source}"
        ) != store.digest(source):
            raise BadInput(
                f"its {table} were made of other rows than its {source} hold now: the night was run again"
                " meanwhile, and not to its end",
                where=store,
                fix=run.again,
            )
    closed = [table for table in _gated_tables(run) if not is_cleared(store, run.use_case, table)]
    if closed:
        raise BadInput(
            f"gate_{closed[0]} has not let through the table {closed[0]} as it is now",
            where=store,
            fix=run.again,
        )
    return {table: store.digest(table) for table in _tables(run)}


def _tables(run: Run) -> tuple[str, ...]:
    """The night's tables that are judged again."""
    return tuple(name for name in JUDGED if run.use_case.features.history or not TABLES[name].looks_back)


def _gated_tables(run: Run) -> tuple[GatedTable, ...]:
    return tuple(table for table in GATED if table in _tables(run))


def _require_unchanged(run: Run, before: dict[str, str]) -> None:
    store = run.store
    changed = [table for table, digest in before.items() if store.digest(table) != digest]
    if changed:
        raise BadInput(
            f"{', '.join(changed)} changed while the replay ran: the night is being run again; nothing is"
            " published",
            where=store,
            fix="when that has ended, see what is in quarantine still, and replay it",
        )


# --- are they good? then publish them


def _require_open_gates(run: Run) -> None:
    """Judge the tables as they may become; the pages lie beside the night's until the next replay."""
    from pipelines.gates import gate, show
    from pipelines.gates.earlier import accepted

    for table in _gated_tables(run):
        now, aside = both(run)
        accepted.taken_along(now.store, table, aside.store)
        verdict = gate.verdict_on(aside, table)
        try:
            verdict.raise_if_closed(
                aside.write_report(f"gate_{table}", show.page(aside, verdict)), may_be_accepted=False
            )
        except GateClosed as closed:
            raise GateClosed(
                f"nothing is published, since {closed.parts.found}",
                closed.report,
                closed.failed,
                gate=closed.gate,
                details=closed.parts.details,
                in_all=closed.parts.in_all,
                fix=closed.parts.fix,
            ) from closed


def _was_stopped(run: Run) -> bool:
    """Whether a replay was killed while it published, and nobody has run the night since."""
    now, aside = both(run)
    try:
        before = kept.mapping(
            aside.store.read_file(GOOD), aside.store.folder / GOOD, "remove it, and run the replay again"
        )
    except TableMissing:
        return False
    return all(
        now.store.digest(table) in (before.get(table), aside.store.digest(table)) for table in _tables(run)
    )


def _publish(run: Run) -> None:
    """Publish what was judged good, and let each gate say so of the published tables."""
    from pipelines.gates.earlier import accepted

    now, aside = both(run)
    for table in _tables(run):
        now.store.adopt(table, aside.store)
    for table in _gated_tables(run):
        with suppress(TableMissing):  # of most nights nobody has to say anything
            name = accepted.file_name(table)
            now.store.write_file(name, aside.store.citing_nothing().read_file(name))
    run.note(
        "quarantine replay",
        f"{now.store.manifest('predictions').rows:,} predictions, {_rows_held(run):,} rows still in"
        " quarantine",
    )
    for table in _gated_tables(run):
        run.log(runner.gate(run, table))
    if (
        run.use_case.sink
    ):  # before the note is gone: what cannot be delivered now is delivered by the next replay
        run.log(runner.take(run, "deliver"))
    aside.store.discard()
