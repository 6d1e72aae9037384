"""A converted XGBoost adds its base score behind its trees' leaves, XGBoost before: in float32 that shows."""

import numpy as np
import onnxruntime
from onnxmltools.convert import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from xgboost import XGBRegressor

X = np.random.default_rng(0).normal(size=(500, 3)).astype(np.float32)
model = XGBRegressor(n_estimators=300, max_depth=3, base_score=200.0, n_jobs=1).fit(
    X, 200 + X @ [1.0, 2.0, 3.0]
)
graph = convert_xgboost(model, initial_types=[("X", FloatTensorType([None, 3]))], target_opset=15)
session = onnxruntime.InferenceSession(graph.SerializeToString())
found = session.run(None, {"X": X})[0].ravel()
print("the same to the bit:", bool((found == model.predict(X)).all()))

# With onnxmltools 1.16.0 and onnxruntime 1.31.1 it prints:
# the same to the bit: False
