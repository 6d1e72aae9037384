"""The graph of a TfidfVectorizer with scikit-learn's default pattern reads other words, without a warning."""

import warnings

import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from skl2onnx.common.data_types import StringTensorType
from sklearn.feature_extraction.text import TfidfVectorizer

warnings.simplefilter("ignore")
texts = ["café crème", "naïve words 😀 or two", "it's a cup"]
for pattern in (r"(?u)\b\w\w+\b", r"[a-zA-Z0-9_]+"):
    fitted = TfidfVectorizer(token_pattern=pattern).fit(texts)
    options = {TfidfVectorizer: {"locale": "C.UTF-8"}}
    graph = to_onnx(
        fitted, initial_types=[("text", StringTensorType([None, 1]))], target_opset=21, options=options
    )
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    found = session.run(None, {"text": np.array(texts, object).reshape(-1, 1)})[0]
    print(
        pattern,
        "is as in scikit-learn:",
        bool(np.allclose(found, fitted.transform(texts).toarray(), atol=1e-5)),
    )

# With skl2onnx 1.20.0 and onnxruntime 1.31.1 it prints:
# (?u)\b\w\w+\b is as in scikit-learn: False
# [a-zA-Z0-9_]+ is as in scikit-learn: True
