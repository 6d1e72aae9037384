"""Great Expectations' own results, as the JSON that it reads and writes itself: kept beside our verdict, for
whoever trusts its words more.

The same table and use-case file give the same bytes: no clock, no run id and no stack trace is in it, and no
personal value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, TypeAlias

import great_expectations as gx

from pipelines.gates.gx.engine import Observation
from pipelines.gates.gx.suite import Stated
from pipelines.storage.store import as_json

Result: TypeAlias = dict[str, Any]

# Threads add a column up in any order, which shows in the last digits of a mean: the same table has the same
# evidence.
DIGITS = 12
MOST_KEPT = 20  # of a list that was observed: some expectations list every value of a column
SEVERITIES = {"stop": "critical", "warn": "warning"}


def result(stated: Stated, observed: Observation) -> Result:
    """Great Expectations' result of one expectation.

    Of what was observed `masking` has left no personal value.
    """
    return {
        "success": observed.success,
        "expectation_config": {
            "type": stated.expectation.name,
            "kwargs": plain(stated.expectation.kwargs),
            "meta": {"where": stated.where, "why": stated.why},
            "severity": SEVERITIES[stated.expectation.severity],
        },
        "result": plain(observed.result, MOST_KEPT),
        "meta": {},
        "exception_info": {
            "raised_exception": observed.raised is not None,
            "exception_message": observed.raised,
            "exception_traceback": (
                "" if observed.raised else None
            ),  # a text where there is a message, or its pages cannot be made
        },
    }


def results(suite_name: str, each: Sequence[Result], *, run_name: str, not_asked: Sequence[str]) -> bytes:
    """Great Expectations' results of a whole suite, as JSON.

    Args:
        suite_name: The gate.
        each: The results of the expectations that it was asked.
        run_name: The partition.
        not_asked: Why it was not asked the others: they have failed, too.
    """
    held = sum(one["success"] for one in each)
    return as_json(
        {
            "suite_name": suite_name,
            "suite_parameters": {},
            "success": bool(each) and held == len(each) and not not_asked,
            "statistics": {
                "evaluated_expectations": len(each),
                "successful_expectations": held,
                "unsuccessful_expectations": len(each) - held,
                "success_percent": 100 * held / len(each) if each else None,
            },
            "results": list(each),
            "meta": {
                "great_expectations_version": gx.__version__,
                "run_id": {"run_name": run_name, "run_time": None},
                "not_asked": not_asked,
            },
        }
    )


def plain(value: Any, most: int | None = None) -> Any:
    """A value as JSON can hold it: moments as ISO text, decimals as numbers, infinity and NaN as words.

    Lists cut off at `most`.

    Floats have `DIGITS` significant digits, lest a mean be another one each time that it is computed.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item, most) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, most) for item in value[:most]]
    if isinstance(value, Decimal):
        return plain(float(value))
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else str(value)
    if isinstance(value, date):  # and datetime
        return value.isoformat()
    return value if value is None or isinstance(value, bool | int | str) else str(value)
