"""Other sources' rows: for which days they are asked, and what becomes of copies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from pipelines.core.config import UseCase
from pipelines.core.dates import Days
from pipelines.core.other_rows import EVER, asked, cleanse
from tests.core.test_joined import KNOWN, LIMIT, LIMITS, REFUNDS, WEEK, at, case
from tests.helpers.relations import connection, dicts

DAY = date(2026, 3, 2)


def joined(**windows: Any) -> UseCase:
    sources = {"limits": LIMITS, "refunds": REFUNDS}
    return case(sources, joins=LIMIT, windows={**WEEK, **windows}, numbers={"amount": "amount"})


def test_a_source_is_read_as_far_back_as_windows_and_joins_look_or_whole() -> None:
    of = joined(hours={"source": "refunds", "by": ["customer"], "since": "30h"})
    assert asked(of, "refunds", Days(DAY, DAY)) == Days(date(2026, 2, 23), DAY)
    assert asked(of, "limits", Days(DAY, DAY)) == Days(EVER.date(), DAY)
    joins = {"card": {**LIMIT["card"], "within": "30h"}}
    of = case({"limits": LIMITS}, joins=joins, numbers={"amount": "amount"})
    assert asked(of, "limits", Days(DAY, DAY)) == Days(date(2026, 2, 28), DAY)


@pytest.mark.parametrize(
    ("duplicates", "kept", "rejected"),
    [
        ("first", [10.0, 5.0], [False, True]),
        ("last", [20.0, 5.0], [True, True]),
        ("quarantine", [10.0, 5.0], [True, True]),
    ],
)
def test_of_copies_one_is_kept_and_one_that_says_something_else_is_rejected(
    duplicates: str, kept: list[float], rejected: list[bool]
) -> None:
    of = case(
        {"limits": {**LIMITS, "cleanse": {"duplicates": duplicates}}},
        joins=LIMIT,
        numbers={"amount": "amount"},
    )
    rows = [("c", 0, 10.0), ("c", 0, 10.0), ("c", 0, 20.0), ("c", 1, 5.0)]
    found = cleanse(told(rows), of.others["limits"], "tiny, sources.limits")
    assert [row["most"] for row in dicts(found.rows)] == kept
    aside = dicts(found.aside)
    assert [row["rejected"] for row in aside] == rejected
    assert {row["key"] for row in aside} == {"c"}


def told(rows: Sequence[tuple[str, float, float]]) -> Any:
    schema = pa.schema([("customer", pa.string()), ("since", pa.timestamp("us")), ("most", pa.float64())])
    table = [{"customer": customer, "since": at(hours), "most": most} for customer, hours, most in rows]
    return connection().from_arrow(pa.Table.from_pylist(table, schema=schema))


def test_a_correction_of_its_own_moment_is_no_copy_and_a_bad_row_is_put_aside_with_its_reason() -> None:
    columns = {**LIMITS["columns"], **KNOWN, "most": {"type": "number", "min": 0}}
    of = case(
        {"limits": {**LIMITS, "columns": columns, "available_at": "known"}},
        joins=LIMIT,
        numbers={"amount": "amount"},
    )
    schema = pa.schema(
        [
            ("customer", pa.string()),
            ("since", pa.timestamp("us")),
            ("most", pa.float64()),
            ("known", pa.timestamp("us")),
        ]
    )
    table = [
        {"customer": "c", "since": at(0), "most": most, "known": at(known)}
        for most, known in ((10, 1), (20, 2), (-1, 3))
    ]
    rows = connection().from_arrow(pa.Table.from_pylist(table, schema=schema))
    found = cleanse(rows, of.others["limits"], "tiny, sources.limits")
    assert [row["most"] for row in dicts(found.rows)] == [10, 20]
    assert [(row["reasons"], row["rejected"]) for row in dicts(found.aside)] == [("most: below 0", True)]
