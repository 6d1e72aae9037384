"""A week is told by the label that its model has learned, whatever the file and each night call it, or read
as the label, by now.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from pipelines import runner
from pipelines.core.config import Kind
from pipelines.core.errors import BadInput
from pipelines.core.use_cases import load
from pipelines.preflight.check import check
from pipelines.registry import definitions, registry
from pipelines.run import archive
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from tests.helpers import tiny

WEEK, TRAINING, RETRAINED = date(2026, 2, 1), date(2026, 1, 31), date(2026, 2, 3)
LABEL, KEY, TIME = (
    "bad:      {type: integer, role: label",
    "id:       {type: string, role: key}",
    "at:       {type: timestamp, role: time}",
)

Pairs = tuple[tuple[str, str], ...]

# No feature reads the label, so that nothing but the label itself tells that it is another.
YAML = (
    tiny.YAML.replace(
        "  windows:\n    week: {by: [customer], since: 7d}\n    known: {by: [customer], since: 7d, until:"
        " 2d}\n",
        "",
    )
    .replace(
        "    payments_7d: count(*) over week\n    mean_7d: avg(amount) over week\n    bad_before: avg(bad)"
        " over known\n",
        "",
    )
    .replace("  xgboost: {grid: {n_estimators: [20], max_depth: [2, 3]}}\n", "")
    .replace("[0.1, 1]", "[1]")
) + "monitoring: {min_performance: 0.3}\n"

REGRESSION: Pairs = (
    ("task: binary", "task: regression"),
    ("{positive: 1, delay_days: 2}", "{delay_days: 2}"),
    ("threshold: {policy: max_recall, precision: 0.5}\n", ""),
    ("{name: aucpr}", "{name: rmse}"),
    ("{C: [1]}", "{alpha: [1]}"),
    ("min_performance: 0.3", "min_performance: 50"),
)
OTHER_COLUMN: Pairs = (
    (LABEL, "bad:      {type: integer, role: leak}\n  large:    {type: integer, role: label"),
    (':payments"}', ':payments", derive: {large: "(amount > 50)::INT"}}'),
)

# Each makes another label of what the model has learned.
OTHER_LABELS: dict[str, Pairs] = {
    "what is positive": (("positive: 1", "positive: 0"),),
    "the task": REGRESSION,
    "the column": OTHER_COLUMN,
    "a code for missing": (("cleanse:\n", "cleanse:\n  missing: {bad: [1]}\n"),),
    "the type": ((f"{LABEL}, allowed: [0, 1]", "bad:      {type: number, role: label, allowed: [0, 1]"),),
}

# Each gives something another name within the file.
OTHER_NAMES: dict[str, Pairs] = {
    "the key": ((KEY, KEY.replace("id:", "payment:")), ("cleanse:\n", "cleanse:\n  rename: {id: payment}\n")),
    "the time": (
        (TIME, TIME.replace("at:", "happened:")),
        ("cleanse:\n", "cleanse:\n  rename: {at: happened}\n"),
    ),
    "the label": (
        (LABEL, LABEL.replace("bad:", "fraud:")),
        ("cleanse:\n", "cleanse:\n  rename: {bad: fraud}\n"),
    ),
    "all of them, crosswise": (
        (KEY, KEY.replace("id:", "bad:")),
        (TIME, TIME.replace("at:", "id:")),
        (LABEL, LABEL.replace("bad:", "at:")),
        ("cleanse:\n", "cleanse:\n  rename: {id: bad, at: id, bad: at}\n"),
    ),
}


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path) -> Settings:
    """A champion, and its week of nights."""
    place = tmp_path_factory.mktemp("week")
    (place / "use_cases").mkdir()
    (place / "use_cases" / "tiny.yaml").write_text(YAML)
    shutil.copy(mlflow_database, place / "mlflow.db")
    settings = Settings(
        data=place / "data",
        use_cases=place / "use_cases",
        var=place,
        mlflow=f"sqlite:///{place}/mlflow.db",
        mirror=None,
    )
    go(settings, "training", TRAINING)
    for n in range(7):
        go(settings, "scoring", WEEK + timedelta(days=n))
    return settings


@pytest.fixture
def own(lived: Settings, tmp_path: Path) -> Settings:
    """Data, file and MLflow of one's own; the models' files are shared."""
    return copied(lived, tmp_path)


def copied(lived: Settings, place: Path) -> Settings:
    shutil.copytree(lived.disk, place / "data")
    shutil.copytree(lived.use_cases, place / "use_cases")
    shutil.copy(lived.var / "mlflow.db", place / "mlflow.db")
    return replace(
        lived, data=place / "data", use_cases=place / "use_cases", mlflow=f"sqlite:///{place}/mlflow.db"
    )


@pytest.fixture(scope="module")
def unedited(lived: Settings, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """What the report says while nobody has edited the file."""
    return told(go(copied(lived, tmp_path_factory.mktemp("unedited")), "drift", WEEK))


def edit(settings: Settings, *pairs: tuple[str, str]) -> None:
    path = settings.use_cases / "tiny.yaml"
    text = path.read_text()
    for there, instead in pairs:
        assert there in text
        text = text.replace(there, instead)
    path.write_text(text)
    assert check(load(settings.use_cases, "tiny")) == []


def go(settings: Settings, kind: Kind, day: date, version: str | None = None) -> Run:
    run = Run.open("tiny", kind, day, settings, model_version=version)
    runner.run_all(run)
    return run.resumed()


def told(run: Run) -> pd.DataFrame:
    """What the report says."""
    table: pd.DataFrame = run.store.read("drift").df()
    return table


def said(run: Run) -> str:
    return next(note["summary"] for note in reversed(list(run.store.notes())) if note["task"] == "drift")


def test_the_gate_of_a_week_that_read_the_reports_before_is_open(own: Settings) -> None:
    second = WEEK + timedelta(days=7)
    for n in range(7):
        go(own, "scoring", second + timedelta(days=n))
    go(own, "drift", WEEK)
    before = {f"drift/{WEEK}/{name}" for name in ("drift", "drift_days", "performance")}
    run = go(own, "drift", second)
    assert before <= set(run.store.manifest("drift").inputs)


# --- another label


@pytest.mark.slow
@pytest.mark.parametrize("what", OTHER_LABELS)
def test_a_week_is_judged_by_the_label_that_its_model_has_learned(own: Settings, what: str) -> None:
    before = told(go(own, "drift", WEEK))
    edit(own, *OTHER_LABELS[what])
    run = go(own, "drift", WEEK)
    assert archive.made_by(run.loaded) == "1"
    pd.testing.assert_frame_equal(told(run), before)


@pytest.mark.slow
@pytest.mark.parametrize("what", OTHER_LABELS)
def test_a_night_tells_the_label_that_its_model_has_learned(own: Settings, what: str) -> None:
    before = (
        Run.open("tiny", "scoring", WEEK, own).store.read("predictions").project("* EXCLUDE (run)").fetchall()
    )
    edit(own, *OTHER_LABELS[what])
    run = go(own, "scoring", WEEK)
    assert archive.made_by(run.loaded) == "1"
    assert run.store.read("predictions").project("* EXCLUDE (run)").fetchall() == before


@pytest.mark.parametrize("what", ["the label", "a longer delay"])
def test_a_label_that_is_called_otherwise_or_known_later_is_the_same_label(own: Settings, what: str) -> None:
    edit(own, *(OTHER_NAMES["the label"] if what == "the label" else [("delay_days: 2", "delay_days: 3")]))
    assert archive.made_by(go(own, "scoring", WEEK).loaded) is None
    assert definitions.waiting(load(own.use_cases, "tiny"), own) == []


def test_a_label_that_the_source_gives_no_more_stops_no_night(own: Settings) -> None:
    given = (
        'tests.helpers.tiny:payments"}',
        'tests.test_week:without_labels", derive: {large: "(amount > 50)::INT"}}',
    )
    edit(own, (LABEL, "large:    {type: integer, role: label"), given)
    assert archive.made_by(go(own, "scoring", WEEK).loaded) is None
    with pytest.raises(
        BadInput, match=r"(?s)no column 'bad'.*definitions of version 1.*the label: learned as `bad`.*way out"
    ):
        go(own, "drift", WEEK)


def without_labels(day: date) -> pa.Table:
    return tiny.payments(day).drop_columns(["bad"])


def test_check_tells_that_a_label_waits_for_a_training(own: Settings) -> None:
    edit(own, *OTHER_LABELS["what is positive"])
    assert definitions.waiting(load(own.use_cases, "tiny"), own) == [
        "the label: learned as `bad` (binary, 1 is positive), now `bad` (binary, 0 is positive)"
    ]


@pytest.mark.slow
def test_a_week_in_which_models_of_two_labels_have_scored_is_judged_by_the_nights_of_one(
    own: Settings,
) -> None:
    edit(own, *OTHER_LABELS["the task"])
    go(own, "training", RETRAINED)
    for n in (3, 4, 5, 6):
        go(own, "scoring", WEEK + timedelta(days=n), "2")
    run = go(own, "drift", WEEK, "2")
    assert said(run).endswith(
        "; predictions of 3 nights tell another label or go by another key, and are not compared"
    )
    assert set(told(run)[told(run).kind == "performance"].current_rows) == {120}, "of 4 to 6 February"
    assert (
        "Predictions of 3 of the week's nights are not compared"
        in (run.store.disk / "reports" / "drift.html").read_bytes().decode()
    )
    others = [run.store.at("scoring", WEEK + timedelta(days=n)) for n in range(3)]
    with pytest.raises(
        BadInput,
        match=(
            r"(?s)in no night of this week do the predictions tell the label.*way out: run its nights again"
        ),
    ):
        definitions.of_one_label(run, registry.champion(run), others)


# --- other names


@pytest.mark.slow
@pytest.mark.parametrize("what", OTHER_NAMES)
def test_a_week_is_the_same_whatever_its_columns_are_called_by_now(
    own: Settings, unedited: pd.DataFrame, what: str
) -> None:
    edit(own, *OTHER_NAMES[what])
    pd.testing.assert_frame_equal(told(go(own, "drift", WEEK)), unedited)


@pytest.mark.slow
@pytest.mark.parametrize("what", OTHER_NAMES)
def test_nights_of_one_week_may_call_their_columns_otherwise(
    own: Settings, unedited: pd.DataFrame, what: str
) -> None:
    edit(own, *OTHER_NAMES[what])
    for n in (3, 6):
        go(own, "scoring", WEEK + timedelta(days=n))
    pd.testing.assert_frame_equal(told(go(own, "drift", WEEK)), unedited)
