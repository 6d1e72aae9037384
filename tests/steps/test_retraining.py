"""A reversed concept calls for one training, once enough of its labels are there, and for none before a person
has said so, if that has not cured it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
import yaml

from pipelines import runner
from pipelines.commands.acknowledge import acknowledge
from pipelines.core.config import UseCase
from pipelines.core.dates import Days
from pipelines.core.errors import BadInput
from pipelines.gates import findings
from pipelines.gates.built_in import diagnosis as expected
from pipelines.gates.measure import answers
from pipelines.gates.questions import Questions
from pipelines.monitoring import trial
from pipelines.monitoring.diagnosis import CONCEPT
from pipelines.monitoring.retraining import ASK, TRAIN, WAIT
from pipelines.registry import registry
from pipelines.registry.history import History
from pipelines.run.plan import Outcome
from pipelines.run.run import Run
from pipelines.steps import labelled_nights, retraining
from pipelines.storage.settings import Settings
from tests import test_week
from tests.helpers import tiny

TRAINING, REVERSED = date(2026, 1, 31), date(2026, 2, 1)
FIRST, SECOND, THIRD = REVERSED, REVERSED + timedelta(days=7), REVERSED + timedelta(days=14)


def payments(day: date) -> pa.Table:
    """Tiny's payments, of which from a day on the small ones are bad."""
    rows = tiny.payments(day).to_pylist()
    for row in rows if day >= REVERSED else ():
        turn = 99 - int(row["amount"])
        row["bad"] = int(turn > 70 and row["channel"] != "chip") ^ int(turn % 23 == 0)
    return pa.Table.from_pylist(rows)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path) -> Settings:
    """A training, and three weeks of nights."""
    place = tmp_path_factory.mktemp("reversed")
    for folder in ("use_cases", "var"):
        (place / folder).mkdir()
    (place / "var" / "mlflow.db").write_bytes(mlflow_database.read_bytes())
    text = test_week.YAML.replace("tests.helpers.tiny:payments", "tests.steps.test_retraining:payments")
    (place / "use_cases" / "tiny.yaml").write_text(text.replace("monitoring: {min_performance: 0.3}\n", ""))
    settings = Settings(
        data=place / "data",
        use_cases=place / "use_cases",
        var=place / "var",
        mlflow=f"sqlite:///{place}/var/mlflow.db",
        mirror=None,
    )
    runner.run_all(Run.open("tiny", "training", TRAINING, settings))
    for n in range(21):
        runner.run_all(Run.open("tiny", "scoring", REVERSED + timedelta(days=n), settings))
    return settings


