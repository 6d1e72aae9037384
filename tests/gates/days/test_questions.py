"""Days that windows see are the very days that were let through, or are judged by other days.

Each question has a damage.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest

from pipelines import runner
from pipelines.core import dates
from pipelines.core.config import GatedTable, Kind, Step
from pipelines.core.errors import GateClosed
from pipelines.gates import gate
from pipelines.gates.days import known, questions
from pipelines.gates.days.values import fewest_labels
from pipelines.gates.earlier import partitions
from pipelines.gates.verdict import GateVerdict
from pipelines.run.run import Run
from pipelines.storage import kept
from pipelines.storage.settings import Settings
from pipelines.storage.store import as_json
from tests.helpers import tiny

TRAINING, NIGHT = date(2026, 1, 31), date(2026, 2, 1)
WAY: tuple[tuple[Step, GatedTable | None], ...] = (("ingest", "raw"), ("cleanse", "clean"), ("past", "past"))
GATES = "gates: {raw: [{expect_column_mean_to_be_between: {column: amount, max_value: 100}}]}\n"
KINDS: tuple[Kind, ...] = ("scoring", "training")
Rows = list[dict[str, Any]]
Change = Callable[[Rows], Rows]

changes: dict[date, Change] = {}  # what becomes of the rows that the source gives on a day
tips: list[float] = []  # of all rows, where the source gives a column more


def payments(day: date) -> pa.Table:
    usual = tiny.payments(day)
    schema = usual.schema.append(pa.field("tip", pa.float64())) if tips else usual.schema
    rows = [
        row | {"tip": tip + int(row["id"][-2:])} for tip in tips for row in usual.to_pylist()
    ] or usual.to_pylist()
    return pa.Table.from_pylist(changes.get(day, list)(rows), schema=schema)


@pytest.fixture(autouse=True)
def usual_source() -> Iterator[None]:
    changes.clear()
    tips.clear()
    yield
    changes.clear()
    tips.clear()


@dataclass(frozen=True)
class World:
    """Partitions of the tiny use case, up to the past's gate."""

    settings: Settings

    def says(self, more: str = "", gates: str = GATES, **words: str) -> World:
        text = tiny.YAML.replace(
            '"tests.helpers.tiny:payments"', '"tests.gates.days.test_questions:payments"'
        )
        for old, new in words.items():
            text = text.replace(old, new)
        (self.settings.use_cases / "tiny.yaml").write_text(text + gates + more)
        return self

    def run(self, kind: Kind, day: date) -> Run:
        return Run.open("tiny", kind, day, self.settings)

    def lived(self, kind: Kind, day: date) -> World:
        for step, table in WAY:
            runner.take(self.run(kind, day), step)
            runner.gate(self.run(kind, day), cast("GatedTable", table))
        return self

    def judged(self, kind: Kind, day: date) -> GateVerdict:
        for step, table in WAY:
            runner.take(self.run(kind, day), step)
            if table != "past":
                runner.gate(self.run(kind, day), cast("GatedTable", table))
        return gate.verdict_on(self.run(kind, day), "past")


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A training, the night after it, and the next one, all good."""
    place = tmp_path_factory.mktemp("lived")
    (place / "use_cases").mkdir()
    world = World(
        Settings(data=place / "data", use_cases=place / "use_cases", var=place, mlflow="", mirror=None)
    ).says()
    return (
        world.lived("training", TRAINING).lived("scoring", NIGHT).lived("scoring", NIGHT + timedelta(days=1))
    )


@pytest.fixture
def world(lived: World, tmp_path: Path) -> World:
    shutil.copytree(lived.settings.disk, tmp_path / "data")
    (tmp_path / "use_cases").mkdir()
    return World(replace(lived.settings, data=tmp_path / "data", use_cases=tmp_path / "use_cases")).says()


@pytest.fixture
def fresh(lived: World, tmp_path: Path) -> World:
    """No run has been yet."""
    (tmp_path / "use_cases").mkdir()
    return World(replace(lived.settings, data=tmp_path / "data", use_cases=tmp_path / "use_cases")).says()


def told(verdict: GateVerdict, severity: Any = "stop") -> dict[str, str]:
    return {finding.subject: finding.sentence() for finding in verdict.failed(severity)}


def every(**values: Callable[[dict[str, Any]], Any]) -> Change:
    return lambda rows: [{**row, **{name: value(row) for name, value in values.items()}} for row in rows]


def thrice(rows: Rows) -> Rows:
    return [{**row, "id": f"{row['id']}-{n}"} for row in rows for n in range(3)]


def of_the_day_before(rows: Rows) -> Rows:
    day = rows[0]["at"].date() - timedelta(days=1)
    return [{**row, "at": row["at"] + timedelta(days=1)} for row in tiny.payments(day).to_pylist()]


def under_other_keys(rows: Rows) -> Rows:
    return [{**row, "id": f"again-{row['id']}"} for row in of_the_day_before(rows)]


FLIPPED = every(bad=lambda row: 1 - row["bad"])
DEARER = every(amount=lambda row: row["amount"] * 100)
# What happens to all days before the partition's own, or to one of them; what the gate asks about it: of the
# next night, and of a first training.
DAMAGES: dict[str, tuple[Change, bool, str, str]] = {
    "labels flipped": (FLIPPED, True, "great_differences", "values"),
    "amounts x100": (DEARER, True, "great_differences", "values"),
    "rows three times": (thrice, True, "great_differences", "number_of_rows"),
    "one day's amounts x100": (DEARER, False, "great_differences", "values"),
    "labels that break a rule": (every(bad=lambda row: 7), True, "labels", "labels"),
    "labels that are gone": (every(bad=lambda row: None), True, "labels", "labels"),
    "a day is missing": (lambda _: [], False, "missing", "missing"),
    "a tenth of a day": (lambda rows: rows[::10], False, "great_differences", "number_of_rows"),
    "the rows of the day before": (of_the_day_before, False, "great_differences", "keys_of_earlier_days"),
    "the rows of the day before under other keys": (
        under_other_keys,
        False,
        "great_differences",
        "another_days_rows",
    ),
    "bad rows": (
        every(amount=lambda row: -1.0 if row["id"][-2:] < "20" else row["amount"]),
        False,
        "great_differences",
        "rejected",
    ),
}


def damage(kind: Kind, day: date, change: Change, everywhere: bool, case: Run) -> None:
    past = dates.past_of(case.use_case, kind, day)
    changes.update(dict.fromkeys(past if everywhere else [past.first + timedelta(days=3)], change))


@pytest.mark.parametrize("what", DAMAGES)
def test_a_damaged_past_closes_the_next_nights_gate_and_names_the_day(world: World, what: str) -> None:
    change, everywhere, asked, _ = DAMAGES[what]
    night = NIGHT + timedelta(days=2)
    damage("scoring", night, change, everywhere, world.run("scoring", night))
    found = told(world.judged("scoring", night))
    assert asked in found
    assert any(f"{day}: " in found[asked] for day in changes)


@pytest.mark.parametrize("what", DAMAGES)
def test_a_damaged_past_closes_the_gate_of_a_first_training_by_the_other_days(
    fresh: World, what: str
) -> None:
    change, everywhere, _, asked = DAMAGES[what]
    damage("training", TRAINING, change, everywhere, fresh.run("training", TRAINING))
    found = told(fresh.judged("training", TRAINING))
    assert asked in found
    assert any(f"{day}: " in found[asked] for day in changes)


def test_good_days_are_open_without_a_warning_known_or_not(world: World) -> None:
    for verdict in (
        world.judged("scoring", NIGHT + timedelta(days=2)),
        world.judged("training", NIGHT + timedelta(days=2)),
    ):
        assert verdict.passed
        assert not verdict.failed("warn")


def test_a_small_difference_is_told_with_its_day_and_numbers_and_closes_nothing(world: World) -> None:
    day = NIGHT - timedelta(days=3)
    changes[day] = lambda rows: [
        {**rows[0], "amount": 1.0},
        {**rows[1], "bad": 1 - rows[1]["bad"]},
        *rows[3:],
        {**rows[4], "id": "new"},
    ]
    verdict = world.judged("scoring", NIGHT + timedelta(days=2))
    assert verdict.passed
    (finding,) = verdict.failed("warn")
    (cell,) = [
        text
        for text in (
            questions.table(world.run("scoring", NIGHT + timedelta(days=2))).project("differences").fetchall()
        )
        if day.isoformat() in text[0]
    ]
    assert finding.subject == "differences"
    assert cell == (
        f"{day}: 1 other (amount), 1 gone, 1 new, 1 labels other, scoring {NIGHT + timedelta(days=1)}",
    )


def test_a_night_that_its_gate_has_stopped_feeds_no_later_window_until_it_is_mended(world: World) -> None:
    day, night = NIGHT + timedelta(days=2), NIGHT + timedelta(days=3)
    changes[day] = DEARER
    with pytest.raises(GateClosed, match="gate_raw"):
        world.lived("scoring", day)
    changes.clear()
    found = told(world.judged("scoring", night))
    assert (
        f"stopped_nights: 1 of 8 days: {day}: stopped by gate_raw (rows that their own night's gate has"
        " stopped feed" in found["stopped_nights"]
    )
    assert (
        f"run it again: python -m pipelines run tiny scoring {day}, or in Airflow" in found["stopped_nights"]
    ), "the source alone mends nothing"
    assert "stopped_nights" in told(world.judged("training", night + timedelta(days=2))), (
        "it is a day of a training, too"
    )
    assert world.lived("scoring", day).judged("scoring", night).passed, "its own night was let through"


# What the source gives of a stopped day later on, though nobody has mended it.
LATER: dict[str, Change] = {
    "one row more": lambda rows: [*DEARER(rows), {**rows[0], "id": "late"}],
    "other keys": lambda rows: [{**row, "id": f"{row['id']} "} for row in DEARER(rows)],
    "no rows": lambda _: [],
}


@pytest.mark.parametrize("what", LATER)
def test_a_stopped_day_stays_stopped_whatever_the_source_gives_of_it_now(world: World, what: str) -> None:
    day, night = NIGHT + timedelta(days=2), NIGHT + timedelta(days=3)
    changes[day] = DEARER
    with pytest.raises(GateClosed, match="gate_raw"):
        world.lived("scoring", day)
    changes[day] = LATER[what]
    assert f"{day}: stopped by gate_raw" in told(world.judged("scoring", night))["stopped_nights"]


def test_a_stopped_night_whose_first_steps_alone_ran_again_is_stopped_still(world: World) -> None:
    day, night = NIGHT + timedelta(days=1), NIGHT + timedelta(days=2)
    evidence(world, day, "features", passed=False)
    runner.take(world.run("scoring", day), "ingest")
    runner.gate(world.run("scoring", day), "raw")
    assert f"{day}: stopped by gate_features" in told(world.judged("scoring", night))["stopped_nights"]


def evidence(world: World, day: date, table: GatedTable, *, passed: bool) -> None:
    """What the gate of a night has said, of whatever table."""
    store = world.run("scoring", day).store
    name = f"gates/{table}.json"
    store.write_file(
        name,
        as_json(kept.seal({"gate": f"gate_{table} of {store}", "digest": "of then", "passed": passed})),
    )


def test_a_training_that_has_the_day_which_names_it_sees_that_its_night_was_stopped(world: World) -> None:
    world = world.says(**{"delay_days: 2": "delay_days: 1"})
    day = NIGHT + timedelta(days=1)
    assert "stopped_nights" not in told(world.judged("training", day))
    evidence(world, day, "features", passed=False)
    assert f"{day}: stopped by gate_features" in told(world.judged("training", day))["stopped_nights"]


def test_a_training_that_has_the_day_which_names_it_goes_by_what_its_night_has_let_through(
    world: World,
) -> None:
    """Else it would vouch for other rows to all nights after it."""
    world = world.says(**{"delay_days: 2": "delay_days: 1"})
    day = NIGHT + timedelta(days=2)
    world = world.lived("scoring", day)
    assert not told(world.judged("training", day), "warn")
    changes[day] = of_the_next_rows
    assert (
        f"{day}: 40 other (customer), scoring {day}"
        in told(world.judged("training", day))["great_differences"]
    )


def test_what_the_gate_of_another_night_has_said_opens_no_stopped_night(world: World) -> None:
    day, night = NIGHT + timedelta(days=1), NIGHT + timedelta(days=2)
    evidence(world, NIGHT, "features", passed=True)
    assert "stopped_nights" not in told(world.judged("scoring", night))
    stores = [world.run("scoring", each).store for each in (NIGHT, day)]
    stores[1].write_file("gates/features.json", stores[0].read_file("gates/features.json"))
    found = told(world.judged("scoring", night))["stopped_nights"]
    assert f"{day}: nobody knows whether its night was stopped" in found
    assert f"its evidence is that of 'gate_features of tiny scoring {NIGHT}'" in found


@pytest.mark.parametrize("older", [True, False], ids=["an older run's", "gone"])
def test_evidence_that_is_gone_or_put_back_opens_no_stopped_night(world: World, older: bool) -> None:
    day, night = NIGHT + timedelta(days=1), NIGHT + timedelta(days=2)
    store = world.run("scoring", day).store
    before = store.read_file("gates/raw.json")
    changes[day] = every(amount=lambda row: row["amount"] * 0.3 + 95)
    with pytest.raises(GateClosed, match="gate_raw"):
        world.lived("scoring", day)
    store.write_file("gates/raw.json", before) if older else (store.disk / "gates" / "raw.json").unlink()
    assert f"{day}: stopped by gate_raw" in told(world.judged("scoring", night))["stopped_nights"]
    changes.clear()
    assert "stopped_nights" not in told(world.lived("scoring", day).judged("scoring", night))


@pytest.mark.parametrize(("table", "stops"), [("features", True), ("past", False), ("predictions", False)])
def test_a_night_is_no_word_on_its_own_day_where_a_gate_on_its_rows_has_stopped_it_later_on(
    world: World, table: GatedTable, stops: bool
) -> None:
    """Its own `days` were let through before; so was its `clean`, which says what is usual no more."""
    day, night = NIGHT + timedelta(days=1), NIGHT + timedelta(days=2)
    evidence(world, day, table, passed=False)
    found = told(world.judged("scoring", night))
    assert (f"{day}: stopped by gate_{table}" in found.get("stopped_nights", "")) is stops
    assert (
        day in [store.partition for store in partitions.sound(world.run("scoring", night), "clean")]
    ) is not stops
    words = {f"{store}" for store in known.others(world.run("scoring", night))}
    assert (f"tiny scoring {day}" in words) is (table == "predictions"), (
        "a night that gate_past has stopped knows its past no better"
    )


def test_a_day_that_was_corrected_is_right_once_its_night_was_run_again(world: World) -> None:
    day, night = NIGHT + timedelta(days=1), NIGHT + timedelta(days=2)
    changes[day] = every(amount=lambda row: row["amount"] + 1)
    assert "great_differences" in told(world.judged("scoring", night))
    world.lived("scoring", day)
    verdict = world.judged("scoring", night)
    assert verdict.passed
    assert not verdict.failed("warn")


def test_rows_that_come_again_under_the_next_days_date_close_the_gate_and_name_the_key(world: World) -> None:
    night = NIGHT + timedelta(days=2)
    changes[night] = lambda rows: rows + of_the_day_before(rows)[::3]
    with pytest.raises(GateClosed, match=r"share of keys that stand in one earlier day: 0\.259"):
        world.judged("scoring", night)


def to_the_next_rows(rows: Rows) -> Rows:
    """The labels, as many of them positive as before, stand at other rows."""
    return [{**row, "bad": other["bad"]} for row, other in zip(rows, rows[7:] + rows[:7], strict=True)]


@pytest.mark.parametrize("kind", ["scoring", "training"])
def test_labels_of_a_day_with_a_night_of_its_own_are_those_that_a_later_run_has_known(
    world: World, kind: Kind
) -> None:
    changes[NIGHT] = to_the_next_rows
    found = told(world.judged(kind, NIGHT + timedelta(days=2)))
    assert f"{NIGHT}: 12 labels other, scor" in found["great_differences"]


def test_labels_that_were_corrected_are_right_once_the_nights_that_had_known_the_others_were_run_again(
    world: World,
) -> None:
    changes[NIGHT] = to_the_next_rows
    world.lived("scoring", NIGHT + timedelta(days=1))
    verdict = world.judged("scoring", NIGHT + timedelta(days=2))
    assert verdict.passed
    assert not verdict.failed("warn")


def test_labels_that_come_one_by_one_are_no_others(world: World) -> None:
    day, night = NIGHT - timedelta(days=1), NIGHT + timedelta(days=2)
    changes[day] = lambda rows: [{**row, "bad": row["bad"] if n % 4 else None} for n, row in enumerate(rows)]
    assert world.lived("scoring", NIGHT + timedelta(days=1)).judged("scoring", night).passed
    changes.clear()
    verdict = world.judged("scoring", night)
    assert verdict.passed
    assert not verdict.failed("warn")


CUSTOMER, AMOUNT = "  customer: {type: string, required: true}\n", "  amount:   {type: number, min: 0}\n"
SPARE = {"  bad:      {": "  tip:      {type: number}\n  bad:      {"}
# Edits that change no meaning of what was there.
HARMLESS: dict[str, dict[str, str]] = {
    "a column is renamed in the file": {
        "customer": "payer",
        "lower: [channel]": "rename: {customer: payer}\n  lower: [channel]",
    },
    "the key is renamed in the file": {
        "  id: ": "  payment: ",
        "lower: [channel]": "rename: {id: payment}\n  lower: [channel]",
    },
    "the time is renamed in the file": {
        "  at: ": "  moment: ",
        "lower: [channel]": "rename: {at: moment}\n  lower: [channel]",
    },
    "columns stand in another order": {CUSTOMER + AMOUNT: AMOUNT + CUSTOMER},
    "the source gives a column more": SPARE,
}


def edited(world: World, edit: str) -> World:
    tips.extend([5.0] if HARMLESS[edit] is SPARE else [])
    return world.says(**HARMLESS[edit])


@pytest.mark.parametrize("edit", HARMLESS)
def test_an_edit_without_meaning_makes_no_day_unknown(world: World, edit: str) -> None:
    night = NIGHT + timedelta(days=2)
    verdict = edited(world, edit).judged("scoring", night)
    assert verdict.passed
    assert not verdict.failed("warn")
    changes[NIGHT] = lambda rows: rows[::3]
    changes[NIGHT - timedelta(days=2)] = to_the_next_rows
    found = told(world.judged("scoring", night))["great_differences"]
    assert f"{NIGHT}: 26 gone" in found
    assert f"{NIGHT - timedelta(days=2)}: " in found


@pytest.mark.parametrize("edit", HARMLESS)
def test_an_edit_without_meaning_lets_no_stopped_night_feed_windows(world: World, edit: str) -> None:
    day, night = NIGHT + timedelta(days=2), NIGHT + timedelta(days=3)
    changes[day] = every(amount=lambda row: row["amount"] * 0.3 + 95)
    with pytest.raises(GateClosed, match="gate_raw"):
        world.lived("scoring", day)
    found = told(edited(world, edit).judged("scoring", night))
    assert f"{day}: stopped by gate_raw" in found["stopped_nights"]


def test_a_column_that_no_run_has_let_through_is_judged_by_other_days(world: World) -> None:
    tips.append(5.0)
    changes[NIGHT] = every(tip=lambda row: row["tip"] * 100)
    found = told(world.says(**SPARE).judged("scoring", NIGHT + timedelta(days=2)))
    assert found.keys() == {"values"}
    assert f"{NIGHT}: mean of tip" in found["values"]


# --- leaks whose past windows read: the source gives them at once, and they are known three days after their row

LATE = {
    "  bad:      {": "  tip:      {type: number, role: leak, known_after: 3d, min: 0}\n  bad:      {",
    "until: 2d}\n": "until: 2d}\n    settled: {since: 7d, until: 3d}\n",
    "avg(bad) over known\n": "avg(bad) over known\n    tips: avg(tip) over settled\n",
}


@pytest.fixture(scope="module")
def tipped(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A training, and the two nights after it."""
    place = tmp_path_factory.mktemp("tipped")
    (place / "use_cases").mkdir()
    world = World(
        Settings(data=place / "data", use_cases=place / "use_cases", var=place, mlflow="", mirror=None)
    ).says(**LATE)
    tips.append(5.0)
    world.lived("training", TRAINING).lived("scoring", NIGHT).lived("scoring", NIGHT + timedelta(days=1))
    tips.clear()
    return world


