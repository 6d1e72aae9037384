"""Quarantine: which rows were put aside and why, and how just they are run again after a fix.

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

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pipelines import tasks
from pipelines.core import dates, personal, sql
from pipelines.core.config import GatedTable, UseCase
from pipelines.core.errors import BadInput, GateClosed, TableCorrupt, TableMissing
from pipelines.run.clearance import is_cleared
from pipelines.run.run import Run
from pipelines.run.tables import TABLES
from pipelines.storage import kept, places
from pipelines.storage.store import as_json

if TYPE_CHECKING:
    import duckdb

GATED: tuple[GatedTable, ...] = ("raw", "clean", "past", "features", "predictions")
# Those of a night that belong together.
JUDGED = ("raw", "quarantine", "clean", "past", "days", "features", "predictions")
ASIDE, GOOD = "replay", "judged_good.json"  # the folder beside the night's tables, and the note in it
MOST = 10  # reasons, and examples
_ROW = '"#row"'  # a row's number in its table
LONGEST = 100  # characters of what was found


# --- show


@dataclass(frozen=True, kw_only=True)
class Example:
    """A row that was put aside."""

    key: str | None
    reasons: str
    found: dict[str, Any]  # column -> what the source gave, personal values masked

    def __str__(self) -> str:
        """One line for a person."""
        key = "(no key)" if self.key is None else _one_line(self.key)
        return f"{key}: {self.reasons}: {_one_line(json.dumps(self.found, ensure_ascii=False))}"


@dataclass(frozen=True, kw_only=True)
class Aside:
    """What of a partition is in quarantine."""

    partition: str
    rows: int  # that were delivered
    held: int  # of them, in quarantine
    rejected: int
    kinds: int = 0  # of reasons; `reasons` are the most frequent of them
    reasons: dict[str, int] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    table: str
    way_on: str

    def __str__(self) -> str:
        """All of it for a person."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        held = _share(self.held, self.rows)
        yield f"{self.partition}: {held} in quarantine, {self.rejected:,} of them rejected"
        if not self.held:
            return
        yield from (f"  {reason}: {_share(n, self.rows)}" for reason, n in self.reasons.items())
        yield from _more(self.kinds - MOST, "reasons")
        yield "for example, with what was found:"
        yield from (f"  {example}" for example in self.examples)
        yield from _more(self.held - MOST, "rows")
        yield f"whole table: {self.table} (Parquet; the raw rows are in its column row)"
        yield f"way on: {self.way_on}"


def show(run: Run) -> Aside:
    """Tell which rows of a partition are in quarantine: how many for each reason, some examples, and what to
    do next.

    Personal values are masked.

    Raises:
        TableMissing: there is no such partition.
        BadInput: a drift report puts no rows aside.
    """
    if run.kind == "drift":
        raise BadInput(
            "a drift report puts no row aside",
            where=run.store,
            fix=f"name a night: quarantine show {run.use_case.name} scoring <day>",
        )
    whole, rows = run.store.manifest("raw").rows, run.store.read("quarantine")
    held, rejected = rows.aggregate("count(*), count(*) FILTER (rejected)").fetchall()[0]
    reasons = (
        rows.project("unnest(string_split(reasons, '; ')) AS reason")
        .aggregate("reason, count(*) AS n")
        .order("n DESC, reason")
    )
    return Aside(
        partition=str(run.store),
        rows=whole,
        held=held,
        rejected=rejected,
        kinds=_count(reasons),
        reasons=dict(reasons.limit(MOST).fetchall()),
        examples=tuple(_examples(rows, run.use_case)),
        table=str(run.store.folder / "quarantine"),
        way_on=_way_on(run) if held else "",
    )


def _way_on(run: Run) -> str:
    # Of a night that a gate has stopped before it was scored there is nothing that rows could join.
    scored = run.kind == "scoring" and run.store.has("predictions")
    again = f"quarantine replay {run.use_case.name}" if scored else f"run {run.use_case.name} {run.kind}"
    return (
        f"mend the rule in {run.loaded.path.name}, or the source, then: python -m pipelines {again}"
        f" {run.partition}"
    )


def _examples(rows: duckdb.DuckDBPyRelation, use_case: UseCase) -> Iterator[Example]:
    """A few rows, those with other reasons first: key, reasons, and what was found."""
    hidden = personal.columns(use_case)
    least = (
        f"SELECT reasons, unnest(min({{'key': key, 'found': found}}, {MOST})) AS least FROM rows GROUP BY"
        " reasons"
    )
    turn = "row_number() OVER (PARTITION BY reasons ORDER BY least)"
    every = sql.select(rows, "rows", least).order(f"{turn}, reasons").limit(MOST)
    for key, reasons, text in every.project("least.key, reasons, least.found").fetchall():
        found = {
            column: personal.MASK if column in hidden else value for column, value in json.loads(text).items()
        }
        shown = personal.MASK if use_case.key in hidden and key is not None else key
        yield Example(key=shown, reasons=reasons, found=found)


def _share(n: int, whole: int) -> str:
    return f"{n:,} of {whole:,} rows ({100 * n / whole:.3g} %)" if whole else f"{n:,} rows"


