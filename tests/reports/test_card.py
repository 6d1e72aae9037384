"""The model card: what a person must find on it, for each outcome, and that nothing in it can break out of
the page.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from pipelines.core.config import Column, UseCase
from pipelines.core.policies import Capacity, LeastCost
from pipelines.core.use_cases import Loaded
from pipelines.evaluation.results import Evaluation
from pipelines.registry.versions import FILE, Snapshot
from pipelines.reports import card
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from pipelines.storage.store import Store, Version
from tests.helpers.evaluations import champion, facts, judge

Render = Callable[[UseCase, Evaluation], str]


@pytest.fixture
def rendered(settings: Settings) -> Render:
    def render(use_case: UseCase, judged: Evaluation) -> str:
        store = Store(
            settings.disk, use_case.name, "training", date(2026, 1, 31), Version(use_case="f00", code="c0de")
        )
        store.write_file(FILE, Snapshot("5nap.dir", 1, 1, "features", date(2026, 1, 31)).as_json())
        return card.render(Run(Loaded(use_case, Path("tiny.yaml"), "f00", {}), store, settings), judged)

    return render


@pytest.fixture(scope="module")
def judged() -> Evaluation:
    return judge(facts(), champion("linear"))


def words(html: str) -> str:
    """What a person reads: the text without tags, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", html.partition("</head>")[2]).split())


def test_the_card_tells_the_verdict_the_numbers_and_where_they_come_from(
    rendered: Render, judged: Evaluation
) -> None:
    text = words(rendered(facts(), judged))
    for told in (
        facts().title,
        *judged.verdict.reasons,
        f"Of 100 held-out rows the {judged.verdict.winner} model raises",
        "the greatest recall whose precision is at least 0.5, chosen on validation rows",
        "channel=(missing) few rows",
        "age number amount",
        (
            "Numbers: a missing value becomes the training median; clipped to the training percentiles 0.01"
            " and 0.99"
        ),
        "Data version (DVC) 5nap.dir",
        "Use-case file (sha256) f00",
    ):
        assert told in text
    held_out = judged.verdict.values["champion"]["aucpr"]
    assert f"champion, version 3 {held_out:.4f}" in text


@pytest.mark.parametrize(
    ("holds", "version", "told"),
    [
        (True, None, "The forest model will be promoted, once every gate has let it through."),
        (False, "3", "Champion version 3 stays: the forest model is not good enough to replace it."),
        (False, None, "Nothing will be promoted: the forest model is not surely better than the baseline."),
    ],
)
def test_the_first_line_says_whether_there_will_be_a_promotion(
    rendered: Render, judged: Evaluation, holds: bool, version: str | None, told: str
) -> None:
    rules = (replace(judged.verdict.rules[0], holds=holds), replace(judged.verdict.rules[1], holds=True))
    verdict = replace(judged.verdict, rules=rules, champion_version=version)
    assert told in words(rendered(facts(), replace(judged, verdict=verdict)))


def test_where_a_cost_is_stated_each_model_has_one(rendered: Render) -> None:
    policy = LeastCost(policy="least_cost", false_positive=5, false_negative=100)
    judged = judge(facts(threshold=policy), champion("linear"))
    overall = judged.scores[judged.scores["slice"] == "all"]
    count = dict(zip(overall["metric"], overall["champion"].astype(float), strict=True))
    told = words(rendered(facts(threshold=policy), judged))
    assert f"champion {count['tp'] + count['fp']:,.0f} {count['tp']:,.0f}" in told
    assert f"{5 * count['fp'] + 100 * count['fn']:,.0f}" in told


def test_the_card_tells_how_it_learns_what_it_goes_by_and_how_true_it_is(
    rendered: Render, judged: Evaluation
) -> None:
    text = words(rendered(facts(), judged))
    assert f"The model is {judged.inspection.learned}" in text
    assert "Trained with 5 other seeds it comes to aucpr" in text
    for feature in ("amount", "channel", "note"):
        assert f"{feature} 0." in text
    reliable = judged.inspection.reliable
    assert reliable is not None
    assert f"On average they are {reliable.error.value:.4f} away from the truth" in text
    assert f"They expect {reliable.ratio.value:.2f} positive rows for each that was seen" in text
    assert (
        "The threshold promises the greatest recall whose precision is at least 0.5, on new rows at 95%"
        in text
    )
    primary = judged.scores[(judged.scores["metric"] == "aucpr") & (judged.scores["slice"] == "all")].iloc[0]
    assert f"{primary['challenger_low']:.4f} to {primary['challenger_high']:.4f}" in text


