"""A use case that joins what other sources tell: a training, nights, and what a gate stops."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from pipelines import runner
from pipelines.commands import quarantine
from pipelines.composition.by_version import as_file
from pipelines.core.config import Kind, UseCase
from pipelines.core.errors import BadInput, GateClosed
from pipelines.preflight.check import check
from pipelines.run.run import Run
from pipelines.storage.settings import ROOT, Settings
from tests.helpers import tiny

TRAINING = date(2026, 1, 31)
WEEK = [date(2026, 2, 1) + timedelta(days=n) for n in range(7)]
SOURCES = """
sources:
  limits:
    source: {kind: file, path: LIMITS, format: {type: csv}}
    columns:
      customer: {type: string, role: key}
      since: {type: timestamp, role: time}
      most: {type: number, min: 0}
    delay: 1d
    gates:
      - expect_column_mean_to_be_between: {column: most, min_value: 1, max_value: 1000}
  refunds:
    source: {kind: python, function: "tests.test_other_sources:refunds"}
    columns:
      refund: {type: string, role: key}
      paid: {type: timestamp, role: time}
      customer: {type: string, required: true, pii: true}
      amount: {type: number}
features:
  joins:
    card: {source: limits, by: [customer]}
"""
YAML = (
    tiny.YAML.replace("features:\n", SOURCES.lstrip(), 1)
    .replace(
        "  numbers:\n",
        "    back: {source: refunds, by: [customer], since: 3d}\n  numbers:\n    most: card.most\n    back_3d: count(*) over back\n    back_sum: coalesce(sum(amount) over back, 0)\n",
        1,
    )
    .replace("  linear: {grid: {C: [0.1, 1]}}\n", "")
    .replace("max_depth: [2, 3]", "max_depth: [2]")
)
LIMITS = "customer,since,most\n" + "".join(f"c{n},2025-12-01,{10 * (n + 1)}\n" for n in range(10))


def refunds(day: date) -> pa.Table:
    """One a day and customer, of a number that tells the day, and none on the first of a month."""
    at = datetime.combine(day, time(12))
    rows = [
        {"refund": f"{day}-{n}", "paid": at, "customer": f"c{n}", "amount": float(day.day)} for n in range(5)
    ]
    schema = pa.schema(
        [
            ("refund", pa.string()),
            ("paid", pa.timestamp("us")),
            ("customer", pa.string()),
            ("amount", pa.float64()),
        ]
    )
    return pa.Table.from_pylist([] if day.day == 1 else rows, schema=schema)


def settings_in(place: Path) -> Settings:
    """Everything lies in one folder."""
    return Settings(
        data=place / "data",
        use_cases=place / "use_cases",
        var=place / "var",
        mlflow=f"sqlite:///{place}/var/mlflow.db",
        mirror=None,
    )


def set_up(place: Path, mlflow_database: Path) -> Settings:
    (place / "use_cases").mkdir()
    (place / "var").mkdir()
    shutil.copy(mlflow_database, place / "var" / "mlflow.db")
    (place / "limits.csv").write_text(LIMITS)
    settings = settings_in(place)
    (settings.use_cases / "tiny.yaml").write_text(YAML.replace("LIMITS", str(place / "limits.csv")))
    return settings


def opened(settings: Settings, kind: Kind, partition: date) -> Run:
    return Run.open(tiny.NAME, kind, partition, settings)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path) -> Settings:
    """A training, and the nights after it."""
    settings = set_up(tmp_path_factory.mktemp("joined"), mlflow_database)
    runner.run_all(opened(settings, "training", TRAINING))
    for night in WEEK[:4]:
        runner.run_all(opened(settings, "scoring", night))
    return settings


def test_a_night_has_what_other_sources_tell_of_its_rows(lived: Settings) -> None:
    night = opened(lived, "scoring", WEEK[3]).store
    clean = night.read("clean").project("id, customer")
    found = night.read("features").join(clean, "id")
    told = found.project("customer, most, back_3d, back_sum").distinct().order("customer").fetchall()
    # Refunds are at noon; the payments of a night come in its first 20 hours, some after that.
    assert {customer: most for customer, most, _, _ in told} == {f"c{n}": 10.0 * (n + 1) for n in range(10)}
    assert {(n, amount) for customer, _, n, amount in told if customer == "c1"} == {(2, 5.0), (3, 9.0)}
    assert {(n, amount) for customer, _, n, amount in told if customer == "c9"} == {(0, 0.0)}
    assert night.manifest("features").inputs.keys() >= {
        f"scoring/{WEEK[3]}/sources/limits",
        f"scoring/{WEEK[3]}/sources/refunds",
    }


def closed(lived: Settings, tmp_path: Path, limits: str) -> str:
    """What the gate says of a night whose limits are these."""
    place = tmp_path / "again"
    shutil.copytree(str(lived.data.parent), place)
    text = (place / "use_cases" / "tiny.yaml").read_text()
    (place / "use_cases" / "tiny.yaml").write_text(text.replace(str(lived.data.parent), str(place)))
    (place / "limits.csv").write_text(limits)
    settings = settings_in(place)
    with pytest.raises(GateClosed, match="gate_sources") as refused:
        runner.run_all(opened(settings, "scoring", WEEK[4]))
    return str(refused.value)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        pytest.param(
            LIMITS + "".join(f"c{n},2025-12-01,7\n" for n in range(5)),
            "5 of 15 rows were rejected, most for duplicate with other values",
            id="two states of one moment",
        ),
        pytest.param(
            LIMITS.replace(",10\n", ",-10\n"), "1 of 10 rows were rejected, most for most: below 0", id="bad"
        ),
        pytest.param(
            LIMITS.replace("0\n", "0000\n"),
            "expect_column_mean_to_be_between",
            id="the file's own expectation",
        ),
    ],
)
def test_a_source_that_is_not_as_declared_stops_the_night_at_its_gate(
    lived: Settings, tmp_path: Path, limits: str, said: str
) -> None:
    assert said in closed(lived, tmp_path, limits)


def test_features_are_made_of_no_source_that_its_gate_has_not_let_through(
    lived: Settings, tmp_path: Path
) -> None:
    shutil.copytree(str(lived.data), tmp_path / "data")
    settings = replace(lived, data=tmp_path / "data")
    run = opened(settings, "scoring", WEEK[0])
    (run.store.disk / "gates" / "sources.json").unlink()
    with pytest.raises(GateClosed, match=r"features reads only .*\n  - gate_sources of tiny scoring"):
        runner.take(run, "features")


def test_a_redelivered_state_is_put_aside_and_expected(lived: Settings, tmp_path: Path) -> None:
    settings = set_up(tmp_path, lived.var / "mlflow.db")
    (tmp_path / "limits.csv").write_text(LIMITS + "c1,2025-12-01,20\n")
    run = opened(settings, "scoring", WEEK[0])
    for step in ("ingest", "cleanse", "past", "sources"):
        runner.take(run, step)
        if step != "sources":
            runner.gate(run, {"ingest": "raw", "cleanse": "clean"}.get(step, step))  # type: ignore[arg-type]
    runner.gate(run, "sources")
    aside = run.store.read("sources_aside", ("limits",)).project("key, reasons, rejected").fetchall()
    assert aside == [("c1", "duplicate", False)]
    told = str(quarantine.show(run)).splitlines()
    assert told[0] == "tiny scoring 2026-02-01: 0 of 40 rows (0 %) in quarantine, 0 of them rejected"
    assert told[1:5] == [
        "tiny scoring 2026-02-01 sources.limits: 1 of 11 rows (9.09 %) in quarantine, 0 of them rejected",
        "  duplicate: 1 of 11 rows (9.09 %)",
        "for example:",
        "  c1: duplicate",
    ]
    assert told[-1].startswith("way on: mend sources.limits in tiny.yaml")


def test_an_edit_of_a_source_waits_for_its_training_and_one_that_is_gone_is_told(
    lived: Settings, tmp_path: Path
) -> None:
    shutil.copytree(str(lived.data.parent), tmp_path / "edited")
    place = tmp_path / "edited"
    settings = settings_in(place)
    file = settings.use_cases / "tiny.yaml"
    text = file.read_text()
    file.write_text(text.replace("since: 3d", "since: 4d"))
    run = opened(settings, "scoring", WEEK[4])
    runner.run_all(run)
    most = run.store.read("features").aggregate("max(back_3d)").fetchall()
    assert most == [(3,)]  # as the champion has learned it
    gone = text[: text.index("  refunds:")] + text[text.index("features:\n  joins") :]
    file.write_text("\n".join(line for line in gone.splitlines() if "back" not in line))
    with pytest.raises(BadInput, match=r"tiny.yaml has no sources.refunds any more, which its features read"):
        runner.run_all(opened(settings, "scoring", WEEK[5]))


def test_the_readme_s_example_is_a_good_use_case() -> None:
    (example,) = re.findall(r"```yaml\n(sources:.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    facts = yaml.safe_load(tiny.YAML.replace("customer", "customer_id"))
    told = yaml.safe_load(example)
    features = {
        kind: {**facts["features"].get(kind, {}), **found} for kind, found in told["features"].items()
    }
    facts |= {"sources": told["sources"], "features": {**facts["features"], **features}}
    use_case = UseCase.model_validate(facts)
    assert {"share_of_limit", "refunds_28d"} <= set(use_case.features.names)
    assert check(as_file(use_case, Path("tiny.yaml"))) == []
