from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import scipy.sparse as sp

from pipelines.core.config import Categories, Family, Numbers, Texts
from pipelines.model import inputs, prepare
from tests.helpers import fitted

TREES: tuple[Family, ...] = ("forest", "xgboost")


def prepared(part: Any, training: list[Any], then: list[Any]) -> npt.NDArray[np.float32]:
    """Fit on one column, transform another, and take the result as a dense matrix."""
    with warnings.catch_warnings():
        # that an unseen value is coded as zeros is what these tests show
        warnings.simplefilter("ignore", UserWarning)
        found = part.fit(training).transform(then)
    return np.asarray(found.todense() if sp.issparse(found) else found)


def column(*values: object) -> list[list[object]]:
    return [[value] for value in values]


@pytest.mark.parametrize(("impute", "expected"), [("median", 2), ("mean", 4), ("mode", 1), (-5.0, -5)])
def test_missing_numbers_are_imputed_by_what_training_taught(impute: Any, expected: float) -> None:
    part = prepare.numbers(Numbers(impute=impute), "forest")
    assert prepared(part, column(1.0, 1.0, 3.0, 11.0, np.nan), column(np.nan, 7.0)).ravel().tolist() == [
        expected,
        7,
    ]


def test_a_number_that_training_never_saw_is_kept_as_a_column_of_zeros() -> None:
    part = prepare.numbers(Numbers(clip=(0.1, 0.9)), "linear")
    assert prepared(part, column(np.nan, np.nan), column(np.nan)).tolist() == [[0.0]]


def test_numbers_are_clipped_before_they_are_scaled() -> None:
    part = prepare.numbers(Numbers(clip=(0.1, 0.9), scale="min_max"), "linear")
    assert prepared(part, column(*map(float, range(11))), column(1e6, -1e6)).ravel().tolist() == [1, 0]


@pytest.mark.parametrize("family", TREES)
def test_trees_get_unscaled_numbers(family: Family) -> None:
    assert prepared(prepare.numbers(Numbers(), family), column(1.0, 3.0), column(7.0)).tolist() == [[7.0]]


@pytest.mark.parametrize(
    ("encode", "expected"),
    [
        ("one_hot", [[1, 0], [0, 1], [0, 0]]),
        ("ordinal", [[0], [1], [-1]]),
        ("binary", [[0], [1], [0]]),
    ],
)
def test_categories_are_encoded_and_an_unseen_one_never_fails(encode: Any, expected: list[list[int]]) -> None:
    assert (
        prepared(
            prepare.categories(Categories(encode=encode)), column("a", "b"), column("a", "b", "new")
        ).tolist()
        == expected
    )


@pytest.mark.parametrize("encode", ["one_hot", "ordinal"])
def test_rare_categories_share_one_code(encode: Any) -> None:
    part = prepare.categories(Categories(encode=encode, min_frequency=2))
    found = prepared(part, column("a", "a", "b", "b", "c", "d"), column("a", "c", "d"))
    assert found[1].tolist() == found[2].tolist() != found[0].tolist()


def test_linear_models_get_tf_idf_and_trees_plain_counts() -> None:
    counts = prepared(
        prepare.texts(Texts(min_df=1), "forest"), ["spam spam ham", "ham"], ["spam spam ham new"]
    )
    weights = prepared(
        prepare.texts(Texts(min_df=1), "linear"), ["spam spam ham", "ham"], ["spam spam ham new"]
    )
    assert counts.tolist() == [[1, 2]]
    assert np.linalg.norm(weights) == pytest.approx(1)


def test_words_are_runs_of_ascii_letters_digits_and_underscores() -> None:
    part = prepare.texts(Texts(min_df=1), "forest").fit(["I'm at wörld a_1 2"])
    assert sorted(part.vocabulary_) == ["2", "I", "a_1", "at", "m", "rld", "w"]


def test_words_too_rare_or_beyond_the_most_frequent_are_left_out() -> None:
    part = prepare.texts(Texts(min_df=2, max_words=2, ngrams=(1, 2)), "forest").fit(
        ["a b c", "a b c", "b", "a d"]
    )
    assert sorted(part.vocabulary_) == ["a", "b"]


@pytest.mark.parametrize("encode", ["one_hot", "ordinal", "binary"])
@pytest.mark.parametrize("family", fitted.FAMILIES)
def test_every_family_is_given_float32_and_trees_a_dense_matrix(family: Family, encode: str) -> None:
    facts = fitted.use_case(encode=encode)
    matrix = prepare.transformer(facts, family).fit_transform(inputs.frame(fitted.rows(), facts.features))
    assert matrix.dtype == np.float32
    assert matrix.shape[0] == len(fitted.rows())
    if family in TREES:
        assert isinstance(matrix, np.ndarray)
    assert np.isfinite(matrix.sum())


def test_columns_are_chosen_by_name_not_by_place() -> None:
    facts = fitted.use_case()
    X = inputs.frame(fitted.rows(), facts.features)  # noqa: N806 (scikit-learn's letter)
    part = prepare.transformer(facts, "xgboost").fit(X)
    turned: pd.DataFrame = X[X.columns[::-1]]
    np.testing.assert_array_equal(part.transform(turned), part.transform(X))