def test_nothing_from_the_data_or_the_file_can_break_out_of_the_page(
    rendered: Render, judged: Evaluation
) -> None:
    scores = judged.scores.assign(
        slice=judged.scores["slice"].replace("channel=chip", "channel=<script>alert(1)</script>")
    )
    html = rendered(facts(title="<b>Which</b> & what?"), replace(judged, scores=scores))
    assert "channel=&lt;script&gt;" in html
    assert "&lt;b&gt;Which&lt;/b&gt; &amp; what?" in html
    assert "<script" not in html
    assert not re.search(r'(src|href)="(?!data:image/png;base64,)', html)


def test_same_inputs_same_bytes_and_every_picture_is_there(rendered: Render, judged: Evaluation) -> None:
    html = rendered(facts(), judged)
    assert html == rendered(facts(), judged)
    assert html.count('src="data:image/png;base64,') == len(judged.pictures)


def test_the_card_says_that_another_fit_scores_than_was_judged(rendered: Render, judged: Evaluation) -> None:
    rows = judged.rows[judged.rows["split"] != "unlabelled"]["rows"].sum()
    sentence = f"fitted again by the same parameters on all {rows:,} labelled rows"
    assert sentence not in words(rendered(facts(), judged))
    candidates = facts().candidates.model_copy(update={"refit": "all"})
    assert sentence in words(rendered(facts().model_copy(update={"candidates": candidates}), judged))


def test_a_regression_has_no_alarms_on_its_card(rendered: Render) -> None:
    judged = judge(
        facts("regression"),
        champion("linear", "regression", None),
        means={"linear": 9, "forest": 8, "xgboost": 7},
    )
    text = words(rendered(facts("regression"), judged))
    assert "What the threshold means" not in text
    assert "alarm" not in text
    assert "rmse primary" in text
    assert "mean label" in text


def test_of_many_slices_the_largest_are_shown_and_the_others_counted(
    rendered: Render, judged: Evaluation
) -> None:
    every = judged.scores[judged.scores["slice"] == "channel=chip"]
    scores = [
        judged.scores[judged.scores["slice"] == "all"],
        *(every.assign(slice=f"channel=c{n:02}", n=n) for n in range(25)),
    ]
    text = words(rendered(facts(), replace(judged, scores=pd.concat(scores))))
    assert "channel=c24" in text
    assert "channel=c04" not in text
    assert "The 20 largest slices; 5 more are in the table scores ." in text


def test_the_card_tells_what_single_nights_have_and_whose_labels_speak(rendered: Render) -> None:
    case = facts(threshold=Capacity(policy="capacity", alarms_a_day=10))
    judged = judge(case)
    assert "have no label" not in rendered(case, judged)
    more = pd.DataFrame([{**judged.rows.iloc[0], "split": "unlabelled", "rows": 1200, "label_mean": None}])
    text = words(rendered(case, replace(judged, rows=pd.concat([judged.rows, more]))))
    assert "nine of ten nights have 5 to 15, and weekdays with more rows have more" in text
    assert (
        "75% of the rows have no label: alarms, precision, recall and costs on this page are those of the"
        " others" in text
    )
    assert "none (without a label) 1,200" in text


def test_the_card_says_of_which_leaks_features_see_the_past(rendered: Render, judged: Evaluation) -> None:
    leaks = {
        "tip": {"type": "number", "role": "leak", "known_after": "3d", "why": "given afterwards"},
        "fee": {"type": "number", "role": "leak"},
    }
    columns = facts().columns | {name: Column.model_validate(said) for name, said in leaks.items()}
    text = words(rendered(facts(columns=columns), judged))
    assert "Kept out of the features, since known only afterwards: fee." in text
    assert (
        "Known only afterwards, and read in windows over the past alone: tip (given afterwards) from 3d on."
        in text
    )