@pytest.fixture
def late(tipped: World, tmp_path: Path) -> World:
    shutil.copytree(tipped.settings.disk, tmp_path / "data")
    (tmp_path / "use_cases").mkdir()
    tips.append(5.0)
    return World(replace(tipped.settings, data=tmp_path / "data", use_cases=tmp_path / "use_cases")).says(
        **LATE
    )


def test_values_that_become_known_later_make_no_day_another_one(late: World) -> None:
    night = NIGHT + timedelta(days=2)
    clean, past = (
        late.run("scoring", NIGHT + timedelta(days=1)).store.read(table) for table in ("clean", "past")
    )
    assert clean.filter("tip IS NOT NULL").count("*").fetchall() == [(0,)], "a night's own rows have none"
    # On the morning after, what is three days old is known: the very midnight is the last moment.
    assert past.filter("tip IS NOT NULL").aggregate('max("at")').fetchall() == [(datetime(2026, 1, 31),)]
    for kind, day in (("scoring", night), ("scoring", night + timedelta(days=9)), ("training", night)):
        verdict = late.judged(cast("Kind", kind), day)
        assert verdict.passed
        assert not verdict.failed("warn")
    told_by = [
        {day.day: day for day in known.days(late.run("scoring", day).store)}
        for day in (night - timedelta(days=1), night)
    ]
    before, after = (each[NIGHT - timedelta(days=1)] for each in told_by)
    assert (before.content, before.pattern) == (after.content, after.pattern)
    assert [n for each in (before, after) for n, _ in each.values.values()] == [
        1,
        40,
    ], "by then, of the midnight alone, and of all"


