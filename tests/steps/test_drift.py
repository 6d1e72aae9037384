"""Drift is found where it was planted and nowhere else, and performance is measured on matured labels
only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import cache
from hashlib import sha256

import duckdb
import numpy as np
import pandas as pd
import pytest

from pipelines.core.config import Metric, UseCase
from pipelines.core.config.watch import Retrain
from pipelines.core.dates import Days
from pipelines.core.errors import BadInput
from pipelines.core.policies import Capacity
from pipelines.core.tasks import BINARY, REGRESSION
from pipelines.metrics import metrics
from pipelines.model import convert
from pipelines.model.graph import Graph
from pipelines.monitoring import diagnosis, feature_drift, impact, outcomes, retraining
from pipelines.monitoring.diagnosis import Diagnosis, Week
from pipelines.monitoring.drift_table import ALL, DECISIONS, LABELS, SCORE, DriftResult, Row
from pipelines.monitoring.outcomes import Outcomes
from pipelines.monitoring.retraining import Decision
from pipelines.registry.registry import Champion
from pipelines.steps import drift
from tests.helpers import fitted

WEEK = date(2026, 2, 2)
DAYS = 20  # of the training, which ends on 31 January
ROWS = 350
PHONE = "phone: "  # a channel, as the picture tells it
FEATURES = ["amount", "age", "channel", "note"]
PREDICTIONS = [SCORE, DECISIONS, LABELS]


@cache
def champion() -> Champion:
    graph = convert.graph_of(fitted.pipeline("linear"), fitted.use_case().features, BINARY, "tiny", {})
    return Champion("3", graph, sha256(graph).hexdigest(), date(2026, 1, 31), 0.5, {})


@cache
def training() -> pd.DataFrame:
    """The training's rows, as many of them on each of its days."""
    rows = fitted.rows()
    first = datetime(2026, 2, 1) - timedelta(days=DAYS)
    days = [first + timedelta(days=n // 2 % DAYS, minutes=n) for n in range(len(rows))]
    return rows.assign(at=days)


@cache
def quiet_week() -> pd.DataFrame:
    """Rows like those of the training, spread over seven days."""
    rows = (
        fitted.rows().drop(columns="split").sample(ROWS, replace=True, random_state=5).reset_index(drop=True)
    )
    days = [datetime(WEEK.year, WEEK.month, WEEK.day) + timedelta(days=n % 7, minutes=n) for n in range(ROWS)]
    return rows.assign(id=[f"w{n:04}" for n in range(ROWS)], at=days)


def drifted_week() -> pd.DataFrame:
    """Greater amounts, half of the ages gone, a new channel, and other words."""
    week = quiet_week().copy()
    week["amount"] *= 2
    week.loc[week.index % 2 == 0, "age"] = np.nan
    week.loc[week.index % 3 == 0, "channel"] = "watch"
    week["note"] = [" ".join(["zebra", "giraffe", "lion", "tapir"][n % 4 :]) for n in range(ROWS)]
    return week


def compare(
    week: pd.DataFrame,
    *,
    labelled: pd.DataFrame | None = None,
    reference: pd.DataFrame | None = None,
    use_case: UseCase | None = None,
    version: str = "3",
    before: pd.DataFrame | None = None,
    due: date = WEEK + timedelta(days=6),
    earlier: Sequence[pd.DataFrame] = (),
    first: date = WEEK,
    judged: Champion | None = None,
) -> DriftResult:
    """Cut the week into nights, score them, and compare.

    Args:
        week: The rows.
        labelled: Those with a label.
        reference: The champion's training.
        use_case: The facts.
        version: Who has scored them.
        before: Of some rows what another version has published: id, score, decision, model_version.
        due: The last day whose labels are due, if any are.
        earlier: The tables `drift_days` of earlier weeks.
        first: The first day of the week.
        judged: The fit that has scored the held-out rows; by default the one that serves.
    """
    use_case = use_case or fitted.use_case()
    scores = (
        Graph(champion().graph)
        .scores(duckdb.from_df(week.replace([np.inf, -np.inf], np.nan)).to_arrow_table())
        .astype(float)
    )
    scored = week[["id", "at"]].assign(
        score=scores,
        decision=(scores >= 0.5).astype(int),
        engine="xgboost",
        model_version=version,
        run="r",
        partition=week["at"].dt.date,
    )
    if before is not None:
        scored = (
            before.set_index("id")
            .combine_first(scored.set_index("id"))
            .reset_index()[list(scored)]
            .astype({"decision": int})
        )
    connection = duckdb.connect()

    def nights(rows: pd.DataFrame) -> list[duckdb.DuckDBPyRelation]:
        days = [rows["at"].dt.date == first + timedelta(days=n) for n in range(7)]
        return [connection.from_df(rows[day].reset_index(drop=True)) for day in days]

    return drift.compare(
        reference=connection.from_df(training() if reference is None else reference),
        earlier=[connection.from_df(days) for days in earlier],
        features=nights(week.drop(columns="bad")),
        predictions=nights(scored),
        week=Days(first, first + timedelta(days=6)),
        nights=7,
        due=_due(connection, nights(scored), labelled, due, use_case),
        champion=champion(),
        judged=judged or champion(),
        use_case=use_case,
    )


def _due(
    connection: duckdb.DuckDBPyConnection,
    predictions: list[duckdb.DuckDBPyRelation],
    labelled: pd.DataFrame | None,
    last: date,
    use_case: UseCase,
) -> Outcomes:
    """The predictions up to a day whose labels are due; none are where there are no labels."""
    if labelled is None:
        rows = outcomes.joined([predictions[0].limit(0)], None, [], use_case)
        return Outcomes(Days(WEEK - timedelta(days=7), WEEK - timedelta(days=1)), rows)
    labels = connection.from_df(labelled[["id", "at", "bad"]])
    ripe = predictions[: (last - WEEK).days + 1]
    rows = outcomes.joined(ripe, labels, [], use_case)
    return Outcomes(Days(last - timedelta(days=6), last), rows, rarer=0.3)


def shuffled(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.sample(frac=1, random_state=1)


def row(found: DriftResult, subject: str) -> pd.Series:
    return found.table[found.table.subject == subject].iloc[0]


def decided(found: DriftResult) -> tuple[Diagnosis, Decision]:
    """What it comes to, of a week in which nobody has reported before."""
    judged = found.table[found.table.kind == "feature"]
    week = Week(
        first=WEEK,
        judged_first=WEEK,
        nights=7,
        rows_a_day=float(judged.current_rows.iloc[0]) / 7,
        usual_rows=None,
        reads={},
        champion="3",
        judged="3",
        metric="aucpr",
        greater=True,
    )
    told = diagnosis.diagnose(found.table, week)
    return told, retraining.decide(told, week, Retrain())


def page(found: DriftResult) -> str:
    """What a person sees of it."""
    told, decision = decided(found)
    return found.page(diagnosis.table([*told.rows(), decision.row()]))


@pytest.fixture(scope="module")
def quiet() -> DriftResult:
    """A week without drift, of which half of the labels are known."""
    week = quiet_week()
    return compare(week, labelled=week.assign(bad=week.bad.where(week.index < ROWS // 2)))


@pytest.fixture(scope="module")
def loud() -> DriftResult:
    """A week with drift in all features, without labels."""
    return compare(drifted_week())


def test_a_quiet_week_shows_no_drift(quiet: DriftResult) -> None:
    judged = quiet.table[~quiet.table.kind.isin(("performance", "labels", "level"))]
    assert judged.subject.to_list() == [*FEATURES, *PREDICTIONS, ALL]
    assert judged.type.to_list() == [
        "number",
        "number",
        "category",
        "text",
        "score",
        "share",
        "share",
        "joint",
    ]
    assert set(judged.verdict) == {"as before"}
    assert not judged.drifted.any()
    assert set(judged.current_rows) == {ROWS}
    assert judged.reference_rows.to_list() == [400, 400, 400, 400, 100, 100, 100, 400]


def test_where_each_night_has_its_number_of_alarms_their_share_says_nothing() -> None:
    exact = Capacity(policy="capacity", alarms_a_day=3, exact=True)
    found = compare(quiet_week(), use_case=fitted.use_case().model_copy(update={"threshold": exact}))
    assert DECISIONS not in set(found.table.subject)
    assert SCORE in set(found.table.subject)


def test_planted_drift_is_found_in_each_kind_of_feature(loud: DriftResult) -> None:
    judged = loud.table[loud.table.kind == "feature"].set_index("subject")
    assert judged.verdict.to_dict() == {
        "amount": "alarm",
        "age": "moved",  # the model hardly looks at it
        "channel": "alarm",
        "note": "alarm",
    }
    assert judged.method.age == "share of rows without a value", "the ages that are left have not changed"
    assert judged.note.age.startswith("missing: ")
    assert judged.score_change.age < 0.05 < judged.score_change.amount
    assert judged.current_missing.age == pytest.approx(0.55, abs=0.05)


def test_matured_labels_give_the_performance_beside_the_held_out_one(quiet: DriftResult) -> None:
    week, held_out = quiet_week()[: ROWS // 2], fitted.rows()[fitted.rows().split == "test"]
    graph = Graph(champion().graph)
    for name in fitted.use_case().measured:
        for rows, value in ((week, row(quiet, name).value), (held_out, row(quiet, name).reference_value)):
            assert value == pytest.approx(
                metrics.measure(name, rows.bad, graph.scores(duckdb.from_df(rows).to_arrow_table()))
            )
    performance = quiet.table[quiet.table.kind == "performance"]
    assert performance.subject.iloc[0] == "aucpr", "the primary metric comes first"
    assert set(performance.matured_share) == {0.5}
    assert performance.drifted.isna().all()


def test_a_week_without_labels_has_no_performance_and_says_when_there_will_be(loud: DriftResult) -> None:
    performance = loud.table[loud.table.kind == "performance"]
    assert performance.value.isna().all()
    assert performance.note.str.contains("no rows").all()
    assert (
        loud.summary()
        == "drift: 3 alarms (amount, channel, note), 1 of 4 features moved, of little weight alone (age); no labelled"
        " rows (the first labels are known on 2026-02-04)"
    )
    assert "no label is due yet" in page(loud)


@pytest.mark.parametrize(
    "labelled",
    [quiet_week().assign(bad=np.nan), quiet_week().assign(id="another key")],
    ids=["no label", "no key"],
)
def test_labels_that_are_due_and_not_there_are_told(labelled: pd.DataFrame) -> None:
    found = compare(quiet_week(), labelled=labelled, due=WEEK + timedelta(days=4))
    assert row(found, "aucpr").due_rows == 250
    assert found.summary().endswith("; no labelled rows, though the labels of 250 predictions are due")
    assert "The labels of 250 predictions are due" in page(found)
    assert "none was found" in page(found)
    assert "verdict bad" in page(found), "whether or not the file states a limit"


def test_labels_that_are_due_and_not_there_are_no_reason_to_train() -> None:
    strict = with_least(0.3)
    found = compare(quiet_week(), labelled=quiet_week().assign(bad=np.nan), use_case=strict)
    assert decided(found)[1].action == retraining.QUARANTINE


def with_least(worst: float) -> UseCase:
    facts = fitted.use_case()
    return facts.model_copy(
        update={"monitoring": facts.monitoring.model_copy(update={"min_performance": worst})}
    )


@pytest.mark.parametrize(
    ("labelled", "told"),
    [
        (quiet_week()[:12], "of 350 predictions whose labels are due, 12 have one; at least 170 must"),
        (quiet_week()[quiet_week().bad == 0], "aucpr has no value on .* all have the label 0"),
    ],
    ids=["nearly none", "one class"],
)
def test_labels_that_judge_nothing_and_ought_to_are_a_red_page(labelled: pd.DataFrame, told: str) -> None:
    for facts in (fitted.use_case(), with_least(0.3)):
        red = page(compare(quiet_week(), labelled=labelled, use_case=facts))
        assert re.search(told, red)
        assert "verdict bad" in red


def test_labels_are_as_many_as_the_training_had_in_its_newest_days() -> None:
    # the training's last two days are the 29th and 30th
    rows = fitted.rows().assign(at=lambda rows: rows["at"] + timedelta(days=29))
    sparse = rows.assign(bad=rows.bad.where(rows.index % 4 == 0))
    older = rows.assign(id="old " + rows.id, at=rows["at"] - timedelta(days=9))
    found = compare(quiet_week(), labelled=quiet_week(), reference=pd.concat([sparse, older]))
    assert row(found, "aucpr").reference_labelled == pytest.approx(100 / 401)
    long_ago = compare(
        quiet_week(),
        labelled=quiet_week(),
        reference=pd.concat([sparse, older]).assign(at=older["at"].iloc[0]),
    )
    assert row(long_ago, "aucpr").reference_labelled == pytest.approx(500 / 801), (
        "where its newest days have no rows, all of it"
    )


def test_only_days_whose_labels_are_not_due_are_estimated() -> None:
    week, due = quiet_week(), WEEK + timedelta(days=4)
    found = compare(week, labelled=week, due=due)
    waiting = int((week["at"].dt.date > due).sum())
    estimated = found.performance[found.performance.status == "estimated"]
    (whole,) = found.table[found.table.kind == "estimate"].to_dict("records")
    assert 0 < waiting < len(week)
    assert whole["current_rows"] == waiting
    assert set(estimated.day.dt.date) == {due + timedelta(days=n) for n in (1, 2)}
    assert estimated[estimated.metric == "aucpr"].rows.sum() == waiting


def test_labels_of_which_some_are_there_are_counted_beside_those_that_are_due() -> None:
    found = compare(quiet_week(), labelled=quiet_week()[:100], due=WEEK + timedelta(days=4))
    assert row(found, "aucpr").current_rows == 72, "of the two days that are not due nothing is looked at"
    assert (
        "on 72 labelled rows (2026-01-31 to 2026-02-06; the labels of 250 predictions are due)"
        in found.summary()
    )


def test_labels_of_one_class_leave_a_reason_instead_of_a_number() -> None:
    good = quiet_week()[quiet_week().bad == 0]
    found = compare(quiet_week(), labelled=good)
    assert pd.isna(row(found, "aucpr").value)
    assert "all have the label 0" in row(found, "aucpr").note
    assert row(found, "brier").value > 0
    told = (
        f"no aucpr on {len(good)} labelled rows (2026-02-02 to 2026-02-08; the labels of 350 predictions are"
        f" due): aucpr has no value on {len(good)} rows"
    )
    assert told in found.summary()


def test_same_rows_give_the_same_table_and_page_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(impact, "MOST_ROWS", 100)  # so that it matters which rows are taken
    week = drifted_week()
    once = compare(week, labelled=week, reference=training())
    again = compare(shuffled(week), labelled=shuffled(week), reference=shuffled(training()))
    pd.testing.assert_frame_equal(again.table, once.table)
    pd.testing.assert_frame_equal(again.days, once.days)
    assert page(again) == page(once)


def test_all_rows_of_the_week_are_looked_at() -> None:
    week = quiet_week()
    late = week.assign(amount=week.amount.where(week.index < ROWS // 2, 1_000.0))
    assert row(compare(late), "amount").verdict == "alarm"


def test_held_out_rows_whose_texts_are_all_missing_are_scored() -> None:
    rows = training().assign(note=lambda rows: rows.note.where(rows.split == "train"))
    assert row(compare(quiet_week(), reference=rows), "aucpr").reference_value > 0


def test_the_page_is_about_its_whole_week_also_where_the_last_night_had_no_rows() -> None:
    week = quiet_week()
    found = compare(week[week["at"].dt.date < WEEK + timedelta(days=6)])
    assert f"The week from {WEEK} to {WEEK + timedelta(days=6)}" in page(found)


def test_the_page_shows_no_text_and_no_personal_value(loud: DriftResult) -> None:
    assert "giraffe" not in page(loud)
    assert PHONE in page(loud), "a category that is not personal is shown"
    facts = fitted.use_case()
    columns = facts.columns | {
        name: facts.columns[name].model_copy(update={"pii": True}) for name in ("channel", "amount")
    }
    found = compare(quiet_week(), use_case=facts.model_copy(update={"columns": columns}))
    assert PHONE not in page(found)
    assert f"{quiet_week().amount.max():.2f}"[:-1] not in page(found)
    assert row(found, "channel").verdict == "as before", "judged all the same"


def test_a_number_made_of_a_personal_text_is_not_shown_since_it_may_be_cut_out_of_it() -> None:
    facts = fitted.use_case()
    columns = facts.columns | {"note": facts.columns["note"].model_copy(update={"pii": True})}
    features = facts.features.model_copy(
        update={"numbers": facts.features.numbers | {"age": "regexp_extract(NOTE, '[0-9]+')::int"}}
    )
    week = quiet_week()
    found = compare(
        week.assign(age=4_771_999.0 + week.age),
        use_case=facts.model_copy(update={"columns": columns, "features": features}),
    )
    assert "4771999" not in page(found)
    assert row(found, "age").drifted, "judged all the same"


def test_the_page_stands_alone_and_says_what_matters_first(loud: DriftResult) -> None:
    assert page(loud).startswith("<!doctype html>")
    assert "<strong>3 alarms: " in page(loud)
    assert "of little weight alone: age." in page(loud)
    assert "<script" not in page(loud)
    assert "srcdoc" not in page(loud)
    assert len(page(loud)) < 100_000
    assert "sluice drift evidently tiny 2026-02-02 --out evidently.html" in page(loud)
    subjects = [subject for subject in re.findall(r"<tr><td>([^<]*)<br>", page(loud)) if subject in FEATURES]
    assert subjects[-1] == "age", "what costs nothing stands below what costs"


def test_a_stated_least_performance_is_told_on_the_page() -> None:
    reversed_ = quiet_week().assign(bad=1 - quiet_week().bad)
    found = page(compare(quiet_week(), labelled=reversed_, use_case=with_least(0.9)))
    assert "min_performance allows at least 0.9" in found


def test_nights_of_another_version_are_told() -> None:
    found = compare(quiet_week(), version="2")
    score = row(found, "score")
    assert score.note == "not compared: all nights were scored by version 2, none by 3"
    assert (score.current_rows, pd.isna(score.value), pd.isna(score.drifted)) == (0, True, True)
    assert "not compared</span>" in page(found)
    assert "the score is not compared" in found.summary()


# --- a week with a promotion: the first three nights are version 2's, whose scores are a tenth of version 3's and whose threshold is 0.02


def earlier(week: pd.DataFrame) -> pd.DataFrame:
    """What version 2 has published of them: other scores in the same order, other decisions."""
    scores = Graph(champion().graph).scores(duckdb.from_df(week).to_arrow_table()).astype(float) / 10
    published = pd.DataFrame(
        {"id": week.id, "score": scores, "decision": (scores >= 0.02).astype(int), "model_version": "2"}
    )
    return published[(week["at"] < datetime(2026, 2, 5)).to_numpy()]


def test_each_day_s_greatest_scores_are_those_of_all_its_rows_whether_they_have_a_label_or_not() -> None:
    use_case = fitted.use_case().model_copy(update={"metric": Metric(name="precision_at_k", k=20)})
    week = quiet_week()
    labelled = week.iloc[: ROWS // 2]
    found = compare(week, labelled=labelled, use_case=use_case)
    score = Graph(champion().graph).scores(duckdb.from_df(week).to_arrow_table()).astype(float)
    order = week.assign(score=score).sort_values(["score", "id"], ascending=[False, True])
    taken = order.groupby(order["at"].dt.date).head(20)
    known = taken[taken["id"].isin(labelled["id"])]
    primary = row(found, "precision_at_k")
    assert primary.value == pytest.approx(known["bad"].mean())
    assert primary.low <= primary.value <= primary.high
    assert primary.reference_value == primary.reference_value, "the held-out rows have days, too"
    assert row(found, "recall_at_k").value == pytest.approx(known["bad"].sum() / labelled["bad"].sum())


def test_the_page_says_why_held_out_rows_have_another_interval_than_on_the_card() -> None:
    week = quiet_week()
    assert "not quite that of the model card" in page(compare(week, labelled=week))
    assert "not quite that of the model card" not in page(compare(week)), "there is none to compare"


def promoted_week() -> tuple[pd.DataFrame, DriftResult]:
    """Each row with the score and the decision that were published of it, and what the report says."""
    week = quiet_week()
    own = Graph(champion().graph).scores(duckdb.from_df(week).to_arrow_table()).astype(float)
    published = week.assign(score=own, decision=(own >= 0.5).astype(int), version="3").set_index("id")
    old = earlier(week).set_index("id")
    published.loc[old.index, ["score", "decision", "version"]] = old.to_numpy()
    return published, compare(week, labelled=week, before=earlier(week))


def test_a_week_with_a_promotion_is_judged_by_what_each_version_has_decided() -> None:
    week, found = promoted_week()
    decided, bad = week.decision.to_numpy(int), week.bad.to_numpy(int)
    for name in ("f1", "precision", "recall"):
        assert row(found, name).value == pytest.approx(metrics.measure(name, bad, decided))
    assert (week.score >= 0.5).sum() < decided.sum(), "by the new threshold the old scores would be no alarms"
    assert row(found, "brier").value == pytest.approx(np.mean((week.score - bad) ** 2)), (
        "of the probabilities as they were published"
    )


def test_a_week_with_a_promotion_ranks_each_version_s_rows_for_themselves() -> None:
    week, found = promoted_week()
    parts = {str(version): week[week.version == version] for version in ("2", "3")}
    pairs = {version: part.bad.sum() * (part.bad == 0).sum() for version, part in parts.items()}
    positives = {version: part.bad.sum() for version, part in parts.items()}
    for name, weights in (("aucpr", positives), ("roc_auc", pairs)):
        own = {
            version: metrics.measure(name, part.bad, part.score.to_numpy(float))
            for version, part in parts.items()
        }
        assert row(found, name).value == pytest.approx(
            sum(own[v] * weights[v] for v in own) / sum(weights.values())
        )
        assert row(found, name).value > metrics.measure(name, week.bad, week.score.to_numpy(float)) + 0.01, (
            "mixed, they are no ranking"
        )
        for version, value in own.items():
            assert row(found, f"{name} of version {version}").value == pytest.approx(value)


def test_a_week_with_a_promotion_tells_each_version_and_judges_the_whole() -> None:
    week, found = promoted_week()
    versions = found.table[found.table.kind == "version"].set_index("subject")
    assert len(versions) == 2 * len(fitted.use_case().measured)
    assert versions.current_rows["f1 of version 2"] == (week.version == "2").sum()
    assert pd.isna(versions.reference_value["f1 of version 2"]), (
        "the champion's held-out rows say nothing of another"
    )
    assert versions.reference_value["f1 of version 3"] == row(found, "f1").reference_value
    assert row(found, "aucpr").note == "by versions 2 and 3, each by its own scores and decisions"
    assert row(found, "score").note.startswith("only the 200 rows that version 3 has scored are compared")
    assert row(found, "score").drifted == False  # noqa: E712  (a nullable boolean)
    assert "precision of version 2" in page(found)
    performed = found.table[found.table.kind == "performance"]
    assert performed.subject.iloc[0] == "aucpr", "the primary metric comes first"


def test_a_version_whose_labels_have_one_class_has_no_part_in_a_ranking() -> None:
    week = quiet_week()
    old = set(earlier(week).id)
    found = compare(week, labelled=week[~week.id.isin(old) | (week.bad == 0)], before=earlier(week))
    assert "all have the label 0" in row(found, "aucpr of version 2").note
    assert row(found, "aucpr").value == row(found, "aucpr of version 3").value
    none = compare(week, labelled=week[week.id.isin(old) == (week.bad == 0)], before=earlier(week))
    assert row(none, "roc_auc").note.startswith(
        "roc_auc has no value: of no version there are labels of both 0 and 1"
    )
    assert row(none, "brier").value > 0


def test_a_regression_s_week_with_a_promotion_adds_up() -> None:
    facts = fitted.use_case("regression")
    graph = convert.graph_of(fitted.pipeline("linear", "regression"), facts.features, REGRESSION, "tiny", {})
    week = fitted.rows("regression").drop(columns="split").head(100)
    week = week.assign(at=[datetime(2026, 2, 2) + timedelta(days=n % 7) for n in range(100)])
    versions = np.where(np.arange(100) % 7 < 3, "2", "3")
    connection, champion = duckdb.connect(), Champion("3", graph, "", date(2026, 1, 31), None, {})
    scored = connection.from_df(
        week[["id", "at"]].assign(score=week.bad + 1.0 * (versions == "2"), model_version=versions)
    )
    found = drift.compare(
        reference=connection.from_df(fitted.rows("regression")),
        features=[connection.from_df(week.drop(columns="bad"))],
        predictions=[scored],
        week=Days(WEEK, WEEK + timedelta(days=6)),
        nights=1,
        due=_due(connection, [scored], week, WEEK, facts),
        champion=champion,
        judged=champion,
        use_case=facts,
    )
    assert row(found, "mae").value == pytest.approx((versions == "2").mean())
    assert (row(found, "mae of version 2").value, row(found, "mae of version 3").value) == (
        pytest.approx(1),
        pytest.approx(0),
    )


def test_odd_columns_are_judged() -> None:
    """Name -> its values in training, in the week, whether that has moved, and a part of the note."""
    gone = "missing: 0.0 % in the reference, 100.0 % in the week; no value in the week"
    cases: dict[str, tuple[list[float], list[float], bool, str | None]] = {
        "gone": ([1.0, 2.0, 2.0], [np.nan], True, gone),
        "infinite": ([1.0, 2.0, 2.0], [np.inf, -np.inf], True, "no value in the week"),
        "never_there": ([np.nan], [np.nan], False, "no value in the reference"),
        "came": ([np.nan], [1.0, 2.0], True, "no value in the reference"),
        "constant": ([3.0], [3.0], False, None),
        "no_longer_constant": ([3.0], [3.0, 4.0], True, None),
        "another_constant": ([3.0], [4.0], True, None),
        "became_constant": ([1.0, 2.0, 3.0], [2.0], True, "one value in all rows of the week"),
        "switch": ([True, False, False], [False, True, False], False, None),
        "rare_switch": ([1.0] + [0.0] * 49, [1.0] + [0.0] * 2, True, None),
    }
    facts = fitted.use_case()
    features = facts.features.model_copy(
        update={"numbers": {**facts.features.numbers, **dict.fromkeys(cases, "amount")}}
    )
    before = training().assign(
        **{name: np.resize(before, len(training())) for name, (before, *_) in cases.items()}
    )
    week = quiet_week().assign(**{name: np.resize(now, ROWS) for name, (_, now, *_) in cases.items()})
    found = compare(week, reference=before, use_case=facts.model_copy(update={"features": features}))
    assert {name: bool(row(found, name).drifted) for name in cases} == {
        name: drifted for name, (_, _, drifted, _) in cases.items()
    }
    for name, (*_, note) in cases.items():
        assert pd.isna(row(found, name).note) if note is None else note in row(found, name).note
        assert row(found, name).verdict != "alarm", "the model does not know it"


def test_a_week_beside_too_few_days_is_not_compared_and_says_so() -> None:
    found = compare(quiet_week(), reference=fitted.rows())
    judged = found.table[~found.table.kind.isin(["performance", "estimate"])]
    assert set(judged.verdict) == {"not compared"}
    told = "not compared: 1 day of the training and since say what is usual, at least 7 must"
    assert row(found, "age").note == told
    assert "verdict warn" in page(found)


def later_week(n: int, factor: float) -> pd.DataFrame:
    """The quiet week some weeks later, its amounts times a factor."""
    week = quiet_week()
    return week.assign(at=week["at"] + timedelta(days=7 * n), amount=week.amount * factor)


def test_weeks_since_the_training_say_what_is_usual() -> None:
    """Amounts have grown week by week, and each week is beside those before it."""
    earlier: list[pd.DataFrame] = []
    for n in range(6):
        found = compare(later_week(n, 1.15**n), earlier=earlier[::-1], first=WEEK + timedelta(days=7 * n))
        assert row(found, "amount").verdict != "alarm"
        earlier.append(found.days)
    alone = compare(later_week(5, 1.15**5), first=WEEK + timedelta(days=35))
    assert row(alone, "amount").drifted, "beside the training alone it has moved"


def test_weeks_that_were_an_alarm_say_nothing_of_what_is_usual() -> None:
    earlier: list[pd.DataFrame] = []
    for n in range(4):
        found = compare(later_week(n, 10), earlier=earlier[::-1], first=WEEK + timedelta(days=7 * n))
        assert row(found, "amount").verdict == "alarm"
        assert row(found, "channel").verdict == "as before"
        earlier.append(found.days)
    assert found.days.groupby("subject").alarm.all().to_dict()["amount"]


def test_where_all_features_together_are_an_alarm_what_has_moved_is_not_usual() -> None:
    def of(subject: str, kind: str, verdict: str) -> Row:
        return Row(subject=subject, kind=kind, type="", reference_rows=1, current_rows=1, verdict=verdict)  # type: ignore[arg-type]

    quiet = [of("a", "feature", "moved"), of("b", "feature", "alarm"), of("c", "feature", "as before")]
    assert feature_drift._unusual([*quiet, of(ALL, "joint", "moved")]) == ["b"]
    assert feature_drift._unusual([*quiet, of(ALL, "joint", "alarm")]) == ["a", "b", ALL]


def test_a_training_without_one_of_the_features_is_refused() -> None:
    with pytest.raises(BadInput, match=r"(?s)version 3, 2026-01-31.*- age.*train again"):
        compare(quiet_week(), reference=fitted.rows().drop(columns="age"))


def test_a_week_without_rows_is_refused() -> None:
    with pytest.raises(BadInput, match="nothing to compare"):
        compare(quiet_week()[:0])


def other_fit() -> Champion:
    """One that was judged before the champion was fitted again: its scores of the same rows are others."""
    graph = convert.graph_of(fitted.pipeline("forest"), fitted.use_case().features, BINARY, "tiny", {})
    return Champion("3", graph, sha256(graph).hexdigest(), date(2026, 1, 31), 0.5, {})


def test_scores_are_not_said_to_move_where_another_fit_serves_than_was_judged() -> None:
    def verdicts(judged: Champion | None, week: pd.DataFrame) -> set[str]:
        table = compare(week, judged=judged).table
        return set(table[table.kind == "prediction"].verdict)

    assert verdicts(other_fit(), quiet_week()) == verdicts(None, quiet_week()) == {"as before"}
    # what has moved beside both is said to
    moved = quiet_week().assign(amount=quiet_week()["amount"] * 5)
    assert "alarm" in verdicts(other_fit(), moved)
