"""Assign rows without dates to days, by nothing but their number: the same on every machine, for any number
of threads.
"""

from __future__ import annotations

from pipelines.core.config import DayAssignment

DAY = 24 * 60 * 60 * 1_000_000  # microseconds


def moment(rule: DayAssignment, number: str, total: int) -> str:
    """SQL of the moment at which a row takes place.

    `order`: row i of n stands at the share (i - 1) / n of all the days, so day floor((i - 1) * days / n)
    after the start. `hash`: md5(i), as a little-endian integer, modulo the days is the day; its quotient,
    modulo a day, the time of day.

    Args:
        rule: How rows are assigned.
        number: SQL of the row's number, from 1, in the source's order.
        total: How many rows there are; only `order` asks.
    """
    if rule.rule == "order":
        since = f"(({number})::HUGEINT - 1) * {rule.days * DAY} // {total}"
    else:
        digest = f"md5_number(({number})::VARCHAR)"
        since = f"{digest} % {rule.days} * {DAY} + {digest} // {rule.days} % {DAY}"
    return f"TIMESTAMP '{rule.start}' + to_microseconds(({since})::BIGINT)"
