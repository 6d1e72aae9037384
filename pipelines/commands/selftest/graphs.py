"""A model that is almost the exported one."""

from __future__ import annotations

import onnx
from onnx import helper

# Where each kind of model keeps the numbers that it has learned.
LEARNED = ("nodes_values", "coefficients")


def with_one_number_moved(graph: bytes) -> bytes:
    """Return the graph with its first threshold (of a tree) or weight (of a linear model) moved by half of
    itself, and by one.
    """
    model = onnx.load_from_string(graph)
    node, attribute = next(
        (node, a) for node in model.graph.node for a in node.attribute if a.name in LEARNED
    )
    values = list(helper.get_attribute_value(attribute))
    # A linear classifier keeps the weights of both classes, and only those of the second one count.
    first = len(values) // 2 if node.op_type == "LinearClassifier" else 0
    values[first] += 0.5 * abs(values[first]) + 1
    attribute.CopyFrom(helper.make_attribute(attribute.name, values))
    return bytes(model.SerializeToString())
