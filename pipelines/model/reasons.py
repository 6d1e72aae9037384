"""Why a row has its score: what the score would be if one feature were as it is in the typical training row.

Prediction difference analysis against a single reference (Robnik-Šikonja and Kononenko 2008): it works for
every family and engine, in the score's own unit. Features that say the same share their effect, and each
alone shows less of it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeAlias

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.core import personal
from pipelines.core.errors import BadInput
from pipelines.core.sql import name as quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelines.core.config import UseCase
    from pipelines.model.engine import Engine

TYPICAL = "typical"  # the key in a graph's metadata
Typical: TypeAlias = "dict[str, float | str | None]"


def typical(features: duckdb.DuckDBPyRelation, use_case: UseCase) -> Typical:
    """The typical training row: medians of numbers, the most frequent categories, no words.

    What is personal is missing in it.

    Args:
        features: the training's features table, with its column `split`.
        use_case: names the features.
    """
    named, hidden = use_case.features, personal.features(use_case)
    asked = [f"median({quoted(name)})" for name in named.numbers]
    # Among equals the first by the alphabet: the same rows must give the same metadata.
    asked += [f"coalesce((histogram({quoted(name)})), MAP {{}})" for name in named.categories]
    (found,) = features.filter("split = 'train'").aggregate(", ".join(asked) or "1").fetchall()
    numbers = dict(zip(named.numbers, found, strict=False))
    counted = dict(zip(named.categories, found[len(named.numbers) :], strict=False))
    row: Typical = {name: None if value is None else float(value) for name, value in numbers.items()}
    row |= {
        name: min(counts, key=lambda value: (-counts[value], value)) if counts else ""
        for name, counts in counted.items()
    }
    row |= dict.fromkeys(named.texts, "")
    return {
        name: (None if name in named.numbers else "") if name in hidden else value
        for name, value in row.items()
    }


def read(metadata: Mapping[str, str]) -> Typical:
    """The typical row that a graph's metadata hold.

    Raises:
        BadInput: they hold none.
    """
    if TYPICAL not in metadata:
        raise BadInput(
            "the model does not say what a typical row is, so no reason can be given for its scores",
            fix="train again, or leave `reasons` out of the use-case file",
        )
    found: Typical = json.loads(metadata[TYPICAL])
    return found


def of(
    rows: pa.RecordBatch | pa.Table,
    scores: npt.NDArray[np.float32],
    engine: Engine,
    usual: Typical,
    most: int,
    rising: bool,
) -> list[str]:
    """Name the features that move each row's score most.

    Args:
        rows: N rows of features.
        scores: theirs, shape (N,).
        engine: the model.
        usual: the typical row.
        most: how many features a row names at most.
        rising: whether only features count that raise the score, as of an alarm; else also those that lower
            it.

    Returns:
        For each row features and their effects on the score, the greatest first, such as `amount +0.312;
        night +0.104`. The empty text where no feature alone makes a difference of 0.001 of a probability, or
        of the score's size.
    """
    effects = np.stack(
        [scores - engine.scores(_with(rows, name, usual[name])) for name in engine.inputs], axis=1
    )
    ranked = effects if rising else np.abs(effects)
    names, least = (
        list(engine.inputs),
        1e-3 * np.maximum(1.0, np.abs(scores)) if not rising else np.full(len(scores), 1e-3),
    )
    order = np.argsort(-ranked, axis=1, kind="stable")[:, :most]
    return [
        "; ".join(
            f"{names[column]} {effects[row, column]:+.3g}"
            for column in columns
            if ranked[row, column] >= least[row]
        )
        for row, columns in enumerate(order)
    ]


def _with(rows: pa.RecordBatch | pa.Table, name: str, value: float | str | None) -> pa.Table:
    table = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
    at, field = table.schema.get_field_index(name), table.schema.field(name)
    return table.set_column(at, field, pa.repeat(pa.scalar(value, field.type), table.num_rows))
