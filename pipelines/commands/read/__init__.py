"""Reading results: the rows of a table over some partitions, of those whose gates have let them through.

A glob over the folders also finds what a closed gate holds back, older revisions, and drafts. Here a table is
what its manifest lists, of a partition whose gate has judged this very table and was open, as the next step
would read it (`clearance`). What is closed or missing is told beside the rows.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pipelines.commands.read import judged, named
from pipelines.commands.read.found import Found
from pipelines.core import use_cases
from pipelines.core.config import Kind
from pipelines.core.errors import BadInput
from pipelines.storage.settings import Settings

if TYPE_CHECKING:
    import duckdb

__all__ = ["Found", "in_notebook", "read"]

logger = logging.getLogger(__name__)


def read(
    settings: Settings,
    use_case: str,
    table: str,
    first: str,
    last: str,
    kind: Kind | None = None,
) -> Found:
    """Find what is published of a table, from one partition to another, both included.

    Args:
        settings: Where things lie.
        use_case: The use case.
        table: `predictions`, `clean`, ...; of other sources `sources/<name>`.
        first: The first partition's name.
        last: The last one's.
        kind: Of which runs, where more than one kind has such a table; nights come first.

    Raises:
        BadInput: no such table, the partitions are none or in the wrong order, or nothing is published.
    """
    now = use_cases.load(settings.use_cases, use_case).use_case
    kind = named.kind_of(now, table, kind)
    calendar = now.calendar
    days = calendar.span(calendar.parse(first), calendar.parse(last))
    if not len(days):
        raise BadInput(
            f"{last} lies before {first}", where=f"{use_case} {kind}", fix="name the first one, then the last"
        )
    found = Found(now, kind, table, days, tuple(judged.partitions(settings, now, kind, table, days)))
    if not found.open:
        raise BadInput(
            f"nothing of {table} is published and let through by its gate",
            where=f"{use_case} {kind} {days}",
            details=found.left_out or ["no run has been about any of these partitions"],
            fix="name other partitions, or run these first",
        )
    found.require_one_type()
    return found


def in_notebook(
    use_case: str, table: str, first: str, last: str, kind: Kind | None, personal_too: bool
) -> duckdb.DuckDBPyRelation:
    """See `pipelines.read`."""
    import duckdb

    found = read(Settings.from_env(), use_case, table, first, last, kind)
    if found.left_out:
        logger.warning("%s", found.told(masked=False))
    return found.relation(duckdb.default_connection(), personal_too)
