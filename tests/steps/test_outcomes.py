"""Performance is judged on the newest days whose labels are due, however late these come: what is reversed is
red in the first report after that, and what is as it was is not.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipelines.core import sql
from pipelines.core.dates import Days, due_days
from pipelines.core.errors import BadInput
from pipelines.monitoring import judged, matured_labels, scored_days
from pipelines.monitoring.matured_labels import Judge
from pipelines.monitoring.outcomes import Outcomes, wants_more
from pipelines.registry import registry
from pipelines.registry.registry import Champion
from pipelines.run.run import Run
from pipelines.steps import outcomes, week
from pipelines.storage.settings import Settings
from tests.helpers import judged as gates
from tests.helpers import tiny

WEEK = date(2026, 5, 4)
LONG_AGO = date(2026, 1, 1)
CHAMPION = Champion("1", b"", "", date(2025, 12, 31), 0.5, {})


def reversed_payments(day: date) -> pa.Table:
    """As `tiny.payments`, but what was good is bad."""
    rows = tiny.payments(day)
    return rows.set_column(rows.schema.get_field_index("bad"), "bad", pc.subtract(1, rows["bad"]))


def good_payments(day: date) -> pa.Table:
    """As `tiny.payments`, but nothing is bad."""
    rows = tiny.payments(day)
    return rows.set_column(rows.schema.get_field_index("bad"), "bad", pc.multiply(0, rows["bad"]))


def unlabelled_payments(day: date) -> pa.Table:
    """As `tiny.payments`, and nobody says what is bad."""
    rows = tiny.payments(day)
    return rows.set_column(rows.schema.get_field_index("bad"), "bad", pa.nulls(len(rows), pa.int64()))


def a_run(place: Path, delay: int, payments: str = "tests.helpers.tiny:payments", more: str = "") -> Run:
    """A drift report of a use case whose labels come so many days late."""
    (place / "use_cases").mkdir(exist_ok=True)
    text = tiny.YAML.replace("tests.helpers.tiny:payments", payments)
    text = text.replace("delay_days: 2", f"delay_days: {delay}") + more
    (place / "use_cases" / "tiny.yaml").write_text(text)
    settings = Settings(data=place / "data", use_cases=place / "use_cases", var=place, mlflow="", mirror=None)
    return Run.open("tiny", "drift", WEEK, settings).task()


def scored(day: date) -> str:
    """A night's predictions in SQL: high where the amount is, and the channel is not chip."""
    return f"""SELECT id, "at", greatest(least(if(channel = 'chip', 0, amount / 100), 1), 0) AS score,
        (channel <> 'chip' AND amount > 50)::TINYINT AS decision, 'onnx' AS engine, '1' AS model_version,
        'r' AS run, DATE '{day}' AS partition FROM rows"""


def nights(run: Run, days: Days) -> None:
    """Nights that were scored and let through."""
    for day in days:
        store = run.store.at("scoring", day)
        rows = run.store.connection.from_arrow(tiny.payments(day))
        store.write("predictions", rows.query("rows", scored(day)))
        gates.clearance(store, "predictions")


def learned(run: Run) -> duckdb.DuckDBPyRelation:
    """The rows that the champion was judged on, with scores."""
    rows = pa.concat_tables([tiny.payments(LONG_AGO + timedelta(days=n)) for n in range(10)])
    table = run.store.connection.from_arrow(rows)
    return sql.select(table, "rows", scored(LONG_AGO).replace("SELECT id", "SELECT bad, id"))


def read(run: Run) -> Outcomes:
    return outcomes.read(run, CHAMPION, learned(run))


def told(run: Run, due: Outcomes) -> dict[str, object]:
    """The primary metric's row."""
    judge = Judge(CHAMPION, learned(run), lead=0.5)
    rows = matured_labels.rows(due, scored_days.final(due, 0.99), judge, 0.99, run.use_case)
    return asdict(rows[0])