def test_a_row_that_has_changed_is_told_alone_though_values_of_all_rows_of_its_day_have_become_known(
    late: World,
) -> None:
    changes[NIGHT] = lambda rows: [{**rows[0], "amount": 1.0}, *rows[1:]]
    verdict = late.judged("scoring", NIGHT + timedelta(days=5))
    assert verdict.passed
    assert f"{NIGHT}: 1 other (amount), scoring {NIGHT}" in told(verdict, "warn")["differences"]


def test_values_that_have_become_known_of_a_day_that_was_let_through_are_judged_by_other_days(
    late: World,
) -> None:
    day, night = NIGHT - timedelta(days=1), NIGHT + timedelta(days=2)
    longer = late.says(
        **LATE | {"    week: {by: [customer], since: 7d}": "    week: {by: [customer], since: 14d}"}
    )
    assert longer.judged("scoring", night).passed
    changes[day] = every(tip=lambda row: row["tip"] * (100 if row["at"].hour else 1))
    found = told(longer.judged("scoring", night))
    assert found.keys() == {"values"}
    assert f"{day}: mean of tip" in found["values"]


def test_a_night_is_the_same_whether_the_source_gives_a_leak_at_once_or_when_it_is_known(late: World) -> None:
    night = NIGHT + timedelta(days=2)
    digests = []
    border = datetime(2026, 2, 4) - timedelta(days=3)
    for given in (list, every(tip=lambda row: row["tip"] if row["at"] <= border else None)):
        changes.update({NIGHT + timedelta(days=n): given for n in range(3)})
        verdict = late.judged("scoring", night)
        assert verdict.passed
        assert not verdict.failed("warn")
        runner.gate(late.run("scoring", night), "past")
        runner.take(late.run("scoring", night), "features")
        digests.append(
            [late.run("scoring", night).store.digest(table) for table in ("raw", "clean", "past", "features")]
        )
    assert digests[0] == digests[1]
    read = late.run("scoring", night).store.read("features")
    assert read.filter("tips IS NULL").count("*").fetchall() == [(0,)], "and the leak's past is read"


