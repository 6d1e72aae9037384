"""What is said of a table holds together with the tables and steps beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.core.use_cases import parse
from pipelines.run.tables import EVERY, TABLES, Table, pieces
from tests.helpers import tiny

TINY = parse(Path(f"{tiny.NAME}.yaml"), tiny.YAML.encode()).use_case


@pytest.mark.parametrize("table", EVERY, ids=lambda table: table.name)
def test_a_table_is_made_of_one_that_stands_before_it(table: Table) -> None:
    before = [other.name for other in EVERY[: EVERY.index(table)]]
    assert table.made_of is None or table.made_of in before
    assert not table.same_rows or table.made_of
    assert set(table.with_it) <= set(TABLES)


@pytest.mark.parametrize("table", EVERY, ids=lambda table: table.name)
def test_a_column_is_named_once_and_the_key_is_one_of_them(table: Table) -> None:
    columns, key = table.columns(TINY), table.key(TINY)
    assert len(set(columns)) == len(columns)
    assert not columns or key is None or key in columns


def test_a_table_in_pieces_is_published_as_each_of_them() -> None:
    assert pieces(TINY, "trials") == TINY.candidates.families
    assert TABLES["trials"].published_as(TINY) == tuple(f"trials/{name}" for name in TINY.candidates.families)
    assert TABLES["clean"].published_as(TINY) == ("clean",)
