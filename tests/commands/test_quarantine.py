"""Rows that were put aside: told briefly, and taken in after a fix without touching what stood there."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import onnx
import pyarrow as pa
import pytest
from filelock import FileLock
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pipelines import flow, runner
from pipelines.__main__ import main
from pipelines.commands import quarantine, replay
from pipelines.core import sql
from pipelines.core.errors import BadInput, GateClosed, TableMissing, TryAgain
from pipelines.evaluation import verdict
from pipelines.evaluation.results import Export
from pipelines.gates.earlier import accepted
from pipelines.gates.earlier.accepted import Accepted
from pipelines.registry import registry
from pipelines.registry.history import History
from pipelines.run import plan, tables
from pipelines.run.clearance import is_cleared
from pipelines.run.plan import Outcome
from pipelines.run.run import Run
from pipelines.storage import places
from pipelines.storage.notes import RUNS
from pipelines.storage.settings import Settings
from pipelines.storage.store import Store, as_json
from tests.helpers import postgres, tiny
from tests.helpers.ways import WAYS
from tests.registry.test_history import FIRST

NIGHT = date(2026, 2, 1)
TRAINING = date(2026, 1, 31)
TABLES = ("raw", "quarantine", "clean", "features", "predictions")
STRICT, MENDED = "min: 0, max: 80", "min: 0, max: 95"
# In front of the night's own forty rows, of which 8 cost more than 80 and 2 more than 95.
COSTLY, TOO_COSTLY = 8, 2

delivered: dict[date, pa.Table] = {}  # what the source gives on a day, if it is not what it always gives


def payments(day: date) -> pa.Table:
    return delivered.get(day, tiny.payments(day))


def deliver(change: Callable[[list[dict[str, Any]]], Any]) -> None:
    """Let the source deliver the night's rows with a change."""
    usual = tiny.payments(NIGHT)
    rows = usual.to_pylist()
    change(rows)
    delivered[NIGHT] = pa.Table.from_pylist(rows, schema=usual.schema)


@pytest.fixture(autouse=True)
def usual_source() -> Iterator[None]:
    delivered.clear()
    yield
    delivered.clear()


@dataclass(frozen=True)
class World:
    """A trained use case whose file can be changed between runs."""

    settings: Settings

    def says(self, amount: str = "min: 0", more: str = "", **words: str) -> World:
        """Write the use-case file: the rule on amounts, more lines at its end, and other words for some of
        its own.
        """
        text = tiny.YAML.replace(
            '"tests.helpers.tiny:payments"', '"tests.commands.test_quarantine:payments"'
        ).replace("min: 0", amount)
        text = text.replace("  xgboost: {grid: {n_estimators: [20], max_depth: [2, 3]}}\n", "").replace(
            "[0.1, 1]", "[1]"
        )
        text = text.replace("cleanse:\n", "cleanse:\n  max_quarantined: 0.9\n")
        for old, new in words.items():
            text = text.replace(old, new)
        (self.settings.use_cases / "tiny.yaml").write_text(text + more)
        return self

    def run(self, day: date = NIGHT) -> Run:
        return Run.open("tiny", "training" if day == TRAINING else "scoring", day, self.settings)

    def scored(self) -> World:
        runner.run_all(self.run())
        return self

    def go(self, last: str = "") -> None:
        """The way without its gates, by the file as it is."""
        for step, _ in WAYS["scoring"]:
            for share in plan.shares(self.run(), step) or ("",):
                flow.STEPS[step](self.run().task(), *filter(None, [share]))
            if step == last:
                return

    def rows(self, table: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.run().store.read(table).to_arrow_table().to_pylist()
        return found

    def keys(self, table: str) -> set[str]:
        return {row["key" if table == "quarantine" else "id"] for row in self.rows(table)}

    def bytes(self, *but: str) -> dict[str, bytes]:
        """Every file of the night, but those under some folders."""
        folder = self.run().store.disk
        files = {
            path.relative_to(folder): path
            for path in folder.rglob("*")
            if path.is_file() and path.suffix != ".lock" and path.name != RUNS
        }
        return {str(name): path.read_bytes() for name, path in files.items() if name.parts[0] not in but}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path) -> World:
    """A champion; the gates of its training are others' tests."""
    place = tmp_path_factory.mktemp("trained")
    for folder in ("use_cases", "var"):
        (place / folder).mkdir()
    shutil.copy(mlflow_database, place / "var" / "mlflow.db")
    own = Settings(
        data=place / "data",
        use_cases=place / "use_cases",
        var=place / "var",
        mlflow=f"sqlite:///{place}/var/mlflow.db",
        mirror=None,
    )
    world = World(own).says(STRICT)
    for step, _ in WAYS["training"]:
        run = world.run(TRAINING)
        flow.STEPS[step](run.task(), "linear") if step == "tune" else flow.STEPS[step](run.task())
    return world