# What happens to a leak's values on all days before the partition's own; what the gate asks of the next
# night, and of a first training.
LATE_DAMAGES: dict[str, tuple[Change, str, str, str]] = {
    "x100": (every(tip=lambda row: row["tip"] * 100), "great_differences", "values", "late values other"),
    "gone": (every(tip=lambda _: None), "labels", "labels", "0 of 40 rows have a value of tip"),
    "break a rule": (every(tip=lambda _: -1.0), "labels", "labels", "0 of 40 rows have a value of tip"),
}


@pytest.mark.parametrize("what", LATE_DAMAGES)
def test_a_leak_that_has_gone_wrong_closes_the_gate_of_whoever_looks_back_at_it(
    late: World, what: str
) -> None:
    change, asked, _, words = LATE_DAMAGES[what]
    night = NIGHT + timedelta(days=2)
    damage("scoring", night, change, True, late.run("scoring", night))
    found = told(late.judged("scoring", night))
    assert words in found[asked]


@pytest.mark.parametrize("what", LATE_DAMAGES)
def test_and_that_of_a_first_training_by_the_other_days(fresh: World, what: str) -> None:
    change, _, asked, words = LATE_DAMAGES[what]
    tips.append(5.0)
    first = fresh.says(**LATE)
    damage("training", TRAINING, change, True, first.run("training", TRAINING))
    found = told(first.judged("training", TRAINING))
    assert ("mean of tip" if what == "x100" else words) in found[asked]


