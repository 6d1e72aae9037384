"""Proposals: green on other good days, red on damage, silent about persons, and a person's word wins."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines import flow
from pipelines.core import use_cases
from pipelines.core.config import Expectation, GatedTable, Kind
from pipelines.core.errors import BadInput, GateClosed
from pipelines.gates import gate, propose
from pipelines.gates.findings import Finding
from pipelines.preflight.check import check
from pipelines.run import plan
from pipelines.run.run import Run
from pipelines.storage.settings import Settings

TRAINING, NIGHT = date(2026, 1, 31), date(2026, 2, 1)
ROWS_A_DAY = 400

YAML = """
name: shop
title: Which orders come back? One row is one order.
task: binary
source: {kind: python, function: "tests.gates.test_propose:orders"}
columns:
  id:       {type: string, role: key}
  at:       {type: timestamp, role: time}
  customer: {type: string, pii: true}
  age:      {type: integer, pii: true}
  amount:   {type: number}
  parts:    {type: integer}
  country:  {type: string}
  note:     {type: string}
  rebate:   {type: number}
  bad:      {type: integer, role: label, allowed: [0, 1]}
label: {positive: 1, delay_days: 2}
cleanse:
  rename: {land: country}
  missing: {rebate: [-1]}
features:
  windows: {week: {by: [country], since: 7d}}
  numbers:
    amount: amount
    log_amount: ln(1 + abs(amount))
    orders_7d: count(*) over week
    old: (age > 60)::int
    weekday: dayofweek("at")
  categories: {country: country, dear: "if(amount > 50, 'dear', 'cheap')"}
promotion: {unit: row}
split: {window_days: 20, by: time, test: 0.25, folds: {by: time, n: 3}}
candidates: {baseline: {}, linear: {grid: {C: [1]}}}
metric: {name: aucpr}
threshold: {policy: max_recall, precision: 0.5}
demo: {training: 2026-01-31}
# the gates of the shop
gates:
  raw:
    - expect_column_values_to_not_be_null: {column: amount, mostly: 0.5}  # a person's word
"""


@cache
def orders(day: date) -> pa.Table:
    """A day's orders of twelve customers: a few without amount, rare countries, more at weekends."""
    chance = random.Random(day.toordinal())
    rows = []
    for n in range(ROWS_A_DAY + 100 * (day.weekday() > 4)):
        amount = chance.lognormvariate(3, 0.6)
        rows.append(
            {
                "id": f"{day:%Y%m%d}-{n:03}",
                "at": datetime(day.year, day.month, day.day) + timedelta(minutes=2 * n),
                "customer": f"mail{chance.randrange(12)}@example.org",
                "age": chance.randrange(18, 90),
                "amount": None if chance.random() < 0.02 else amount,
                "parts": chance.choice([1, 1, 1, 2, 2, 3]),
                "land": chance.choices(["DE", "FR", "NL", "AT"], [70, 20, 9, 1])[0],
                "note": "x" * chance.randrange(5, 60),
                "rebate": (
                    chance.choice([-1.0, -1.0, 0.1, 0.2, 0.25])
                    + chance.random() / 100 * (chance.random() > 0.5)
                ),
                "bad": int(chance.random() < 0.1),
            }
        )
    return pa.Table.from_pylist(rows)


Opened = Callable[[Kind, date], Run]


def take(run: Run, last: GatedTable = "features", **damage: str) -> list[Finding]:
    """Take the steps up to a table, each damaged on its way.

    What the gates hold against it because of proposals.
    """
    found = []
    for step, table in ((each.name, each.gate) for each in plan.steps_of(run.use_case, run.kind)):
        assert table
        flow.STEPS[step](run.task())
        if table in damage:
            store = run.task().store
            store.write(
                table, store.read(table).query("rows", f"SELECT * REPLACE ({damage[table]}) FROM rows")
            )
        verdict = gate.verdict_on(run, table)
        run.store.write_file(f"gates/{table}.json", verdict.evidence())
        found += [finding for finding in verdict.failed("stop") if finding.why.startswith("proposed")]
        if table == last:
            break
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A shop whose training and first night have gone the way up to their features."""
    place = tmp_path_factory.mktemp("shop")
    (place / "shop.yaml").write_text(YAML)
    settings = Settings(data=place / "data", use_cases=place, var=place, mlflow="", mirror=None)
    for kind, day in (("training", TRAINING), ("scoring", NIGHT)):
        take(Run.open("shop", kind, day, settings))  # type: ignore[arg-type]
    return settings


@pytest.fixture
def opened(place: Settings) -> Opened:
    """Open a run of the shop, whose file is as it was at first."""
    (place.use_cases / "shop.yaml").write_text(YAML)
    return lambda kind, day: Run.open("shop", kind, day, place)


def proposed(run: Run, table: GatedTable) -> dict[tuple[str, str], Expectation]:
    """The proposals in the run's file, by column and name."""
    every = use_cases.load(run.settings.use_cases, "shop").use_case.gates.get(table, ())
    return {
        (str(each.kwargs["column"]), each.name.removeprefix("expect_column_")): each
        for each in every
        if (each.why or "").startswith("proposed from")
    }


