"""Copies: which of the rows of one key are kept, and which rows feed windows. One rule for every kind of run.

A row is delivered again, changed or not: on the same day, or on another one. A feature of a row must be the
same bits in its own night, in a replay of it, in a backfill, in what-if, and in a training, which all read
other stretches of days. So what feeds windows is decided within each day alone, by what that day's own night
knew:

- A row's day is the day of its time, as the source gives it: by it, ingest deals rows to partitions.
- A row feeds windows if it breaks no rule while its label is hidden, as its own night judged it, and if it is
  the one that `duplicates` keeps among such rows of its key and day: the first, or the last, by time; of
  those of the same time by the order of delivery, which raw keeps (`pipelines.steps.ingest`). Under
  `quarantine` it is the first.
- Its label is shown to windows as soon as it is known, unless the row breaks a rule by it: then there is
  none. So is every leak that has a `known_after`. A rule reads one of these columns at most (`check`), since
  they are known one after the other.
- A key that comes on another day again is another row to windows. Whether it is, no night can know as all
  others do: a rule that asked earlier days would need days before these, and a rule that asked later ones
  would need the future.

`clean` has each key once. A night's rows are all of one day, so they are the very rows that feed windows. A
training has rows of many days: its `clean` are those that feed windows and break no rule with their label,
and of a key that came on several days the first one's (`last`: the last one's). What that leaves out of
`clean` feeds windows all the same (`further`), as it did at night. In short: days decide what windows see,
and a training only which rows it learns from.

A copy that says what the kept row of its day says is a redelivery, and expected unless `duplicates:
quarantine` says that it is not. One that says something else, or comes on another day, loses what only it
says: it is rejected, whatever `duplicates` says, and counts towards `cleanse.max_quarantined`. (Without that,
a key that names a customer and not a row would leave a training each customer's first row.) The night's eyes
judge it at night: labels, which are hidden, make no difference then.
"""

from __future__ import annotations

from pipelines.core import sql
from pipelines.core.config.rows import Rows

SAME, OTHER = "duplicate", "duplicate with other values"  # what quarantine tells of a copy
# Of rows that `numbered` has told apart: which are in clean, which feed windows, and which do only that.
CLEAN = '"#kept" IS NOT DISTINCT FROM 1'
FED = '"#fed" AND "#copy" = 1'
FURTHER = f"{FED} AND NOT ({CLEAN})"
GOOD = "\"#reasons\" = ''"  # whether a row breaks no rule, as far as anybody knows


def is_shown(column: str) -> str:
    """The column of judged rows that says whether their label, or a late column, may be shown to windows."""
    return sql.name(f"#{column} is shown")


def with_numbers(use_case: Rows, rows: str) -> str:
    """SQL of judged rows (with `#day`, `#n`, `#reasons`, `#fed`, see `row_rules`) and what tells the copies
    among them.

    Added are `#copy`: a row's number among those of its key and day that are judged alike, 1 is the one to
    keep; `#kept`: among those to keep that are good, its number over all days; `#differs`: whether the row
    says something else than the one to keep, and `#differs by night`: the same without the label and late
    columns.
    """
    key, order = sql.name(use_case.key), _order(use_case)
    # Copies are looked for among rows that are good by night (or good at all): a bad row never stands in for
    # a good one.
    alike = f'PARTITION BY {key}, "#day", "#fed", "#fed" OR {GOOD} {order}'
    good = f'"#copy" = 1 AND {GOOD}'
    seen_at_night = [column for column in use_case.kept_columns if column not in use_case.hidden_at_night]
    return f"""
        WITH suspects AS ({rows}),
        counted AS (
            SELECT *, row_number() OVER alike AS "#copy" FROM suspects WINDOW alike AS ({alike})
        )
        SELECT *, CASE WHEN {good} THEN row_number() OVER (PARTITION BY {key}, {good} {order}) END AS "#kept",
            "#copy" = 1 OR {_differs(use_case.kept_columns)} AS "#differs",
            {_differs(seen_at_night)} AS "#differs by night"
        FROM counted WINDOW alike AS ({alike})"""


def reason(differs: str) -> str:
    """SQL of why a good row is in quarantine."""
    return f"if({differs}, {sql.text(OTHER)}, {sql.text(SAME)})"


def is_rejected(use_case: Rows, differs: str) -> str:
    """SQL of whether a copy counts as rejected."""
    return "true" if use_case.cleanse.duplicates == "quarantine" else differs


def _order(use_case: Rows) -> str:
    way = "DESC" if use_case.cleanse.duplicates == "last" else "ASC"
    return f'ORDER BY {sql.name(use_case.time)} {way}, "#n" {way}'


def _differs(columns: list[str] | tuple[str, ...]) -> str:
    row = f"row({', '.join(map(sql.name, columns))})"
    return f"{row} IS DISTINCT FROM first_value({row}) OVER alike"
