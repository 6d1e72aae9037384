"""Evaluation with real Pipelines, graphs and relations, on rows whose counts can be done by hand."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pandas as pd
import pytest

from pipelines.core.config import Baseline, Metric
from pipelines.core.errors import BadInput
from pipelines.core.policies import LeastCost, MaxRecall, Unreachable
from pipelines.core.stakes import Stakes
from pipelines.core.tasks import BINARY
from pipelines.evaluation import follows, verdict
from pipelines.evaluation.look import Look
from pipelines.evaluation.results import Evaluation
from pipelines.evaluation.scores import BESIDE, LOOK, RARER, UNITS
from pipelines.evaluation.verdict import PromotionRule
from pipelines.metrics import metrics
from pipelines.model import convert, families, inputs, seed_variance
from pipelines.registry.registry import Champion
from tests.helpers import fitted
from tests.helpers.evaluations import TEST, champion, facts, judge, scored


@pytest.fixture(scope="module")
def judged() -> Evaluation:
    return judge(facts(), champion("linear"))


@pytest.fixture(scope="module")
def first() -> Evaluation:
    """Another use case: no champion yet, an easy policy, a rule as baseline, and the linear family the best
    of the search.
    """
    candidates = facts().candidates.model_copy(update={"baseline": Baseline(rule="amount")})
    policy = MaxRecall(policy="max_recall", precision=0.1)
    return judge(
        facts(candidates=candidates, threshold=policy), means={"linear": 0.9, "forest": 0.1, "xgboost": 0.8}
    )


def row(judged: Evaluation, metric: str, part: str = "all") -> pd.Series:
    found = judged.scores[(judged.scores["metric"] == metric) & (judged.scores["slice"] == part)]
    assert len(found) == 1
    return found.iloc[0]


def test_the_search_chooses_the_winner_and_a_tie_goes_to_the_first_as_declared(
    judged: Evaluation, first: Evaluation
) -> None:
    assert judged.verdict.winner == "forest"
    assert first.verdict.winner == "linear"


def test_the_test_rows_choose_neither_winner_nor_threshold(judged: Evaluation) -> None:
    def spoilt(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(bad=rows["bad"].where(rows["split"] == "train", 1 - rows["bad"]))

    other = judge(facts(), champion("linear"), change=spoilt)
    assert (other.verdict.winner, other.verdict.threshold) == (
        judged.verdict.winner,
        judged.verdict.threshold,
    )
    assert row(other, "roc_auc")["challenger"] == pytest.approx(1 - row(judged, "roc_auc")["challenger"])


def test_every_metric_has_a_row_for_all_rows_and_for_each_slice_with_the_counts_done_by_hand(
    judged: Evaluation,
) -> None:
    parts = {"all": TEST["bad"].notna(), "channel=(missing)": TEST["channel"].isna()}
    parts |= {f"channel={value}": TEST["channel"] == value for value in ("chip", "online", "phone")}
    assert list(judged.scores["slice"].unique()) == list(parts)
    score = scored("forest", TEST, facts())["score"].to_numpy()
    for part, mask in parts.items():
        n, y, alarm = int(mask.sum()), TEST["bad"][mask].to_numpy(), score[mask] >= judged.verdict.cut
        beside = list(BESIDE) if part == "all" else []
        assert list(judged.scores[judged.scores["slice"] == part]["metric"]) == [
            *facts().measured,
            "tp",
            "fp",
            "fn",
            "tn",
            *beside,
        ]
        counted = judged.scores[
            (judged.scores["slice"] == part) & ~judged.scores["metric"].isin([UNITS, RARER])
        ]
        assert (counted["n"] == n).all()
        counts = [
            (alarm & (y == 1)).sum(),
            (alarm & (y == 0)).sum(),
            (~alarm & (y == 1)).sum(),
            (~alarm & (y == 0)).sum(),
        ]
        assert [row(judged, name, part)["challenger"] for name in ("tp", "fp", "fn", "tn")] == counts


def test_gains_are_positive_where_the_challenger_is_better_whichever_way_the_metric_runs(
    judged: Evaluation,
) -> None:
    assert row(judged, "aucpr")["gain_over_baseline"] > 0
    brier = row(judged, "brier")
    assert brier["gain_over_baseline"] == brier["baseline"] - brier["challenger"] > 0
    assert brier["gain_over_champion"] == brier["champion"] - brier["challenger"]
    assert list(judged.scores[judged.scores["primary"]]["metric"].unique()) == ["aucpr"]


@pytest.mark.parametrize("by_policy", [True, False])
def test_a_cost_is_measured_and_decides_wherever_it_is_declared(by_policy: bool) -> None:
    declared = {} if by_policy else {"false_positive": 5, "false_negative": 100}
    policy = (
        LeastCost(policy="least_cost", false_positive=5, false_negative=100)
        if by_policy
        else MaxRecall(policy="max_recall", precision=0.1)
    )
    use_case = facts(metric=Metric.model_validate({"name": "cost"} | declared), threshold=policy)
    judged = judge(use_case, champion("linear"), means={"linear": 9, "forest": 8, "xgboost": 9})
    for part in judged.scores["slice"].unique():
        counts = {name: row(judged, name, part)["challenger"] for name in ("fp", "fn")}
        cost = row(judged, "cost", part)
        assert cost["challenger"] == pytest.approx((5 * counts["fp"] + 100 * counts["fn"]) / cost["n"])
    whole = row(judged, "cost")
    assert whole["primary"]
    assert whole["challenger_low"] <= whole["challenger"] <= whole["challenger_high"]
    assert whole["gain_over_champion"] == pytest.approx(whole["champion"] - whole["challenger"])
    assert judged.verdict.metric == "cost"
    assert judged.verdict.winner == "forest", "the least cost over the folds"
    assert all(
        "cost" in rule.sentence for rule in judged.verdict.rules if rule.name in ("baseline", "champion")
    )


def test_each_day_s_greatest_scores_may_decide() -> None:
    use_case = facts(metric=Metric(name="precision_at_k", k=7))
    judged = judge(use_case, champion("linear"))
    table = TEST.assign(score=scored("forest", TEST, use_case)["score"].to_numpy())
    best = table.sort_values(["score", "id"], ascending=[False, True]).groupby(table["at"].dt.date).head(7)
    assert row(judged, "precision_at_k")["challenger"] == pytest.approx(best["bad"].mean())
    assert row(judged, "recall_at_k")["challenger"] == pytest.approx(best["bad"].sum() / TEST["bad"].sum())
    whole = row(judged, "precision_at_k")
    assert whole["primary"]
    assert whole["gain_over_champion_low"] <= whole["gain_over_champion"] <= whole["gain_over_champion_high"]
    assert judged.inspection.importance["loss"].notna().all()
    assert judged.inspection.learning["training"].notna().all()


def test_the_champion_decides_by_its_own_threshold() -> None:
    assert row(judge(facts(), champion("linear", threshold=0.0)), "tp")["champion"] == TEST["bad"].sum()


def test_a_baseline_that_cannot_fulfil_the_policy_raises_no_alarm(
    judged: Evaluation, first: Evaluation
) -> None:
    assert row(judged, "tp")["baseline"] == 0
    assert row(judged, "recall")["baseline"] == 0
    assert row(first, "recall")["baseline"] > 0.9


def test_a_rule_is_a_baseline_too(first: Evaluation) -> None:
    assert row(first, "roc_auc")["baseline"] == pytest.approx(
        metrics.measure("roc_auc", TEST["bad"], TEST["amount"]), abs=0.01
    )


def test_beside_a_rule_stands_the_best_constant_and_both_must_be_beaten(
    judged: Evaluation, first: Evaluation
) -> None:
    constant = row(first, "aucpr")
    assert constant["constant"] == pytest.approx(TEST["bad"].mean()), "of scores that are all alike"
    assert constant["gain_over_constant"] == pytest.approx(constant["challenger"] - constant["constant"])
    assert constant["gain_over_constant_low"] < constant["gain_over_constant"]
    (rule,) = [rule for rule in first.verdict.rules if rule.name == "constant"]
    assert "better than the best constant by" in rule.sentence
    assert first.verdict.values["constant"]["aucpr"] == constant["constant"]
    assert "constant" not in judged.scores, "there the baseline is the constant"
    spoilt = first.scores.copy()
    spoilt.loc[spoilt.metric == "look", "gain_over_constant_low"] = -0.1
    use_case = facts(candidates=facts().candidates.model_copy(update={"baseline": Baseline(rule="amount")}))
    worse = follows.of_tables(first.trials, spoilt, use_case)
    assert not worse.promotes
    assert "constant" in [rule.name for rule in worse.rules if not rule.holds]


@pytest.mark.parametrize(("miss", "alarms"), [(0.5, 0.0), (50.0, 1.0)])
def test_the_best_constant_of_costs_is_the_cheaper_of_all_alarms_and_none(miss: float, alarms: float) -> None:
    declared = {"name": "cost", "false_positive": 1, "false_negative": miss}
    judged = judge(
        facts(metric=Metric.model_validate(declared)), None, means={"linear": 9, "forest": 8, "xgboost": 9}
    )
    counted = sum(row(judged, name)["baseline"] for name in ("tp", "fp"))
    assert counted == alarms * len(TEST)
    y = TEST["bad"]
    assert row(judged, "cost")["baseline"] == pytest.approx(min(miss * y.mean(), (1 - y).mean()))


def test_a_constant_that_is_judged_by_what_too_little_costs_is_a_quantile() -> None:
    metric = Metric(name="asymmetric", under_cost=3)
    judged = judge(facts("regression", metric=metric), None, means={"linear": 9, "forest": 8, "xgboost": 7})
    every = fitted.rows("regression")
    train, test = (every[every.split == split].bad for split in ("train", "test"))
    quantile = np.quantile(train, 0.75, method="inverted_cdf")
    told = metrics.measure("asymmetric", test, np.full(len(test), quantile), stakes=Stakes(under=3))
    assert row(judged, "asymmetric")["baseline"] == pytest.approx(told)


def test_without_a_champion_its_columns_are_null_and_it_counts_as_beaten(first: Evaluation) -> None:
    assert first.scores[["champion", "gain_over_champion"]].isna().all().all()
    assert [rule.name for rule in first.verdict.rules] == ["baseline", "constant", "slices"]
    assert first.verdict.champion_version is None
    assert "there is no champion yet" in first.verdict.reasons


def test_the_champion_itself_sent_in_again_does_not_beat_itself() -> None:
    found = judge(facts(), champion("linear"), means={"linear": 0.9, "forest": 0.8, "xgboost": 0.8}).verdict
    assert not found.promotes
    assert "on the held-out rows as good as champion version 3: the same aucpr" in found.reasons


@pytest.mark.parametrize(("share", "beaten"), [(0.9, True), (1.1, False)])
def test_a_champion_is_beaten_only_if_the_whole_interval_lies_above_the_margin(
    share: float, beaten: bool
) -> None:
    means = {"linear": 0.1, "forest": 0.2, "xgboost": 0.2}

    def rule(margin: float) -> PromotionRule:
        judged = judge(facts(metric=Metric(name="brier", margin=margin)), champion("forest"), means=means)
        return next(rule for rule in judged.verdict.rules if rule.name == "champion")

    low = rule(0).low
    assert low is not None
    assert low > 0
    found = rule(share * low)
    assert found.holds == beaten
    assert ("not surely more than the margin" in found.sentence) != beaten


def test_a_champion_whose_inputs_are_gone_is_not_dethroned_but_told() -> None:
    features = facts().features
    wider = facts(features=features.model_copy(update={"numbers": {**features.numbers, "income": "amount"}}))
    rows = fitted.rows().assign(income=1.0)
    pipeline = families.pipeline(wider, "linear").fit(inputs.frame(rows, wider.features), rows["bad"])
    graph = convert.graph_of(pipeline, wider.features, BINARY, "champion", {})
    with pytest.raises(BadInput) as told:
        judge(facts(), Champion("3", graph, "", date(2026, 1, 1), 0.5, {}))
    assert "champion version 3 cannot be compared" in str(told.value)
    assert "income: missing" in str(told.value)
    assert "models retire" in str(told.value)
    assert len(str(told.value).splitlines()) <= 10


def test_a_slice_of_one_class_has_nulls_and_its_number_of_rows() -> None:
    def quiet(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(
            bad=rows["bad"].where((rows["channel"] != "phone") | (rows["split"] == "train"), 0)
        )

    judged = judge(facts(), champion("linear"), change=quiet)
    phone = row(judged, "aucpr", "channel=phone")
    assert phone[["challenger", "champion", "baseline", "gain_over_baseline"]].isna().all()
    assert phone["n"] == (TEST["channel"] == "phone").sum()
    assert row(judged, "brier", "channel=phone")["challenger"] > 0


def test_slices_of_a_personal_column_are_told_by_number_the_largest_first(judged: Evaluation) -> None:
    personal = facts().columns | {"channel": facts().columns["channel"].model_copy(update={"pii": True})}
    hidden = judge(facts(columns=personal), champion("linear"))
    sizes = TEST["channel"].value_counts()
    names = [f"channel=••• {n}" for n in (1, 2, 3)]
    assert list(hidden.scores["slice"].unique()) == ["all", *names, "channel=(missing)"]
    assert [row(hidden, "aucpr", name)["n"] for name in names] == list(sizes)
    assert (
        row(hidden, "aucpr", names[0])["challenger"]
        == row(judged, "aucpr", f"channel={sizes.index[0]}")["challenger"]
    )
    assert "phone" not in hidden.scores.to_csv()


@pytest.mark.parametrize(("kept", "found"), [(0, "there are none"), (1, "all 58 have the label 0")])
def test_held_out_rows_that_cannot_judge_are_told(kept: int, found: str) -> None:
    negative = int((TEST["bad"] == 0).sum())
    with pytest.raises(BadInput, match=found.replace("58", str(negative))):
        judge(
            facts(), change=lambda rows: rows[(rows["split"] == "train") | ((rows["bad"] == 0) & (kept == 1))]
        )


def test_only_the_winner_must_fulfil_the_policy() -> None:
    train = fitted.rows()[fitted.rows()["split"] == "train"]
    rows = pd.concat([scored(family, train, facts()) for family in fitted.FAMILIES])
    upside_down = rows.assign(score=rows["score"].where(rows["family"] != "linear", 1 - rows["score"]))
    policy = MaxRecall(policy="max_recall", precision=0.9)
    judged = judge(facts(threshold=policy), validation=upside_down)
    assert judged.verdict.values["linear"]["recall"] == 0
    assert judged.verdict.values["forest"]["recall"] > 0
    with pytest.raises(Unreachable):
        judge(
            facts(threshold=policy),
            means={"linear": 0.9, "forest": 0.8, "xgboost": 0.8},
            validation=upside_down,
        )


def test_a_verdict_is_json_without_nan_and_comes_back_equal(judged: Evaluation) -> None:
    assert verdict.read(judged.verdict.as_json()) == judged.verdict
    assert set(judged.verdict.values) == {"linear", "forest", "xgboost", "baseline", "champion"}
    json.loads(judged.verdict.as_json(), parse_constant=pytest.fail)
    assert judged.summary().startswith("scores: forest aucpr 0.")


def test_same_inputs_same_bytes(judged: Evaluation) -> None:
    again = judge(facts(), champion("linear"))
    pd.testing.assert_frame_equal(again.scores, judged.scores, check_exact=True)
    pd.testing.assert_frame_equal(again.curves, judged.curves, check_exact=True)
    assert again.verdict.as_json() == judged.verdict.as_json()
    assert again.pictures == judged.pictures


def test_curves_and_pictures_are_there_for_every_model(judged: Evaluation) -> None:
    assert set(judged.curves["curve"]) == {"precision_recall", "roc", "calibration"}
    assert set(judged.curves["model"]) == set(judged.verdict.values)
    assert judged.curves.notna().all().all()
    assert set(judged.pictures) == {
        "precision_recall",
        "roc",
        "calibration",
        "confusion",
        "score_distribution",
        "learning",
        "importance",
    }
    assert all(picture.startswith(b"\x89PNG") for picture in judged.pictures.values())


def test_a_regression_has_its_own_metrics_curves_and_pictures_and_no_threshold() -> None:
    judged = judge(
        facts("regression"),
        champion("linear", "regression", None),
        means={"linear": 9, "forest": 8, "xgboost": 7},
    )
    assert judged.verdict.winner == "xgboost"
    assert judged.verdict.threshold is None
    assert list(judged.scores["metric"].unique()) == [
        *facts("regression").measured,
        "learning",
        "look",
        "units",
    ], "no luck, since nothing in these models is drawn"
    assert set(judged.curves["curve"]) == {"calibration", "residual_by_hour"}
    assert {"predicted_actual", "residuals", "residuals_by_hour"} <= set(judged.pictures)
    assert row(judged, "rmse")["gain_over_baseline"] > 0


def test_rows_tell_how_many_there_are_on_each_side(judged: Evaluation) -> None:
    assert list(judged.rows["split"]) == ["train", "test"]
    assert list(judged.rows["rows"]) == [300, 100]
    assert judged.rows["label_mean"].iloc[1] == pytest.approx(TEST["bad"].mean())


def test_a_curve_keeps_its_ends_and_its_shape_when_it_is_thinned() -> None:
    from pipelines.metrics.curves import table
    from pipelines.metrics.scored import Scored

    random = np.random.default_rng(1)
    y = (random.random(20_000) < 0.1).astype(float)
    score = random.random(20_000) * 0.5 + 0.1 * y
    curves = table(BINARY, y, [Scored("forest", score)], np.zeros(20_000))
    roc = curves[curves["curve"] == "roc"]
    assert curves.groupby("curve").size().max() <= 500
    assert tuple(roc.iloc[0][["x", "y"]]) == (0, 0)
    assert tuple(roc.iloc[-1][["x", "y"]]) == (1, 1)
    assert np.trapezoid(roc["y"].to_numpy(float), roc["x"].to_numpy(float)) == pytest.approx(
        metrics.measure("roc_auc", y, score), abs=0.002
    )


def test_the_luck_of_the_seed_widens_the_gain_of_the_primary_metric_and_of_nothing_else(
    judged: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seed_variance, "is_random", lambda _: False)
    without = judge(facts(), champion("linear"))

    def width(found: Evaluation, metric: str, of: str = "gain_over_champion") -> float:
        line = row(found, metric)
        return float(line[f"{of}_high"] - line[f"{of}_low"])

    assert width(judged, "aucpr") > 1.05 * width(without, "aucpr")
    assert width(judged, "roc_auc") == width(without, "roc_auc")
    assert width(judged, "aucpr", "challenger") == width(without, "aucpr", "challenger")


def test_the_table_holds_at_which_level_this_look_judges_and_of_how_many_units(judged: Evaluation) -> None:
    week = judge(
        facts(), champion("linear"), entities=TEST.assign(customer=TEST["id"]), look=Look(7, "a test")
    )
    for found, days in ((week, 7), (judged, 31 * 7 / 8)):
        line = row(found, LOOK)
        assert line["challenger"] == pytest.approx(1 - 2 * 0.05 * days / 396)
        rule = next(rule for rule in found.verdict.rules if rule.name == "champion")
        assert (rule.low, rule.high, rule.level) == (
            line["gain_over_champion_low"],
            line["gain_over_champion_high"],
            line["challenger"],
        )
        assert str(line["note"]) in found.verdict.notes
    assert "its share of the 0.05 of a year (a test)" in str(row(week, LOOK)["note"])
    assert row(week, LOOK)["gain_over_champion_low"] < row(judged, LOOK)["gain_over_champion_low"]
    assert row(week, LOOK)["gain_over_champion_low"] < row(week, "aucpr")["gain_over_champion_low"]
    positives = int(TEST["bad"].sum())
    rarer = min(positives, len(TEST) - positives)
    assert (row(judged, UNITS)["note"], row(judged, UNITS)["n"]) == ("row", len(TEST))
    assert row(judged, UNITS)["challenger"] == rarer
    assert (row(judged, RARER)["n"], row(judged, RARER)["note"]) == (
        rarer,
        "positives" if positives <= len(TEST) / 2 else "negatives",
    )
