"""Expectations asked of any relation, as a gate asks them of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from pipelines.gates.fact import Fact
from pipelines.gates.findings import Finding
from pipelines.gates.gx.suite import Stated
from pipelines.gates.judge import found_in
from pipelines.gates.measure import answers
from pipelines.gates.questions import Questions


def findings(
    relation: duckdb.DuckDBPyRelation,
    connection: duckdb.DuckDBPyConnection,
    stated: Sequence[Stated],
    masked: frozenset[str] = frozenset(),
    known: Mapping[str, Fact] | None = None,
) -> tuple[Finding, ...]:
    """What a gate finds for each expectation, see `Questions`."""
    return found_in(answers(Questions(relation, stated, masked, known=known), connection))
