from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType

from pipelines.model import clip
from pipelines.model.clip import PercentileClipper

Matrix = npt.NDArray[np.float32]


def by_onnx(clipper: PercentileClipper, values: Matrix) -> Matrix:
    clip.register()
    graph = to_onnx(
        clipper,
        initial_types=[("x", FloatTensorType([None, values.shape[1]]))],
        target_opset={"": 21, "ai.onnx.ml": 3},
    )
    clipped: Matrix = ort.InferenceSession(graph.SerializeToString()).run(None, {"x": values})[0]
    return clipped


def test_values_beyond_the_learned_percentiles_become_the_percentiles() -> None:
    training = np.arange(101, dtype=np.float32).reshape(-1, 1)
    clipper = PercentileClipper(0.05, 0.9).fit(training)
    assert clipper.transform([[-7.0], [50.0], [1000.0]]).ravel().tolist() == [5, 50, 90]


def test_each_column_has_its_own_limits() -> None:
    training = np.array([[0, 100], [10, 200]], dtype=np.float32)
    assert PercentileClipper(0, 1).fit(training).transform([[50, 50]]).tolist() == [[10, 100]]


def test_missing_values_teach_nothing_and_stay_missing() -> None:
    training = np.array([[1], [np.nan], [3]], dtype=np.float32)
    clipped = PercentileClipper(0, 1).fit(training).transform([[np.nan], [9.0]])
    assert np.isnan(clipped[0, 0])
    assert clipped[1, 0] == 3


def test_a_column_without_any_value_is_not_clipped() -> None:
    training = np.full((3, 1), np.nan, dtype=np.float32)
    assert PercentileClipper().fit(training).transform([[5.0]]).tolist() == [[5.0]]


@settings(max_examples=15, deadline=None)
@given(
    arrays(
        np.float32, (20, 2), elements=st.floats(-(2.0**90), 2.0**90, width=32) | st.just(np.float32("nan"))
    )
)
def test_onnx_clips_to_the_very_same_numbers(values: Matrix) -> None:
    clipper = PercentileClipper(0.1, 0.85).fit(values)
    edges = clipper.limits_[np.isfinite(clipper.limits_).all(axis=1)]
    around = np.vstack(
        [values, edges, np.nextafter(edges, np.float32(-np.inf)), np.nextafter(edges, np.float32(np.inf))]
    )
    np.testing.assert_array_equal(by_onnx(clipper, around), clipper.transform(around), strict=True)
