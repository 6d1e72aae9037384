"""Databases that a use case names by a connection, as Airflow writes connections into the environment: never
by a password.
"""

from __future__ import annotations

import json
import os
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from pipelines.core import addresses
from pipelines.core.config.base import ConnectedPart
from pipelines.core.errors import BadInput

# Airflow's name for a kind of connection, where SQLAlchemy's name differs.
DRIVERS = {"postgres": "postgresql"}


def how_to_name(named: ConnectedPart) -> str:
    """The way out where a connection is not there, or is none."""
    return (
        f"set {named.variable} to an address such as postgresql://user:password@host:5432/database, or to"
        f" Airflow's JSON of it; a task in Airflow also takes the connection {named.connection!r} that"
        " Airflow itself keeps"
    )


def url(named: ConnectedPart) -> sa.URL:
    """The database's address.

    Raises:
        BadInput: the variable is not set, or holds no address.
    """
    text = os.environ.get(named.variable, "").strip()
    if not text:
        raise BadInput(
            f"no connection {named.connection!r}: {named.variable} is not set", fix=how_to_name(named)
        )
    try:
        found = _from_json(json.loads(text)) if text.startswith("{") else sa.make_url(text)
    except (SQLAlchemyError, ValueError, KeyError, TypeError):
        # Without `from`: the cause's text may hold the password.
        raise BadInput(f"{named.variable} is no address of a database", fix=how_to_name(named)) from None
    driver, _, api = found.drivername.partition("+")
    return found.set(drivername=DRIVERS.get(driver, driver) + (f"+{api}" if api else ""))


def engine(url: sa.URL, named: ConnectedPart, **options: Any) -> sa.Engine:
    """An engine that shows no row's values in its messages.

    Raises:
        BadInput: no driver for it, or an address that the driver cannot read.
    """
    try:
        return sa.create_engine(url, hide_parameters=True, **options)
    except ModuleNotFoundError as error:
        raise BadInput(
            f"no driver for {url.drivername}: {error}",
            where=f"connection {named.connection}",
            fix=f"install it, e.g. pip install {error.name}",
        ) from error
    except SQLAlchemyError as error:
        raise BadInput(
            first_line(error, url), where=f"connection {named.connection}", fix=how_to_name(named)
        ) from addresses.cause(error, url)


def first_line(error: Exception, url: sa.URL) -> str:
    """The database's own first line, never with a secret of the address.

    Lines behind the first may show a row.
    """
    line = (
        str(error.orig if isinstance(error, DBAPIError) and error.orig else error).strip().splitlines()
        or [type(error).__name__]
    )[0]
    return addresses.mask_secrets(line, url)


def _from_json(stated: dict[str, Any]) -> sa.URL:
    extra = stated.get("extra") or {}
    return sa.URL.create(
        stated["conn_type"],
        username=stated.get("login"),
        password=stated.get("password"),
        host=stated.get("host"),
        port=stated.get("port"),
        database=stated.get("schema"),
        query={
            name: str(value)
            for name, value in (json.loads(extra) if isinstance(extra, str) else extra).items()
        },
    )