@pytest.fixture(scope="module")
def strict_night(trained: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The night as a rule that is too strict has left it: more than half of its rows scored, the others in
    quarantine.
    """
    delivered.clear()
    return World(elsewhere(trained, tmp_path_factory.mktemp("strict"))).says(STRICT).scored()


def elsewhere(trained: World, place: Path) -> Settings:
    """A place for tables of one's own, where the history is known."""
    (place / "data" / "tiny").mkdir(parents=True)
    shutil.copy(places.at(History.of(trained.settings, "tiny").path).on_disk(), place / "data" / "tiny")
    return replace(trained.settings, data=place / "data")


@pytest.fixture
def fresh(trained: World, tmp_path: Path) -> World:
    """The champion, and no night yet."""
    (tmp_path / "use_cases").mkdir()
    return World(replace(elsewhere(trained, tmp_path), use_cases=tmp_path / "use_cases")).says(STRICT)


@pytest.fixture
def world(strict_night: World, fresh: World) -> World:
    """A night of one's own, as the strict rule has left it."""
    shutil.copytree(strict_night.settings.disk, fresh.settings.disk, dirs_exist_ok=True)
    return fresh


def cite(store: Store, table: str, source: str) -> bool:
    return store.manifest(table).inputs[f"scoring/{NIGHT}/{source}"] == store.digest(source)


# --- show


def shown(world: World) -> list[str]:
    return str(quarantine.show(world.run())).splitlines()


def put_aside(world: World, select: str, rows: int = 1) -> None:
    """Write a quarantine table of one's own."""
    store = world.run().store
    store.write("raw", store.connection.sql("SELECT i FROM range(10000) t(i)"))
    store.write(
        "quarantine",
        store.connection.sql(
            f"SELECT {select}, DATE '2026-02-01' AS partition, '{{}}' AS row FROM range({rows}) t(i)"
        ),
    )


def test_what_is_in_quarantine_is_told_by_reason_with_examples_and_the_way_on(fresh: World) -> None:
    put_aside(
        fresh,
        """'k' || i AS key, i < 3 AS rejected, if(i = 2, 'amount: above 50; odd', if(i < 3, 'amount: above 50', 'duplicate')) AS reasons,
        if(i < 3, '{"amount": ' || i || '}', '{"id": "k3"}') AS found""",
        rows=4,
    )
    assert shown(fresh) == [
        "tiny scoring 2026-02-01: 4 of 10,000 rows (0.04 %) in quarantine, 3 of them rejected",
        "  amount: above 50: 3 of 10,000 rows (0.03 %)",
        "  duplicate: 1 of 10,000 rows (0.01 %)",
        "  odd: 1 of 10,000 rows (0.01 %)",
        "for example, with what was found:",
        '  k0: amount: above 50: {"amount": 0}',
        '  k2: amount: above 50; odd: {"amount": 2}',
        '  k3: duplicate: {"id": "k3"}',
        '  k1: amount: above 50: {"amount": 1}',
        f"whole table: {fresh.run().store.disk}/quarantine (Parquet; the raw rows are in its column row)",
        (
            "way on: mend the rule in tiny.yaml, or the source, then: python -m pipelines run tiny scoring"
            " 2026-02-01"
        ),
    ]


def test_the_way_on_is_a_replay_where_the_night_was_scored(world: World) -> None:
    assert shown(world)[-1].endswith("then: python -m pipelines quarantine replay tiny 2026-02-01")


def test_any_number_of_rows_and_reasons_and_any_text_is_told_briefly(fresh: World) -> None:
    text = "repeat('long' || chr(10) || chr(27) || '[2J', 100)"
    put_aside(
        fresh,
        f"if(i % 30 = 0, NULL, {text}) AS key, true AS rejected, 'rule' || i % 30 AS reasons,"
        f" to_json({{'amount': {text}}}) AS found",
        5000,
    )
    lines = shown(fresh)
    assert len(lines) == 26
    assert "  ... and 20 more reasons" in lines
    assert "  ... and 4,990 more rows" in lines
    assert lines[13].startswith('  (no key): rule0: {"amount": "long')
    assert all(line.isprintable() and len(line) < 300 for line in lines)


def test_personal_values_are_masked_and_so_is_a_personal_key(fresh: World) -> None:
    put_aside(
        fresh,
        """'anna' AS key, true AS rejected, 'together' AS reasons, '{"id": "anna", "customer": "anna", "amount": 7}' AS found""",
    )
    fresh.says(
        **{
            "customer: {type: string": "customer: {pii: true, type: string",
            "id:       {type: string": "id: {pii: true, type: string",
        }
    )
    assert '  •••: together: {"id": "•••", "customer": "•••", "amount": 7}' in shown(fresh)
    assert not [line for line in shown(fresh) if "anna" in line]


def test_an_empty_quarantine_is_told_in_one_line(fresh: World) -> None:
    put_aside(fresh, "'' AS key, true AS rejected, '' AS reasons, '{}' AS found", rows=0)
    assert shown(fresh) == [
        "tiny scoring 2026-02-01: 0 of 10,000 rows (0 %) in quarantine, 0 of them rejected"
    ]


def test_a_partition_that_is_not_there_is_a_sentence(fresh: World) -> None:
    with pytest.raises(TableMissing, match="tiny scoring 2026-02-01: no table 'raw'"):
        shown(fresh)
    with pytest.raises(BadInput, match="a drift report puts no row aside\n  way out: name a night"):
        str(quarantine.show(Run.open("tiny", "drift", NIGHT, fresh.settings)))


# --- replay: what joins


def test_rows_of_a_mended_rule_join_the_night_and_leave_the_others_as_they_were(world: World) -> None:
    old = {table: world.rows(table) for table in TABLES}
    assert len(old["quarantine"]) == COSTLY
    said = replay.replay(world.says(MENDED).run())
    assert (
        said
        == f"tiny scoring 2026-02-01: {COSTLY - TOO_COSTLY} rows are good now, and scored by version 1; still"
        f" in quarantine: {TOO_COSTLY}"
    )
    new = {table: world.rows(table) for table in TABLES}
    assert new["raw"] == old["raw"]
    assert [len(new[table]) for table in TABLES] == [40, TOO_COSTLY, *[40 - TOO_COSTLY] * 3]
    assert {row["reasons"] for row in new["quarantine"]} == {"amount: above 95"}
    for table in ("clean", "features", "predictions"):
        assert [row for row in new[table] if row["id"] in {row["id"] for row in old[table]}] == old[table]
        assert new[table] == sorted(new[table], key=lambda row: (row["at"], row["id"]))
        assert world.run().store.manifest(table).schema.keys() == new[table][0].keys()


def test_a_replayed_night_is_whole_and_let_through_and_nothing_lies_beside_it(world: World) -> None:
    schemas = {table: world.run().store.manifest(table).schema for table in TABLES}
    replay.replay(world.says(MENDED).run())
    run = world.run()
    assert {table: run.store.manifest(table).schema for table in TABLES} == schemas
    assert all(is_cleared(run.store, run.use_case, table) for table in replay.GATED)
    assert all(
        cite(run.store, table, source) for table in replay.JUDGED if (source := tables.TABLES[table].made_of)
    )
    assert cite(run.store, "features", "past")
    assert {name.split("/")[0] for name in world.bytes()} == {
        *TABLES,
        "past",
        "days",
        "past_raw",
        "scored_by.json",
        "gates",
        "reports",
    }


def test_rows_that_join_get_the_features_that_making_the_night_again_by_the_mended_rule_gives_them(
    world: World,
) -> None:
    known = world.keys("features")

    def joined(table: str, *columns: str) -> list[list[Any]]:
        return [[row[column] for column in columns] for row in world.rows(table) if row["id"] not in known]

    replay.replay(world.says(MENDED).run())
    features = joined("features", "id", "payments_7d", "mean_7d", "bad_before")
    assert any(payments > 0 for _, payments, *_ in features)
    # A night that is run again goes by what its champion has learned, until a model has learned the rule.
    world.go("features")
    assert features == joined("features", "id", "payments_7d", "mean_7d", "bad_before")


NOT_LEARNED = {
    "a feature": {"amount: amount\n": "amount: amount\n    twice: 2 * amount\n"},
    "a feature over a longer window": {
        "    week: {by": "    long: {since: 20d}\n    week: {by",
        "amount: amount\n": "amount: amount\n    all: count(*) over long\n",
        "rule: amount": "rule: all",
    },
}


@pytest.mark.parametrize("what", NOT_LEARNED)
def test_what_no_model_has_learned_yet_keeps_no_rule_from_being_mended(world: World, what: str) -> None:
    columns = world.rows("features")[0].keys()
    about = (
        "gates: {features: [{expect_column_mean_to_be_between: {column: twice, max_value: 1}}]}\n"
        if what == "a feature"
        else ""
    )
    said = replay.replay(world.says(MENDED, about, **NOT_LEARNED[what]).run())
    assert said.endswith(
        f"{COSTLY - TOO_COSTLY} rows are good now, and scored by version 1; still in quarantine: {TOO_COSTLY}"
    )
    assert world.rows("features")[0].keys() == columns


def test_replaying_twice_is_replaying_once(world: World) -> None:
    replay.replay(world.says(MENDED).run())
    once = world.bytes()
    assert (
        replay.replay(world.run())
        == "tiny scoring 2026-02-01: nothing is published: of 2 rows in quarantine, 2 were judged again, and"
        " are still bad"
    )
    assert world.bytes() == once


def test_a_replayed_night_can_be_replayed_again_after_the_next_fix(world: World) -> None:
    replay.replay(world.says(MENDED).run())
    said = replay.replay(world.says().run())
    assert (
        said == f"tiny scoring 2026-02-01: {TOO_COSTLY} rows are good now, and scored by version 1; still in"
        " quarantine: 0"
    )
    assert replay.replay(world.run()) == "tiny scoring 2026-02-01: nothing to replay: no row is in quarantine"
    assert world.keys("predictions") == {row["id"] for row in tiny.payments(NIGHT).to_pylist()}


def test_rows_of_a_mended_source_join_with_the_values_that_it_has_now(fresh: World) -> None:
    deliver(lambda rows: rows[0].update(amount=-5.0) or rows[1].update(amount=-6.0))
    fresh.says().scored()
    deliver(lambda rows: rows[0].update(amount=7.0) or rows[1].update(amount=-6.0))
    replay.replay(fresh.run())
    (mended,) = [row for row in fresh.rows("clean") if row["id"] == "20260201-00"]
    assert mended["amount"] == 7.0
    assert {row["id"]: row["amount"] for row in fresh.rows("raw")}["20260201-00"] == 7.0
    assert fresh.keys("quarantine") == {"20260201-01"}


def test_one_of_several_good_rows_of_a_key_joins_and_the_others_are_duplicates(fresh: World) -> None:
    deliver(lambda rows: rows.append(rows[0] | {"amount": 89.0}))
    fresh.scored()
    replay.replay(fresh.says(MENDED).run())
    assert [row["amount"] for row in fresh.rows("clean") if row["id"] == "20260201-00"] == [88.0]
    assert [
        (row["reasons"], json.loads(row["row"])["amount"])
        for row in fresh.rows("quarantine")
        if row["key"] == "20260201-00"
    ] == [("duplicate with other values", 89.0)]


def test_rows_without_a_key_with_a_key_in_clean_and_gone_from_the_source_stay_as_they_are(
    fresh: World,
) -> None:
    def three_bad(rows: list[dict[str, Any]]) -> None:
        rows[0].update(id=None)
        rows[4].update(id=rows[1]["id"])  # bad, and the other one of its key is good
        rows[5].update(amount=-1.0)

    deliver(three_bad)
    fresh.scored()
    before = fresh.bytes()
    held = len(fresh.rows("quarantine"))
    deliver(lambda rows: rows.pop(5))
    said = replay.replay(fresh.run())
    assert re.search(rf"of {held} rows in quarantine, \d were judged again, and are still bad$", said)
    assert fresh.bytes() == before

    delivered[NIGHT] = delivered[NIGHT].filter(pa.compute.less(delivered[NIGHT]["amount"], 80))
    assert replay.replay(fresh.run()).endswith(
        f"of {held} rows in quarantine, none could be judged again: they have no key, a key that is in clean,"
        " or one that the source no longer has"
    )
    assert fresh.bytes() == before


# --- replay: by which model


@pytest.fixture
def next_champion(trained: World, world: World) -> None:
    """Another version is champion: the same model, in a graph of other bytes."""
    run = trained.run(TRAINING)
    graph = onnx.load_from_string(run.store.read_file("models/linear.onnx"))
    graph.doc_string = "the next one"
    judged = verdict.read(run.store.read_file("verdict.json"))
    exported = Export({"linear": graph.SerializeToString()}, parity=None, greatest_difference=0.0)  # type: ignore[arg-type]
    registry.register(run, exported, judged)
    History.of(world.settings, "tiny").append(
        replace(FIRST, version="2", previous="1", partition=TRAINING.isoformat())
    )


@pytest.mark.usefixtures("next_champion")
def test_the_nights_own_model_scores_though_another_is_champion_now(world: World) -> None:
    assert registry.champion(world.run()).version == "2"
    replay.replay(world.says(MENDED).run())
    assert {row["model_version"] for row in world.rows("predictions")} == {"1"}
    # What made the new rows is another use-case file and another features table: their fingerprint says so.
    assert (
        Counter(row["run"] for row in world.rows("predictions")).most_common(2)[1][1] == COSTLY - TOO_COSTLY
    )


# --- replay: and delivered


def test_what_has_joined_is_delivered_and_by_the_next_replay_if_not_by_this_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.says(MENDED, more="sink: {connection: warehouse, table: predictions}\n")
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "postgres://me:s3cret@127.0.0.1:1/shop")
    with pytest.raises(TryAgain, match="nothing is delivered"):
        replay.replay(world.run())
    with postgres.database() as engine:
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", postgres.address(engine))
        assert "the replay that was stopped while it published is finished" in replay.replay(world.run())
        with engine.begin() as session:
            assert {row[0] for row in session.exec_driver_sql("select id from predictions")} == world.keys(
                "predictions"
            )
    assert len(world.keys("predictions")) == tiny.ROWS_A_DAY - TOO_COSTLY
    assert not world.run().store.beside("replay").disk.exists()


