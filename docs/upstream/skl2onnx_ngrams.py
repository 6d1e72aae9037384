"""skl2onnx takes a run of words, one of which fell out of the vocabulary, for one word with a blank inside."""

import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from skl2onnx.common.data_types import StringTensorType
from sklearn.feature_extraction.text import CountVectorizer

texts = ["call now", "call now", "now then", "now"]
counts = CountVectorizer(ngram_range=(1, 2), vocabulary=["now", "call now"], token_pattern=r"[a-z]+").fit(
    texts
)
try:
    options = {CountVectorizer: {"locale": "C.UTF-8"}}
    graph = to_onnx(
        counts, initial_types=[("text", StringTensorType([None, 1]))], target_opset=21, options=options
    )
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    found = session.run(None, {"text": np.array([["call now"]], object)})[0].tolist()
except Exception as error:  # which one is the question
    found = type(error).__name__
print("scikit-learn:", counts.transform(["call now"]).toarray().tolist(), "ONNX:", found)

# With skl2onnx 1.20.0 and onnxruntime 1.31.1 it prints:
# scikit-learn: [[1, 1]] ONNX: Fail
