"""A sink's table holds what is published, whatever happens: deliveries twice, at once, killed, corrected, in
any order.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from pipelines import flow, runner
from pipelines.commands.backfill import backfill
from pipelines.commands.scratch import playing
from pipelines.commands.selftest.stage import Stage
from pipelines.composition import by_version
from pipelines.core import use_cases
from pipelines.core.config import Sink
from pipelines.core.dates import Days
from pipelines.core.errors import BadInput, BadUseCase, GateClosed, SluiceError, TryAgain
from pipelines.core.rendered import MAX_LINES
from pipelines.preflight.check import check
from pipelines.run.run import Run
from pipelines.steps import deliver
from pipelines.storage.settings import Settings
from tests.helpers import child, judged, postgres, tiny
from tests.helpers import two_champions as champions
from tests.helpers.night import Calls
from tests.helpers.waiting import until

NIGHT = date(2026, 2, 1)
SINK = "sink: {connection: warehouse, table: scoring.predictions}\n"
TABLE = "scoring.predictions"
KILLS = int(os.environ.get("SLUICE_KILLS") or 12)
DAYS = 30


def night(run: str = "0123456789ab", rows: int = 40, day: date = NIGHT) -> pa.Table:
    """Predictions as `score` writes them; `run` is what differs from one revision to the next."""
    return pa.table(
        {
            "id": pa.array([f"row-{n:04}" for n in range(rows)], pa.string()),
            "at": pa.array(
                [datetime(day.year, day.month, day.day, 1, 2, 3, n) for n in range(rows)], pa.timestamp("us")
            ),
            "score": pa.array([1 / (n + 3) for n in range(rows)], pa.float64()),
            "decision": pa.array([n % 2 for n in range(rows)], pa.int8()),
            "engine": pa.array(["onnxruntime"] * rows, pa.string()),
            "model_version": pa.array(["1"] * rows, pa.string()),
            "run": pa.array([run] * rows, pa.string()),
            "partition": pa.array([day] * rows, pa.date32()),
        }
    )


@dataclass(frozen=True)
class World:
    """A use case with a sink, and the database that it names."""

    settings: Settings
    engine: sa.Engine

    def run(self, day: date = NIGHT, name: str = tiny.NAME) -> Run:
        return Run.open(name, "scoring", day, self.settings)

    def publish(self, rows: pa.Table, day: date = NIGHT, passed: bool = True, name: str = tiny.NAME) -> None:
        """Publish predictions, and let their gate say something of them."""
        store = self.run(day, name).store
        store.write("predictions", rows)
        judged.clearance(store, "predictions", passed=passed)

    def deliver(self, day: date = NIGHT, name: str = tiny.NAME) -> str:
        return deliver.deliver(self.run(day, name))

    def table(self, columns: str = "*", name: str = tiny.NAME) -> list[tuple[Any, ...]]:
        return self.ask(f"select {columns} from {TABLE} where use_case = '{name}' order by partition, id")

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        with self.engine.begin() as session:
            answer = session.exec_driver_sql(statement)
            return [tuple(row) for row in answer] if answer.returns_rows else []

    def published(self, *days: date) -> list[tuple[Any, ...]]:
        rows = [
            (tiny.NAME, *row.values())
            for day in days or (NIGHT,)
            for row in self.run(day).store.stream("predictions").read_all().to_pylist()
        ]
        return sorted(rows, key=lambda row: (row[8], row[1]))


@pytest.fixture(scope="module")
def engine() -> Iterator[sa.Engine]:
    with postgres.database() as engine:
        yield engine


@pytest.fixture
def world(settings: Settings, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> World:
    for name in (tiny.NAME, "other"):
        (settings.use_cases / f"{name}.yaml").write_text(
            tiny.YAML.replace("name: tiny", f"name: {name}") + SINK
        )
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", postgres.address(engine))
    world = World(settings, engine)
    world.ask("drop schema if exists scoring cascade")
    world.ask("create schema scoring")
    return world


def test_the_table_is_made_and_holds_what_is_published_to_the_bit(world: World) -> None:
    texts = [
        "",
        "a,b",
        'say "so"',
        "two\nlines",
        "\\.",
        "x\n\\.\ny",
        "\\N",
        "NULL",
        "äöü€😀",
        " ",
        "'; drop table x; --",
    ]
    rows = night(rows=len(texts))
    why = pa.array([*texts[1:], None], pa.string())
    scores = pa.array(
        [
            0.1,
            1 / 3,
            5e-324,
            1.7976931348623157e308,
            -0.0,
            2**53 + 1.0,
            1e-17,
            None,
            float("inf"),
            0.30000000000000004,
            1.0,
        ]
    )
    world.publish(
        rows.set_column(0, "id", pa.array(texts)).set_column(2, "score", scores).append_column("reasons", why)
    )
    assert (
        world.deliver()
        == "deliver: 11 rows are in scoring.predictions of warehouse: 11 new or changed, 0 gone"
    )
    assert sorted(map(repr, world.table())) == sorted(map(repr, world.published()))


def test_delivered_twice_no_row_is_written_again(world: World) -> None:
    world.publish(night())
    world.deliver()
    written = world.table("xmin, ctid, *")
    assert (
        world.deliver()
        == "deliver: 40 rows are in scoring.predictions of warehouse: 0 new or changed, 0 gone"
    )
    assert world.table("xmin, ctid, *") == written


@pytest.mark.parametrize("rows", [30, 0])
def test_a_correction_changes_what_has_changed_and_removes_what_has_vanished_in_its_own_night_only(
    world: World, rows: int
) -> None:
    world.publish(night(), name="other")
    world.deliver(name="other")
    later = NIGHT + timedelta(days=1)
    for day in (NIGHT, later):
        world.publish(night(day=day), day)
        world.deliver(day)
    others = world.table("xmin, *", "other")
    world.publish(night(run="corrected", rows=rows))
    assert world.deliver().endswith(f"{rows} new or changed, {40 - rows} gone")
    assert world.table() == world.published(NIGHT, later)
    assert world.table("xmin, *", "other") == others


def test_thirty_days_in_any_order_are_the_same_table(world: World) -> None:
    days = [NIGHT + timedelta(days=n) for n in range(DAYS)]
    for day in random.Random(7).sample(days, DAYS):
        world.publish(night(day=day, rows=3 + day.day), day)
        world.deliver(day)
    assert world.table() == world.published(*days)


# --- only what the gate has let through


def test_what_its_gate_has_not_let_through_is_not_delivered(world: World) -> None:
    world.publish(night())
    world.deliver()
    before = world.table()
    world.publish(night(run="worse"), passed=False)
    with pytest.raises(GateClosed, match="gate_predictions has not let them through: nothing is delivered"):
        world.deliver()
    with pytest.raises(GateClosed, match="deliver reads only what its gates have let through"):
        runner.take(world.run(), "deliver")
    assert world.table() == before


def test_what_is_published_while_it_is_delivered_undoes_the_delivery(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.publish(night())
    copy = deliver._copy

    def overtaken(session: Any, table: Any, stream: Any) -> int:
        rows = copy(session, table, stream)
        world.publish(night(run="newer"))
        return rows

    with monkeypatch.context() as patched:
        patched.setattr(deliver, "_copy", overtaken)
        with pytest.raises(TryAgain, match="published again while they were delivered"):
            world.deliver()
    assert world.table() == []
    world.deliver()
    assert world.table() == world.published()


def test_a_what_if_run_delivers_nothing(world: World) -> None:
    world.publish(night())
    assert "nothing" in flow.deliver(replace(world.run(), what_if=True)).summary
    assert world.ask("select to_regclass('scoring.predictions')") == [(None,)]


def test_the_self_test_which_damages_predictions_knows_no_sink(world: World, tmp_path: Path) -> None:
    run = world.run()
    stage = Stage(tmp_path, run, NIGHT, by_version.as_file(playing(run.use_case, tmp_path), run.loaded.path))
    assert run.use_case.sink
    assert stage.run("scoring").use_case.sink is None


# --- at once, and killed


def test_several_deliveries_of_a_new_table_at_once_end_as_one(world: World) -> None:
    world.publish(night())
    for delivery in [child.start(world.deliver) for _ in range(4)]:
        delivery.wait().value()
    assert world.table() == world.published()


def test_a_run_that_was_held_up_delivers_what_is_published_by_then(world: World) -> None:
    world.publish(night(run="old", rows=50))
    world.deliver()
    with world.engine.begin() as holding:
        deliver._alone(holding, f"tiny {NIGHT}")
        held_up = child.start(world.deliver)
        until(
            lambda: world.ask("select 1 from pg_locks where locktype = 'advisory' and not granted"),
            "a delivery that waits for the other",
        )
        world.publish(night(run="new"))
    held_up.wait().value()
    assert world.table() == world.published()
    assert {row[7] for row in world.table()} == {"new"}


def test_killed_anywhere_the_table_is_as_it_was_and_whole_after_the_next_delivery(world: World) -> None:
    old, new = night(run="old", rows=60), night(run="new")
    world.publish(new)
    world.deliver()
    after = world.table()

    def counted() -> int:
        calls = Calls()
        world.deliver()
        return calls.count

    def begin_with_old() -> list[tuple[Any, ...]]:
        world.publish(old)
        world.deliver()
        before = world.table()
        world.publish(new)
        return before

    before = begin_with_old()
    calls = child.run(counted).value()
    seen = []
    for n in range(KILLS):
        begin_with_old()

        def doomed(n: int = n) -> None:
            Calls(calls * (2 * n + 1) // (2 * KILLS))
            world.deliver()

        assert child.run(doomed).signal == signal.SIGKILL
        seen.append(world.table())
        assert seen[-1] in (before, after)
        world.deliver()
        assert world.table() == after
    assert before in seen


def test_killed_when_its_rows_are_in_the_table_but_not_committed_nothing_has_happened(world: World) -> None:
    world.publish(night())
    world.deliver()
    before = world.table()
    world.publish(night(run="new", rows=10))

    def doomed() -> None:
        merged = deliver._merge

        def dying(*arguments: Any) -> Any:
            sa.event.listen(sa.Engine, "commit", lambda connection: signal.raise_signal(signal.SIGKILL))
            return merged(*arguments)

        deliver._merge = dying  # type: ignore[assignment]
        world.deliver()

    assert child.run(doomed).signal == signal.SIGKILL
    assert world.table() == before
    world.deliver()
    assert world.table() == world.published()


def test_no_reader_sees_a_part_of_a_night(world: World) -> None:
    states = {("first", 2000), ("second", 3000)}
    seen: set[tuple[tuple[Any, ...], ...]] = set()
    world.publish(night("first", 2000))
    world.deliver()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(tuple(world.ask(f"select run, count(*) from {TABLE} group by run")))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for state in [*sorted(states, reverse=True), *sorted(states)] * 3:
            world.publish(night(*state))
            world.deliver()
    finally:
        done.set()  # else it would read for ever
        reader.join()
    assert seen == {(state,) for state in states}


# --- what cannot be


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("drop column engine", "engine TEXT: missing"),
        (
            "add column loaded_at timestamp",
            "loaded_at TIMESTAMP WITHOUT TIME ZONE: no column of the predictions",
        ),
        ("alter column score type real", "score is REAL, and has to be DOUBLE PRECISION"),
        (
            "drop constraint predictions_pkey",
            "the primary key is (), and has to be (use_case, partition, id)",
        ),
    ],
)
def test_another_table_of_that_name_is_told_and_left_alone(world: World, change: str, told: str) -> None:
    world.publish(night())
    world.deliver()
    world.ask(f"alter table {TABLE} {change}")
    before = world.table()
    world.publish(night(run="new"))
    with pytest.raises(BadInput) as refused:
        world.deliver()
    assert told in str(refused.value)
    assert len(str(refused.value).splitlines()) <= MAX_LINES
    assert world.table() == before


@pytest.mark.parametrize(
    ("address", "error", "told"),
    [
        ("postgres://me:s3cret@127.0.0.1:1/shop", TryAgain, "the database 127.0.0.1 cannot be reached"),
        ("postgres://postgres:s3cret@127.0.0.1:5432/s3cret", TryAgain, r'database "\*\*\*" does not exist'),
        ("sqlite:///s3cret.db", BadInput, "a sink is a table of PostgreSQL, found sqlite"),
        ("me:s3cret@127.0.0.1", BadInput, "AIRFLOW_CONN_WAREHOUSE is no address"),
        ("", BadInput, "no connection 'warehouse': AIRFLOW_CONN_WAREHOUSE is not set"),
    ],
)
def test_a_database_that_is_not_there_is_told_without_the_password(
    world: World, monkeypatch: pytest.MonkeyPatch, address: str, error: type[SluiceError], told: str
) -> None:
    world.publish(night())
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", address)
    with pytest.raises(error, match=told) as refused:
        world.deliver()
    assert "s3cret" not in f"{refused.value}"


def test_a_connection_that_is_cut_may_be_tried_again(world: World) -> None:
    world.publish(night())
    with world.engine.begin() as holding:
        deliver._alone(holding, f"tiny {NIGHT}")
        cut = child.start(world.deliver)
        until(
            lambda: world.ask(
                "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and not granted"
            ),
            "a delivery that waits for the other",
        )
    error = cut.wait().error
    assert isinstance(error, TryAgain)
    assert "went away" in str(error)
    assert world.table() == []


def test_a_schema_that_is_not_there_is_a_mistake(world: World) -> None:
    world.publish(night())
    world.ask("drop schema scoring")
    with pytest.raises(BadInput, match='the database refuses: schema "scoring" does not exist'):
        world.deliver()


def test_a_row_that_the_database_refuses_is_not_shown(world: World) -> None:
    # as no gate would let through
    world.publish(night().set_column(0, "id", pa.array(["a secret name"] * 40)))
    with pytest.raises(BadInput, match="cannot affect row a second time") as refused:
        world.deliver()
    assert "a secret name" not in str(refused.value)
    assert world.table() == []


@pytest.mark.parametrize(
    "table",
    ["predictions; drop table users", 'a"b', "a.b.c", "Predictions", "sluice arriving", "a." + "b" * 64, ""],
)
def test_a_name_that_is_no_plain_name_is_refused_by_the_file(table: str) -> None:
    with pytest.raises(ValueError, match="table"):
        Sink(connection="warehouse", table=table)


def test_check_knows_the_sink_and_refuses_a_key_of_the_sinks_own_name(tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(tiny.YAML + SINK)
    assert check(use_cases.load_file(path)) == []
    path.write_text(tiny.YAML.replace("  id: ", "  use_case: ") + SINK)
    with pytest.raises(BadUseCase, match="sink: its table has a column use_case of its own"):
        use_cases.load_file(path)


# --- on the way of a night


def test_a_night_is_delivered_at_the_end_of_its_way_and_again_when_it_is_filled_in(
    champions_lent: Settings, world: World, tmp_path: Path
) -> None:
    night = partial(Run.open, tiny.NAME, "scoring", NIGHT, champions_lent)
    runner.run_all(night())
    assert [note["task"] for note in night().store.notes()][-2:] == ["gate_predictions", "deliver"]
    own = replace(world, settings=champions_lent)
    assert len(own.published()) == tiny.ROWS_A_DAY
    assert own.table() == own.published()
    champions.delivered[NIGHT] = tiny.payments(NIGHT).slice(0, 30)
    list(backfill(tiny.NAME, Days(NIGHT, NIGHT), "now", champions_lent))
    assert len(own.table()) == tiny.ROWS_A_DAY
    list(backfill(tiny.NAME, Days(NIGHT, NIGHT), "then", champions_lent))
    assert len(own.published()) == 30
    assert own.table() == own.published()


@pytest.fixture
def champions_lent(two_champions: Settings, tmp_path: Path) -> Iterator[Settings]:
    """The champions, with a sink and a place for nights of one's own."""
    (tmp_path / "own" / "use_cases").mkdir(parents=True)
    (tmp_path / "own" / "data" / tiny.NAME).mkdir(parents=True)
    shutil.copy(two_champions.disk / tiny.NAME / "promotions.jsonl", tmp_path / "own" / "data" / tiny.NAME)
    text = (two_champions.use_cases / "tiny.yaml").read_text()
    (tmp_path / "own" / "use_cases" / "tiny.yaml").write_text(text + SINK)
    yield replace(two_champions, data=tmp_path / "own" / "data", use_cases=tmp_path / "own" / "use_cases")
    champions.delivered.clear()
