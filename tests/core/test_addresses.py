"""No secret of an address is shown, however it is spelt."""

from __future__ import annotations

import pytest
from sqlalchemy.engine import make_url

from pipelines.core import addresses

SPELT = "p%40ss%2Fw%20rd"
URL = make_url(f"postgresql://me:{SPELT}@db:5432/shop?sslmode=require&sslpassword=0ther&api_token=t0ken")


def test_an_address_is_shown_without_its_secrets() -> None:
    assert (
        addresses.without_secrets(URL)
        == "postgresql://me:***@db:5432/shop?api_token=***&sslmode=require&sslpassword=***"
    )


@pytest.mark.parametrize(
    "spelt", ["p@ss/w rd", "p%40ss%2Fw%20rd", "p%40ss/w%20rd", "p%40ss%2Fw+rd", "0ther", "t0ken"]
)
def test_a_secret_is_masked_however_it_is_spelt(spelt: str) -> None:
    assert (
        addresses.mask_secrets(f"no host {spelt}@db, sslmode require", URL)
        == "no host ***@db, sslmode require"
    )


def test_a_cause_that_would_tell_a_secret_is_none() -> None:
    error = OSError("no connection")
    assert addresses.cause(error, URL) is error
    error.__cause__ = ValueError("role p@ss/w rd does not exist")
    assert addresses.cause(error, URL) is None
