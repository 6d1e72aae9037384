"""What has to be mended, before and after the conversion, for a graph to compute exactly what its Pipeline
computes.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
from onnx import helper
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import Pipeline


def with_split_ngrams(pipeline: Pipeline) -> Pipeline:
    """Return the fitted Pipeline with vocabularies of word tuples, `("call", "now")` for scikit-learn's
    `"call now"`.

    skl2onnx 1.20 guesses where a run of words is to be split: it takes one whose words are not all in the
    vocabulary (rarer words fall out of it by `max_words`) for a single word with a blank inside, which no
    text contains, or gives up. Tuples leave nothing to guess. Our words contain no blank, see `prepare.WORD`.
    And where no run of the declared length is left at all, ONNX Runtime would refuse to load the graph: the
    range becomes what the vocabulary has.

    The Pipeline that comes back is for conversion only: scikit-learn itself cannot use such a vocabulary.
    """
    prepare = deepcopy(pipeline["prepare"])
    for part in prepare.named_transformers_.values():
        if isinstance(part, CountVectorizer):  # tf-idf is one as well
            part.vocabulary_ = {tuple(words.split(" ")): index for words, index in part.vocabulary_.items()}
            lengths = {len(words) for words in part.vocabulary_}
            part.ngram_range = min(lengths), max(lengths)
    return Pipeline([("prepare", prepare), ("model", pipeline["model"])])


def add_base_first(graph: Any) -> None:
    """Let an ONNX graph add XGBoost's base score before its trees' leaves, as XGBoost does, not after them.

    Both add up in float32, where the order shows: 300 trees around a base of 200 differ by 1e-3. The base
    moves into the leaves of the first tree, so that the partial sums are the same to the last bit.
    """
    for node in graph.node:
        attributes = {attribute.name: attribute for attribute in node.attribute}
        if "base_values" in attributes:
            kind = "class" if node.op_type == "TreeEnsembleClassifier" else "target"
            trees, weights = (
                np.array(helper.get_attribute_value(attributes[f"{kind}_{what}"]))
                for what in ("treeids", "weights")
            )
            (base,) = helper.get_attribute_value(attributes["base_values"])
            moved = np.where(trees == 0, np.float32(base) + weights.astype(np.float32), weights)
            attributes[f"{kind}_weights"].CopyFrom(helper.make_attribute(f"{kind}_weights", moved.tolist()))
            attributes["base_values"].CopyFrom(helper.make_attribute("base_values", [0.0]))