def test_a_correction_of_few_values_is_told_and_closes_nothing(late: World) -> None:
    day, night = NIGHT - timedelta(days=3), NIGHT + timedelta(days=2)
    changes[day] = lambda rows: [
        {**rows[0], "tip": 1.0},
        {**rows[1], "tip": 1.0, "bad": 1 - rows[1]["bad"]},
        *rows[2:],
    ]
    verdict = late.judged("scoring", night)
    assert verdict.passed
    assert (
        f"{day}: 1 labels other, 2 late values other, scoring {night - timedelta(days=1)}"
        in told(verdict, "warn")["differences"]
    )


def test_days_of_before_windows_could_read_the_leak_are_known_all_the_same(late: World) -> None:
    """No run knows its values, so other days judge them; the rows are the very rows that were let through."""
    tips.clear()
    shutil.rmtree(late.settings.disk)
    plain = {"  bad:      {": "  tip:      {type: number, role: leak}\n  bad:      {"}
    tips.append(5.0)
    world, night = (
        late.says(**plain).lived("training", TRAINING).lived("scoring", NIGHT),
        NIGHT + timedelta(days=1),
    )
    for kind in KINDS:
        verdict = world.says(**LATE).judged(kind, night)
        assert verdict.passed
        assert not verdict.failed("warn")
    day = dates.past_of(world.run("training", night).use_case, "training", night).first + timedelta(days=3)
    changes[day] = every(tip=lambda row: row["tip"] * 100)
    found = told(world.judged("training", night))
    assert found.keys() == {"values"}
    assert f"{day}: mean of tip" in found["values"]


