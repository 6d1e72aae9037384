"""Addresses of databases hold passwords: what of them, and of what a database says, may be shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

from sqlalchemy.engine import URL

MASK = "***"
# Names of an address's options (`?sslpassword=...`, Airflow's extra) whose values nobody should read.
SECRET = re.compile(r"pass|secret|token|key|credential", re.IGNORECASE)


def without_secrets(url: URL) -> str:
    """The address without its secrets."""
    hidden = {name: MASK for name in url.query if SECRET.search(name)}
    return url.update_query_dict(hidden).render_as_string(hide_password=True).replace(quote(MASK), MASK)


def mask_secrets(text: str, url: URL) -> str:
    """A text, such as a database's error, in which the address's secrets are not to be read, however they are
    spelt.
    """
    for secret in _secrets(url):
        text = text.replace(secret, MASK)
    return text


def cause(error: BaseException, url: URL) -> BaseException | None:
    """The error as the cause of another one, whose stack trace is logged.

    None if that would tell a secret.
    """
    told: BaseException | None = error
    while told is not None:
        if mask_secrets(str(told), url) != str(told):
            return None
        told = told.__cause__ or told.__context__
    return error


def _secrets(url: URL) -> Iterator[str]:
    values = [str(url.password or "")]
    for name, value in url.query.items():
        if SECRET.search(name):
            values += [value] if isinstance(value, str) else value
    for value in filter(None, values):
        yield from sorted(
            {value, quote(value), quote(value, safe=""), quote_plus(value), repr(value)[1:-1]},
            key=len,
            reverse=True,
        )
