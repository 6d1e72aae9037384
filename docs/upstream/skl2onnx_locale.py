"""A graph that writes words in small letters asks for a locale that most images do not have."""

from skl2onnx import to_onnx
from skl2onnx.common.data_types import StringTensorType
from sklearn.feature_extraction.text import TfidfVectorizer

fitted = TfidfVectorizer(token_pattern=r"[a-z]+").fit(["call now"])
graph = to_onnx(fitted, initial_types=[("text", StringTensorType([None, 1]))], target_opset=21).graph
print([a.s.decode() for node in graph.node for a in node.attribute if a.name == "locale"])

# With skl2onnx 1.20.0 and onnxruntime 1.31.1 it prints:
# []