def test_days_that_were_told_before_there_were_late_columns_are_read(world: World) -> None:
    store = world.run("scoring", NIGHT).store
    store.write("days", store.read("days").project("* EXCLUDE late"))
    first, *_ = known.days(world.run("scoring", NIGHT).store)
    assert (first.late, first.values) == (None, {})


def test_days_before_the_sources_first_are_no_fault_and_a_gap_after_it_is(fresh: World) -> None:
    first = NIGHT - timedelta(days=3)
    changes.update({NIGHT - timedelta(days=n): lambda _: [] for n in range(4, 9)})
    assert fresh.judged("scoring", NIGHT).passed
    changes[NIGHT - timedelta(days=2)] = lambda _: []
    assert told(fresh.judged("scoring", NIGHT)).keys() == {"missing"}
    assert fresh.says("limits: {empty_nights: true}\n").judged("scoring", NIGHT).passed
    changes.update({day: lambda _: [] for day in dates.Days(first, NIGHT - timedelta(days=1))})
    assert fresh.says().judged("scoring", NIGHT).passed, "the source's very first day"


def test_a_day_that_had_rows_may_not_be_empty_though_empty_nights_are_in_order(world: World) -> None:
    changes[NIGHT - timedelta(days=3)] = lambda _: []
    assert "missing" in told(
        world.says("limits: {empty_nights: true}\n").judged("scoring", NIGHT + timedelta(days=2))
    )
    changes.update({NIGHT + timedelta(days=n): lambda _: [] for n in range(-9, 2)})
    assert "missing" in told(world.says().judged("scoring", NIGHT + timedelta(days=2))), (
        "the source had begun"
    )


