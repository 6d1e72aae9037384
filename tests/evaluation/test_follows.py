"""A verdict decides only what its tables say: each field of the file, each table and the graph, changed and
refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import onnx
import pandas as pd
import pytest

from pipelines import runner
from pipelines.core.errors import SluiceError, TableCorrupt
from pipelines.core.policies import Capacity
from pipelines.evaluation import follows
from pipelines.registry import approval
from pipelines.run import clearance
from pipelines.run.run import Run
from pipelines.steps.promote import promote
from tests.helpers import evaluated, fitted


@pytest.fixture
def run(open_run: Callable[..., Run]) -> Run:
    """A training that was judged and exported."""
    training = open_run("training", date(2026, 1, 31))
    evaluated.leave(training, fitted.exported().graphs["xgboost"], version="3")
    return training.task()


def edited(run: Run, change: Callable[[dict[str, Any]], object]) -> Run:
    """The same with another verdict.json."""
    found = json.loads(run.store.read_file("verdict.json"))
    change(found)
    run.store.write_file("verdict.json", json.dumps(found).encode())
    return run.task()


def test_what_evaluation_has_left_is_what_its_tables_say(run: Run) -> None:
    judged = follows.read(run)
    assert (judged.winner, judged.cut, judged.champion_version) == ("xgboost", 0.25, "3")
    assert [rule.name for rule in judged.rules] == ["baseline", "champion", "slices"]
    follows.require_graph(run, judged, fitted.exported().graphs["xgboost"])


FIELDS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "winner": (lambda it: it.update(winner="linear"), "winner: it says 'linear', the tables 'xgboost'"),
    "metric": (lambda it: it.update(metric="f1"), "metric: it says 'f1', the tables 'aucpr'"),
    "threshold": (
        lambda it: it["threshold"].update(value=0.1),
        "threshold value: it says 0.1, the tables 0.25",
    ),
    "no threshold": (
        lambda it: it.update(threshold=None),
        "threshold value: it says nothing, the tables 0.25",
    ),
    "threshold's low end": (
        lambda it: it["threshold"].update(low=0.1),
        "threshold low: it says 0.1, the tables 0.2",
    ),
    "threshold's high end": (
        lambda it: it["threshold"].update(high=0.9),
        "threshold high: it says 0.9, the tables 0.3",
    ),
    "a family's value": (
        lambda it: it["values"]["linear"].update(aucpr=0.99),
        "values linear aucpr: it says 0.99, the tables 0.8",
    ),
    "the baseline's value": (
        lambda it: it["values"]["baseline"].update(aucpr=0.1),
        "values baseline aucpr: it says 0.1, the tables 0.3",
    ),
    "the champion's value": (
        lambda it: it["values"].pop("champion"),
        "values champion aucpr: it says nothing, the tables 0.3",
    ),
    "the champion": (
        lambda it: it.update(champion_version="4"),
        "champion_version: it says '4', the tables '3'",
    ),
    "no champion": (
        lambda it: it.update(champion_version=None),
        "champion_version: it says None, the tables '3'",
    ),
    "a rule holds": (
        lambda it: it["rules"][1].update(holds=False),
        "rules 2 (champion) holds: it says False, the tables True",
    ),
    "a rule's number": (
        lambda it: it["rules"][0].update(low=0.6),
        "rules 1 (baseline) low: it says 0.6, the tables 0.5",
    ),
    "a rule's sentence": (
        lambda it: it["rules"][0].update(sentence="fine"),
        "rules 1 (baseline) sentence: it says 'fine', the tables 'on the",
    ),
    "a rule is gone": (
        lambda it: it["rules"].pop(),
        "rules 3 (slices) holds: it says nothing, the tables True",
    ),
    "a rule is added": (
        lambda it: it["rules"].append({"name": "fine", "holds": True, "sentence": "so"}),
        "rules 4 (fine) holds: it says True",
    ),
    "a note": (
        lambda it: it["notes"].__setitem__(1, "all is well"),
        "notes 2: it says 'all is well', the tables 'more rows would help'",
    ),
}


@pytest.mark.parametrize("field", FIELDS)
def test_a_verdict_in_which_a_field_was_changed_is_refused_in_a_sentence(field: str, run: Run) -> None:
    change, told = FIELDS[field]
    with pytest.raises(TableCorrupt) as refused:
        follows.read(edited(run, change))
    assert told in str(refused.value)
    assert len(str(refused.value).splitlines()) <= 10
    assert "way out: run the step evaluate again" in str(refused.value)


@pytest.mark.parametrize("step", ["export", "promote", "approve"])
def test_export_promotion_and_approval_go_by_no_other_verdict(
    step: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clearance, "require", lambda run, step: None)
    flipped = edited(run, lambda it: it["rules"][0].update(holds=False))
    take: dict[str, Callable[[], object]] = {
        "export": lambda: runner.take(flipped, "export"),
        "promote": lambda: promote(flipped),
        "approve": lambda: approval.questions(flipped),
    }
    with pytest.raises(SluiceError, match=r"rules 1 \(baseline\) holds: it says False, the tables True"):
        take[step]()


def test_a_verdict_of_another_evaluation_of_the_partition_is_refused(run: Run) -> None:
    old = run.store.read_file("verdict.json")
    evaluated.leave(run, b"another", baseline=evaluated.WORSE, version="3")
    run.store.write_file("verdict.json", old)
    with pytest.raises(TableCorrupt, match=r"rules 1 \(baseline\) holds: it says True, the tables False"):
        follows.read(run)


def test_scores_of_another_search_than_is_published_now_are_refused(run: Run) -> None:
    trials, scores = evaluated.tables(run, version="3")
    run.store.read("trials", pieces=run.use_case.candidates.families)
    run.store.write("scores", scores)  # cites these trials
    follows.read(run)
    run.store.write("trials", trials[trials["family"] == "linear"].assign(mean_score=0.5), piece="linear")
    with pytest.raises(TableCorrupt, match="scores: made of another trials/linear than is published now"):
        follows.read(run)


def test_the_threshold_is_chosen_once_more_on_the_validation_rows(run: Run) -> None:
    others = pd.DataFrame(evaluated.VALIDATION).replace({"score": {0.3: 0.9}})
    run.store.write("validation", others, piece="xgboost")
    with pytest.raises(TableCorrupt, match=r"threshold: scores say 0\.25, the validation rows 0\.55"):
        follows.read(run)


def test_the_threshold_of_a_capacity_is_chosen_once_more_by_the_rows_of_a_night(run: Run) -> None:
    policy = {"threshold": Capacity(policy="capacity", alarms_a_day=1)}
    asked = replace(run, loaded=replace(run.loaded, use_case=run.use_case.model_copy(update=policy)))
    at = pd.Timestamp("2026-01-20")
    run.store.write("features", pd.DataFrame({"id": ["a", "b"], "at": [at, at], "split": ["train", "test"]}))
    assert follows.read(asked).cut == 0.25, "one of the day's two rows"
    run.store.write(
        "features",
        pd.DataFrame({"id": list("abcd"), "at": [at] * 4, "split": ["train", "test", "train", "test"]}),
    )
    with pytest.raises(TableCorrupt, match=r"scores say 0\.25, the validation rows 0\.65"):
        follows.read(asked)


def test_a_graph_that_parity_has_not_compared_is_refused(run: Run) -> None:
    other = fitted.exported(partition="2026-02-28").graphs["xgboost"]
    with pytest.raises(TableCorrupt, match=r"models/xgboost\.onnx: sha256 .*, parity has compared "):
        follows.require_graph(run, follows.read(run), other)


def test_a_graph_with_another_threshold_than_the_verdict_s_is_refused(run: Run) -> None:
    graph = onnx.load_from_string(fitted.exported().graphs["xgboost"])
    (entry,) = (entry for entry in graph.metadata_props if entry.key == "threshold")
    entry.value = "0.1"
    moved = graph.SerializeToString()
    judged = evaluated.leave(run, moved, version="3")
    with pytest.raises(
        TableCorrupt, match=r"models/xgboost\.onnx: its threshold is 0\.1, the verdict's 0\.25"
    ):
        follows.require_graph(run, judged, moved)
