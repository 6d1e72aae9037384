"""What the Pipeline learns before its model: missing values, outliers, scales, codes of categories, words.

Every part has an exact counterpart in ONNX; what has none (sub-linear tf-idf, stop words beside bigrams,
other token patterns, KNN imputing) converts without a word and then computes something else, so it is not
offered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler

from pipelines.core.families import named
from pipelines.model.clip import PercentileClipper

if TYPE_CHECKING:
    from pipelines.core.config import Categories, Family, Numbers, Texts, UseCase

SCALERS = {"standard": StandardScaler, "min_max": MinMaxScaler, "max_abs": MaxAbsScaler}
# ONNX's tokeniser means something else by scikit-learn's default pattern, and by \w beyond ASCII.
WORD = r"[a-zA-Z0-9_]+"


def transformer(use_case: UseCase, family: Family) -> ColumnTransformer:
    """Build the preprocessing of a family: from a frame of `inputs.frame` to a float32 matrix, columns chosen
    by name.
    """
    features, prepare = use_case.features, use_case.prepare
    parts: list[tuple[str, object, list[str] | str]] = []
    if features.numbers:
        parts.append(("numbers", numbers(prepare.numbers, family), list(features.numbers)))
    if features.categories:
        parts.append(("categories", categories(prepare.categories), list(features.categories)))
    # A vectoriser takes one column, not a table of one column.
    parts += [(name, texts(prepare.texts, family), name) for name in features.texts]
    # Trees see dense matrices: XGBoost takes the absent zeros of a sparse one for missing values, the ONNX
    # graph for zeros.
    return ColumnTransformer(
        parts, sparse_threshold=0.3 if named(family).linear else 0, verbose_feature_names_out=True
    )


def numbers(facts: Numbers, family: Family) -> Pipeline:
    """Impute, clip and, for linear models, scale.

    Trees get unscaled numbers: XGBoost's thresholds lie exactly on values of the training data, and a scaler
    that rounds its last bit differently in ONNX puts rows on the other side of them.
    """
    # A column may be missing altogether in the first fold, e.g. what is known of a past that has not begun:
    # it becomes 0.
    if isinstance(facts.impute, float):
        imputer = SimpleImputer(strategy="constant", fill_value=facts.impute, keep_empty_features=True)
    else:
        imputer = SimpleImputer(
            strategy="most_frequent" if facts.impute == "mode" else facts.impute, keep_empty_features=True
        )
    steps: list[tuple[str, object]] = [("impute", imputer)]
    if facts.clip:
        steps.append(("clip", PercentileClipper(*facts.clip)))
    if named(family).linear:
        steps.append(("scale", SCALERS[facts.scale]()))
    return Pipeline(steps)


def categories(facts: Categories) -> OneHotEncoder | OrdinalEncoder:
    """Encode categories. An unseen value is all zeros (one_hot, binary) or -1 (ordinal), never an error."""
    rare = facts.min_frequency if facts.min_frequency > 1 else None
    if facts.encode == "ordinal":
        return OrdinalEncoder(
            handle_unknown="use_encoded_value", unknown_value=-1, min_frequency=rare, dtype=np.float32
        )
    # Not "infrequent_if_exist": ONNX Runtime stops at an unseen value then.
    drop = "if_binary" if facts.encode == "binary" else None
    return OneHotEncoder(handle_unknown="ignore", drop=drop, min_frequency=rare, dtype=np.float32)


def texts(facts: Texts, family: Family) -> CountVectorizer:
    """Weigh words, and runs of words.

    Linear models get tf-idf. Trees get plain counts: integers survive float32 and ONNX exactly, tf-idf's last
    bit does not and would put rows on the other side of a tree's threshold (see `numbers`).
    """
    vectoriser = TfidfVectorizer if named(family).linear else CountVectorizer
    return vectoriser(
        token_pattern=WORD,
        # a feature's SQL says `lower(...)` where case does not matter: SQL and ONNX differ beyond ASCII
        lowercase=False,
        ngram_range=facts.ngrams,
        min_df=facts.min_df,
        max_features=facts.max_words,
        dtype=np.float32,
    )
