"""What came true of a promotion is told of the very rows that both versions can be asked about."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from pipelines import runner
from pipelines.metrics import metrics
from pipelines.model.graph import Graph
from pipelines.monitoring import claims as claims_of
from pipelines.registry import registry
from pipelines.registry.history import History
from pipelines.run.run import Run
from pipelines.steps import claims
from pipelines.storage import places
from pipelines.storage.settings import Settings
from tests import test_week
from tests.helpers import tiny, two_champions

WEEK, PROMOTED = date(2026, 2, 1), two_champions.SECOND_TRAINING


@pytest.fixture(scope="module")
def lived(two_champions: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A week of nights by two versions, of which the second has claimed a gain."""
    own = test_week.copied(two_champions, tmp_path_factory.mktemp("claims"))

    def claiming(before: bytes | None) -> bytes:
        first, second = (before or b"").splitlines()
        values = {"values": {"linear": 0.9, "champion": 0.872}}
        return first + b"\n" + json.dumps(json.loads(second) | values, sort_keys=True).encode() + b"\n"

    places.at(History.of(own, "tiny").path).rewrite(claiming)
    for n in range(7):
        runner.run_all(Run.open("tiny", "scoring", WEEK + timedelta(days=n), own))
    return own


@pytest.fixture
def own(lived: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Three labelled days are enough, and four are all: those of the week's that version 2 has scored."""
    monkeypatch.setattr(claims_of, "FEWEST", 3)
    monkeypatch.setattr(claims_of, "MOST", 4)
    return test_week.copied(lived, tmp_path)


def test_the_gain_is_that_of_both_versions_on_the_labelled_nights(own: Settings) -> None:
    run = Run.open("tiny", "drift", WEEK, own)
    runner.take(run, "drift")
    days = [PROMOTED + timedelta(days=n) for n in range(4)]
    nights = [run.store.at("scoring", day) for day in days]
    old = Graph(registry.champion(replace(run, model_version="1")).graph)
    truth = [label for day in days for label in two_champions.payments(day)["bad"].to_pylist()]
    before, after, labels = [], [], []
    for night, day in zip(nights, days, strict=True):
        features = night.read("features").order("id").to_arrow_table()
        known = {row["id"]: row["bad"] for row in tiny.payments(day).to_pylist()}
        labels += [float(known[key]) for key in features["id"].to_pylist()]
        before += old.scores(features).tolist()
        after += [score for (score,) in night.read("predictions").order("id").project("score").fetchall()]
    assert sorted(labels) == sorted(map(float, truth))
    found = (
        run.store.read("diagnosis")
        .filter("kind = 'claim'")
        .project("subject, value, threshold, rows")
        .fetchall()
    )
    one, other = (metrics.measure("aucpr", *map(_array, (labels, score))) for score in (before, after))
    assert found[0][0] == "version 2 over 1"
    assert found[0][1] == pytest.approx(other - one, abs=1e-6)
    assert found[0][2:] == (pytest.approx(0.028), 160)


def test_the_history_says_it_once_and_later_reports_no_more(own: Settings) -> None:
    run = Run.open("tiny", "drift", WEEK, own)
    runner.take(run, "drift")
    digest = run.store.digest("diagnosis")
    runner.take(Run.open("tiny", "drift", WEEK, own), "drift")
    assert run.store.digest("diagnosis") == digest
    (event,) = History.of(own, "tiny").events()
    assert (event.event, event.version, event.partition) == ("checked", "2", WEEK.isoformat())
    assert event.reason.startswith("claimed +0.028 aucpr over version 1, came true ")
    assert event.values is not None
    assert event.values["claimed"] == pytest.approx(0.028)
    assert claims.check(Run.open("tiny", "drift", WEEK + timedelta(days=7), own)) == []
    page = (own.disk / "tiny" / "drift" / WEEK.isoformat() / "reports" / "drift.html").read_text()
    assert "The promotion of version 2 over 1: claimed +0.028" in page


def test_an_older_version_whose_features_mean_something_else_cannot_be_asked(
    own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = registry.champion

    def other(run: Run) -> registry.Champion:
        found = real(run)
        other = json.dumps(found.meanings | {"amount": "another"})
        return (
            replace(found, metadata=found.metadata | {"meaning": other})
            if run.model_version == "1"
            else found
        )

    runner.take(Run.open("tiny", "drift", WEEK, own), "drift")
    path = History.of(own, "tiny").path
    places.at(path).rewrite(lambda before: b"\n".join((before or b"").splitlines()[:2]) + b"\n")
    monkeypatch.setattr(registry, "champion", other)
    (found,) = claims.check(Run.open("tiny", "drift", WEEK, own))
    assert found.gain is None
    assert "no night with labels has features that mean what version 1 has learned" in found.sentence


def _array(values: list[float]) -> metrics.Floats:
    import numpy as np

    return np.array(values, dtype=np.float64)
