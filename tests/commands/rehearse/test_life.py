"""A rehearsed time: nights by the champion of their mornings, trainings when they are due, and nothing real
touched.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.commands import rehearse
from pipelines.commands.rehearse.life import Life, worth
from pipelines.commands.rehearse.played import Played, Registry, mornings
from pipelines.commands.rehearse.told import Month, Policy
from pipelines.core.dates import Days
from pipelines.core.errors import BadInput
from pipelines.monitoring.drift_table import SCORE
from pipelines.storage.settings import Settings
from tests.helpers import tiny
from tests.steps import test_kept_model

NIGHTS = Days(date(2026, 2, 1), date(2026, 3, 15))
COSTS = "{policy: least_cost, false_positive: 1, false_negative: 10}"
OF_LABELS = (
    "    known: {by: [customer], since: 7d, until: 2d}\n",
    "    bad_before: avg(bad) over known\n",
)
TURNED = date(2026, 2, 9)  # from which on the tests' payments mean the opposite


def payments(day: date) -> pa.Table:
    """The tiny use case's, of which from some day on the others are bad."""
    rows = tiny.payments(day)
    if day < TURNED:
        return rows
    at = rows.column_names.index("bad")
    return rows.set_column(at, "bad", pa.array([1 - one for one in rows["bad"].to_pylist()]))


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Life, list[Month], Path]:
    """A time in which everything turns after a week, by a monthly schedule."""
    place = tmp_path_factory.mktemp("rehearsal")
    (place / "use_cases").mkdir()
    text = tiny.YAML.replace("tests.helpers.tiny:payments", f"{__name__}:payments")
    text = text.replace("{policy: max_recall, precision: 0.5}", COSTS)
    for line in OF_LABELS:
        text = text.replace(line, "")
    (place / "use_cases" / f"{tiny.NAME}.yaml").write_text(text + '\nschedule: {training: "0 4 10 * *"}\n')
    settings = Settings(
        data=place / "real", use_cases=place / "use_cases", var=place / "var", mlflow="", mirror=None
    )
    played = Played.of(settings, tiny.NAME, NIGHTS, place / "played")
    life = Life(played, Registry(played, "declared"), by_reports=True)
    return life, list(life.live()), place


Lived = tuple[Life, list[Month], Path]


def test_each_month_has_all_rows_of_its_nights(lived: Lived) -> None:
    _, months, _ = lived
    assert [month.month for month in months] == ["2026-02", "2026-03"]
    assert [month.worth.rows for month in months] == [28 * tiny.ROWS_A_DAY, 15 * tiny.ROWS_A_DAY]
    assert all(month.worth.labelled == month.worth.rows for month in months)


def test_where_only_the_prior_moves_the_model_is_kept_and_no_report_calls_again(tmp_path: Path) -> None:
    (tmp_path / "use_cases").mkdir()
    (tmp_path / "use_cases" / f"{tiny.NAME}.yaml").write_text(test_kept_model.yaml_text())
    settings = Settings(
        data=tmp_path / "real", use_cases=tmp_path / "use_cases", var=tmp_path / "var", mlflow="", mirror=None
    )
    nights = Days(test_kept_model.NEW, test_kept_model.NEW + timedelta(days=21))
    played = Played.of(settings, tiny.NAME, nights, tmp_path / "played")
    life = Life(played, Registry(played, "declared"), by_reports=True)
    list(life.live())
    assert [(one.why, one.version) for one in life.trainings] == [
        ("the first training", "1"),
        ("the report of 2026-02-08, by prior", "2"),
    ]
    kept = life.trainings[-1]
    assert "version 1 with a new threshold and calibration" in kept.outcome
    assert kept.seen is not None
    assert kept.seen > 0.02
    assert " brier, came true +0.0" in str(kept)
    assert life.champion_of(nights.last) == "2"


def test_nothing_real_is_written(lived: Lived) -> None:
    _, _, place = lived
    assert not (place / "real").exists()
    assert not (place / "var").exists()


def test_a_report_that_is_red_calls_for_a_training_and_the_schedule_has_its_own(lived: Lived) -> None:
    life, months, _ = lived
    assert [one.morning for one in life.trainings if one.why == "the first training"] == [NIGHTS.first]
    assert [one.morning for one in life.trainings if one.why == "the schedule"] == [
        date(2026, 2, 10),
        date(2026, 3, 10),
    ]
    assert life.called
    assert "concept, so wait for labels" in months[0].red[0]
    assert [one.morning for one in life.trainings if "report" in one.why] == [date(2026, 3, 1)]