# --- what is proposed


def test_each_column_is_expected_to_be_as_it_was(opened: Opened) -> None:
    run = opened("training", TRAINING)
    told = propose.propose(run, 0.5)
    raw, clean, features = (proposed(run, table) for table in propose.TABLES)
    assert set(raw) == {
        (column, "values_to_not_be_null") for column in ("customer", "age", "parts", "land", "note", "rebate")
    }
    assert set(clean) == {
        ("customer", "value_lengths_to_be_between"),
        ("amount", "median_to_be_between"),
        ("amount", "values_to_be_between"),
        ("parts", "values_to_be_in_set"),
        ("country", "values_to_be_in_set"),
        ("note", "value_lengths_to_be_between"),
        ("rebate", "values_to_not_be_null"),
        ("rebate", "median_to_be_between"),
        ("rebate", "values_to_be_between"),
        ("bad", "mean_to_be_between"),
    }
    assert {column for column, _ in features} == {"log_amount", "orders_7d", "old", "weekday", "dear"}
    why = clean["parts", "values_to_be_in_set"].why
    assert why == "proposed from training 2026-01-31 (8,500 rows), margin 0.5"
    assert clean["parts", "values_to_be_in_set"].kwargs["value_set"] == [1, 2, 3]
    assert told.splitlines()[-2:] == [
        "26 expectations proposed from training 2026-01-31, 1 left to what the file says itself",
        f"review it: git diff {run.loaded.path}",
    ]
    assert check(use_cases.load(run.settings.use_cases, "shop")) == []


def test_nothing_is_proposed_that_tells_a_value_of_a_personal_column(opened: Opened) -> None:
    run = opened("training", TRAINING)
    propose.propose(run, 0.5)
    assert {
        name
        for table in propose.TABLES
        for (column, name) in proposed(run, table)
        if column in ("customer", "age", "old")
    } == {
        "values_to_not_be_null",
        "value_lengths_to_be_between",
    }
    assert "mail" not in run.loaded.path.read_text()


def test_a_night_proposes_nothing_of_the_label_and_nothing_that_does_not_vary(opened: Opened) -> None:
    run = opened("scoring", NIGHT)
    assert "one night is one day" in propose.propose(run, 0.5)
    assert "bad" not in {column for column, _ in proposed(run, "clean")}
    assert {name for column, name in proposed(run, "features") if column == "weekday"} == {
        "values_to_not_be_null"
    }


# --- what proposals find


@pytest.fixture(scope="module")
def guarded(place: Settings) -> Settings:
    """The shop on data of its own, with proposals from its training in its file."""
    folder = place.use_cases / "guarded"
    shutil.copytree(place.disk, folder / "data")
    (folder / "shop.yaml").write_text(YAML)
    settings = Settings(data=folder / "data", use_cases=folder, var=folder, mlflow="", mirror=None)
    propose.propose(Run.open("shop", "training", TRAINING, settings), 0.5)
    return settings


def test_other_good_days_stay_green(guarded: Settings) -> None:
    nights = [NIGHT + timedelta(days=n) for n in (1, 2, 3, 4, 5, 6)]
    found = {
        night: [finding.sentence() for finding in take(Run.open("shop", "scoring", night, guarded))]
        for night in nights
    }
    assert found == {night: [] for night in nights}


