from __future__ import annotations

import json
import sqlite3
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from pipelines.core.errors import BadInput, TryAgain
from pipelines.storage.settings import Settings
from tests.helpers import postgres as postgres_server
from tests.helpers.sourced import open_run, read

QUERY = "select id, at, customer, amount, channel, bad from payments where at >= :start and at < :end"
ROWS = [
    ("before", "2026-01-31 23:59:59", "c1", 1.5, "chip", 0),
    ("first", "2026-02-01 00:00:00", "c1", 2.5, "chip", 0),
    ("last", "2026-02-01 23:59:59.999999", "c2", None, "online", 1),
    ("after", "2026-02-02 00:00:00", "c1", 3.5, "chip", 0),
]
POSTGRES = postgres_server.SERVER


def source(query: str = QUERY) -> dict[str, str]:
    return {"kind": "sql", "connection": "shop", "query": query}


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute(
            "create table payments (id text, at timestamp, customer text, amount real, channel text, bad int)"
        )
        connection.executemany("insert into payments values (?, ?, ?, ?, ?, ?)", ROWS)
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", f"sqlite:///{path}")
    return path


def test_a_query_gives_the_partition_s_rows_and_no_others(settings: Settings, database: Path) -> None:
    rows = read(open_run(settings, source()))
    assert [(row["id"], row["amount"]) for row in rows] == [("first", 2.5), ("last", None)]


def test_a_query_that_does_not_ask_for_days_is_cut_to_them_all_the_same(
    settings: Settings, database: Path
) -> None:
    rows = read(open_run(settings, source("select * from payments")))
    assert [row["id"] for row in rows] == ["first", "last"]


def test_an_answer_larger_than_one_chunk_keeps_every_row(settings: Settings, database: Path) -> None:
    many = (
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 25000) select i as id,"
        " '2026-02-01' as at, 'c1' as customer, i as amount, 'chip' as channel, 0 as bad from n"
    )
    rows = read(open_run(settings, source(many)))
    assert sum(row["amount"] for row in rows) == 25_000 * 25_001 / 2


def test_a_connection_may_be_airflow_s_json(
    settings: Settings, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", json.dumps({"conn_type": "sqlite", "schema": str(database)}))
    assert len(read(open_run(settings, source()))) == 2


def test_a_connection_that_is_not_there_is_asked_for_by_the_name_of_its_variable(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_SHOP", raising=False)
    with pytest.raises(BadInput, match="AIRFLOW_CONN_SHOP is not set"):
        read(open_run(settings, source()))


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("nodatabase://me:s3cret@127.0.0.1/shop", BadInput),
        ("postgres://me:s3cret@127.0.0.1:1/shop", (BadInput, TryAgain)),  # without its driver, and with it
        ("sqlite://me:s3cret@127.0.0.1/shop", BadInput),
        ("me:s3cret@127.0.0.1", BadInput),
        ('{"login": "me", "password": "s3cret"}', BadInput),
        ('{"conn_type": "postgres", "password": "s3cret"', BadInput),
    ],
)
def test_no_message_holds_the_password(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, address: str, error: Any
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", address)
    with pytest.raises(error) as refused:
        read(open_run(settings, source()))
    assert "s3cret" not in str(refused.value)
    assert "s3cret" not in str(refused.value.__cause__)


def test_a_database_that_cannot_be_opened_may_be_tried_again(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", f"sqlite:///{tmp_path / 'no_folder' / 'shop.db'}")
    with pytest.raises(
        TryAgain, match=r"connection shop: .* cannot be reached: unable to open database file"
    ):
        read(open_run(settings, source()))


def test_a_query_that_the_database_refuses_is_a_mistake(settings: Settings, database: Path) -> None:
    with pytest.raises(BadInput, match=r"the database refuses source.query: no such table: payment"):
        read(open_run(settings, source("select * from payment")))


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("drop table payments", "the database refuses source.query: attempt to write a readonly database"),
        (
            "insert into payments (id) values ('x') returning id",
            "the database refuses source.query: attempt to write a readonly database",
        ),
        ("-- nothing", "source.query is no query: it gives no rows"),
        ("begin", "source.query is no query: it gives no rows"),
        (
            "select * from payments where at = :day",
            "source.query holds :day, which stands for nothing; allowed: :start and :end\n  way out: ",
        ),
        ("select '{\"a\":1}' as id", "source.query holds :1, which stands for nothing"),
        (
            "select id, amount as n, amount as n from payments",
            "not each column has a name of its own\n  - 'n' stands there twice\n",
        ),
        ("pragma table_info(payments)", "no column 'id'"),
    ],
)
def test_what_is_no_query_of_rows_is_refused_and_changes_nothing(
    settings: Settings, database: Path, query: str, sentence: str
) -> None:
    with pytest.raises(BadInput) as refused:
        read(open_run(settings, source(query)))
    assert sentence in str(refused.value)
    assert "way out: " in str(refused.value)
    assert len(read(open_run(settings, source()))) == 2