@pytest.mark.parametrize("delay", [0, 7, 30, 90])
def test_a_reversed_concept_is_red_as_soon_as_its_labels_are_due(tmp_path: Path, delay: int) -> None:
    run = a_run(tmp_path, delay, "tests.steps.test_outcomes:reversed_payments")
    nights(run, due_days(run.use_case, WEEK))
    due = read(run)
    assert due.rows.aggregate("count(*), count(label), count(DISTINCT time::DATE)").fetchall() == [
        (280, 280, 7)
    ]
    (red,) = judged.red(told(run, due), greater=True)
    assert "surely worse by" in red
    stated = a_run(
        tmp_path, delay, "tests.steps.test_outcomes:reversed_payments", "monitoring: {min_performance: 0.7}\n"
    )
    nights(stated, due_days(run.use_case, WEEK))
    assert "min_performance allows at least 0.7" in judged.red(told(stated, read(stated)), greater=True)[0]


@pytest.mark.parametrize("delay", [0, 7, 30, 90])
def test_what_is_as_it_was_is_not_red(tmp_path: Path, delay: int) -> None:
    run = a_run(tmp_path, delay, more="monitoring: {min_performance: 0.3}\n")
    nights(run, due_days(run.use_case, WEEK))
    row = told(run, read(run))
    assert row["value"] > 0.5  # type: ignore[operator]
    assert judged.red(row, greater=True) == []
    assert judged.amber(row, greater=True) == []


@pytest.mark.parametrize(
    ("delay", "first"),
    [(0, date(2026, 5, 4)), (1, date(2026, 5, 4)), (2, date(2026, 5, 3)), (90, date(2026, 2, 4))],
)
def test_the_judged_days_are_the_newest_of_which_labels_are_due(
    tmp_path: Path, delay: int, first: date
) -> None:
    run = a_run(tmp_path, delay)
    assert due_days(run.use_case, WEEK) == Days(first, first + timedelta(days=6))


def test_days_before_the_first_night_are_not_missed_and_later_ones_are_told(tmp_path: Path) -> None:
    run = a_run(tmp_path, 30)
    days = due_days(run.use_case, WEEK)
    for n in (2, 4):
        nights(run, Days(days.first + timedelta(days=n), days.first + timedelta(days=n)))
    due = read(run)
    assert due.missing == tuple(days.first + timedelta(days=n) for n in (3, 5, 6))
    assert due.told() == ["no night of 2026-04-08, 2026-04-10, 2026-04-11: its predictions are not judged"]


def test_nights_that_are_gone_are_red(tmp_path: Path) -> None:
    run = a_run(tmp_path, 30)
    nights(run, Days(WEEK - timedelta(days=60), WEEK - timedelta(days=60)))
    nights(run, Days(WEEK, WEEK))
    row = told(run, read(run))
    assert row["due_rows"] == 0
    assert judged.red(row, greater=True) == ["aucpr has no value: there are no rows"]


def test_a_first_week_is_not_red(tmp_path: Path) -> None:
    run = a_run(tmp_path, 30)
    nights(run, Days(WEEK, WEEK + timedelta(days=6)))
    assert judged.red(told(run, read(run)), greater=True) == []


def test_a_night_that_was_not_let_through_is_left_out(tmp_path: Path) -> None:
    run = a_run(tmp_path, 30)
    days = due_days(run.use_case, WEEK)
    nights(run, days)
    gates.clearance(run.store.at("scoring", days.last), "predictions", passed=False)
    due = read(run)
    assert due.left_out == (days.last,)
    assert due.rows.aggregate("count(*)").fetchall() == [(240,)]


def test_one_class_where_both_are_usual_is_red_and_looks_no_further(tmp_path: Path) -> None:
    run = a_run(tmp_path, 7, "tests.steps.test_outcomes:good_payments")
    nights(run, due_days(run.use_case, WEEK))
    due = read(run)
    assert not wants_more(due, run.use_case)
    (red,) = judged.red(told(run, due), greater=True)
    assert "all have the label 0" in red


