"""A dataset's name is the one that OpenLineage's naming gives it, wherever the tables lie."""

from __future__ import annotations

import pytest

from pipelines.run.lineage import Dataset, ReadAndWritten
from sluice_airflow.lineage import facets


@pytest.mark.parametrize(
    ("root", "namespace", "name"),
    [
        ("/srv/sluice/data", "file", "/srv/sluice/data/tiny/scoring/raw"),
        ("s3://lake", "s3://lake", "tiny/scoring/raw"),
        ("s3://lake/some/data/", "s3://lake", "some/data/tiny/scoring/raw"),
        ("connection://shop", "connection://shop", "tiny/scoring/raw"),
    ],
)
def test_a_dataset_is_named_by_its_place(root: str, namespace: str, name: str) -> None:
    dataset = Dataset(root, "tiny/scoring/raw", "2026-02-01@abc")
    told = facets(ReadAndWritten(reads=(dataset,), writes=(dataset,)))
    assert {(one.namespace, one.name) for one in (*told.inputs, *told.outputs)} == {(namespace, name)}
