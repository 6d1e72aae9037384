"""Where only the share of positive labels has moved, a training keeps the model: the version that it promotes
has the same order of scores, the right level, and a threshold of its own; and the week after asks for
nothing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pipelines import flow, runner
from pipelines.commands import champions, reproduce
from pipelines.composition import keeping
from pipelines.core.errors import BadInput, BadUseCase
from pipelines.core.use_cases import load
from pipelines.metrics import threshold
from pipelines.model.graph import Graph
from pipelines.monitoring.diagnosis import PRIOR
from pipelines.monitoring.retraining import RECALIBRATE
from pipelines.registry import holdout_overlap, registry
from pipelines.registry.history import History
from pipelines.registry.registry import Champion
from pipelines.run.run import Run
from pipelines.steps import kept_model
from pipelines.storage.settings import Settings
from tests import test_week

TRAINING, NEW = date(2026, 1, 31), date(2026, 2, 1)
FIRST, SECOND, THIRD = (NEW + timedelta(days=7 * n) for n in range(3))
AGAIN = SECOND + timedelta(days=6)  # the day whose labels are known when the second week's report is made
ROWS = 150  # a day


def payments(day: date) -> pa.Table:
    """Payments of which the large ones are bad more often; from a day on, the odds of each are four times
    those of before.
    """
    random = np.random.default_rng(day.toordinal())
    amount = random.normal(size=ROWS)
    logit = 1.3 * amount - 2.6 + (np.log(4) if day >= NEW else 0.0)
    midnight = pd.Timestamp(day)
    return pa.table(
        {
            "id": [f"{day:%Y%m%d}-{n:03}" for n in range(ROWS)],
            "at": pa.array([midnight + pd.Timedelta(minutes=9 * n) for n in range(ROWS)], pa.timestamp("us")),
            "customer": [f"c{n % 10}" for n in range(ROWS)],
            "amount": np.exp(amount),
            "channel": [("chip", "online")[n % 2] for n in range(ROWS)],
            "bad": (random.random(ROWS) < 1 / (1 + np.exp(-logit))).astype(np.int64),
        }
    )


def yaml_text(family: str = "linear: {grid: {C: [1]}}") -> str:
    """One family, whose champion is fitted again on all rows; labels are known the day after."""
    text = test_week.YAML.replace("tests.helpers.tiny:payments", "tests.steps.test_kept_model:payments")
    for old, new in (
        ("monitoring: {min_performance: 0.3}\n", ""),
        ("delay_days: 2", "delay_days: 1"),
        ("linear: {grid: {C: [1]}}", family),
        (
            "{policy: max_recall, precision: 0.5}",
            "{policy: least_cost, false_positive: 1, false_negative: 5}",
        ),
    ):
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path) -> Settings:
    """A training, two weeks of nights in which the prior has moved, and their reports."""
    place = tmp_path_factory.mktemp("prior")
    for folder in ("use_cases", "var"):
        (place / folder).mkdir()
    (place / "var" / "mlflow.db").write_bytes(mlflow_database.read_bytes())
    (place / "use_cases" / "tiny.yaml").write_text(yaml_text())
    settings = Settings(
        data=place / "data",
        use_cases=place / "use_cases",
        var=place / "var",
        mlflow=f"sqlite:///{place}/var/mlflow.db",
        mirror=None,
    )
    runner.run_all(Run.open("tiny", "training", TRAINING, settings))
    for n in range(14):
        runner.run_all(Run.open("tiny", "scoring", NEW + timedelta(days=n), settings))
    runner.take(Run.open("tiny", "drift", FIRST, settings), "drift")
    return settings


@pytest.fixture(scope="module")
def called(lived: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The second week's report, which calls for a training, and that training."""
    own = test_week.copied(lived, tmp_path_factory.mktemp("called"))
    outcome = runner.take(Run.open("tiny", "drift", SECOND, own), "drift")
    assert outcome.retrain == "keep"
    assert f"{PRIOR}, so {RECALIBRATE}" in outcome.summary
    runner.run_all(Run.open("tiny", "training", AGAIN, own, model=outcome.retrain))
    return own


def version(settings: Settings, number: str) -> Champion:
    return registry.champion(replace(Run.open("tiny", "training", AGAIN, settings), model_version=number))


def kept_run(settings: Settings) -> Run:
    """The training that has kept the model, as its tasks go on."""
    return Run.open("tiny", "training", AGAIN, settings, resume=True).task()


