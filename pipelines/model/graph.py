"""An exported model as ONNX Runtime runs it: one input a feature, one score a row."""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import onnxruntime
import pyarrow as pa
import pyarrow.compute as pc
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, InvalidGraph, InvalidProtobuf, NoSuchFile, NotImplemented

from pipelines.errors import BadInput, listed, meant

Input: TypeAlias = Literal["number", "text"]
INPUTS: dict[str, Input] = {"tensor(float)": "number", "tensor(string)": "text"}

# ONNX Runtime's text vectoriser is dense, a float a word and row: smaller chunks where there are texts.
ROWS_AT_ONCE: dict[bool, int] = {False: 10_000, True: 1_000}


class Graph:
    """A loaded ONNX graph, on one CPU thread: scoring in parallel is the scheduler's business."""

    def __init__(self, content: bytes) -> None:
        """Load a graph.

        Raises:
            BadInput: these bytes are no ONNX graph that ONNX Runtime can run.
        """
        options = onnxruntime.SessionOptions()
        # More threads would spin between calls, and a child forked from such a process hangs.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except (Fail, InvalidArgument, InvalidGraph, InvalidProtobuf, NoSuchFile, NotImplemented) as error:
            raise BadInput(
                f"the model file ({len(content):,} bytes) is no ONNX graph that ONNX Runtime {onnxruntime.__version__} can run: "
                f"{str(error).splitlines()[0]}\n  way out: export the model again"
            ) from error
        self._refuse_others()

    @cached_property
    def metadata(self) -> dict[str, str]:
        """What the graph says of itself: its training, features, threshold and metrics."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    @cached_property
    def inputs(self) -> dict[str, Input]:
        """The features, in order, each a number or a text (categories are texts too)."""
        return {node.name: INPUTS[node.type] for node in self._session.get_inputs()}

    def check(self, schema: pa.Schema) -> None:
        """Make sure that a table has every input, in its kind.

        Raises:
            BadInput: naming every missing column and every column of another kind.
        """
        mistakes = []
        for name, kind in self.inputs.items():
            if name not in schema.names:
                mistakes.append(f"{name}: missing; {meant(name, schema.names)}")
            elif _kind(schema.field(name).type) != kind:
                mistakes.append(f"{name}: is {schema.field(name).type}, the model takes a {kind}")
        if mistakes:
            raise BadInput(
                f"the table does not fit the model: {len(mistakes)} of its {len(self.inputs)} inputs are missing or of another type\n"
                f"{listed(mistakes, most=6)}\n  way out: compute the features with the use-case file that the model was trained with, or train again"
            )

    def scores(self, table: pa.Table | pa.RecordBatch) -> npt.NDArray[np.float32]:
        """Score rows: the probability of the positive class, or the prediction of a regression.

        A row's score depends on that row alone, bit for bit, however the rows are cut into tables.

        Args:
            table: N rows with at least the columns of `inputs`. A missing number is null or NaN, a missing text null or empty.

        Returns:
            float32 of shape [N].

        Raises:
            BadInput: the table lacks inputs, has them in another type, or a number is infinite or beyond float32.
        """
        self.check(table.schema)
        feeds = {name: _texts(table[name]) if kind == "text" else _numbers(table[name]) for name, kind in self.inputs.items()}
        _refuse_infinite(feeds)
        size = ROWS_AT_ONCE["text" in self.inputs.values()]
        cuts = [*range(0, table.num_rows, size), table.num_rows]
        parts = [self._scores({name: values[a:b] for name, values in feeds.items()}, b - a) for a, b in pairwise(cuts)]
        return np.concatenate(parts) if parts else np.empty(0, np.float32)

    def _refuse_others(self) -> None:
        found = sorted({node.type for node in self._session.get_inputs()} - set(INPUTS))
        outputs = [node.name for node in self._session.get_outputs()]
        if found or outputs != ["score"]:
            raise BadInput(
                f"the ONNX graph is not one that Sluice exported: its inputs must be float or string columns and its one output `score`; "
                f"found inputs of {', '.join(found) or 'these types'} and outputs {', '.join(outputs)}"
            )

    def _scores(self, feeds: dict[str, npt.NDArray[Any]], rows: int) -> npt.NDArray[np.float32]:
        if rows == 1:
            # A lone row goes twice: ONNX Runtime multiplies it by another kernel, and the last bits would differ.
            feeds = {name: np.repeat(values, 2) for name, values in feeds.items()}
        (found,) = self._session.run(["score"], feeds)
        return np.asarray(found, np.float32)[:rows]


def _kind(type_: pa.DataType) -> Input | None:
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    if pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        return "text"
    numeric = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal)
    return "number" if any(is_(type_) for is_ in numeric) else None


def _numbers(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.float32]:
    if not pa.types.is_floating(column.type):
        column = column.cast(pa.float64(), safe=False)  # integers take the way that they take in training: see `inputs.frame`
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


def _refuse_infinite(feeds: dict[str, npt.NDArray[Any]]) -> None:
    counts = {name: int(np.isinf(values).sum()) for name, values in feeds.items() if values.dtype == np.float32}
    mistakes = [f"{name}: {count:,} of {len(feeds[name]):,} rows" for name, count in counts.items() if count]
    if mistakes:
        raise BadInput(
            "the model takes no number that is infinite, or beyond what a 32-bit number holds (3.4e38)\n"
            f"{listed(mistakes, most=6)}\n  way out: guard the feature's SQL, for instance against a division by zero with nullif"
        )