# --- replay: when not


def refusal(world: World, error: type[Exception] = BadInput) -> str:
    """What a replay says that refuses, and leaves every published file as it was."""
    before = world.bytes("replay")
    with pytest.raises(error) as refused:
        replay.replay(world.run())
    assert world.bytes("replay") == before
    return str(refused.value)


def redeliver(world: World) -> None:
    deliver(lambda rows: rows[1].update(amount=1.5))
    flow.ingest(world.run().task())


def cleanse_again(world: World) -> None:
    flow.cleanse(world.says("min: 0, max: 60").run().task())


def compute_again(world: World) -> None:
    cleanse_again(world)
    runner.gate(world.run(), "clean")
    flow.features(world.run().task())


@pytest.mark.parametrize(
    ("again", "table", "source"),
    [
        (redeliver, "quarantine", "raw"),
        (cleanse_again, "features", "clean"),
        (compute_again, "predictions", "features"),
    ],
)
def test_a_night_that_was_run_again_and_not_to_its_end_is_refused(
    world: World, again: Callable[[World], None], table: str, source: str
) -> None:
    again(world)
    sentence = refusal(world.says(MENDED))
    assert (
        f"its {table} were made of other rows than its {source} hold now: the night was run again meanwhile,"
        " and not to its end" in sentence
    )
    assert sentence.endswith(
        "way out: run it again: python -m pipelines run tiny scoring 2026-02-01 (in Airflow: clear its first"
        " task)"
    )


