"""Readers see what is published and let through, and are told what is not."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from pipelines.commands.read import Found, read
from pipelines.core.config import Kind
from pipelines.core.errors import BadInput, TableCorrupt
from pipelines.storage.backends.bucket_path import BucketPath
from pipelines.storage.settings import Settings
from tests.helpers import judged, published, tiny

DAY = date(2026, 2, 1)
DAYS = [DAY + timedelta(days=n) for n in range(5)]
PERSONAL = tiny.YAML.replace("{type: string, required: true}", "{type: string, required: true, pii: true}")
PERSONAL_KEY = tiny.YAML.replace("{type: string, role: key}", "{type: string, role: key, pii: true}")


def found(
    settings: Settings, table: str = "predictions", last: date = DAYS[4], kind: Kind | None = None
) -> Found:
    return read(settings, tiny.NAME, table, "2026-02-01", last.isoformat(), kind)


def rows(of: Found, **more: Any) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = of.relation(duckdb.connect(), **more).to_arrow_table().to_pylist()
    return told


def refusal(settings: Settings, table: str, first: str, last: str, kind: Kind | None = None) -> str:
    with pytest.raises(BadInput) as refused:
        read(settings, tiny.NAME, table, first, last, kind)
    return str(refused.value)


# --- what is seen


def test_the_rows_of_nights_that_were_let_through_are_read_in_order(settings: Settings) -> None:
    for day in reversed(DAYS[:3]):
        published.night(settings, day)
    of = found(settings, last=DAYS[2])
    assert [row["id"] for row in rows(of)] == [f"{day}-{n}" for day in DAYS[:3] for n in (0, 1)]
    assert of.told() == "tiny scoring 2026-02-01 to 2026-02-03: predictions of 3 nights, 6 rows"


def test_a_closed_night_is_not_read_and_is_told_with_its_gate(settings: Settings) -> None:
    published.night(settings, DAY)
    published.night(settings, DAYS[1], closed="predictions")
    published.night(settings, DAYS[2], closed="features")
    of = found(settings, last=DAYS[2])
    assert {row["partition"] for row in rows(of)} == {DAY}
    assert of.told().splitlines() == [
        "tiny scoring 2026-02-01 to 2026-02-03: predictions of 1 night, 2 rows; not among them: 2 closed",
        "  - 2026-02-02 is closed: gate_predictions",
        "  - 2026-02-03 is closed: gate_features, before this table was made",
    ]


def test_what_an_open_gate_has_let_through_before_a_closed_one_is_read(settings: Settings) -> None:
    published.night(settings, DAY, closed="features")
    assert len(rows(found(settings, "clean", DAY))) == 2


def test_missing_nights_are_told_a_stretch_a_line(settings: Settings) -> None:
    published.night(settings, DAYS[2])
    assert found(settings).told().splitlines() == [
        "tiny scoring 2026-02-01 to 2026-02-05: predictions of 1 night, 2 rows; not among them: 4 missing",
        "  - 2026-02-01 to 2026-02-02: nothing is published",
        "  - 2026-02-04 to 2026-02-05: nothing is published",
    ]


def test_a_table_that_no_gate_has_judged_is_not_read(settings: Settings) -> None:
    run = published.night(settings, DAY)
    (run.store.disk / "gates" / "predictions.json").unlink()
    assert "gate_predictions: not judged yet" in refusal(settings, "predictions", "2026-02-01", "2026-02-01")


def test_rows_that_were_written_behind_the_gates_back_are_not_read(settings: Settings) -> None:
    run = published.night(settings, DAY)
    published.publish(run, "predictions", published.scores(DAY, [0.5]))
    assert "another table than is there now" in refusal(settings, "predictions", "2026-02-01", "2026-02-01")


def test_older_revisions_drafts_and_what_lies_beside_are_not_read(settings: Settings) -> None:
    run = published.night(settings, DAY, published.scores(DAY, [0.1]))
    published.publish(run, "predictions", published.scores(DAY, [0.9]))
    judged.clearance(run.store, "predictions")
    folder = run.store.disk / "predictions"
    (folder / ".draft-abc").write_bytes(b"half a part")
    (folder / "part-0123456789abcdef.parquet").write_bytes(next(folder.glob("part-*.parquet")).read_bytes())
    run.store.beside("what_if").write("predictions", published.scores(DAY, [0.3]))
    run.store.write("predictions", published.scores(DAY, [0.4]), piece="0001-of-0001")
    assert len(list(folder.rglob("*.parquet"))) == 4  # which a glob would read
    assert [row["score"] for row in rows(found(settings, last=DAY))] == [0.9]
    ((place,),) = [each.part_places() for each in found(settings, last=DAY).open]
    assert (
        duckdb.read_parquet(str(place)).fetchall()
        == duckdb.read_parquet([str(place) for place in run.store.part_places("predictions")]).fetchall()
    )


def test_a_night_that_is_run_again_is_closed_until_its_gates_have_judged_it(settings: Settings) -> None:
    run = published.night(settings, DAY)
    published.publish(run, "features", pa.table({"id": ["another"]}))
    assert "another features than is there now" in refusal(
        settings, "predictions", "2026-02-01", "2026-02-01"
    )


def test_what_is_read_is_what_was_judged_whatever_is_published_meanwhile(settings: Settings) -> None:
    run = published.night(settings, DAY, published.scores(DAY, [0.1]))
    of = found(settings, last=DAY)
    published.publish(run, "predictions", published.scores(DAY, [0.9]))
    assert [row["score"] for row in rows(of)] == [0.1]


def test_a_part_that_was_changed_is_refused(settings: Settings) -> None:
    run = published.night(settings, DAY)
    (part,) = (run.store.disk / "predictions").glob("part-*")
    part.write_bytes(part.read_bytes()[:-1] + b"x")
    with pytest.raises(TableCorrupt, match="not the file that was published"):
        rows(found(settings, last=DAY))


def test_a_night_whose_use_case_file_is_gone_is_told_and_not_read(settings: Settings) -> None:
    published.night(settings, DAY)
    (settings.disk / "tiny" / "files").rename(settings.disk / "tiny" / "elsewhere")
    (settings.use_cases / "tiny.yaml").write_text(tiny.YAML + "# edited\n")
    assert "that a run went by is gone" in refusal(settings, "predictions", "2026-02-01", "2026-02-01")


# --- other tables


def test_quarantine_goes_by_the_gate_of_what_is_left(settings: Settings) -> None:
    published.night(settings, DAY)
    published.night(settings, DAYS[1], closed="clean")
    of = found(settings, "quarantine", DAYS[1])
    assert [(row["key"], row["partition"]) for row in rows(of)] == [("k", DAY)]
    assert "2026-02-02 is closed: gate_clean" in of.told()


def test_a_table_that_was_made_beside_another_raw_is_not_read(settings: Settings) -> None:
    run = published.night(settings, DAY)
    published.publish(run, "raw", pa.table({"id": ["another"]}))
    published.publish(run, "clean")
    judged.clearance(run.store, "clean")
    assert len(rows(found(settings, "clean", DAY))) == 2
    assert "made of another raw" in refusal(settings, "quarantine", "2026-02-01", "2026-02-01")


def test_reports_are_read_with_the_partition_that_names_each(settings: Settings) -> None:
    for day in (DAY, DAYS[1]):
        published.report(settings, day)
    published.report(settings, DAYS[2], passed=False)
    of = found(settings, "performance")
    assert [(row["partition"], row["metric"]) for row in rows(of)] == [(DAY, "aucpr"), (DAYS[1], "aucpr")]
    assert of.told().splitlines() == [
        "tiny drift 2026-02-01 to 2026-02-05: performance of 2 reports, 2 rows; not among them: 1 closed",
        "  - 2026-02-03 is closed: gate_drift",
    ]


def test_nights_come_before_trainings_which_are_read_where_they_are_named(settings: Settings) -> None:
    training = published.open_run(settings, "training", DAY)
    for table in ("raw", "clean"):
        published.publish(training, table)
        judged.clearance(training.store, table)
    assert "2026-02-01: nothing is published" in refusal(settings, "clean", "2026-02-01", "2026-02-01")
    assert len(rows(found(settings, "clean", kind="training"))) == 2


def test_columns_that_came_later_are_missing_before_and_numbers_have_room(settings: Settings) -> None:
    published.night(settings, DAY, published.scores(DAY, [1], n=[3]))
    published.night(settings, DAYS[1], published.scores(DAYS[1], [0.5], n=[0.5], engine=["onnx"]))
    assert [(row["n"], row["engine"]) for row in rows(found(settings, last=DAYS[1]))] == [
        (3, None),
        (0.5, "onnx"),
    ]


def test_a_column_of_two_types_is_refused_with_the_night_that_begins_the_second(settings: Settings) -> None:
    published.night(settings, DAY, published.scores(DAY, [1], n=[3]))
    published.night(settings, DAYS[1], published.scores(DAYS[1], [1], n=["three"]))
    assert "n is int64 in 2026-02-01 and string in 2026-02-02" in refusal(
        settings, "predictions", "2026-02-01", "2026-02-02"
    )


# --- personal values


@pytest.mark.parametrize("file", [tiny.YAML, PERSONAL], ids=["since", "always"])
def test_personal_values_are_masked_unless_they_are_asked_for(settings: Settings, file: str) -> None:
    (settings.use_cases / "tiny.yaml").write_text(file)
    published.night(settings, DAY)
    (settings.use_cases / "tiny.yaml").write_text(PERSONAL)
    of = found(settings, "clean", DAY)
    assert [row["customer"] for row in rows(of)] == ["•••", "•••"]
    assert [row["customer"] for row in rows(of, personal_too=True)] == ["Ann", "Bob"]
    assert of.told().splitlines()[-1] == "personal values are masked: customer"


def test_what_a_row_in_quarantine_holds_is_masked_where_anything_is_personal(settings: Settings) -> None:
    (settings.use_cases / "tiny.yaml").write_text(PERSONAL_KEY)
    published.night(settings, DAY)
    (row,) = rows(found(settings, "quarantine", DAY))
    assert (row["key"], row["found"], row["row"], row["reasons"]) == ("•••", "•••", "•••", "amount: below 0")


# --- a bucket, and many nights


def test_nights_in_a_bucket_are_read_also_where_two_are_the_same_to_the_byte(
    settings: Settings, bucket: BucketPath
) -> None:
    own = replace(settings, data=bucket)
    same = pa.table({"id": ["a", "b"]})
    for day in DAYS[:2]:
        run = published.open_run(own, "scoring", day)
        published.night(own, day, closed="clean")
        published.publish(run, "clean", same)
        judged.clearance(run.store, "clean")
    assert [(row["partition"], row["id"]) for row in rows(found(own, "clean", DAYS[1]))] == [
        (day, key) for day in DAYS[:2] for key in ("a", "b")
    ]
    places = [str(place) for each in found(own, "clean", DAYS[1]).open for place in each.part_places()]
    assert all(
        re.fullmatch(rf"{bucket}/tiny/scoring/[0-9-]+/clean/part-\w+\.parquet", place) for place in places
    )


def test_only_the_first_nights_are_opened_where_a_few_rows_are_asked_for(settings: Settings) -> None:
    for day in DAYS[:3]:
        published.night(settings, day)
    (part,) = (published.open_run(settings, "scoring", DAYS[2]).store.disk / "predictions").glob("part-*")
    part.write_bytes(b"damaged")
    assert len(rows(found(settings, last=DAYS[2]), least=3)) == 4


def test_hours_are_told_as_hours(settings: Settings) -> None:
    (settings.use_cases / "tiny.yaml").write_text(tiny.YAML + "partition: {every: hour}\n")
    from pipelines.core.calendar import Hour

    for hour in (Hour(2026, 2, 1, 5), Hour(2026, 2, 1, 6)):
        run = published.open_run(settings, "scoring", hour)
        for table in ("raw", "clean"):
            published.publish(run, table, pa.table({"id": [str(hour)]}))
            judged.clearance(run.store, table)
    of = read(settings, tiny.NAME, "clean", "2026-02-01T05", "2026-02-01T07")
    assert [f"{row['partition']:%Y-%m-%dT%H}" for row in rows(of)] == ["2026-02-01T05", "2026-02-01T06"]
    assert of.told().splitlines() == [
        "tiny scoring 2026-02-01T05 to 2026-02-01T07: clean of 2 hours, 2 rows; not among them: 1 missing",
        "  - 2026-02-01T07: nothing is published",
    ]


# --- bad input


@pytest.mark.parametrize(
    ("words", "kind", "told"),
    [
        (("predictoins", "2026-02-01", "2026-02-02"), None, "no table 'predictoins' to read: did you mean 'predictions'?"),
        (("zebra", "2026-02-01", "2026-02-02"), None, "no table 'zebra' to read: known: clean, days, diagnosis, drift, "),
        (("trials", "2026-02-01", "2026-02-02"), "scoring", "tiny: scoring has no table 'trials'; allowed: training"),
        (("predictions", "2026-02-03", "2026-02-02"), None, "2026-02-02 lies before 2026-02-03"),
        (("predictions", "2026-02-30", "2026-03-02"), None, "partition '2026-02-30' is not a day"),
        (("predictions", "2026-02-01", "2026-02-02"), None, "nothing of predictions is published and let through by its gate"),
        (("drift", "2026-02-01", "2026-02-02"), None, "no run has been about any of these partitions"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_a_sentence(
    settings: Settings, words: tuple[str, str, str], kind: Kind | None, told: str
) -> None:
    said = refusal(settings, *words, kind=kind)
    assert told in said
    assert len(said.splitlines()) <= 10


def test_a_year_of_closed_nights_is_told_in_ten_lines(settings: Settings) -> None:
    published.night(settings, DAY)
    for n in range(1, 12):
        published.night(settings, DAY + timedelta(days=n), closed="raw")
    said = read(settings, tiny.NAME, "predictions", "2026-01-01", "2026-12-31").told()
    assert len(said.splitlines()) <= 10
    assert "11 closed, 353 missing" in said