def test_one_class_that_may_be_chance_looks_at_four_weeks(tmp_path: Path) -> None:
    run = a_run(tmp_path, 7, "tests.steps.test_outcomes:good_payments")
    days = due_days(run.use_case, WEEK, weeks=4)
    nights(run, days)
    rare = sql.select(
        learned(run), "rows", "SELECT * REPLACE ((bad * (hash(id) % 50 = 0)::INT) AS bad) FROM rows"
    )
    assert wants_more(outcomes.read(run, CHAMPION, rare), run.use_case)
    due = outcomes.read(run, CHAMPION, rare, weeks=4)
    assert due.rows.aggregate("count(*)").fetchall() == [(28 * 40,)]
    assert told(run, due)["ought"] is False, "so few are expected that none may be chance"


def test_labels_that_are_lost_are_red(tmp_path: Path) -> None:
    run = a_run(tmp_path, 7, "tests.steps.test_outcomes:unlabelled_payments")
    nights(run, due_days(run.use_case, WEEK))
    (red,) = judged.red(told(run, read(run)), greater=True)
    assert red.startswith("of 280 predictions whose labels are due, 0 have one")


def test_labels_that_change_after_they_were_final_are_told(tmp_path: Path) -> None:
    run = a_run(tmp_path, 7)
    days = due_days(run.use_case, WEEK)
    before = due_days(run.use_case, WEEK - timedelta(days=7))
    nights(run, Days(before.first, days.last))
    earlier = Run.open("tiny", "drift", WEEK - timedelta(days=7), run.settings).task()
    earlier.store.write("outcomes", outcomes.read(earlier, CHAMPION, learned(earlier)).rows)
    assert read(run).changed == {}
    changed = "SELECT * REPLACE (if(key IN ('20260424-00', '20260424-01', '20260426-02'), 1 - label, label) AS label) FROM rows"
    earlier.store.write("outcomes", earlier.store.read("outcomes").query("rows", changed))
    due = read(a_run(tmp_path, 7))
    assert due.changed == {date(2026, 4, 24): 2, date(2026, 4, 26): 1}
    assert due.told() == [
        "3 labels of 2026-04-24, 2026-04-26 are others now than the report before has found, when they were"
        " due: that report keeps what it said, and this one tells these days again"
    ]


def test_each_day_stands_for_itself_by_slice(tmp_path: Path) -> None:
    run = a_run(tmp_path, 0)
    days = due_days(run.use_case, WEEK)
    nights(run, days)
    for day in days:
        rows = run.store.connection.from_arrow(tiny.payments(day))
        features = rows.project("id, \"at\", if(channel = 'WEB', 'online', channel) AS channel")
        run.store.at("scoring", day).write("features", features)
    table = scored_days.table(read(run), 0.99, run.use_case)
    assert set(table.status) == {"final"}
    assert set(table.slice) == {"all", "channel=chip", "channel=online"}
    assert table[table.slice == "all"].day.nunique() == 7
    assert set(table[table.slice == "all"].labelled) == {40}
    whole = table[(table.slice == "all") & (table.metric == "aucpr")]
    assert ((whole.low <= whole.value) & (whole.value <= whole.high)).all()


def test_a_week_without_nights_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"(?s)2026-05-04 to 2026-05-10 has no night.*way out: run its nights"):
        week.read(a_run(tmp_path, 7))


def test_a_champion_whose_training_is_gone_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = a_run(tmp_path, 7)
    nights(run, Days(WEEK, WEEK))
    monkeypatch.setattr(registry, "champion", lambda _: CHAMPION)
    with pytest.raises(
        BadInput,
        match=r"(?s)the training 2025-12-31, which version 1 has learned from, are gone.*data restore",
    ):
        week.read(run)


def the_report_before(run: Run, labelled: str, status: str) -> None:
    """What the report of the week before has found of 24 and 25 April, of 40 rows each."""
    earlier = Run.open("tiny", "drift", WEEK - timedelta(days=7), run.settings).task()
    due = outcomes.read(earlier, CHAMPION, learned(earlier))
    table = earlier.store.connection.from_df(scored_days.table(due, 0.99, run.use_case))
    some = "day IN (DATE '2026-04-24', DATE '2026-04-25')"
    said = f"SELECT * REPLACE (if({some}, {labelled}, labelled) AS labelled, if({some}, '{status}', status) AS status) FROM rows"
    earlier.store.write("performance", table.query("rows", said))
    earlier.store.write("outcomes", due.rows)