@pytest.mark.usefixtures("next_champion")
def test_a_night_that_was_scored_again_and_not_judged_is_refused(world: World) -> None:
    flow.score(world.run().task(), "0001-of-0001")
    flow.publish(world.run().task())
    assert "gate_predictions has not let through the table predictions as it is now" in refusal(
        world.says(MENDED)
    )


def test_a_night_that_its_gate_stopped_has_nothing_to_join(fresh: World) -> None:
    with pytest.raises(GateClosed):
        fresh.says(STRICT, **{"max_quarantined: 0.9": "max_quarantined: 0.05"}).scored()
    sentence = refusal(fresh.says(MENDED), TableMissing)
    assert "no table 'predictions'" in sentence
    assert (
        "way out: run the earlier steps first, e.g. python -m pipelines run tiny scoring 2026-02-01"
        in sentence
    )


def test_a_night_that_changes_while_the_replay_runs_is_left_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(run: Run) -> None:
        monkeypatch.undo()
        redeliver(world)

    raw = world.run().store.digest("raw")
    monkeypatch.setattr(replay, "_require_open_gates", meanwhile)
    with pytest.raises(
        BadInput, match="raw changed while the replay ran: the night is being run again; nothing is published"
    ):
        replay.replay(world.says(MENDED).run())
    assert world.run().store.digest("raw") != raw
    assert len(world.rows("predictions")) == 40 - COSTLY