def test_days_that_were_let_through_by_other_rules_are_judged_by_other_days(world: World) -> None:
    changed = world.says(**{"lower: [channel]": "lower: [channel]\n  fill: {amount: 1}"})
    assert changed.judged("scoring", NIGHT + timedelta(days=2)).passed
    changes[NIGHT] = DEARER
    assert "values" in told(changed.judged("scoring", NIGHT + timedelta(days=2)))


# Edits of which rows there are, or of another column, by which no row of these days is another one.
OF_ROWS = {
    "another value is allowed": {"allowed: [chip, online]": "allowed: [chip, online, phone]"},
    "another spelling": {"{online: [web]}": "{chip: [web]}"},
    "a code for missing": {"lower: [channel]": "lower: [channel]\n  missing: {customer: [nobody]}"},
}


WIDE = "gates: {clean: [{expect_column_to_be_like_earlier_days: {column: amount, shift: 3.1}}]}\n"


@pytest.mark.parametrize("edit", OF_ROWS)
def test_an_odd_day_that_was_let_through_vouches_for_what_an_edit_leaves_alone(
    world: World, edit: str
) -> None:
    changes[NIGHT] = DEARER
    world.says(gates=WIDE).lived("scoring", NIGHT)
    changed = world.says(gates=WIDE, **OF_ROWS[edit])
    assert "values" not in told(changed.judged("scoring", NIGHT + timedelta(days=1)))
    changes[NIGHT] = every(amount=lambda row: row["amount"] * 1e6)
    assert f"{NIGHT}: mean of amount" in told(changed.judged("scoring", NIGHT + timedelta(days=1)))["values"]


