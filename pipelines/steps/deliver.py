"""Delivering: predictions -> a table of PostgreSQL, which afterwards holds this night exactly as it is
published.

One transaction brings the night, so that a reader sees it as it was or as it is, and whoever is killed leaves
nothing: the rows come by COPY into a temporary table, of which those that are new or changed are merged by
key, and the night's keys that are not in it are deleted. A lock of the database's own, by use case and night,
lets one delivery of a night happen at a time. What is published, and whether its gate has let it through, is
asked when that lock is held: so whoever comes last delivers what is published then, and an older run that was
held up cannot put its rows over a newer run's.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import psycopg
import pyarrow as pa
import pyarrow.csv as pa_csv
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from pipelines.core import addresses, connections
from pipelines.core.errors import OURS, BadInput, GateClosed, TryAgain
from pipelines.run import clearance

if TYPE_CHECKING:
    from pipelines.core.config import GatedTable, Sink
    from pipelines.run.run import Run

PREDICTIONS: GatedTable = "predictions"
USE_CASE, PARTITION = "use_case", "partition"
ARRIVING = "sluice arriving"  # no table of a sink can have a name with a space
CHUNK = 50_000  # rows that are text at a time
PATIENCE = 300  # seconds to wait for another delivery of the same night
# Without these, a network that swallows packets would hold a task for hours. The connection's own go before.
WAITS = {"connect_timeout": 30, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
TYPES: dict[pa.DataType, sa.types.TypeEngine[Any]] = {
    pa.string(): sa.Text(),
    pa.int8(): sa.SmallInteger(),
    pa.int64(): sa.BigInteger(),
    pa.float64(): sa.Double(),
    pa.bool_(): sa.Boolean(),
    pa.date32(): sa.Date(),
    pa.timestamp("us"): sa.DateTime(),
}


def deliver(run: Run) -> str:
    """Bring a night's published predictions into the sink's table.

    Returns:
        A sentence: how many rows are there now, and how many of them had to be written.

    Raises:
        BadInput: the connection is none, or none of PostgreSQL; the table has other columns; or the database
            refuses.
        GateClosed: the predictions' gate has not let through what is published now.
        TryAgain: the database is unreachable or went away, or the night was published again meanwhile.
    """
    sink = run.use_case.sink
    if sink is None:
        raise BadInput(
            "the use-case file that this run began by names no sink",
            where=run.use_case.name,
            fix=f"name one in {run.loaded.path.name}, and run {run.partition} again from its first step",
        )
    url = connections.url(sink)
    if url.get_backend_name() != "postgresql":
        raise BadInput(
            f"a sink is a table of PostgreSQL, found {url.get_backend_name()}",
            where=f"connection {sink.connection}",
            fix="name a connection to PostgreSQL",
        )
    engine = connections.engine(
        url.set(drivername="postgresql+psycopg"),  # which has COPY, whichever the address names
        sink,
        connect_args={name: value for name, value in WAITS.items() if name not in url.query},
        isolation_level="READ COMMITTED",
        poolclass=sa.NullPool,
    )
    with _in_sentences(sink, url):
        with engine.begin() as session:
            _alone(session, "tables")
            _make_or_check(session, _target(run, sink), sink)
        with engine.begin() as session:
            _alone(session, f"{run.use_case.name} {run.partition}")
            return _bring(session, run, sink)


def _bring(session: sa.Connection, run: Run, sink: Sink) -> str:
    """Everything that happens in the one transaction, behind the lock."""
    target, published = _target(run, sink), _cleared_digest(run)
    columns = [sa.Column(column.name, column.type) for column in target.c if column.name != USE_CASE]
    arriving = sa.Table(
        ARRIVING, sa.MetaData(), *columns, prefixes=["TEMPORARY"], postgresql_on_commit="DROP"
    )
    arriving.create(session)
    rows = _copy(session, arriving, run.store.as_published().stream(PREDICTIONS))
    if _cleared_digest(run) != published:
        raise TryAgain(
            "the predictions were published again while they were delivered: nothing is delivered yet",
            where=run.store,
            fix="let whoever publishes them end, and run deliver again",
        )
    gone = session.execute(_without_others(target, arriving, run)).rowcount
    written = session.execute(
        _merge(target, arriving, run), execution_options={"preserve_rowcount": True}
    ).rowcount
    return (
        f"deliver: {rows:,} rows are in {sink.table} of {sink.connection}: {written:,} new or changed,"
        f" {gone:,} gone"
    )


def _cleared_digest(run: Run) -> str:
    """The digest of what is published now, if its gate has let it through."""
    store = run.store.as_published()
    digest = store.digest(PREDICTIONS)
    if not clearance.is_cleared(store, run.use_case, PREDICTIONS) or store.digest(PREDICTIONS) != digest:
        raise GateClosed(
            f"the predictions were published again, and gate_{PREDICTIONS} has not let them through:"
            " nothing is delivered",
            where=run.store,
            fix="whoever publishes them delivers them; if that run has failed, see its gate's report",
        )
    return digest


def _target(run: Run, sink: Sink) -> sa.Table:
    """The table as it has to be, from the schema of what is published."""
    schema = run.store.as_published().stream(PREDICTIONS).schema
    if unknown := [field.name for field in schema if field.type not in TYPES]:
        raise BadInput(
            f"{unknown[0]} is a {schema.field(unknown[0]).type}, for which a sink has no type",
            where=run.store,
            fix=OURS,
        )
    within, _, name = sink.table.rpartition(".")
    keys = (PARTITION, run.use_case.key)
    return sa.Table(
        name,
        sa.MetaData(schema=within or None),
        sa.Column(USE_CASE, sa.Text()),
        *(sa.Column(field.name, TYPES[field.type]) for field in schema),
        sa.PrimaryKeyConstraint(USE_CASE, *keys),
    )


def _make_or_check(session: sa.Connection, target: sa.Table, sink: Sink) -> None:
    """Make the table if it is missing; one that is there is never altered."""
    inspector = sa.inspect(session)
    if not inspector.has_table(target.name, schema=target.schema):
        target.create(session)
        return
    there = {
        column["name"]: _name_of(session, column["type"])
        for column in inspector.get_columns(target.name, schema=target.schema)
    }
    asked = {column.name: _name_of(session, column.type) for column in target.c}
    wrong = [f"{name} {type_}: missing" for name, type_ in asked.items() if name not in there]
    wrong += [
        f"{name} {type_}: no column of the predictions" for name, type_ in there.items() if name not in asked
    ]
    wrong += [
        f"{name} is {there[name]}, and has to be {type_}"
        for name, type_ in asked.items()
        if there.get(name, type_) != type_
    ]
    key = inspector.get_pk_constraint(target.name, schema=target.schema)["constrained_columns"]
    if set(key) != set(target.primary_key.columns.keys()):
        wrong.append(
            f"the primary key is ({', '.join(key)}), and has to be"
            f" ({', '.join(target.primary_key.columns.keys())})"
        )
    if wrong:
        raise BadInput(
            f"{sink.table} is another table than the predictions need; nothing is written",
            where=f"connection {sink.connection}",
            details=wrong,
            fix="alter or rename it, or name another table under sink: one that is missing is made",
        )


def _name_of(session: sa.Connection, type_: sa.types.TypeEngine[Any]) -> str:
    return type_.compile(session.dialect)


def _alone(session: sa.Connection, what: str) -> None:
    """Wait until nobody else does this in the database.

    The lock ends with the transaction, however that ends.
    """
    number = int.from_bytes(hashlib.sha256(f"sluice {what}".encode()).digest()[:8], signed=True)
    session.execute(sa.text(f"SET LOCAL lock_timeout = '{PATIENCE}s'"))
    session.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))


def _copy(session: sa.Connection, table: sa.Table, stream: pa.RecordBatchReader) -> int:
    """Stream rows into a table, as CSV, which keeps every bit of a number; return how many they were."""
    quote = session.dialect.identifier_preparer
    columns = ", ".join(quote.quote(column.name) for column in table.c)
    # In CSV of PostgreSQL and of Arrow alike, text stands in quotes, and what is empty without quotes is
    # null.
    options, rows = pa_csv.WriteOptions(include_header=False), 0
    driver = cast("psycopg.Connection[Any]", session.connection.driver_connection)
    statement = f"COPY {quote.format_table(table)} ({columns}) FROM STDIN (FORMAT csv)"
    with driver.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        for batch in stream.cast(pa.schema([stream.schema.field(column.name) for column in table.c])):
            for at in range(0, batch.num_rows, CHUNK):
                text = io.BytesIO()
                pa_csv.write_csv(batch.slice(at, CHUNK), text, options)
                copy.write(text.getbuffer())
            rows += batch.num_rows
    return rows


def _without_others(target: sa.Table, arriving: sa.Table, run: Run) -> sa.Delete:
    """Delete the night's rows that are not among those that arrive."""
    key = run.use_case.key
    there = sa.exists().where(arriving.c[key] == target.c[key])
    return sa.delete(target).where(
        target.c[USE_CASE] == run.use_case.name, target.c[PARTITION] == run.partition, ~there
    )


