from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest

from pipelines.sources import answered


@pytest.mark.parametrize(
    ("value", "text", "told"),
    [
        (Decimal("12.00"), "12", set()),
        (Decimal("1E+3"), "1000", set()),
        (Decimal("NaN"), "NaN", {"numbers with a fraction, or floats beyond their exact digits"}),
        (memoryview(b"abc"), "abc", set()),
        (b"", "", set()),
        (b"\x01\xab", "01ab", {"bytes that are no text in UTF-8"}),
        (b"\x01\x02", "0102", {"bytes that are no text in UTF-8"}),
        (2.0**53 - 1, "9007199254740991", set()),
        (2.0**53, "9.0071992547409920e+15", {"numbers with a fraction, or floats beyond their exact digits"}),
        (True, "True", {"values of type bool"}),
        (date(2026, 2, 1), "2026-02-01", {"values of type date"}),
        (datetime(2026, 2, 1, 10, tzinfo=UTC), "2026-02-01 10:00:00+00:00", {"values of type datetime"}),
        (
            datetime(1930, 1, 1, tzinfo=timezone(timedelta(seconds=1172))),
            "1929-12-31 23:40:28+00:00",
            {"values of type datetime"},
        ),
        ({"a": 1}, "{'a': 1}", {"values of type dict"}),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001", set()),
        (None, None, set()),
    ],
)
def test_a_driver_s_values_are_the_texts_that_files_have(
    value: object, text: str | None, told: set[str]
) -> None:
    found: set[str] = set()
    assert (answered.text(value, found), found) == (text, told)
