"""A fitted Pipeline -> one ONNX graph with the preprocessing inside: an input a feature, one score a row."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.pipeline import Pipeline

from pipelines.core import families
from pipelines.core.config import Features
from pipelines.core.tasks import Task
from pipelines.model import calibration, candidate, clip, repairs

# skl2onnx 1.20 knows opsets to 22; XGBoost's trees need this very version of the machine-learning domain.
OPSET = {"": 21, "ai.onnx.ml": 3}

# A graph that lower-cases asks for a locale, en_US.UTF-8 by default, and does not load where that is not
# installed.
LOCALE = {"locale": "C.UTF-8"}

INNER = "model/"


def graph_of(
    pipeline: Pipeline,
    features: Features,
    task: Task,
    name: str,
    metadata: dict[str, str],
) -> bytes:
    """Convert a fitted Pipeline; the same Pipeline and metadata give the same bytes.

    Args:
        pipeline: fitted on a frame with a column a feature, float32 numbers and texts.
        features: the features, in the Pipeline's order.
        task: whether the score is the probability of the positive class, or the prediction.
        name: the graph's name.
        metadata: what the graph says of itself.

    Returns:
        A serialised graph: rank-1 inputs named as the features (float, or string for categories and texts),
        and one rank-1 float output `score`.
    """
    register_converters()
    line = candidate.line_of(pipeline)
    pipeline = repairs.with_split_ngrams(pipeline)
    options: dict[Any, dict[str, Any]] = {TfidfVectorizer: LOCALE, CountVectorizer: LOCALE}
    if task.probabilities:
        options[id(pipeline)] = {"zipmap": False}
    columns = [
        (f, FloatTensorType([None, 1]) if f in features.numbers else StringTensorType([None, 1]))
        for f in features.names
    ]
    model = to_onnx(pipeline, initial_types=columns, name=name, options=options, target_opset=OPSET)
    repairs.add_base_first(model.graph)
    _one_score(model.graph, features.names, task)
    if line:
        calibration.append_to(model.graph, line)
        metadata = {**metadata, calibration.KEY: line.as_json()}
    # skl2onnx keeps the opsets in a set of texts, whose order differs from process to process.
    model.opset_import.sort(key=lambda opset: opset.domain)
    helper.set_model_props(model, dict(sorted(metadata.items())))
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


@cache
def register_converters() -> None:
    """Teach skl2onnx what it does not know: families of other libraries, and our own clipping."""
    for family in families.EVERY:
        family.teach()
    clip.register()


def _one_score(graph: Any, names: tuple[str, ...], task: Task) -> None:
    """Turn inputs of shape [N, 1] into [N], so that table columns feed them, and the outputs into one `score`
    [N].
    """
    # By position: a feature that bears a name of skl2onnx's own, such as `label`, has become `label1` here.
    inner = list(graph.input)
    columns = [
        helper.make_tensor_value_info(name, column.type.tensor_type.elem_type, ["N"])
        for name, column in zip(names, inner, strict=True)
    ]
    # Afterwards every inner name begins with `model/`, and ours with a colon: no feature's name can collide
    # with them.
    compose.add_prefix_graph(graph, INNER, inplace=True)
    axis, chosen = ":axis", ":chosen"
    graph.initializer.append(numpy_helper.from_array(np.array([1], np.int64), axis))
    before = [
        helper.make_node("Unsqueeze", [name, axis], [column.name])
        for name, column in zip(names, inner, strict=True)
    ]
    after = [helper.make_node("Squeeze", [chosen, axis], ["score"])]
    if task.probabilities:
        # outputs: the label [N], the classes' probabilities [N, 2], of which column 1 is the positive one
        after.insert(0, helper.make_node("Gather", [graph.output[1].name, axis], [chosen], axis=1))
    else:  # output: the prediction [N, 1]
        after.insert(0, helper.make_node("Identity", [graph.output[0].name], [chosen]))
    score = helper.make_tensor_value_info("score", TensorProto.FLOAT, ["N"])
    for field, values in (("node", [*before, *graph.node, *after]), ("input", columns), ("output", [score])):
        graph.ClearField(field)
        getattr(graph, field).extend(values)