def test_a_night_is_scored_by_the_champion_of_its_morning(lived: Lived) -> None:
    life, _, _ = lived
    promoted = [one for one in life.trainings if one.version]
    assert len(promoted) >= 2  # what has turned is learned in the end
    for before, after in itertools.pairwise(promoted):
        assert life.champion_of(after.morning - timedelta(days=1)) == before.version
        assert life.champion_of(after.morning) == after.version


def test_a_promotion_tells_what_it_claimed_and_what_came_true(lived: Lived) -> None:
    life, _, _ = lived
    later = [one for one in life.trainings[1:] if one.version]
    assert later[0].claimed is not None
    assert later[0].claimed > 0
    assert later[0].seen is not None
    assert later[0].seen > 0
    assert later[0].seen_rows > 0


def test_costs_are_those_of_the_file(lived: Lived) -> None:
    life, months, _ = lived
    scored = [(day, life.registry.day(life.champion_of(day), day)) for day in NIGHTS]
    wrong = [
        (decision, label)
        for _, rows in scored
        for decision, label in zip(rows["decision"].to_pylist(), rows["bad"].to_pylist(), strict=True)
        if decision != label
    ]
    cost = sum(1 if decision else 10 for decision, _ in wrong)
    assert sum(month.worth.cost or 0 for month in months) == cost
    assert life.policy("as declared").worth.cost == cost


def test_never_to_train_again_costs_more_where_everything_turns(lived: Lived) -> None:
    life, _, _ = lived
    declared, never = life.policy("as declared"), life.policy("never", life.first_champion)
    assert declared.worth.cost is not None
    assert never.worth.cost is not None
    assert declared.worth.cost < never.worth.cost
    assert (never.trainings, declared.trainings) == (1, len(life.trainings))


def test_months_and_policies_count_the_same_trainings(lived: Lived) -> None:
    life, months, _ = lived
    declared = life.policy("as declared")
    assert sum(len(month.trainings) for month in months) == declared.trainings
    promoted = [one for month in months for one in month.trainings if one.version]
    assert len(promoted) == declared.promotions


def test_by_schedule_alone_no_report_calls_for_a_training(lived: Lived) -> None:
    life, _, _ = lived
    policy = rehearse._by_schedule(life.played, life)
    assert policy.trainings == 3, "the first one, and two by schedule"
    assert policy.worth.cost != life.policy("as declared").worth.cost


def test_rows_without_any_are_worth_nothing(lived: Lived) -> None:
    life, _, _ = lived
    assert worth(life.played, []).performance == "-"
    day = life.registry.day(life.first_champion, NIGHTS.first)
    right = day.set_column(
        day.column_names.index(SCORE), SCORE, pa.array([float(one) for one in day["bad"].to_pylist()])
    )
    assert worth(life.played, [(NIGHTS.first, right)]).value == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("cron", "found"),
    [
        (None, []),
        ("0 4 1 * *", [date(2026, 2, 1), date(2026, 3, 1)]),
        ("0 3,5 15 * *", [date(2026, 2, 15), date(2026, 3, 15)]),
    ],
)
def test_the_schedule_s_mornings(lived: Lived, cron: str | None, found: Sequence[date]) -> None:
    use_case = lived[0].played.use_case
    schedule = use_case.schedule.model_copy(update={"training": cron})
    assert list(mornings(use_case.model_copy(update={"schedule": schedule}), NIGHTS)) == list(found)


def test_no_nights_are_a_sentence(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no night lies between"):
        Played.of(settings, tiny.NAME, Days(date(2026, 3, 1), date(2026, 2, 1)), tmp_path / "played")


def test_lines_for_a_person(lived: Lived) -> None:
    life, months, _ = lived
    assert str(months[0]).startswith("2026-02      1,120     1,120")
    assert "the first training: version" in str(months[0])
    policy = Policy(
        use_case="tiny", policy="never", worth=replace(months[0].worth, cost=12.4), trainings=0, promotions=0
    )
    assert "cost           12" in str(policy)
    assert life.played.days == NIGHTS
