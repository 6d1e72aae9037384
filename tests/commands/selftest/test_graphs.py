"""The graph in which one number is moved is another model, whatever its family."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from pipelines.commands.selftest.graphs import with_one_number_moved
from pipelines.core.config import Family
from pipelines.model import convert
from pipelines.model.graph import Graph
from tests.helpers import fitted


@pytest.mark.parametrize("task", ["binary", "regression"])
@pytest.mark.parametrize("family", fitted.FAMILIES)
def test_one_moved_number_changes_scores_by_more_than_parity_allows(family: Family, task: str) -> None:
    facts, rows = fitted.use_case(task), pa.Table.from_pandas(fitted.rows(task))
    graph = convert.graph_of(fitted.pipeline(family, task), facts.features, facts.task, facts.name, {})
    moved = Graph(with_one_number_moved(graph)).scores(rows)
    assert np.abs(moved - Graph(graph).scores(rows)).max() > 1e-3
