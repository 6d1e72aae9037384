"""An address as Airflow writes it; of one that is none, no password is told."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from pipelines.core import connections
from pipelines.core.config.base import ConnectedPart
from pipelines.core.errors import BadInput


@dataclass(frozen=True)
class Shop(ConnectedPart):
    connection: str = "shop"


JSON = '{"conn_type": "postgres", "login": "me", "password": "s3cret", "host": "db", "port": 5433, "schema": "s", "extra": {"sslmode": "require"}}'


@pytest.mark.parametrize(
    ("stated", "url"),
    [
        (
            "postgres://me:s3cret@db:5433/s?sslmode=require",
            "postgresql://me:s3cret@db:5433/s?sslmode=require",
        ),
        ("postgres+psycopg://me:s3cret@db/s", "postgresql+psycopg://me:s3cret@db/s"),
        (JSON, "postgresql://me:s3cret@db:5433/s?sslmode=require"),
    ],
)
def test_an_address_and_airflows_json_are_read(
    monkeypatch: pytest.MonkeyPatch, stated: str, url: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", f" {stated}\n")
    assert connections.url(Shop()).render_as_string(hide_password=False) == url


@pytest.mark.parametrize("stated", ["me:s3cret@db", '{"login": "s3cret"', '{"login": "s3cret"}', ""])
def test_what_is_no_address_is_told_without_what_stands_there(
    monkeypatch: pytest.MonkeyPatch, stated: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", stated)
    with pytest.raises(BadInput, match="AIRFLOW_CONN_SHOP") as refused:
        connections.url(Shop())
    assert "s3cret" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_driver_that_is_not_there_is_named() -> None:
    with pytest.raises(BadInput, match="no driver for mysql"):
        connections.engine(sa.make_url("mysql://db/s"), Shop())