def test_a_closed_gate_publishes_nothing_and_shows_its_page(world: World) -> None:
    world.says(
        MENDED,
        more="gates:\n  features:\n    - expect_column_mean_to_be_between: {column: amount, max_value: 30}\n",
    )
    sentence = refusal(world, GateClosed)
    assert sentence.startswith(
        "nothing is published, since gate_features of tiny scoring 2026-02-01 is closed: 1 of"
    )
    assert "report: tiny/scoring/2026-02-01/replay/reports/gate_features.html" in sentence
    assert (world.settings.disk / "tiny/scoring/2026-02-01/replay/reports/gate_features.html").is_file()
    assert replay.replay(world.says(MENDED).run()).endswith(f"still in quarantine: {TOO_COSTLY}")
    assert "replay" not in {name.split("/")[0] for name in world.bytes()}


@pytest.mark.parametrize(("amount", "few"), [("min: 0, max: 83", True), (MENDED, False)])
def test_a_word_on_a_night_holds_for_it_with_the_few_rows_that_join_it(
    world: World, amount: str, few: bool
) -> None:
    store = world.run().store
    said = Accepted(
        store.digest("clean"),
        {"expect_column_to_be_like_earlier_days amount": "0.1"},
        "a sale",
        "ada",
        "2026-02-02",
    )
    store.write_file(accepted.file_name("clean"), as_json(asdict(said)))
    replay.replay(world.says(amount).run())
    store = world.run().store
    assert store.digest("clean") != said.digest
    assert accepted.of(store, "clean", store.digest("clean")) == (
        replace(said, digest=store.digest("clean")) if few else None
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"bad:      {type: integer": "note: {type: string}\n  bad: {type: integer"}, "no column 'note'"),
    ],
    ids=["column"],
)
def test_a_file_that_says_more_than_other_rules_is_refused(
    world: World, words: dict[str, str], told: str
) -> None:
    assert told in refusal(world.says(MENDED, **words))


