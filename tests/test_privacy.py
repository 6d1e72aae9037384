"""No personal value anywhere that a person reads: markers are planted in every personal column, and then
looked for in everything.
"""

from __future__ import annotations

import logging
import re
import sqlite3
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.__main__ import main
from pipelines.storage.settings import Settings

# A text in every personal string, and the first digits of every personal number as Python, JSON or a page
# would write them.
MARKER = re.compile(r"zq7xmine|(?<![0-9a-z])7[.,]?319[.,]?25", re.IGNORECASE)
SALARY = 7_319_250
# What holds personal values, and is no listing of them: the tables, their versions in DVC, and the models
# themselves. A model's vocabulary and its categories' names are in it, since without them it could not score.
TABLES, VERSIONS, MODELS = "*.parquet", ("dvc_remote", ".dvc/cache"), ("*.skops", "*.onnx")

MONDAY = date(2026, 2, 2)
# So far from one another that no window of a week looks back at another bad day.
TRAINING, BAD_TYPE, BAD_CAST, POISON, BAD_DERIVED = (MONDAY + timedelta(days=n) for n in (-1, 10, 20, 30, 40))
YAML = """
name: people
title: Who pays late? One row is one person.
task: binary
source: {kind: python, function: "tests.test_privacy:people", derive: {born: "cast(born_text as date)"}}
columns:
  id:      {type: string, role: key, pii: true}
  at:      {type: timestamp, role: time}
  name:    {type: string, required: true, pii: true}
  letter:  {type: string, pii: true}
  salary:  {type: number, pii: true, max: 8000000}
  plate:   {type: string, pii: true}
  born_text: {type: string, pii: true}
  born:    {type: date}
  channel: {type: string, allowed: [post, online]}
  late:    {type: integer, role: label, allowed: [0, 1]}
label: {positive: 1}
cleanse: {rename: {"Full Name": name}, max_quarantined: 0.2}
features:
  windows: {week: {by: [name], since: 7d}}
  numbers: {salary: salary, salary_before: avg(SALARY) over week, plate: "plate::int", year: year(born)}
  categories: {who: upper(Name), channel: channel}
  texts: {letter: letter}
split: {window_days: 10, by: hash, test: 0.3, folds: {by: stratified, n: 2}}
candidates:
  baseline: {rule: salary}
  linear: {grid: {C: [1]}}
metric: {name: aucpr}
threshold: {policy: max_recall, precision: 0.1}
slices: [who, channel]
promotion: {slice_rows: 20}
demo: {training: 2026-02-01}
gates:
  raw:
    - {expect_column_values_to_be_in_set: {column: Full Name, value_set: [somebody], mostly: 0.99}, severity: warn}
    - {expect_column_values_to_be_in_set: {column: Full Name, value_set: ["1", "2"]}, severity: warn}
    - {expect_column_distinct_values_to_be_in_set: {column: letter, value_set: [nothing]}, severity: warn}
    - {expect_column_most_common_value_to_be_in_set: {column: Full Name, value_set: [somebody]}, severity: warn}
    - {expect_column_max_to_be_between: {column: salary, max_value: 1}, severity: warn}
    - {expect_column_values_to_be_in_set: {column: channel, value_set: [online]}, severity: warn}
    - {expect_compound_columns_to_be_unique: {column_list: [Full Name, channel]}, severity: warn}
    - {expect_column_values_to_be_known: {column: Full Name, mostly: 1}, severity: warn}
    - expect_column_value_lengths_to_be_between: {column: letter, max_value: 60}
  clean:
    - {expect_column_values_to_match_regex: {column: letter, regex: ^hello}, severity: warn}
    - {expect_column_values_to_be_unique: {column: born}, severity: warn}
  features:
    - {expect_column_values_to_be_in_set: {column: who, value_set: [somebody]}, severity: warn}
    - {expect_column_values_to_be_between: {column: salary_before, max_value: 1}, severity: warn}
    - {expect_column_values_to_be_in_set: {column: channel, value_set: [online]}, severity: warn}
  scores:
    - {expect_column_values_to_be_in_set: {column: slice, value_set: [all]}, severity: warn}
  parity:
    - {expect_column_values_to_be_in_set: {column: key, value_set: [somebody]}, severity: warn}
  predictions:
    - {expect_column_values_to_be_in_set: {column: id, value_set: [somebody]}, severity: warn}
"""


