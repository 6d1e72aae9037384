"""What is wrong with other sources than that of the rows that are predicted: what may be with those, too."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.core.config import UseCase
from pipelines.preflight import check_columns, check_sql

KINDS = (check_columns.columns, check_sql.derived_mistakes, check_columns.repairs, check_sql.rules)


def mistakes(use_case: UseCase) -> Iterator[tuple[str, str]]:
    """Columns, derived ones, repairs and rules of each other source that cannot be meant so."""
    for name, source in use_case.sources.items():
        for kind in KINDS:
            for where, sentence in kind(source):
                yield f"sources.{name}.{where}", sentence