def again(run: Run) -> Outcomes:
    before = run.store.at("drift", WEEK - timedelta(days=7)).read("performance")
    return outcomes.read(run, CHAMPION, learned(run), reports=[before])


def of_two_weeks(tmp_path: Path) -> Run:
    run = a_run(tmp_path, 7)
    nights(
        run, Days(due_days(run.use_case, WEEK - timedelta(days=7)).first, due_days(run.use_case, WEEK).last)
    )
    return run


def test_a_day_whose_labels_came_late_is_told_again_and_judged(tmp_path: Path) -> None:
    run = of_two_weeks(tmp_path)
    the_report_before(run, "10", "provisional")
    due = again(run)
    assert due.late == (date(2026, 4, 24), date(2026, 4, 25))
    assert due.told() == [
        "labels of 2026-04-24, 2026-04-25 have come since a report found too few: these days are told again,"
        " and judged once they have as many as are usual"
    ]
    table = scored_days.table(due, 0.99, run.use_case)
    assert set(table.status) == {"final"}
    assert table.day.nunique() == 9
    row = told(run, due)
    assert (row["due_rows"], row["judged_days"], row["judged_rows"]) == (280, 7, 280), "the newest seven"


def test_days_that_came_late_are_judged_in_the_place_of_days_without_nights(tmp_path: Path) -> None:
    run = a_run(tmp_path, 7)
    nights(run, due_days(run.use_case, WEEK - timedelta(days=7)))
    nights(run, Days(date(2026, 4, 30), due_days(run.use_case, WEEK).last))
    the_report_before(run, "10", "provisional")
    row = told(run, again(run))
    assert (row["due_rows"], row["judged_days"], row["judged_rows"]) == (5 * 40, 5 + 2, 7 * 40)


def test_a_day_of_which_there_is_nothing_new_is_not_told_again(tmp_path: Path) -> None:
    run = of_two_weeks(tmp_path)
    the_report_before(run, "40", "provisional")
    due = again(run)
    assert (due.late, due.told()) == ((), [])
    assert due.rows.aggregate("count(DISTINCT time::DATE)").fetchall() == [(7,)]


def test_a_day_whose_labels_have_changed_is_told_again_and_the_report_before_keeps_its_own(
    tmp_path: Path,
) -> None:
    run = of_two_weeks(tmp_path)
    the_report_before(run, "40", "final")
    earlier = run.store.at("drift", WEEK - timedelta(days=7))
    kept = earlier.read("performance").fetchall()
    changed = "SELECT * REPLACE (if(key = '20260424-00', 1 - label, label) AS label) FROM rows"
    earlier.write("outcomes", earlier.read("outcomes").query("rows", changed))
    table = scored_days.table(due := again(run), 0.99, run.use_case)
    own = table[(table.day == "2026-04-24") & (table.metric == "aucpr") & (table.slice == "all")]
    assert own.note.to_list() == ["1 label has changed"]
    assert (own.labelled.item(), own.status.item(), due.late) == (40, "final", ())
    assert earlier.read("performance").fetchall() == kept


@pytest.mark.parametrize(
    ("others", "lead"),
    [
        ("0.3::DOUBLE AS baseline", 0.5),  # of before constants were compared
        ("0.3::DOUBLE AS baseline, NULL::DOUBLE AS constant", 0.5),
        ("0.3::DOUBLE AS baseline, 0.6::DOUBLE AS constant", 0.2),
        ("0.6::DOUBLE AS baseline, 0.3::DOUBLE AS constant", 0.2),
        ("NULL::DOUBLE AS baseline", None),
    ],
)
def test_the_lead_is_that_over_the_better_of_baseline_and_constant(
    others: str, lead: float | None, tmp_path: Path
) -> None:
    run = a_run(tmp_path, 7)
    training = run.store.at("training", LONG_AGO)
    rows = f"SELECT 'aucpr' AS metric, 'all' AS slice, 0.8::DOUBLE AS challenger, {others}"
    training.write("scores", run.store.connection.sql(rows))
    assert outcomes.lead(run, training) == (None if lead is None else pytest.approx(lead))