def people(day: date) -> pa.Table:
    """Thirty people a day, every personal value of whom bears a marker.

    What is wrong with some days is wrong in personal columns.
    """
    rows = []
    for n in range(30):
        turn = (day.toordinal() * 31 + n * 17) % 100
        rows.append(
            {
                "id": f"zq7xmineId-{day:%Y%m%d}-{n:02}",
                "at": datetime(day.year, day.month, day.day) + timedelta(minutes=30 * n),
                "Full Name": f"Zq7xMineName{'ABCD'[turn % 4]}",
                "letter": f"zq7xminedear{turn % 7} sir, zq7xminepay{turn % 5} please",
                "salary": float(SALARY + turn % 10),
                "plate": "7",
                "born_text": f"19{30 + turn % 40}-0{1 + n % 9}-11",
                "channel": ("post", "online")[n % 2],
                "late": int(turn % 4 == 0) ^ int(turn % 23 == 0),
            }
        )
    if day == MONDAY:  # two for the quarantine
        rows[3]["channel"], rows[4]["salary"] = "zz", 10.0 * SALARY
    if day == BAD_TYPE:
        rows = [row | {"salary": "zq7xminemuch"} for row in rows]
    if day == BAD_CAST:
        rows[7]["plate"] = "zq7xminePlate"
    if day == BAD_DERIVED:
        rows[7]["born_text"] = "zq7xmineBorn"
    if day == POISON:
        rows = [
            row | {"letter": str(row["letter"]) * 3, "salary": SALARY * (1 if n % 2 else 2)}
            for n, row in enumerate(rows)
        ]
    return pa.Table.from_pylist(rows)


@pytest.fixture
def places(settings: Settings, mlflow_uri: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test's own folder, as the command line finds it."""
    (settings.use_cases / "people.yaml").write_text(YAML)
    for name, value in {"USE_CASES": settings.use_cases, "DATA": settings.disk, "VAR": settings.var}.items():
        monkeypatch.setenv(f"SLUICE_{name}", str(value))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_uri)
    return settings.disk.parent


def test_no_personal_value_is_in_any_page_file_log_or_database(
    places: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG, "pipelines")
    assert main(["run", "people", "training", f"{TRAINING}"]) == 0, capfd.readouterr().err
    assert main(["run", "people", "scoring", f"{MONDAY}"]) == 0, capfd.readouterr().err
    assert main(["quarantine", "show", "people", "scoring", f"{MONDAY}"]) == 0
    listing = capfd.readouterr().out
    assert "channel: not allowed" in listing
    assert not MARKER.search(listing)
    for n in range(1, 7):
        assert main(["run", "people", "scoring", f"{MONDAY + timedelta(days=n)}"]) == 0, (
            capfd.readouterr().err
        )
    assert main(["run", "people", "drift", f"{MONDAY}"]) == 0, capfd.readouterr().err
    for day, mistake in {
        BAD_TYPE: "is not a number",
        BAD_CAST: "features cannot be computed",
        BAD_DERIVED: "source.derive: it cannot be computed",
        POISON: "gate_raw of people scoring 2026-03-04 is closed",
    }.items():
        assert main(["run", "people", "scoring", f"{day}"]) == 1
        error = capfd.readouterr().err
        assert mistake in error
        assert not MARKER.search(error)

    assert not MARKER.search(caplog.text)
    read = dict(everything(places))
    assert {
        "gate_raw.html",
        "gate_raw_full.html",
        "raw.gx.json",
        "evaluate.html",
        "drift.html",
        "index.html",
        "MLmodel",
    } <= {Path(name).name for name in read}
    assert {name: found[0] for name, text in read.items() if (found := MARKER.search(text))} == {}


def everything(places: Path) -> Iterator[tuple[str, str]]:
    """Every file that a person might read, as text: name and content.

    A database is told as its statements.
    """
    for path in sorted(places.rglob("*")):
        name = path.relative_to(places).as_posix()
        if (
            not path.is_file()
            or path.match(TABLES)
            or any(map(path.match, MODELS))
            or any(folder in name for folder in VERSIONS)
        ):
            continue
        if path.suffix == ".db":
            with sqlite3.connect(path) as database:
                yield name, "\n".join(database.iterdump())
        else:
            yield name, path.read_bytes().decode(errors="replace")


def test_the_markers_would_be_found(places: Path) -> None:
    for shown in ("Zq7xMineNameA", "ZQ7XMINENAMEB", "7319250.0", "7,319,251", "7.31925e+06"):
        assert MARKER.search(f"e.g. {shown},")