@pytest.fixture(autouse=True)
def few_days(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve days of what is new are enough, of which two weeks of nights have labels."""
    monkeypatch.setattr(trial, "LEAST_DAYS", 12)


@pytest.fixture
def own(lived: Settings, tmp_path: Path) -> Settings:
    return test_week.copied(lived, tmp_path)


def report(settings: Settings, week: date) -> tuple[Run, Outcome]:
    run = Run.open("tiny", "drift", week, settings)
    return run, runner.take(run, "drift")


def decided(run: Run) -> str:
    return str(rows_of(run, "decision").subject.iloc[0])


def rows_of(run: Run, kind: str) -> pd.DataFrame:
    table: pd.DataFrame = run.store.read("diagnosis").df()
    return table[table.kind == kind]


def wrong(*reports: Run) -> list[str]:
    """What the gate finds wrong with diagnoses as the step has made them."""
    return [
        found.sentence()
        for run in reports
        for answer in answers(
            Questions(run.store.read("diagnosis"), tuple(expected.diagnosis(run))), run.store
        )
        if not (found := findings.of(answer)).success
    ]


def calls(settings: Settings) -> list[tuple[str, str | None]]:
    return [(line.partition, line.cause) for line in History.of(settings, "tiny").events()]


def test_it_is_waited_for_labels_then_trained_then_asked_for_a_word(own: Settings) -> None:
    first, outcome = report(own, FIRST)
    assert decided(first) == WAIT
    assert not outcome.retrain
    assert "6 have labels that are due, and 12 are needed: 6 days more" in outcome.summary
    assert calls(own) == []

    second, outcome = report(own, SECOND)
    assert decided(second) == TRAIN
    assert outcome.retrain
    assert "concept, so train" in outcome.summary
    tried = rows_of(second, "trial").iloc[0]
    assert tried.low > 0
    assert calls(own) == [(SECOND.isoformat(), CONCEPT)]
    page = (own.disk / "tiny" / "drift" / SECOND.isoformat() / "reports" / "drift.html").read_text()
    lead = page[: page.index("Performance on labels")]
    assert "Diagnosis: concept, since 2026-02-01. Action: train" in lead

    third, outcome = report(own, THIRD)
    assert decided(third) == WAIT, "it has not cooled down"
    assert not outcome.retrain
    assert wrong(first, second, third) == []


def test_a_week_that_is_run_again_says_the_same_to_the_byte(own: Settings) -> None:
    report(own, FIRST)
    run, _ = report(own, SECOND)
    digests = {name: run.store.digest(name) for name in ("diagnosis", "drift", "performance")}
    again, outcome = report(own, SECOND)
    assert outcome.retrain
    assert {name: again.store.digest(name) for name in digests} == digests
    assert calls(own) == [(SECOND.isoformat(), CONCEPT)]


def test_what_was_not_cured_waits_for_a_person(own: Settings) -> None:
    path = own.use_cases / "tiny.yaml"
    path.write_text(path.read_text() + "monitoring: {retrain: {cooldown: 7d}}\n")
    for week in (FIRST, SECOND, THIRD):
        run, outcome = report(own, week)
    assert decided(run) == ASK
    assert not outcome.retrain
    assert "sluice models acknowledge" in outcome.summary
    with pytest.raises(BadInput, match="without a reason"):
        acknowledge(own, "tiny", SECOND, " ")
    for _ in ("said", "said again"):
        assert "concept of the week 2026-02-08 is known" in acknowledge(own, "tiny", SECOND, "it is so now")
    with pytest.raises(BadInput, match=r"acknowledged already, by .* on 2\S+: it is so now"):
        acknowledge(own, "tiny", SECOND, "another word")
    _, outcome = report(own, THIRD)
    assert not outcome.retrain, "a word on the very week that called says nothing of what came of it"
    acknowledge(own, "tiny", THIRD, "it is so now")
    assert decided(report(own, THIRD)[0]) == ASK, "a word is for later weeks, so that a rerun says the same"


def test_a_quiet_week_has_nothing_to_take_note_of(own: Settings) -> None:
    run, _ = report(own, FIRST)
    quiet = run.store.read("diagnosis").df()
    cause = quiet.kind == "cause"
    quiet.loc[cause, "chosen"] = quiet.subject[cause] == "as before"
    run.store.write("diagnosis", quiet)
    with pytest.raises(BadInput, match="nothing to take note of: as before"):
        acknowledge(own, "tiny", FIRST, "why not")


def test_rows_of_nights_stand_beside_the_newest_word_on_their_labels(own: Settings) -> None:
    for week in (FIRST, SECOND):
        run, _ = report(own, week)
    run = run.task()
    champion = registry.champion(run)
    rows = labelled_nights.read(run, champion, Days(FIRST, SECOND))
    assert rows is not None
    counted = rows.aggregate('"at"::DATE AS day, count(*), avg(":label")', "day").order("day").fetchall()
    assert [(day, n) for day, n, _ in counted] == [(FIRST + timedelta(days=n), 40) for n in range(8)]
    assert counted[0][2] == pytest.approx(sum(payments(FIRST)["bad"].to_pylist()) / 40)
    others = replace(champion, metadata=champion.metadata | {"meaning": '{"amount": "another"}'})
    assert labelled_nights.read(run, others, Days(FIRST, SECOND)) is None


def test_a_feature_of_earlier_labels_reads_no_column_that_a_source_could_break() -> None:
    reads = retraining._reads(UseCase.model_validate(yaml.safe_load(tiny.YAML)))
    assert reads["bad_before"] == frozenset(), "what labels mean has changed where it moves alone"
    assert reads["mean_7d"] == frozenset({"amount"})
