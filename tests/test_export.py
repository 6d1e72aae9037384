"""Each exported graph says what it is."""

from __future__ import annotations

import json

import pytest

from pipelines.model.graph import Graph
from tests import fitted


@pytest.fixture(scope="module")
def metadata() -> dict[str, dict[str, str]]:
    return {family: Graph(content).metadata for family, content in fitted.exported().graphs.items()}


def test_a_graph_says_where_it_comes_from_and_what_it_is(metadata: dict[str, dict[str, str]]) -> None:
    assert metadata["linear"] == {
        "training_partition": "2026-01-31",
        "data_version": "d41d8cd9.dir",
        "format": "1",
        "family": "linear",
        "task": "binary",
        "target": "bad",
        "features": json.dumps(
            [
                {"name": "amount", "kind": "number"},
                {"name": "age", "kind": "number"},
                {"name": "channel", "kind": "category"},
                {"name": "note", "kind": "text"},
            ]
        ),
        "metric": "aucpr",
        "held_out_aucpr": "0.8",
        "classes": "[0, 1]",
        "positive": "1",
    }


def test_only_the_winner_has_a_threshold(metadata: dict[str, dict[str, str]]) -> None:
    assert {family: said.get("threshold") for family, said in metadata.items()} == {"linear": None, "forest": None, "xgboost": "0.25"}


def test_exporting_twice_gives_the_same_bytes_and_the_same_parity() -> None:
    first, second = fitted.exported(), fitted.exported.__wrapped__()
    assert first.graphs == second.graphs
    assert first.parity.equals(second.parity)


def test_the_greatest_difference_is_the_parity_tables() -> None:
    exported = fitted.exported()
    assert exported.greatest_difference == exported.parity.difference.max() < 1e-6
    assert list(exported.parity.columns) == ["family", "kind", "key", "expected", "found", "difference"]