def test_the_version_is_promoted_and_the_history_says_that_its_model_is_the_one_before(
    called: Settings,
) -> None:
    history = History.of(called, "tiny")
    assert [(line.version, line.decision, line.metric) for line in history.read()] == [
        ("1", "promoted", "aucpr"),
        ("2", "promoted", "brier"),
    ]
    line = history.read()[-1]
    assert line.reason.startswith("version 1 with a new threshold and calibration; ")
    assert "better than champion version 1 by" in line.reason
    assert [(event.partition, event.since) for event in history.events()] == [("2026-02-08", "2026-02-01")]
    card = (called.disk / "tiny/training" / AGAIN.isoformat() / "reports/evaluate.html").read_text()
    assert "the model is that of version 1, kept as it serves" in card
    assert "learned on the 1,050 rows of 2026-02-01 to 2026-02-07" in card
    assert "No model was searched for." in card
    assert "over the folds" not in card


def test_the_order_of_scores_is_the_same_and_their_level_is_the_new_one(called: Settings) -> None:
    run = kept_run(called)
    rows = run.store.read("features").filter(f"\"at\" >= TIMESTAMP '{NEW}'").to_arrow_table()
    before, after = (Graph(version(called, number).graph).scores(rows) for number in ("1", "2"))
    assert (np.diff(after[np.argsort(before, kind="stable")]) >= 0).all()
    assert (np.diff(before[np.argsort(after, kind="stable")]) >= 0).all()
    seen = rows["bad"].to_numpy()[rows["split"].to_numpy() == "test"]
    expected = after[rows["split"].to_numpy() == "test"]
    assert before.mean() < 0.5 * seen.mean()
    assert expected.mean() == pytest.approx(seen.mean(), rel=0.1)


def test_the_threshold_is_the_policy_s_choice_on_new_rows_alone(called: Settings) -> None:
    run = kept_run(called)
    rows = run.store.read("validation", pieces=["linear"]).df()
    days = pd.to_datetime(rows["key"].str[:8]).dt.date
    assert (days.min(), days.max()) == (NEW, NEW + timedelta(days=6))
    policy, night = run.use_case.threshold, threshold.night(run.store.read("features"), run.use_case)
    assert policy is not None
    chosen = threshold.choose(policy, rows["label"], rows["score"], night, units=threshold.units_of(rows))
    assert version(called, "2").threshold == chosen
    assert chosen == pytest.approx(1 / 6, abs=0.03), "where probabilities are true, costs of 1 and 5 say so"


def test_the_run_goes_by_a_file_that_says_what_it_keeps(called: Settings) -> None:
    keep = kept_run(called).use_case.candidates.keep
    assert keep is not None
    assert (keep.version, keep.since, keep.judged_from) == ("1", NEW, SECOND)
    assert version(called, "2").metadata["kept_version"] == "1"


def test_begun_again_it_keeps_the_same_and_publishes_the_same_bytes(called: Settings) -> None:
    run = kept_run(called)
    tables = ("features", "trials/linear", "validation/linear", "scores", "parity")
    before = {name: run.store.manifest(name).digest for name in tables}
    runner.run_all(Run.open("tiny", "training", AGAIN, called, model="keep"))
    again = kept_run(called)
    assert again.loaded.sha256 == run.loaded.sha256
    assert {name: again.store.manifest(name).digest for name in tables[:3]} == {
        name: before[name] for name in tables[:3]
    }
    assert History.of(called, "tiny").champion == "2"


def test_it_can_be_made_again_compared_and_rolled_back(called: Settings, tmp_path: Path) -> None:
    assert list(reproduce.reproduce(called, "tiny", "2"))[-1].startswith("same: the scores of 1,050 held-out")
    told = champions.compare(called, "tiny", "1", "2")
    by_name = {one.metric: one for one in told.metrics}
    assert by_name["roc_auc"].better_by == pytest.approx(0, abs=1e-9)
    assert by_name["brier"].better_by is not None
    assert by_name["brier"].better_by > 0.02
    own = test_week.copied(called, tmp_path)
    assert "version 1 is champion" in champions.rollback(own, "tiny", "1", "as it was")


def test_the_week_after_asks_for_nothing(called: Settings) -> None:
    for n in range(14, 21):
        runner.run_all(Run.open("tiny", "scoring", NEW + timedelta(days=n), called))
    run = Run.open("tiny", "drift", THIRD, called)
    outcome = runner.take(run, "drift")
    assert outcome.retrain is None
    assert "as before, so nothing" in outcome.summary
    level = run.store.read("drift").filter("kind = 'level'").df().iloc[0]
    assert level.value == pytest.approx(1, abs=0.15)