def _merge(target: sa.Table, arriving: sa.Table, run: Run) -> sa.Insert:
    """Insert the rows that are new, and update those that are other than they were.

    Rows that are as they were stay untouched.
    """
    rows = sa.select(sa.literal(run.use_case.name, sa.Text()), *arriving.c)
    merge = insert(target).from_select([USE_CASE, *arriving.c.keys()], rows)
    others = [column.name for column in target.c if not column.primary_key]
    old, new = (
        sa.tuple_(*(target.c[name] for name in others)),
        sa.tuple_(*(merge.excluded[name] for name in others)),
    )
    return merge.on_conflict_do_update(
        index_elements=list(target.primary_key.columns.keys()),
        set_={name: merge.excluded[name] for name in others},
        where=old.is_distinct_from(new),
    )


@contextmanager
def _in_sentences(sink: Sink, url: sa.URL) -> Iterator[None]:
    """Tell what the database says: what may be gone in a minute, and what is a mistake."""
    place = f"connection {sink.connection}, table {sink.table}"
    try:
        yield
    except (sa.exc.DBAPIError, psycopg.Error) as error:
        said = connections.first_line(error, url)
        # Connection, transaction, resources, locks, shutdown: psycopg's classes follow those of PostgreSQL's
        # error codes.
        if isinstance(
            error.orig if isinstance(error, sa.exc.DBAPIError) else error, psycopg.OperationalError
        ):
            raise TryAgain(
                f"the database {url.host or url.database} cannot be reached, or went away: {said}",
                where=place,
                details=["nothing is delivered"],
                fix=f"run it again later, or {connections.how_to_name(sink)}",
            ) from addresses.cause(error, url)
        raise BadInput(
            f"the database refuses: {said}",
            where=place,
            details=["nothing is delivered"],
            fix="mend the table or the rights, and run deliver again",
        ) from addresses.cause(error, url)
