"""The tiny use case, fed from a source that breaks one night: all amounts are below zero."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from tests.helpers import tiny

POISONED = date(2026, 2, 8)
YAML = tiny.YAML.replace("tests.helpers.tiny:payments", "tests.helpers.poison:payments")


def payments(day: date) -> pa.Table:
    """Tiny's payments, but for the poisoned night."""
    rows = tiny.payments(day)
    if day != POISONED:
        return rows
    return rows.set_column(
        rows.schema.get_field_index("amount"), "amount", pc.negate(pc.add(rows["amount"], 1))
    )