def of_the_next_rows(rows: Rows) -> Rows:
    """As many rows of each customer as before, and others."""
    return [
        {**row, "customer": other["customer"]} for row, other in zip(rows, rows[1:] + rows[:1], strict=True)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_days_that_were_let_through_by_other_rules_differ_where_rows_of_the_same_key_do(
    world: World, kind: Kind
) -> None:
    """A training by an edited file has days of its own, which no other days judge."""
    day, labelled = NIGHT, NIGHT - timedelta(days=3)
    changed = world.says(**OF_ROWS["another value is allowed"])
    changes.update({day: lambda rows: rows[:-1], labelled: list})
    assert not told(changed.judged(kind, day + timedelta(days=3))), "what other rules let in is no matter"
    changes.update({day: of_the_next_rows, labelled: to_the_next_rows})
    found = told(changed.judged(kind, day + timedelta(days=3)))["great_differences"]
    assert f"{day}: 40 other (customer), scoring {day}" in found
    assert f"{labelled}: 18 labels other, " in found


def test_rows_that_only_the_new_rules_let_in_are_vouched_for_by_nobody(world: World) -> None:
    changes[NIGHT] = lambda rows: [
        *rows,
        *({**row, "id": f"{row['id']}b", "channel": "phone", "amount": 1e6} for row in rows),
    ]
    lax = {"cleanse:\n": "cleanse:\n  max_quarantined: 0.6\n"}
    world.says(gates=WIDE, **lax).lived("scoring", NIGHT)
    changed = world.says(gates=WIDE, **lax, **OF_ROWS["another value is allowed"])
    assert f"{NIGHT}: mean of amount" in told(changed.judged("scoring", NIGHT + timedelta(days=1)))["values"]


def test_a_training_vouches_to_the_night_of_its_own_day_and_no_night_to_it(world: World) -> None:
    night, training = (known.others(world.run(kind, TRAINING)) for kind in ("scoring", "training"))
    assert [(store.kind, store.partition) for store in night] == [("training", TRAINING)]
    assert training == ()
    assert not known.others(world.run("scoring", TRAINING - timedelta(days=1)))


def test_a_first_night_whose_whole_past_is_unlike_the_training_is_stopped(world: World) -> None:
    night = NIGHT + timedelta(days=30)  # of whose past no run knows a day
    assert world.judged("scoring", night).passed
    for change, asked in ((FLIPPED, "values"), (DEARER, "values"), (thrice, "number_of_rows")):
        changes.update(
            dict.fromkeys(dates.past_of(world.run("scoring", night).use_case, "scoring", night), change)
        )
        assert asked in told(world.judged("scoring", night))


def test_every_question_has_a_damage() -> None:
    by_damages = {asked for _, _, *both in DAMAGES.values() for asked in both}
    by_others = {"stopped_nights", "differences"}
    only_warned = {name for name, question in questions.QUESTIONS.items() if question.severity == "warn"}
    assert by_damages | by_others | only_warned == set(questions.QUESTIONS)


@pytest.mark.parametrize(
    ("rows", "share", "fewest"),
    [(24, 24 / 25, 8), (3, 3 / 4, 0), (40, 0.3, 0), (400, 0.3, 32)],
    ids=["few rows, all with a label", "too few to tell", "few labels", "more of them"],
)
def test_how_many_labels_a_day_has_at_least(rows: int, share: float, fewest: int) -> None:
    assert max(int(fewest_labels(rows, 9, [(5, share)] * 7, 0.0)), 0) == fewest
    assert fewest_labels(rows, 4, [(5, share)] * 7, 0.0) <= 0, "older days say nothing"
