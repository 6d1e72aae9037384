"""What is expected of the predictions by which a week's performance is judged: of each day, those that people
look at are its greatest scores, as many as the file declares.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipelines.gates.built_in.wording import must, of_what_is_there
from pipelines.gates.gx.suite import Stated

if TYPE_CHECKING:
    import duckdb

TABLE = "outcomes"


def days(rows: duckdb.DuckDBPyRelation, a_day: int) -> duckdb.DuckDBPyRelation:
    """A row a day: how many are taken, how many ought to be, and the scores on either side of the cut.

    Args:
        rows: The table `outcomes`.
        a_day: How many rows a day people look at.
    """
    return rows.aggregate(
        f"""time::DATE AS day, count(*) FILTER (taken = 1) AS taken, least(count(*), {a_day}) AS ought,
        count(*) FILTER (taken IS NULL OR taken NOT IN (0, 1)) AS neither,
        min(score) FILTER (taken = 1) AS least_taken, max(score) FILTER (taken = 0) AS greatest_left""",
        "time::DATE",
    ).order("day")


def taken(a_day: int) -> Iterator[Stated]:
    """What is expected of these days."""
    why = f"of each day, the {a_day:,} greatest scores are taken, or all, where there are fewer"
    yield must("column_values_to_be_in_set", column="neither", value_set=[0], why="a row is taken or not")
    yield must("column_pair_values_to_be_equal", column_A="taken", column_B="ought", why=why)
    yield of_what_is_there(
        "column_pair_values_a_to_be_greater_than_b",
        column_A="least_taken",
        column_B="greatest_left",
        or_equal=True,
        ignore_row_if="either_value_is_missing",
        why=why,
    )