def test_a_database_that_is_not_there_is_not_made(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", f"sqlite:///{tmp_path / 'shopp.db'}")
    with pytest.raises(
        TryAgain,
        match=r"shopp.db cannot be reached: unable to open database file: there is none\n  way out: ",
    ):
        read(open_run(settings, source()))
    assert not (tmp_path / "shopp.db").exists()


def test_a_query_that_gives_nothing_is_ended_when_its_time_is_over(
    settings: Settings, database: Path
) -> None:
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) as id from n"
    began = time.monotonic()
    with pytest.raises(
        BadInput,
        match=r"connection shop is too much: 1 seconds or more, and limits.delivery.seconds allows 1",
    ):
        read(open_run(settings, source(endless), limits={"delivery": {"seconds": 1}}))
    assert time.monotonic() - began < 60


def test_a_whole_number_that_the_database_keeps_as_a_float_beyond_its_digits_is_no_integer(
    settings: Settings, database: Path
) -> None:
    query = ONE.format(id="'a'", customer="'c'").replace("0 as bad", "cast(9007199254740993 as real) as bad")
    with pytest.raises(BadInput, match=r"column bad: '9\.0071992547409920e\+15' is not an integer"):
        read(open_run(settings, source(query)))


def test_a_column_of_the_query_that_the_schema_does_not_know_is_refused(
    settings: Settings, database: Path
) -> None:
    with pytest.raises(BadInput, match="connection shop: a column 'more' that the schema does not know"):
        read(open_run(settings, source("select *, 1 as more from payments")))


ONE = (
    "select {id} as id, '2026-02-01' as at, {customer} as customer, 1 as amount, 'chip' as channel, 0 as bad"
)


def test_ids_that_a_database_calls_numbers_are_their_digits(settings: Settings, database: Path) -> None:
    (row,) = read(open_run(settings, source(ONE.format(id="9007199254740993", customer="123.0"))))
    assert (row["id"], row["customer"]) == ("9007199254740993", "123")


def test_bytes_are_a_text_if_they_are_utf_8(settings: Settings, database: Path) -> None:
    (row,) = read(open_run(settings, source(ONE.format(id="'a'", customer="x'5A6FC3AB'"))))
    assert row["customer"] == "Zo\u00eb"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("x'01AB'", "bytes that are no text in UTF-8"),
        ("x'0102'", "bytes that are no text in UTF-8"),
        ("1.5", "numbers with a fraction, or floats beyond their exact digits"),
        ("1e16", "numbers with a fraction, or floats beyond their exact digits"),
    ],
)
def test_what_is_no_text_is_refused_in_a_text_column(
    settings: Settings, database: Path, value: str, told: str
) -> None:
    with pytest.raises(
        BadInput,
        match=(
            f"connection shop: column 'customer' is declared as string and holds {told}: declare their own"
            " type"
        ),
    ):
        read(open_run(settings, source(ONE.format(id="'a'", customer=value))))


@pytest.fixture
def postgres(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        sa.create_engine(POSTGRES).connect().close()
    except sa.exc.OperationalError:
        if postgres_server.NAMED:
            raise
        pytest.skip("no PostgreSQL here: start one, or name one by SLUICE_TEST_POSTGRES")
    # as Airflow writes it
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", POSTGRES.replace("postgresql://", "postgres://"))


def test_postgresql_gives_its_types(settings: Settings, postgres: None) -> None:
    typed = (
        "select v.id, v.at::timestamptz as at, customer, amount::numeric(10, 2), channel, bad::int from"
        " (values ('a', '2026-02-01 01:00:00+02', 'c1', 1.50, 'chip', 0), ('b', '2026-02-01 01:00:00+01',"
        " 'c1', 2.50, 'chip', null)) as v(id, at, customer, amount, channel, bad) where v.at::timestamptz <"
        " :end"
    )
    rows = read(open_run(settings, source(typed)))
    assert [(row["id"], row["at"], row["amount"]) for row in rows] == [("b", datetime(2026, 2, 1), 2.5)]


def test_a_password_that_the_database_repeats_is_not_shown(settings: Settings, postgres: None) -> None:
    with pytest.raises(BadInput, match=r'invalid input syntax for type integer: "\*\*\*"'):
        read(open_run(settings, source("select 's3cret'::int")))


def test_a_session_of_postgresql_changes_nothing_and_does_not_wait_for_ever(
    settings: Settings, postgres: None
) -> None:
    (row,) = read(
        open_run(settings, source(ONE.format(id="'a'", customer="current_setting('transaction_read_only')")))
    )
    assert row["customer"] == "on"
    with pytest.raises(BadInput, match=r"is too much: 1 seconds or more"):
        read(
            open_run(settings, source("select pg_sleep(60)::text as id"), limits={"delivery": {"seconds": 1}})
        )


def test_an_answer_that_breaks_off_in_the_middle_is_told_as_one_that_never_began(
    settings: Settings, postgres: None
) -> None:
    rows = "from generate_series(1, 9) as n"
    with pytest.raises(
        BadInput, match=r'refuses source.query: invalid input syntax for type integer: "\*\*\*4"'
    ):
        read(
            open_run(
                settings, source(f"select case when n < 4 then n else ('s3cret' || n)::int end as id {rows}")
            )
        )
    with pytest.raises(TryAgain, match="the database went away: terminating connection"):
        read(
            open_run(
                settings,
                source(
                    "select n as id, case when n = 4 then pg_terminate_backend(pg_backend_pid()) end as bad"
                    f" {rows}"
                ),
            )
        )
