from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from pipelines import flow
from pipelines.core import dates, sql
from pipelines.core.errors import BadInput, SluiceError
from pipelines.core.sql import AT_ONCE
from pipelines.run.run import Run
from pipelines.sources import typed as typed_
from pipelines.sources.due import Due
from pipelines.steps import ingest
from pipelines.storage.settings import ROOT, Settings
from tests.helpers import tiny
from tests.helpers.sourced import DAY, GOOD, HEADER, open_run, read


@pytest.fixture
def csv(settings: Settings, tmp_path: Path) -> Callable[..., Run]:
    """A scoring run over a file of this text."""

    def opened(text: str, derive: dict[str, str] | None = None, **options: Any) -> Run:
        (tmp_path / "rows.csv").write_text(text)
        source = {
            "kind": "file",
            "path": str(tmp_path / "rows.csv"),
            "format": {"type": "csv"},
            "derive": derive or {},
        }
        return open_run(settings, source, **options)

    return opened


def refusal(run: Run) -> str:
    with pytest.raises(BadInput) as refused:
        read(run)
    assert len(str(refused.value).splitlines()) <= 10
    return str(refused.value)


def test_rows_have_the_schema_s_columns_in_its_order_and_types(csv: Callable[..., Run]) -> None:
    run = csv("bad,channel,amount,customer,at,id\n0,chip,1,7,2026-02-01,a\n")
    rows = ingest.rows(run, dates.Days(DAY, DAY))
    assert dict(zip(rows.columns, map(str, rows.types), strict=True)) == {
        "id": "VARCHAR",
        "at": "TIMESTAMP",
        "customer": "VARCHAR",
        "amount": "DOUBLE",
        "channel": "VARCHAR",
        "bad": "BIGINT",
    }


def test_rows_are_those_of_the_days_ordered_by_time_and_key(csv: Callable[..., Run]) -> None:
    run = csv(
        HEADER
        + "\nlate,2026-02-01 23:59:59.999999,c,1,chip,0\nb,2026-02-01 00:00:00,c,1,chip,0\na,2026-02-01"
        " 00:00:00,c,1,chip,0\nbefore,2026-01-31 23:59:59,c,1,chip,0\nafter,2026-02-02"
        " 00:00:00,c,1,chip,0\n"
    )
    assert [row["id"] for row in read(run)] == ["a", "b", "late"]