def _more(n: int, what: str) -> Iterator[str]:
    if n > 0:
        yield f"  ... and {n:,} more {what}"


def _one_line(text: str) -> str:
    """A text that may come from anywhere, fit for a terminal."""
    plain = "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in text[: LONGEST + 1])
    return plain if len(plain) <= LONGEST else f"{plain[:LONGEST]}..."


# --- replay


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
                f" quarantine: {_held(run):,}"
            )
        if not (held := _held(run)):
            return f"{run.store}: nothing to replay: no row is in quarantine"
        before = _belonging_together(run)
        aside = run.store.beside(ASIDE)
        aside.discard()
        joined, judged = _judge_again(run)
        if not joined:
            aside.discard()
            return (
                f"{run.store}: nothing is published: of {held:,} rows in quarantine, {_why_none(run, judged)}"
            )
        if run.use_case.features.history:
            _look_back(run)
        _compute_features(run)
        version = _predict(run)
        _require_open_gates(run)
        _require_unchanged(run, before)
        aside.write_file(GOOD, as_json(before))
        _publish(run)
        return (
            f"{run.store}: {joined:,} rows are good now, and scored by version {version}; still in"
            f" quarantine: {_held(run):,}"
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


def _held(run: Run) -> int:
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


def _opened(run: Run) -> tuple[Run, Run]:
    """The night as it is, and as it may become.

    A task of its own for each table, so that its manifest names its own inputs only.
    """
    now = run.task()
    return now, replace(now, store=now.store.beside(ASIDE))


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
    closed = [table for table in _gated(run) if not is_cleared(store, run.use_case, table)]
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


def _gated(run: Run) -> tuple[GatedTable, ...]:
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


# --- the tables, as they may become


def _judge_again(run: Run) -> tuple[int, int]:
    """Source -> raw, clean and quarantine; return how many rows joined clean, and how many were judged."""
    from pipelines.steps import ingest
    from pipelines.steps.cleanse import cleanse, keyed

    now, aside = _opened(run)
    use_case, source_names = run.use_case, run.use_case.source_names
    order = [source_names[use_case.time], source_names[use_case.key]]
    raw, clean, quarantine = (now.store.read(table) for table in ("raw", "clean", "quarantine"))
    source = ingest.rows(now, dates.days_of(use_case, run.kind, run.partition), labels=False)
    delivered = _numbered(keyed(source, use_case))
    # None of these keys is in clean, so all their rows are in quarantine. (A key that is null equals none.)
    _with(_without(quarantine, "key", clean, use_case.key), "key", delivered, "#key").project(
        "key"
    ).distinct().create("keys")
    keys = now.store.connection.table("keys")
    kept, kept_aside = (
        _without(_numbered(keyed(raw, use_case)), "#key", keys, "key"),
        _without(quarantine, "key", keys, "key"),
    )
    if _count(raw) - _count(kept) != _count(quarantine) - _count(kept_aside):
        raise BadInput(
            f"{use_case.key} is not repaired as it was: its rows are not found again by it",
            where=run.store,
            fix=run.again,
        )
    mended = _with(delivered, "#key", keys, "key")
    aside.store.write(
        "raw", _delivered(run, kept.project('* EXCLUDE "#key"'), mended.project('* EXCLUDE "#key"'), order)
    )
    judged = _with(_numbered(keyed(aside.store.read("raw"), use_case)), "#key", keys, "key").project(
        '* EXCLUDE "#key"'
    )
    # In a table of its own, in raw's order, which says what was delivered first: a join keeps no order.
    judged.order(_ROW).project(f"* EXCLUDE {_ROW}").create("judged again")
    good, bad, _ = cleanse(now.store.connection.table("judged again"), use_case, run.partition)
    aside.store.write("quarantine", _joined(run, kept_aside, bad, ["key", "row"]))
    aside.store.write("clean", _joined(run, clean, good, [use_case.time, use_case.key]))
    return _count(good), _count(judged)


def _look_back(run: Run) -> None:
    """Past_raw -> past and days, by the rules as they are now: what joins gets the very features that running
    the night again would give it.
    """
    from pipelines.steps import past

    now, aside = _opened(run)
    use_case, past_raw = run.use_case, now.store.read("past_raw")
    every = dates.past_of(use_case, run.kind, run.partition), dates.days_of(use_case, run.kind, run.partition)
    fed = past.compute(past_raw, None, use_case)
    aside.store.write("past", fed.rows)
    clean = aside.store.read("clean")
    aside.store.write(
        "days", past.days(aside.store.read("past"), clean, past_raw, fed.aside, use_case, every)
    )


def _compute_features(run: Run) -> None:
    """Clean -> features: of the rows that joined, which look back at the past and at the night's other
    rows.
    """
    from pipelines.steps.features import compute

    now, aside = _opened(run)
    use_case = run.use_case
    known, clean = now.store.read("features"), aside.store.read("clean")
    seen = _with(clean, use_case.key, known, use_case.key)
    if use_case.features.history:
        seen = seen.union(aside.store.read("past"))
    computed = compute(_without(clean, use_case.key, known, use_case.key), seen, use_case)
    # What the night's own features mean, those of the rows that joined do, too: only which rows are let in
    # may differ.
    told = now.store.manifest("features").meaning
    aside.store.write("features", _joined(run, known, computed, [use_case.time, use_case.key]), meaning=told)


def _predict(run: Run) -> str:
    """Features -> predictions: of the rows that joined, by the version that scored the night, which is
    returned.
    """
    from pipelines.registry import registry
    from pipelines.steps.score import SCORED_BY, predict

    now, aside = _opened(run)
    use_case = run.use_case
    known, features = now.store.read("predictions"), aside.store.read("features")
    # its gate saw to it that there is one
    ((version,),) = known.project("model_version").distinct().fetchall()
    model = registry.champion(replace(run, model_version=version))
    # Held in memory: the connection answers nothing else while predictions stream.
    joining = _without(features, use_case.key, known, use_case.key).to_arrow_table()
    scored = predict(joining.to_reader(), joining.num_rows, model, aside).read_all()
    with suppress(TableMissing):  # a night of before has not told it
        aside.store.write_file(SCORED_BY, now.store.citing_nothing().read_file(SCORED_BY))
    aside.store.write(
        "predictions",
        _joined(run, known, now.store.connection.from_arrow(scored), [use_case.time, use_case.key]),
    )
    return str(version)


def _joined(
    run: Run, old: duckdb.DuckDBPyRelation, new: duckdb.DuckDBPyRelation, order: list[str]
) -> duckdb.DuckDBPyRelation:
    """Two tables as one, in the order of some columns; rows that agree in them in the order of all others."""
    columns, others = (dict(zip(table.columns, map(str, table.types), strict=True)) for table in (old, new))
    if changed := sorted({name for name, _ in columns.items() ^ others.items()}):
        raise BadInput(
            f"other columns, or of other types, than the night was run with: {', '.join(changed[:MOST])}",
            where=run.store,
            fix=run.again,
        )
    every = map(sql.name, dict.fromkeys([*order, *columns]))
    return old.union(new.project(", ".join(map(sql.name, columns)))).order(", ".join(every))


def _delivered(
    run: Run, old: duckdb.DuckDBPyRelation, new: duckdb.DuckDBPyRelation, order: list[str]
) -> duckdb.DuckDBPyRelation:
    """Two raw tables, their rows numbered, as one: rows that agree in the columns of the order stay in that
    of their delivery.
    """
    both = _joined(
        run, old.project('*, 0 AS "#new"'), new.project('*, 1 AS "#new"'), [*order, "#new", "#row"]
    )
    return both.project(f'* EXCLUDE ({_ROW}, "#new")')


def _numbered(rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Rows with their number in their table's order."""
    return rows.project(f"*, row_number() OVER () AS {_ROW}")


def _with(
    rows: duckdb.DuckDBPyRelation, key: str, others: duckdb.DuckDBPyRelation, their_key: str
) -> duckdb.DuckDBPyRelation:
    """The rows whose key, as text, one of the others has."""
    return rows.set_alias("rows").join(others.set_alias("others"), _equal(key, their_key), how="semi")


def _without(
    rows: duckdb.DuckDBPyRelation, key: str, others: duckdb.DuckDBPyRelation, their_key: str
) -> duckdb.DuckDBPyRelation:
    """The rows whose key, as text, none of the others has; a row without a key among them."""
    return rows.set_alias("rows").join(others.set_alias("others"), _equal(key, their_key), how="anti")


def _equal(key: str, their_key: str) -> str:
    return f"CAST(rows.{sql.name(key)} AS VARCHAR) = CAST(others.{sql.name(their_key)} AS VARCHAR)"


def _count(rows: duckdb.DuckDBPyRelation) -> int:
    return int(rows.count("*").fetchall()[0][0])


# --- are they good? then publish them


def _require_open_gates(run: Run) -> None:
    """Judge the tables as they may become; the pages lie beside the night's until the next replay."""
    from pipelines.gates import gate, show
    from pipelines.gates.earlier import accepted

    for table in _gated(run):
        now, aside = _opened(run)
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
                details=closed.parts.details,
                in_all=closed.parts.in_all,
                fix=closed.parts.fix,
            ) from closed


def _was_stopped(run: Run) -> bool:
    """Whether a replay was killed while it published, and nobody has run the night since."""
    now, aside = _opened(run)
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

    now, aside = _opened(run)
    for table in _tables(run):
        now.store.adopt(table, aside.store)
    for table in _gated(run):
        with suppress(TableMissing):  # of most nights nobody has to say anything
            name = accepted.file_name(table)
            now.store.write_file(name, aside.store.citing_nothing().read_file(name))
    run.note(
        "quarantine replay",
        f"{_count(now.store.read('predictions')):,} predictions, {_held(run):,} rows still in quarantine",
    )
    for table in _gated(run):
        run.log(tasks.gate(run, table))
    if (
        run.use_case.sink
    ):  # before the note is gone: what cannot be delivered now is delivered by the next replay
        run.log(tasks.take(run, "deliver"))
    aside.store.discard()
