"""XGBoost's own trees behind the graph's own preprocessing: the same scores, several times sooner.

The trained Booster lies in the graph's metadata, in XGBoost's own format (UBJSON): one file is the model, one
checksum covers both engines, and nothing is translated that could be translated wrongly. The preprocessing is
the graph itself, cut off where its trees begin.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper
from onnx.utils import Extractor
from sklearn.pipeline import Pipeline
from xgboost import Booster, XGBModel

from pipelines.model import calibration
from pipelines.model.engine import BOOSTER, Engine, Feeds
from pipelines.model.graph import Graph, session

# XGBoost walks through all its trees at the beginning of each call: below some 8,000 rows that shows. More
# rows leave the cache.
ROWS_AT_ONCE = 25_000
NUMBERS_AT_ONCE = 5_000_000  # in the matrix that the trees are given, which has a column a word


def booster_metadata(pipeline: Pipeline) -> dict[str, str]:
    """What a graph's metadata must hold for this engine: nothing, unless the Pipeline's model is
    XGBoost's.
    """
    model = pipeline["model"]
    if not isinstance(model, XGBModel):
        return {}
    return {BOOSTER: b64encode(model.get_booster().save_raw("ubj")).decode()}


class XGBoostEngine(Engine):
    """A graph whose trees are run by XGBoost."""

    name: ClassVar[str] = "xgboost"

    def __init__(self, graph: Graph, content: bytes) -> None:
        """Take a graph whose metadata hold a Booster, and its bytes."""
        self.inputs = graph.inputs
        self._before = session(_before_trees(content))
        self._booster = Booster(model_file=bytearray(b64decode(graph.metadata[BOOSTER])))
        self._booster.set_param({"nthread": 1})
        self._line = calibration.read(graph.metadata)

    @property
    def rows_at_once(self) -> int:
        """See `ROWS_AT_ONCE`; fewer where there are many columns."""
        columns: int = self._booster.num_features()
        return max(1, min(ROWS_AT_ONCE, NUMBERS_AT_ONCE // columns))

    def _scores(self, feeds: Feeds) -> npt.NDArray[np.float32]:
        (matrix,) = self._before.run(None, feeds)
        by_margin = self._line is not None and self._line.scale != "score"
        told = self._booster.inplace_predict(
            matrix, predict_type="margin" if by_margin else "value", validate_features=False
        )
        found = np.asarray(told, np.float32)
        return found if self._line is None else self._line(found).astype(np.float32)


def _before_trees(content: bytes) -> bytes:
    """The graph up to the matrix that its trees are given."""
    model = onnx.load_from_string(content)
    (trees,) = (node for node in model.graph.node if node.op_type.startswith("TreeEnsemble"))
    model.graph.value_info.append(
        helper.make_tensor_value_info(trees.input[0], TensorProto.FLOAT, [None, None])
    )
    part = Extractor(model).extract_model([column.name for column in model.graph.input], [trees.input[0]])
    cut: bytes = part.SerializeToString()
    return cut