@pytest.mark.parametrize(
    "words",
    [
        {"amount:   {type: number": "amount: {type: integer"},
        {"amount: amount": "other: amount"},
        {"amount: amount": "amount: -amount"},
    ],
    ids=["type", "name", "SQL"],
)
def test_a_file_of_another_meaning_is_replayed_by_the_definitions_that_the_nights_model_has_learned(
    world: World, words: dict[str, str]
) -> None:
    before = world.rows("predictions")
    said = replay.replay(world.says(MENDED, **words).run())
    assert (
        said
        == f"tiny scoring 2026-02-01: nothing is published: of {COSTLY} rows in quarantine, {COSTLY} were"
        " judged again, and are still bad\n  by the definitions of version 1, rules among them: features"
        " of tiny.yaml mean something else by now; mend the rule alone, or run the whole night"
        " again when a model has learned the features"
    )
    assert world.rows("predictions") == before


def test_two_replays_of_a_night_do_not_run_at_once(world: World) -> None:
    with FileLock(world.run().store.disk / ".replay.lock"):
        assert "another replay of this night is running" in refusal(world.says(MENDED), TryAgain)


# --- replay: killed


class Killed(BaseException):
    """What no code catches, as a kill."""


def killed(world: World, after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replay, and be killed after so many tables were published."""
    done: list[str] = []
    adopt = Store.adopt

    def some(store: Store, table: str, other: Store) -> None:
        if not store.aside:  # into the night itself
            if len(done) == after:
                raise Killed
            done.append(table)
        adopt(store, table, other)

    with monkeypatch.context() as patched:
        patched.setattr(Store, "adopt", some)
        with pytest.raises(Killed):
            replay.replay(world.run())


@pytest.mark.parametrize("after", [0, 1, 4])
def test_a_replay_that_was_killed_while_it_published_is_finished_by_the_next(
    world: World, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(world.says(MENDED), after, monkeypatch)
    said = replay.replay(world.run())
    assert (
        said
        == "tiny scoring 2026-02-01: the replay that was stopped while it published is finished; still in"
        f" quarantine: {TOO_COSTLY}"
    )
    assert [len(world.rows(table)) for table in TABLES] == [40, TOO_COSTLY, *[40 - TOO_COSTLY] * 3]
    run = world.run()
    assert all(is_cleared(run.store, run.use_case, table) for table in replay.GATED)
    assert "still bad" in replay.replay(world.run())


def test_a_replay_that_was_killed_before_it_published_starts_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(run: Run) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(replay, "_require_open_gates", kill)
        with pytest.raises(Killed):
            replay.replay(world.says(MENDED).run())
    assert replay.replay(world.says().run()).startswith(
        f"tiny scoring 2026-02-01: {COSTLY} rows are good now"
    )


def test_what_a_killed_replay_left_is_nothing_to_a_night_that_was_run_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(world.says(MENDED), 2, monkeypatch)
    world.says("min: 0, max: 60").scored()
    before = world.rows("predictions")
    assert "rows are good now" in replay.replay(world.says(MENDED).run())
    assert [row for row in world.rows("predictions") if row in before] == before


# --- the command line


def test_the_commands_show_and_replay(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = world.settings
    for name, value in (("USE_CASES", own.use_cases), ("DATA", own.disk), ("VAR", own.var)):
        monkeypatch.setenv(f"SLUICE_{name}", str(value))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", own.mlflow)
    world.says(MENDED)
    assert main(["quarantine", "show", "tiny", "scoring", "2026-02-01"]) == 0
    assert "amount: above 80: 8 of 40 rows (20 %)" in capsys.readouterr().out
    assert main(["quarantine", "show", "tiny", "scoring", "2026-02-01", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["rows"], answer["held"], answer["reasons"]["amount: above 80"]) == (40, 8, 8)
    assert set(answer["examples"][0]) == {"key", "reasons", "found"}
    assert main(["quarantine", "replay", "tiny", "2026-02-01"]) == 0
    assert capsys.readouterr().out.endswith(f"still in quarantine: {TOO_COSTLY}\n")
    assert main(["quarantine", "replay", "tiny", "2026-02-02"]) == 1
    assert capsys.readouterr().err.startswith("tiny scoring 2026-02-02: no table 'quarantine'")


# --- laws

DEFECTS: dict[str, dict[str, Any]] = {
    "negative": {"amount": -1.0},
    "too costly": {"amount": 99.0},
    "costly": {"amount": 88.0},
    "fax": {"channel": "fax"},
    "nobody": {"customer": None},
    "no key": {"id": None},
    "copy": {"id": "20260201-00"},
}
FIXES = {
    "max: 80": "max: 95",
    "min: 0": "min: -5",
    "string, required: true": "string",
    "[chip, online]": "[chip, online, fax]",
}
damages = st.dictionaries(st.integers(1, 11), st.sampled_from(sorted(DEFECTS)), min_size=1)
some_rows = st.sets(st.integers(1, 11), max_size=4)


@settings(
    max_examples=6, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate]
)  # shrinking a night takes minutes
@given(damage=damages, mended=some_rows, gone=some_rows, fixed=st.sets(st.sampled_from(sorted(FIXES))))
def test_a_replay_loses_no_row_changes_none_and_ends_with_the_keys_of_a_whole_run(
    strict_night: World,
    tmp_path_factory: pytest.TempPathFactory,
    damage: dict[int, str],
    mended: set[int],
    gone: set[int],
    fixed: set[str],
) -> None:
    place = tmp_path_factory.mktemp("law")
    (place / "use_cases").mkdir()
    world = World(replace(elsewhere(strict_night, place), use_cases=place / "use_cases")).says(STRICT)
    # A row whose key was mended cannot be known again, and a good row that is gone is a whole run's matter.
    mended -= {n for n, defect in damage.items() if defect in ("no key", "copy")}
    gone &= {n for n, defect in damage.items() if defect not in ("no key", "copy")}

    def damaged(rows: list[dict[str, Any]]) -> None:
        rows[:] = [row | {"amount": 1.0 + n} for n, row in enumerate(rows[:12])]
        for n, defect in damage.items():
            rows[n] |= DEFECTS[defect]

    def delivered_again(rows: list[dict[str, Any]]) -> None:
        good = [dict(row, amount=1.0 + n) for n, row in enumerate(rows[:12])]
        damaged(rows)
        rows[:] = [good[n] if n in mended else row for n, row in enumerate(rows) if n not in gone]

    with pytest.MonkeyPatch.context() as patched:  # gates are judged elsewhere, and take most of the time
        patched.setattr(runner, "gate", lambda run, table: Outcome(table))
        patched.setattr(replay, "_require_open_gates", lambda run: None)
        patched.setattr(replay, "is_cleared", lambda store, use_case, table: True)
        deliver(damaged)
        world.go()
        old = {table: world.rows(table) for table in TABLES}
        deliver(delivered_again)
        replay.replay(world.says(STRICT, **{rule: FIXES[rule] for rule in fixed}).run())
        new = {table: world.rows(table) for table in TABLES}
        world.go("features")  # to score them, a model has to learn the rules first
    assert len(new["raw"]) == len(new["clean"]) + len(new["quarantine"])
    assert len(new["clean"]) == len(new["features"]) == len(new["predictions"])
    for table in ("clean", "features", "predictions"):
        assert [row for row in new[table] if row["id"] in {row["id"] for row in old[table]}] == old[table]
        assert {row["id"] for row in new[table]} == world.keys("features")
    known = {row["id"] for row in old["features"]}
    assert [row for row in new["features"] if row["id"] not in known] == [
        row for row in world.rows("features") if row["id"] not in known
    ]
    raw = sql.select(
        world.run().store.connection.from_arrow(pa.Table.from_pylist(new["raw"])),
        "raw",
        "SELECT to_json(raw)::VARCHAR FROM raw",
    )
    assert Counter(row["row"] for row in new["quarantine"]) <= Counter(text for (text,) in raw.fetchall())