@pytest.mark.parametrize(
    ("damage", "columns"),
    [
        (
            "amount * 100 AS amount, if(hash(id) % 20 = 0, 'LU', land) AS land, note || note || note AS note",
            {"amount", "country", "note"},
        ),
        (
            "amount / 100 AS amount, 9 AS parts, customer || customer AS customer",
            {"amount", "parts", "customer"},
        ),
        (
            "-amount AS amount, if(hash(id) % 20 = 0, NULL, note) AS note, -1.0 AS rebate",
            {"amount", "note", "rebate"},
        ),
        (
            "if(hash(id) % 20 = 0, amount * 100, amount) AS amount, if(hash(id) % 20 = 0, '', note) AS note",
            {"amount", "note"},
        ),
    ],
)
def test_a_damaged_source_is_found(guarded: Settings, damage: str, columns: set[str]) -> None:
    found = take(Run.open("shop", "scoring", NIGHT, guarded), "clean", raw=damage)
    assert {finding.subject for finding in found} == columns


def test_damaged_features_and_ten_times_as_many_missing_values_are_found(guarded: Settings) -> None:
    # A person lets half of the amounts be missing; the proposal for what is made of them does not.
    missing = "if(hash(id) % 5 = 0, NULL, amount) AS amount"
    found = take(
        Run.open("shop", "scoring", NIGHT, guarded),
        raw=missing,
        features="orders_7d / 100 AS orders_7d, 'other' AS dear",
    )
    assert {finding.subject for finding in found} == {"log_amount", "orders_7d", "dear"}


def test_another_base_rate_is_found_in_a_training(guarded: Settings) -> None:
    run = Run.open("shop", "training", TRAINING + timedelta(days=30), guarded)
    assert take(run, "clean") == []
    found = take(run, "clean", raw="if(hash(id) % 10 = 0, 1, bad) AS bad")
    assert [finding.subject for finding in found] == ["bad"]


# --- the file


def test_a_persons_word_wins_and_every_other_line_stays(opened: Opened) -> None:
    run = opened("training", TRAINING)
    propose.propose(run, 0.5)
    lines = run.loaded.path.read_text().splitlines()
    assert [line for line in YAML.splitlines() if line not in lines] == []
    assert sum("{column: amount, mostly: 0.5}  # a person's word" in line for line in lines) == 1
    assert ("amount", "values_to_not_be_null") not in proposed(run, "raw")


def test_the_same_reference_proposes_the_same_and_another_replaces_it(opened: Opened) -> None:
    propose.propose(opened("training", TRAINING), 0.5)
    again = Run.open("shop", "training", TRAINING, opened("training", TRAINING).settings)
    first = propose.propose(again, 0.5) and again.loaded.path.read_text()
    reopened = Run.open("shop", "training", TRAINING, again.settings)
    assert propose.propose(reopened, 0.5).splitlines()[-1] == "the file says so already"
    assert reopened.loaded.path.read_text() == first
    night = Run.open("shop", "scoring", NIGHT, again.settings)
    told = propose.propose(night, 1)
    text = night.loaded.path.read_text()
    assert "training 2026-01-31 (" not in text
    assert "proposed from scoring 2026-02-01 (500 rows), margin 1" in text
    assert "-    - expect_column_mean_to_be_between: {column: bad" in told
    assert "# a person's word" in text


# --- what is refused


def test_a_partition_that_was_not_let_through_is_no_reference(opened: Opened) -> None:
    run = opened("scoring", NIGHT + timedelta(days=60))
    with pytest.raises(GateClosed) as error:
        propose.propose(run, 0.5)
    assert str(error.value).splitlines() == [
        (
            "shop scoring 2026-04-02 is no reference: gate_raw, gate_clean, gate_features have not let the"
            " table through as it is now"
        ),
        "  way out: python -m pipelines run shop scoring 2026-04-02",
    ]
    assert run.loaded.path.read_text() == YAML


@pytest.mark.parametrize("margin", [-0.1, 1e6, float("nan"), float("inf")])
def test_a_margin_is_a_share(opened: Opened, margin: float) -> None:
    with pytest.raises(BadInput, match="write a share of what is usual"):
        propose.propose(opened("training", TRAINING), margin)


def test_a_drift_report_is_no_reference(opened: Opened) -> None:
    with pytest.raises(BadInput, match="propose from one of these"):
        propose.propose(opened("drift", TRAINING), 0.5)


def test_the_path_in_the_answer_can_be_given_to_git(
    opened: Opened, place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(place.use_cases))
    assert (
        propose.propose(opened("training", TRAINING), 0.5).splitlines()[-1] == "review it: git diff shop.yaml"
    )
