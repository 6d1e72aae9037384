"""An exported model as ONNX Runtime runs it: one input a feature, one score a row."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import (
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    NoSuchFile,
    NotImplemented,
)

from pipelines.core.errors import BadInput
from pipelines.model.engine import Engine, Feeds, Input

INPUTS: dict[str, Input] = {"tensor(float)": "number", "tensor(string)": "text"}

# ONNX Runtime's text vectoriser is dense, a float a word and row: smaller chunks where there are texts.
ROWS_AT_ONCE: dict[bool, int] = {False: 10_000, True: 1_000}


class Graph(Engine):
    """A loaded ONNX graph: the reference, which can run every model."""

    name: ClassVar[str] = "onnxruntime"

    def __init__(self, content: bytes) -> None:
        """Load a graph.

        Raises:
            BadInput: these bytes are no ONNX graph that ONNX Runtime can run.
        """
        self._session = session(content)
        self._refuse_others()
        self.inputs = {node.name: INPUTS[node.type] for node in self._session.get_inputs()}

    @cached_property
    def metadata(self) -> dict[str, str]:
        """What the graph says of itself: its training, features, threshold and metrics."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    @property
    def rows_at_once(self) -> int:
        """See `ROWS_AT_ONCE`."""
        return ROWS_AT_ONCE["text" in self.inputs.values()]

    def _refuse_others(self) -> None:
        found = sorted({node.type for node in self._session.get_inputs()} - set(INPUTS))
        outputs = [node.name for node in self._session.get_outputs()]
        if found or outputs != ["score"]:
            raise BadInput(
                "the ONNX graph is not one that Sluice exported: its inputs must be float or string"
                " columns and its one output `score`; found inputs of"
                f" {', '.join(found) or 'these types'} and outputs {', '.join(outputs)}",
                fix="export the model again",
            )

    def _scores(self, feeds: Feeds) -> npt.NDArray[np.float32]:
        rows = len(next(iter(feeds.values())))
        if rows == 1:
            # A lone row goes twice: ONNX Runtime multiplies it by another kernel, and the last bits would
            # differ.
            feeds = {name: np.repeat(values, 2) for name, values in feeds.items()}
        (found,) = self._session.run(["score"], feeds)
        return np.asarray(found, np.float32)[:rows]


def session(content: bytes) -> onnxruntime.InferenceSession:
    """Load a graph into ONNX Runtime, on the calling thread only.

    Raises:
        BadInput: these bytes are no ONNX graph that ONNX Runtime can run.
    """
    options = onnxruntime.SessionOptions()
    # Threads of its own would spin between calls, and a child forked from such a process hangs.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except (Fail, InvalidArgument, InvalidGraph, InvalidProtobuf, NoSuchFile, NotImplemented) as error:
        raise BadInput(
            f"the model file ({len(content):,} bytes) is no ONNX graph that ONNX Runtime"
            f" {onnxruntime.__version__} can run: {str(error).splitlines()[0]}",
            fix="export the model again",
        ) from error