def test_rows_that_the_kept_model_or_its_curve_have_learned_judge_no_later_challenger(
    called: Settings,
) -> None:
    run = Run.open("tiny", "training", NEW + timedelta(days=9), called).task()
    for step in ("ingest", "cleanse", "features"):
        flow.STEPS[step](run)
    features = run.store.read("features")
    held_out = f"split = 'test' AND \"at\" < TIMESTAMP '{SECOND}'"
    assert len(features.filter(held_out))
    found = holdout_overlap.unseen(run, features, version(called, "2"))
    assert len(found.filter(held_out)) == 0
    assert len(found.filter("split = 'test'")) == len(features.filter("split = 'test'")) - len(
        features.filter(held_out)
    )
    assert len(found.filter("split = 'train'")) == len(features.filter("split = 'train'"))
    seen = run.store.at("training", TRAINING).read("features")
    with pytest.raises(BadInput, match="all 750 held-out rows are rows that champion version 2"):
        holdout_overlap.unseen(run, seen, version(called, "2"))


# --- what cannot be kept


def refused(settings: Settings, day: date = AGAIN) -> str:
    with pytest.raises(BadInput) as caught:
        keeping.file(Run.open("tiny", "training", day, settings))
    assert "train with model: search" in str(caught.value)
    return str(caught.value)


def test_without_a_champion_there_is_nothing_to_keep(lived: Settings, tmp_path: Path) -> None:
    own = test_week.copied(lived, tmp_path)
    champions.retire(own, "tiny", "it shall go")
    assert "no champion whose model could be kept" in refused(own)


@pytest.mark.parametrize("ever_trained", [True, False], ids=["with a champion", "without"])
def test_a_forecast_has_nothing_that_could_be_learned_anew(
    lived: Settings, settings: Settings, tmp_path: Path, ever_trained: bool
) -> None:
    own = test_week.copied(lived, tmp_path / "copy") if ever_trained else settings
    text = test_week.YAML
    for old, new in test_week.REGRESSION:
        assert old in text
        text = text.replace(old, new)
    (own.use_cases / "tiny.yaml").write_text(text)
    assert "a model of a regression task has no calibration and no threshold to learn anew" in refused(own)


def test_too_few_days_are_said_to_be(lived: Settings) -> None:
    told = refused(lived, AGAIN - timedelta(days=1))
    assert "of the days since 2026-02-01, 13 have labels that are due, and 14 are needed: 1 day more" in told


def test_a_file_whose_features_mean_something_else_is_not_that_of_the_model(
    lived: Settings, tmp_path: Path
) -> None:
    own = test_week.copied(lived, tmp_path)
    path = own.use_cases / "tiny.yaml"
    path.write_text(path.read_text().replace("log_amount: ln(1 + amount)", "log_amount: ln(2 + amount)"))
    told = refused(own)
    assert "it has learned other things than tiny.yaml has now" in told
    assert "log_amount: learned as" in told


def test_a_model_that_is_gone_or_another_one_by_now_is_not_kept(lived: Settings, tmp_path: Path) -> None:
    own = test_week.copied(lived, tmp_path)
    run = Run.open("tiny", "training", AGAIN, own, model="keep")
    run = run.by(keeping.file(run)).task()
    for step in ("ingest", "cleanse", "features"):
        flow.STEPS[step](run)
    features, keep = run.store.read("features"), run.use_case.candidates.keep
    assert keep is not None
    there = own.disk / "tiny/training" / TRAINING.isoformat() / "candidates/linear.skops"
    there.unlink()
    with pytest.raises(BadInput, match="what its training 2026-01-31 has left is gone"):
        kept_model.read(run, features, keep)
    path = own.use_cases / "tiny.yaml"
    path.write_text(path.read_text().replace("C: [1]", "C: [0.001]"))
    flow.STEPS["tune"](Run.open("tiny", "training", TRAINING, own).task(), "linear")
    with pytest.raises(BadInput, match="scores 1,050 rows otherwise than the version does"):
        kept_model.read(run, features, keep)


def test_a_person_s_file_does_not_say_it(lived: Settings, tmp_path: Path) -> None:
    own = test_week.copied(lived, tmp_path)
    keep = '  keep: {version: "1", since: 2026-02-01, judged_from: 2026-02-08}\n'
    path = own.use_cases / "tiny.yaml"
    path.write_text(path.read_text().replace("candidates:\n", f"candidates:\n{keep}"))
    with pytest.raises(BadUseCase, match=r"candidates\.keep: Sluice writes it into the file of a run"):
        load(own.use_cases, "tiny")
