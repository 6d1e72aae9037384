"""What a task has read and written, for Airflow's OpenLineage listener, where one is switched on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage

    from pipelines.run.lineage import Dataset, ReadAndWritten


def facets(touched: ReadAndWritten) -> OperatorLineage[Any, Any]:
    """Say it in OpenLineage's words: a table of each partition is one dataset, and partition and digest are
    its version.
    """
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import InputDataset, OutputDataset
    from openlineage.client.facet_v2 import output_statistics_output_dataset

    outputs = [
        OutputDataset(
            *_name(dataset),
            facets=_facets(dataset),  # type: ignore[arg-type]
            outputFacets=(
                {}
                if dataset.rows is None
                else {
                    "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                        rowCount=dataset.rows
                    )
                }
            ),
        )
        for dataset in touched.writes
    ]
    inputs = [InputDataset(*_name(dataset), facets=_facets(dataset)) for dataset in touched.reads]  # type: ignore[arg-type]
    return OperatorLineage(inputs=inputs, outputs=outputs)


def _name(dataset: Dataset) -> tuple[str, str]:
    """Namespace and name, as OpenLineage's naming has them for files and for places with an address."""
    scheme, found, rest = dataset.root.partition("://")
    if not found:
        return "file", f"{dataset.root}/{dataset.name}"
    place, _, prefix = rest.partition("/")
    return f"{scheme}://{place}", "/".join(filter(None, [prefix.strip("/"), dataset.name]))


def _facets(dataset: Dataset) -> dict[str, object]:
    from openlineage.client.facet_v2 import dataset_version_dataset, schema_dataset

    found: dict[str, object] = {
        "version": dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=dataset.version)
    }
    if dataset.columns:
        columns = [
            schema_dataset.SchemaDatasetFacetFields(name=name, type=type_)
            for name, type_ in dataset.columns.items()
        ]
        found["schema"] = schema_dataset.SchemaDatasetFacet(fields=columns)
    return found
