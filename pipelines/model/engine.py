"""What turns rows of features into scores, whichever library computes them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import pairwise
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.core.errors import BadInput, did_you_mean

Input: TypeAlias = Literal["number", "text"]
Feeds: TypeAlias = dict[str, npt.NDArray[Any]]  # a value a row, for each input

BOOSTER = "booster"  # the key in a graph's metadata where XGBoost's trees lie, see `engine_xgboost`


class Engine(ABC):
    """A model that scores rows, on the thread that asks: several threads may ask at once.

    Attributes:
        name: As predictions and the registry call it.
        inputs: The features, in order, each a number or a text (categories are texts too).
    """

    name: ClassVar[str]
    inputs: dict[str, Input]

    @property
    @abstractmethod
    def rows_at_once(self) -> int:
        """How many rows are scored in one call, where nobody has measured what is best."""

    @abstractmethod
    def _scores(self, feeds: Feeds) -> npt.NDArray[np.float32]:
        """Score at least one row."""

    def check(self, schema: pa.Schema) -> None:
        """Make sure that a table has every input, in its kind, wherever the column stands.

        Raises:
            BadInput: naming every missing column and every column of another kind.
        """
        mistakes = []
        for name, kind in self.inputs.items():
            if name not in schema.names:
                mistakes.append(f"{name}: missing; {did_you_mean(name, schema.names)}")
            elif _kind(schema.field(name).type) != kind:
                mistakes.append(f"{name}: is {schema.field(name).type}, the model takes a {kind}")
        if mistakes:
            raise BadInput(
                f"the table does not fit the model: {len(mistakes)} of its {len(self.inputs)} inputs are"
                " missing or of another type",
                details=mistakes,
                fix=(
                    "compute the features with the use-case file that the model was trained with, or train"
                    " again"
                ),
            )

    def scores(self, table: pa.Table | pa.RecordBatch) -> npt.NDArray[np.float32]:
        """Score rows: the probability of the positive class, or the prediction of a regression.

        A row's score depends on that row alone, bit for bit, however the rows are cut into tables.

        Args:
            table: N rows with at least the columns of `inputs`. A missing number is null or NaN, a missing
                text null or empty.

        Returns:
            float32 of shape [N].

        Raises:
            BadInput: the table lacks inputs, has them in another type, or a number is infinite or beyond
                float32.
        """
        self.check(table.schema)
        feeds = {
            name: _texts(table[name]) if kind == "text" else _numbers(table[name])
            for name, kind in self.inputs.items()
        }
        _refuse_infinite(feeds)
        cuts = [*range(0, table.num_rows, self.rows_at_once), table.num_rows]
        parts = [
            self._scores({name: values[a:b] for name, values in feeds.items()}) for a, b in pairwise(cuts)
        ]
        return np.concatenate(parts) if parts else np.empty(0, np.float32)


def _kind(type_: pa.DataType) -> Input | None:
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    if pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        return "text"
    numeric = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal)
    return "number" if any(is_(type_) for is_ in numeric) else None


def _numbers(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.float32]:
    """A column as NumPy sees it: without a copy where it is float32 and nothing is missing."""
    if not pa.types.is_floating(column.type):
        # integers take the way that they take in training: see `inputs.frame`
        column = column.cast(pa.float64(), safe=False)
    numbers = column.cast(pa.float32(), safe=False)
    if numbers.null_count:
        numbers = pc.fill_null(numbers, float("nan"))
    return np.asarray(numbers)


def _texts(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.object_]:
    texts = column.cast(pa.string())
    if texts.null_count:
        # ONNX Runtime would read None as the word "None".
        texts = pc.fill_null(texts, "")
    return np.asarray(texts)


def _refuse_infinite(feeds: Feeds) -> None:
    infinite = {
        name: found
        for name, values in feeds.items()
        if values.dtype == np.float32 and (found := np.isinf(values)).any()
    }
    if infinite:
        mistakes = [f"{name}: {found.sum():,} of {len(found):,} rows" for name, found in infinite.items()]
        raise BadInput(
            "the model takes no number that is infinite, or beyond what a 32-bit number holds (3.4e38)",
            details=mistakes,
            fix="guard the feature's SQL, for instance against a division by zero with nullif",
        )
