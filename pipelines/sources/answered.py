"""A database's values as the texts that files have: drivers disagree about types, and `str` has a word for
any of them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from math import isfinite
from typing import Any
from uuid import UUID

from pipelines.sources import texts

_FRACTIONS = "numbers with a fraction, or floats beyond their exact digits"
_BYTES = "bytes that are no text in UTF-8"


def text(value: Any, no_texts: set[str]) -> str | None:
    """A value as text: numbers without a fraction as whole ones, bytes by UTF-8.

    See `texts` for what a text column takes of it.

    What it would have to refuse is added to `no_texts`, in words.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(
        value, (int, float, Decimal, UUID, bytes, bytearray, memoryview)
    ):
        no_texts.add(f"values of type {type(value).__name__}")
        # Offsets were seconds, once, which nothing else here is told by.
        return str(value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _decode(bytes(value), no_texts)
    if isinstance(value, (int, UUID)):
        return str(value)
    if (
        isfinite(value)
        and value == int(value)
        and (isinstance(value, Decimal) or abs(value) < texts.EXACT["DOUBLE"])
    ):
        return str(int(value))
    no_texts.add(_FRACTIONS)
    # With an exponent, by which no integer is told: whether 2**53 or the next one was meant, nobody knows.
    return (
        f"{value:.16e}"
        if isinstance(value, float) and isfinite(value) and abs(value) >= texts.EXACT["DOUBLE"]
        else str(value)
    )


def _decode(value: bytes, no_texts: set[str]) -> str:
    try:
        found = value.decode()
    except UnicodeDecodeError:
        found = ""
    if (value and not found) or re.search(texts.CONTROLS, found):
        no_texts.add(_BYTES)
        return value.hex()
    return found