def test_rows_of_other_days_are_left_to_them_and_counted(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    days = {"1.csv": [1, 2, 3], "2.csv": [2, 1], "3.csv": [], "4.csv": [3]}
    for name, held in days.items():
        (tmp_path / name).write_text(
            HEADER + "".join(f"\n{name}{n},2026-02-0{day},c,1,chip,0" for n, day in enumerate(held)) + "\n"
        )
    run = open_run(settings, {"kind": "file", "path": str(tmp_path / "*.csv"), "format": {"type": "csv"}})
    with caplog.at_level("INFO"):
        assert [row["id"] for row in read(run)] == ["1.csv0", "2.csv1"]
    assert set(caplog.messages) == {
        "tiny: 4 of the source's 6 rows are not of 2026-02-01, and left to other partitions: 0 of earlier"
        " days, 4 of later ones"
    }


@pytest.mark.parametrize("condition", ["_of_these_days", "_later"])
def test_a_row_that_is_neither_taken_nor_left_is_told(
    csv: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, condition: str
) -> None:
    run = csv(GOOD + "c,2026-02-02,c1,1,chip,0\nd,2026-02-01 12:00,c1,1,chip,0\n")
    right = getattr(Due, condition).fget
    monkeypatch.setattr(Due, condition, property(lambda due: f"({right(due)}) AND id NOT IN ('a', 'c')"))
    with pytest.raises(
        SluiceError,
        match=r"the source gave 4 rows, of which \d were taken for 2026-02-01 and \d left to other days",
    ):
        read(run)


def test_days_that_are_read_one_by_one_are_the_days_that_are_read_at_once(
    open_run: Callable[..., Run],
) -> None:
    run = open_run("training", date(2026, 1, 31))
    days = dates.Days(date(2026, 1, 3), date(2026, 1, 7))
    one_by_one = [row for day in days for row in ingest.rows(run, dates.Days(day, day)).fetchall()]
    assert one_by_one == ingest.rows(run, days).fetchall()


def test_a_label_is_not_seen_before_its_delay_is_over(csv: Callable[..., Run]) -> None:
    text = HEADER + "".join(f"\n{day},2026-02-{day:02} 12:00,c,1,chip,1" for day in range(1, 11))
    days = dates.Days(date(2026, 2, 1), date(2026, 2, 10))
    # The labels of day D are known on D + 2; a scoring run of the 5th starts on the 6th, a drift run of the
    # 1st on the 8th.
    for kind, partition, newest in (
        ("scoring", date(2026, 2, 5), 4),
        ("drift", date(2026, 2, 1), 6),
        ("training", date(2026, 2, 7), 6),
    ):
        rows = ingest.rows(csv(text, kind=kind, partition=partition), days)
        assert [row["at"].day for row in rows.to_arrow_table().to_pylist() if row["bad"] is not None] == list(
            range(1, newest + 1)
        )


def test_rows_without_labels_keep_type_and_order(csv: Callable[..., Run]) -> None:
    run = csv(
        "id,at,customer,amount,channel,BAD\nb,2026-02-01,c,1,chip,1\na,2026-02-01,c,1,chip,0\n",
        cleanse={"rename": {"BAD": "bad"}},
    )
    known, hidden = (ingest.rows(run, dates.Days(DAY, DAY), labels=labels) for labels in (True, False))
    assert hidden.types == known.types
    assert [(row["id"], row["BAD"]) for row in hidden.to_arrow_table().to_pylist()] == [
        ("a", None),
        ("b", None),
    ]


def test_a_stream_without_labels_shows_none_that_is_known(csv: Callable[..., Run]) -> None:
    run = csv(GOOD, label={"positive": 1, "delay_days": 0})
    shown, hidden = (
        ingest.stream(run, dates.Days(DAY, DAY), pa.RecordBatchReader.read_all, labels=labels)["bad"]
        for labels in (True, False)
    )
    assert (shown.to_pylist(), hidden.to_pylist()) == ([0, 1], [None, None])
    assert hidden.type == shown.type


def test_nothing_is_derived_at_night_of_a_label_or_a_leak(csv: Callable[..., Run]) -> None:
    columns = yaml.safe_load(tiny.YAML)["columns"] | {"tip": {"type": "number", "role": "leak"}}
    columns |= {"late": {"type": "number", "role": "leak"}, "peek": {"type": "number", "role": "ignored"}}
    text = "id,at,customer,amount,channel,bad,tip\na,2026-02-01,c1,10.5,chip,1,7\n"
    run = csv(
        text,
        {"late": "tip + amount", "peek": "10 * bad + late"},
        columns=columns,
        label={"positive": 1, "delay_days": 0},
    )
    read = [
        ingest.stream(run, dates.Days(DAY, DAY), pa.RecordBatchReader.read_all, labels=labels).to_pylist()[0]
        for labels in (True, False)
    ]
    told = ("bad", "tip", "late", "peek")
    assert [[row[name] for name in told] for row in read] == [[1, 7, 17.5, 27.5], [None, 7, None, None]]


TIP = {"Tip": "tip"}


def with_tips(hours: list[int], **more: str) -> dict[str, Any]:
    """A file of rows some hours after its first day's start, whose tips the source gives at once.

    They are known 36 hours after their row.
    """
    moments = [datetime(2026, 2, 1) + timedelta(hours=hour) for hour in hours]
    text = (
        HEADER + ",Tip" + "".join(f"\n{n},{moment},c,1,chip,0,7" for n, moment in enumerate(moments)) + "\n"
    )
    columns = yaml.safe_load(tiny.YAML)["columns"] | {
        "tip": {"type": "number", "role": "leak", "known_after": "36h"}
    }
    return {"text": text, "columns": columns, "cleanse": {"rename": TIP}, **more}


def test_a_leak_is_not_seen_before_it_is_known_to_the_second_and_never_of_the_nights_own_rows(
    csv: Callable[..., Run],
) -> None:
    hours = [0, 12, 23, 24, 36, 37, 60, 61]
    days = dates.Days(date(2026, 2, 1), date(2026, 2, 3))
    # On the morning of the 4th (72 hours after the first day's start) what is 36 hours old is known; on that
    # of the 3rd 12 hours less.
    for kind, partition, last in (
        ("scoring", date(2026, 2, 3), 36),
        ("training", date(2026, 2, 3), 36),
        ("scoring", date(2026, 2, 2), 12),
    ):
        run = csv(**with_tips(hours), kind=kind, partition=partition)
        told = ingest.rows(run, days).to_arrow_table().to_pylist()
        assert [hour for hour, item in zip(hours, told, strict=True) if item["Tip"] is not None] == [
            hour for hour in hours if hour <= last
        ]
        own = ingest.stream(run, days, pa.RecordBatchReader.read_all, labels=False)
        assert (own["Tip"].null_count, own["Tip"].type) == (len(hours), pa.float64())


def test_a_leak_with_its_own_time_is_derived_of_the_label_where_that_is_known_and_of_nothing_at_night(
    csv: Callable[..., Run],
) -> None:
    columns = yaml.safe_load(tiny.YAML)["columns"] | {
        "late": {"type": "number", "role": "leak", "known_after": "2d"}
    }
    columns |= {"peek": {"type": "number", "role": "ignored"}}
    run = csv(GOOD, {"late": "10 * bad", "peek": "late + 1"}, columns=columns, partition=date(2026, 2, 3))
    shown = ingest.rows(run, dates.Days(DAY, DAY)).to_arrow_table().to_pylist()
    assert [(item["bad"], item["late"]) for item in shown] == [(0, 0), (1, 10)]
    hidden = ingest.rows(run, dates.Days(DAY, DAY), labels=False).to_arrow_table().to_pylist()
    assert [(item["bad"], item["late"], item["peek"]) for item in hidden] == [(None, None, None)] * 2


def test_columns_keep_the_source_s_names_until_cleanse(csv: Callable[..., Run]) -> None:
    run = csv(GOOD.replace("amount", "Amount in EUR"), cleanse={"rename": {"Amount in EUR": "amount"}})
    assert read(run)[0]["Amount in EUR"] == 10.5


def test_columns_missing_and_unknown_are_named_all_at_once(csv: Callable[..., Run]) -> None:
    sentence = refusal(csv("id,at,costumer,amount,bad,colour\na,2026-02-01,c,1,0,red\n"))
    assert "no column 'customer'; did you mean 'costumer'?" in sentence
    assert "no column 'channel'" in sentence
    assert "a column 'costumer' that the schema does not know; did you mean 'customer'?" in sentence
    assert "a column 'colour' that the schema does not know" in sentence


def test_a_file_without_its_header_is_told_without_quoting_the_row_that_stands_there(
    csv: Callable[..., Run],
) -> None:
    sentence = refusal(
        csv(GOOD.split("\n", 1)[1] + "z,2026-02-01,Jane Roe,1,chip,0\ny,2026-02-01,c,1,chip,0\n")
    )
    assert "rows.csv: none of the schema's columns is there; has it lost its header line?" in sentence
    assert not any(value in sentence for value in GOOD.split("\n")[1].split(",") if len(value) > 1)


def test_values_of_another_type_are_named_with_row_column_value_and_type(csv: Callable[..., Run]) -> None:
    sentence = refusal(csv(GOOD + "c,2026-02-01,c1,ten,chip,0\nd,2026-02-01,c1,1,chip,1.5\n"))
    assert "2 values are not of the declared type" in sentence
    assert "rows.csv, row 3, column amount: 'ten' is not a number" in sentence
    assert "rows.csv, row 4, column bad: '1.5' is not an integer" in sentence


def test_a_thousand_broken_values_are_told_in_ten_lines(csv: Callable[..., Run]) -> None:
    sentence = refusal(csv(HEADER + "".join(f"\n{n},2026-02-01,c,ten,chip,maybe" for n in range(1000))))
    assert "2,000 values are not of the declared type" in sentence
    assert ": 1,000 in amount, 1,000 in bad\n" in sentence
    assert "row 1, column amount: 'ten' is not a number" in sentence
    assert "row 1, column bad: 'maybe' is not an integer" in sentence
    assert "... and 1,998 more" in sentence


def test_a_kind_of_wrong_values_that_is_rare_is_told_beside_one_that_is_not(csv: Callable[..., Run]) -> None:
    rows = [f"{n},2026-02-01,c,{n}/{n},chip,0" for n in range(50)]
    rows += ["x,2026-02-01,c,none,chip,0", "y,2026-02-01,c,1,chip,maybe", "z,2026-02-01,c,$5,chip,0"]
    sentence = refusal(csv("\n".join([HEADER, *rows]) + "\n"))
    assert "53 values are not of the declared type" in sentence
    assert ": 52 in amount, 1 in bad\n" in sentence
    told = [line for line in sentence.splitlines() if line.startswith("  - ")]
    assert [line.partition(", row ")[2].partition(" is not")[0] for line in told] == [
        "1, column amount: '0/0'",
        "51, column amount: 'none'",
        "52, column bad: 'maybe'",
        "53, column amount: '$5'",
    ]


def test_each_of_many_wrong_columns_is_counted_and_the_message_stays_short(csv: Callable[..., Run]) -> None:
    more = {f"n{n}": {"type": "number"} for n in range(30)}
    columns = yaml.safe_load(tiny.YAML)["columns"] | more
    rows = [f"\n{n},2026-02-01,c,1,chip,0{',ten' * 29},{'a' * n}!" for n in range(5)]
    sentence = refusal(csv(HEADER + "," + ",".join(more) + "".join(rows) + "\n", columns=columns))
    assert "150 values are not of the declared type" in sentence
    assert ": 5 in n0, 5 in n1, 5 in n2, 5 in n3, 5 in n4, 5 in n5, ...\n" in sentence
    assert "... and 144 more" in sentence


@pytest.mark.parametrize(
    ("moment", "told"),
    [
        ("01/02/26 10:00", "'01/02/26 10:00' is not a timestamp: a year has four digits"),
        (
            "2026-02-01 10:00 BST",
            (
                "'2026-02-01 10:00 BST' is not a timestamp: the time is not told by its zone alone: write an"
                " offset"
            ),
        ),
        ("0026-02-01 10:00", "'0026-02-01 10:00' is not a timestamp: no year before 1900 is read"),
        ("2026-02-05 10:00", "at is 2026-02-05 10:00:00, later than tomorrow"),
        ("2062-02-01 10:00", "at is 2062-02-01 10:00:00, later than tomorrow"),
    ],
)
def test_a_time_that_no_row_can_have_is_refused_and_never_left_to_a_day_of_its_own(
    csv: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, moment: str, told: str
) -> None:
    monkeypatch.setattr(dates, "today", lambda: date(2026, 2, 3))
    sentence = refusal(csv(GOOD + f"c,{moment},c1,1,chip,0\n"))
    assert f"row 3{', column at' if 'not' in told else ''}: {told}" in sentence


def test_rows_of_today_and_tomorrow_and_of_a_day_that_is_asked_for_are_no_mistake(
    csv: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dates, "today", lambda: date(2026, 1, 31))
    assert len(read(csv(GOOD))) == 2
    monkeypatch.setattr(dates, "today", lambda: date(2026, 1, 20))
    run = csv(GOOD)
    assert len(read(run)) == 2
    # windows look back from a day that is asked for
    before = dates.Days(DAY - timedelta(days=7), DAY - timedelta(days=1))
    assert ingest.rows(run, before, may_be_empty=True).fetchall() == []


def test_a_broken_value_of_another_day_is_that_day_s_matter(csv: Callable[..., Run]) -> None:
    assert len(read(csv(GOOD + "c,2026-02-02,c1,ten,chip,0\n"))) == 2


def test_a_code_for_missing_may_stand_where_a_number_should(csv: Callable[..., Run]) -> None:
    run = csv(GOOD + "c,2026-02-01 12:00,c1,n/a,chip,0\n", cleanse={"missing": {"amount": ["n/a", -999]}})
    assert [row["amount"] for row in read(run)] == [10.5, None, None]


def test_a_personal_value_is_not_shown(csv: Callable[..., Run]) -> None:
    columns = {
        "id": {"type": "string", "role": "key"},
        "at": {"type": "timestamp", "role": "time"},
        "customer": {"type": "integer", "pii": True},
        "amount": {"type": "number"},
        "channel": {"type": "string"},
        "bad": {"type": "integer", "role": "label"},
    }
    sentence = refusal(csv(GOOD, columns=columns))
    assert "row 1, column customer: the value (hidden, it is personal) is not an integer" in sentence
    assert "c1" not in sentence


def test_a_time_that_is_none_belongs_to_no_day_and_is_refused_on_each(csv: Callable[..., Run]) -> None:
    assert "row 3, column at: '2026-02-30' is not a timestamp" in refusal(
        csv(GOOD + "c,2026-02-30,c1,1,chip,0\n")
    )
    assert "row 3: at is missing" in refusal(csv(GOOD + "c,,c1,1,chip,0\n"))


def test_local_times_that_the_clocks_show_twice_or_never_are_refused(csv: Callable[..., Run]) -> None:
    night = (
        HEADER
        + "\na,2026-10-25 02:30 Europe/Berlin,c,1,chip,0\nb,2026-03-29 02:30 Europe/Berlin,c,1,chip,0\n"
    )
    sentence = refusal(csv(night, partition=date(2026, 10, 25)))
    assert "2 values are not of the declared type" in sentence
    assert "the clocks there skip that time or show it twice: write an offset such as +01:00" in sentence


def test_a_column_s_dates_are_read_as_its_format_spells_them(csv: Callable[..., Run]) -> None:
    columns = yaml.safe_load(tiny.YAML)["columns"] | {"born": {"type": "date", "format": "%d/%m/%Y"}}
    text = HEADER + ",born\na,2026-02-01,c,1,chip,0,3/2/1984\n"
    assert read(csv(text, columns=columns))[0]["born"] == date(1984, 2, 3)
    sentence = refusal(csv(text.replace("1984", "84"), columns=columns))
    assert (
        "column born: '3/2/84' is not a date: it is not spelt by '%d/%m/%Y', or there is no such day"
        in sentence
    )


def test_a_blank_cell_of_a_number_names_its_code(csv: Callable[..., Run]) -> None:
    text = GOOD.replace("10.5", "  ")
    assert (
        "'  ' is not a number: a blank cell; if that means a missing value, declare ' ' under cleanse.missing"
        in refusal(csv(text))
    )
    for code in ("", " "):
        assert read(csv(text, cleanse={"missing": {"amount": [code]}}))[0]["amount"] is None


def test_ids_that_came_as_floats_are_the_whole_numbers_that_other_files_have(
    settings: Settings, tmp_path: Path
) -> None:
    day = tiny.payments(DAY).slice(0, 2)
    for name, ids in {
        "a": pa.array(["123", "007"]),
        "b": pa.array([123.0, None]),
        "c": pa.array([123, 7]),
    }.items():
        pq.write_table(
            day.set_column(0, "id", pa.array([f"{name}1", f"{name}2"])).set_column(2, "customer", ids),
            tmp_path / f"{name}.parquet",
        )
    run = open_run(
        settings, {"kind": "file", "path": str(tmp_path / "*.parquet"), "format": {"type": "parquet"}}
    )
    customers = {row["id"]: row["customer"] for row in read(run)}
    assert customers == {"a1": "123", "a2": "007", "b1": "123", "b2": None, "c1": "123", "c2": "7"}


def test_a_moment_with_an_offset_is_read_as_utc(csv: Callable[..., Run]) -> None:
    (row,) = read(csv(HEADER + "\na,2026-02-02T01:30:00+02:00,c,1,chip,0\n"))
    assert row["at"] == datetime(2026, 2, 1, 23, 30)


def test_an_empty_partition_says_what_the_source_holds(csv: Callable[..., Run]) -> None:
    run = csv(GOOD, partition=date(2026, 3, 1))
    assert "no rows for 2026-03-01; the source holds 2026-02-01..2026-02-01" in refusal(run)
    empty = ingest.rows(run, dates.Days(date(2026, 3, 1), date(2026, 3, 1)), may_be_empty=True)
    assert empty.fetchall() == []
    assert [str(type_) for type_ in empty.types] == [
        "VARCHAR",
        "TIMESTAMP",
        "VARCHAR",
        "DOUBLE",
        "VARCHAR",
        "BIGINT",
    ]


def test_a_column_is_derived_from_the_source_s_own(csv: Callable[..., Run]) -> None:
    columns = {
        "id": {"type": "string", "role": "key"},
        "day": {"type": "date", "role": "ignored"},
        "hour": {"type": "integer"},
        "at": {"type": "timestamp", "role": "time"},
        "customer": {"type": "string"},
        "amount": {"type": "number"},
        "channel": {"type": "string"},
        "bad": {"type": "integer", "role": "label"},
    }
    text = "id,day,hour,customer,amount,channel,bad\na,2026-02-01,13,c,1,chip,0\n"
    assert read(csv(text, {"at": "day + hour * interval 1 hour"}, columns=columns))[0]["at"] == datetime(
        2026, 2, 1, 13
    )
    assert "column hour: 'one' is not an integer" in refusal(
        csv(text.replace("13", "one"), {"at": "day + hour * interval 1 hour"}, columns=columns)
    )
    assert 'source.derive: Binder Error: Referenced column "ours" not found' in refusal(
        csv(text, {"at": "day + ours"}, columns=columns)
    )


MANY = 150_000  # rows, of which a stream takes several batches


def test_the_bytes_do_not_depend_on_the_number_of_threads(csv: Callable[..., Run]) -> None:
    # Keys that stand many times at the same time; from some 100,000 rows on, DuckDB's sort deals such ties by
    # thread.
    run = csv(HEADER + "".join(f"\n{n % 7},2026-02-01,c{n},1,chip,0" for n in range(200_000)))
    digests = set()
    for threads in (1, 4):
        run.store.connection.execute(f"SET threads = {threads}")
        digests.add(run.store.write("raw", ingest.rows(run, dates.Days(DAY, DAY))).digest)
        digests.add(ingest.stream(run, dates.Days(DAY, DAY), partial(run.store.write, "raw")).digest)
    assert len(digests) == 1


def test_the_bytes_of_rows_that_come_in_order_do_not_depend_on_the_number_of_threads(
    csv: Callable[..., Run], caplog: pytest.LogCaptureFixture
) -> None:
    run = csv(
        HEADER + "".join(f"\n{n:07},2026-02-01 00:00:{n * 60 // MANY:02},c{n},1,chip,0" for n in range(MANY))
    )
    digests = set()
    for threads in (1, 2, 4):
        run.store.connection.execute(f"SET threads = {threads}")
        with caplog.at_level("INFO"):
            digests.add(ingest.stream(run, dates.Days(DAY, DAY), partial(run.store.write, "raw")).digest)
    digests.add(run.store.write("raw", ingest.rows(run, dates.Days(DAY, DAY))).digest)
    assert len(digests) == 1
    assert not any("are sorted" in message for message in caplog.messages)


def test_rows_in_order_are_read_without_numbers_which_take_one_thread(
    csv: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def typed(*given: Any, numbered: bool, **more: Any) -> duckdb.DuckDBPyRelation:
        asked.append(numbered)
        rows = typed_.typed_rows(*given, numbered=numbered, **more)
        assert ("window" in rows.explain().lower()) == numbered
        return rows

    monkeypatch.setattr("pipelines.sources.opened.typed_rows", typed)
    rows = [f"\n{n},2026-02-01,c,1,chip,0" for n in range(3)]
    ingest.stream(csv(HEADER + "".join(rows)), dates.Days(DAY, DAY), pa.RecordBatchReader.read_all)
    assert asked == [False]
    ingest.stream(csv(HEADER + "".join(reversed(rows))), dates.Days(DAY, DAY), pa.RecordBatchReader.read_all)
    assert asked == [False, False, True]


def test_rows_of_which_one_comes_late_are_published_in_order(
    csv: Callable[..., Run], caplog: pytest.LogCaptureFixture
) -> None:
    """Late in the file, too: by then most rows are with the store, which must forget them."""
    lines = [f"\n{n:07},2026-02-01 00:00:{n * 60 // MANY:02},c,1,chip,0" for n in range(MANY)]
    run = csv(HEADER + "".join([*lines[1:], lines[0]]))
    with caplog.at_level("INFO"):
        written = ingest.stream(run, dates.Days(DAY, DAY), partial(run.store.write, "raw"))
    keys = [key for (key,) in run.store.read("raw").project("id").fetchall()]
    assert (written.rows, keys) == (MANY, sorted(keys))
    assert (
        "tiny scoring 2026-02-01: the source's rows of 2026-02-01 do not come in order of at: they are sorted"
        in caplog.messages
    )


@pytest.fixture
def many_files(settings: Settings, tmp_path: Path) -> Run:
    """A training over a file a day, two on some days, whose rows do not come in order."""
    days = dates.Days(DAY - timedelta(days=2 * AT_ONCE), DAY)
    for number, day in enumerate(days):
        for half in range(1 + (number % 7 == 0)):
            ids = [f"{n % 3}" for n in range(half, 6)]
            rows = [
                f"\n{id},{day} 0{9 - n // 2}:00:00,{number}-{half}-{n},1,chip,0" for n, id in enumerate(ids)
            ]
            (tmp_path / f"{day}-{half}.csv").write_text(HEADER + "".join(rows) + "\n")
    source = {"kind": "file", "path": str(tmp_path / "{partition}-*.csv"), "format": {"type": "csv"}}
    split = yaml.safe_load(tiny.YAML)["split"] | {"window_days": len(days)}
    return open_run(settings, source, "training", split=split, label={"positive": 1, "delay_days": 0})


def test_many_pieces_are_read_some_a_statement_and_published_as_if_they_were_few(
    many_files: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def together(relations: Iterable[duckdb.DuckDBPyRelation]) -> duckdb.DuckDBPyRelation:
        every = list(relations)
        asked.append(len(every))
        return in_one(every)

    in_one = sql.together
    monkeypatch.setattr(sql, "together", together)
    digests = set()
    for at_once in (AT_ONCE, 1000):
        monkeypatch.setattr(sql, "AT_ONCE", at_once)
        digests.add(published(many_files))
        digests.add(many_files.store.write("raw", ingest.rows(many_files, many_files.days)).digest)
        assert asked
        assert max(asked) <= at_once
    rows = many_files.store.read("raw").project('"at", id').fetchall()
    assert rows == sorted(rows)
    assert (len(digests), len(rows)) == (1, 6 * len(many_files.days) + 5 * 3)


@pytest.mark.parametrize("mistake", ["z,2026-02-01,c,ten,chip,0", "z,2026-02-03,c,1,chip,0", "z,", "rows"])
def test_a_mistake_in_the_last_of_many_pieces_is_told_as_if_they_were_few(
    mistake: str, many_files: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if mistake == "rows":
        strict = many_files.use_case.limits.delivery.model_copy(update={"rows": 5})
        limits = many_files.use_case.limits.model_copy(update={"delivery": strict})
        loaded = replace(
            many_files.loaded, use_case=many_files.use_case.model_copy(update={"limits": limits})
        )
        many_files = replace(many_files, loaded=loaded)
    else:
        with next(tmp_path.glob(f"{DAY}-0.csv")).open("a") as file:
            file.write(mistake + "\n")
    told = set()
    for at_once in (AT_ONCE, 1000):
        monkeypatch.setattr(sql, "AT_ONCE", at_once)
        for read_all in (published, lambda run: ingest.rows(run, run.days)):
            with pytest.raises(BadInput) as refused:
                read_all(many_files)
            told.add(str(refused.value))
    assert len(told) == 1
    assert not many_files.store.has("raw")


def published(run: Run) -> str:
    """The sha256 of what a run's own days are published as."""
    return ingest.stream(run, run.days, partial(run.store.write, "raw")).digest


@pytest.mark.parametrize("change", [{"amount": "ten"}, {"at": ""}, {"at": "2026-02-03"}])
def test_a_mistake_in_the_last_row_publishes_nothing(
    settings: Settings, tmp_path: Path, change: dict[str, str]
) -> None:
    lines = [
        {"id": f"{n:07}", "at": "2026-02-01", "customer": "c", "amount": "1", "channel": "chip", "bad": "0"}
        for n in range(MANY)
    ]
    lines[-1] |= change
    (tmp_path / "2026-02-01.csv").write_text(
        "\n".join([HEADER, *(",".join(line.values()) for line in lines)])
    )
    run = open_run(
        settings, {"kind": "file", "path": str(tmp_path / "{partition}.csv"), "format": {"type": "csv"}}
    )
    before = run.store.write("raw", pa.table({"before": [1]}))
    with pytest.raises(BadInput, match=f"2026-02-01.csv, row {MANY}"):
        ingest.stream(run, dates.Days(DAY, DAY), partial(run.store.write, "raw"))
    assert run.store.manifest("raw") == before
    assert run.store.connection.execute("SELECT 1").fetchall() == [(1,)]  # no stream is left open


def test_half_of_ingest_is_not_published_when_the_past_is_wrong(settings: Settings) -> None:
    run = open_run(settings, {"kind": "python", "function": "tests.steps.test_ingest:wrong_before_february"})
    with pytest.raises(
        BadInput, match=r"wrong_before_february\(2026-01-25\), row 1, column amount: 'ten' is not a number"
    ):
        flow.ingest(run.task())
    assert not run.store.has("raw")
    assert not run.store.has("past_raw")


def wrong_before_february(day: date) -> pa.Table:
    rows = tiny.payments(day)
    amounts = rows["amount"].cast(pa.string()).to_pylist()
    return rows.set_column(3, "amount", pa.array(amounts if day >= DAY else ["ten", *amounts[1:]]))


def test_every_row_of_a_file_is_assigned_to_one_day(settings: Settings, tmp_path: Path) -> None:
    for name, first in (("1.csv", 1), ("2.csv", 4)):
        (tmp_path / name).write_text(
            "customer,amount,channel,bad" + "".join(f"\nc,{n},chip,0" for n in range(first, first + 3)) + "\n"
        )
    columns = {
        "id": {"type": "integer", "role": "key"},
        "at": {"type": "timestamp", "role": "time"},
        "customer": {"type": "string"},
        "amount": {"type": "number"},
        "channel": {"type": "string"},
        "bad": {"type": "integer", "role": "label"},
    }
    source = {"kind": "file", "path": str(tmp_path / "*.csv"), "format": {"type": "csv"}}
    assign_days = {"rule": "order", "start": date(2026, 2, 1), "days": 3, "key": "id", "time": "at"}
    run = open_run(settings, source, columns=columns, assign_days=assign_days)
    for number, day in enumerate(dates.Days(DAY, DAY + timedelta(days=2))):
        rows = ingest.rows(run, dates.Days(day, day)).to_arrow_table().to_pylist()
        assert [(row["id"], row["amount"]) for row in rows] == [
            (2 * number + 1, 2 * number + 1),
            (2 * number + 2, 2 * number + 2),
        ]


# --- the use cases that Sluice comes with, on their real data


def real(name: str, kind: Any, partition: date) -> Run:
    run = Run.open(name, kind, partition, Settings.from_env())
    source = run.use_case.source
    if source.kind == "http":
        held = [folder / source.mirror for folder in (run.settings.mirror, run.settings.cache) if folder]
        if not any(path.is_file() for path in held):
            pytest.skip(f"neither mirror nor cache has {source.mirror}")
    return run


@pytest.mark.parametrize(
    ("name", "rows", "first", "last"),
    [
        ("sms_spam", 5_574, date(2026, 1, 1), date(2026, 3, 1)),
        ("bank_marketing", 45_211, date(2026, 1, 1), date(2026, 8, 28)),
        ("bike_demand", 17_379, date(2011, 1, 1), date(2012, 12, 31)),
    ],
)
def test_every_row_of_the_public_data_has_its_day(name: str, rows: int, first: date, last: date) -> None:
    run = real(name, "scoring", first)
    found = ingest.rows(run, dates.Days(first, last))
    assert found.aggregate("count(*)").fetchall() == [(rows,)]
    assert len(ingest.fetch(run.use_case, run.settings)) == 1


@pytest.mark.parametrize("name", ["card_fraud", "sms_spam", "bank_marketing", "bike_demand"])
def test_the_demo_s_nights_have_rows(name: str) -> None:
    first = real(name, "scoring", DAY).use_case.demo.training + timedelta(days=1)
    run = real(name, "scoring", first)
    assert len(ingest.rows(run, dates.Days(first, first)).fetchall()) > 20
    assert ROOT in run.loaded.path.parents
