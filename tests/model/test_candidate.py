from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import Pipeline
from skops import io as skops

from pipelines.core.config import Family
from pipelines.core.tasks import BINARY, REGRESSION, by_name
from pipelines.model import candidate, inputs
from pipelines.storage.settings import ROOT
from tests.helpers import fitted

CASES = [(family, task) for family in fitted.FAMILIES for task in ("binary", "regression")]


class Foreign(BaseEstimator):  # type: ignore[misc]
    """An estimator from elsewhere."""


def digests() -> str:
    """A digest of each family's bytes."""
    return " ".join(
        hashlib.sha256(candidate.dump(fitted.pipeline(family))).hexdigest() for family in fitted.FAMILIES
    )


@pytest.mark.parametrize(("family", "task"), CASES)
def test_a_pipeline_comes_back_with_the_very_same_scores(family: Family, task: str) -> None:
    pipeline = fitted.pipeline(family, task)
    X = inputs.frame(fitted.rows(task), fitted.use_case(task).features)  # noqa: N806 (scikit-learn's letter)
    before, after = (
        candidate.scores(each, X, by_name(task))
        for each in (pipeline, candidate.load(candidate.dump(pipeline)))
    )
    assert before.shape == (len(X),)
    assert before.dtype == np.float64
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("family", fitted.FAMILIES)
def test_a_pipeline_fitted_again_gives_the_same_bytes(family: Family) -> None:
    pipeline, rows = fitted.pipeline(family), fitted.rows()
    train = rows[rows.split == "train"]
    again = clone(pipeline).fit(inputs.frame(train, fitted.use_case().features), train.bad)
    assert candidate.dump(pipeline) == candidate.dump(again)


def test_another_process_gives_the_same_bytes() -> None:
    code = "from tests.model.test_candidate import digests; print(digests())"
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    other = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert other.stdout.strip() == digests()


def test_scores_are_the_positive_class_s_probabilities_or_the_predicted_numbers() -> None:
    X = inputs.frame(fitted.rows(), fitted.use_case().features)  # noqa: N806
    binary, regression = fitted.pipeline("linear"), fitted.pipeline("linear", "regression")
    np.testing.assert_array_equal(candidate.scores(binary, X, BINARY), binary.predict_proba(X)[:, 1])
    np.testing.assert_array_equal(candidate.scores(regression, X, REGRESSION), regression.predict(X))


def test_a_vocabulary_may_hold_the_words_by_which_the_file_is_organised() -> None:
    pipeline = Pipeline([("words", CountVectorizer(token_pattern=r"\w+"))]).fit(
        ["file __id__ __loader__ content _stop_words_id"]
    )
    assert candidate.load(candidate.dump(pipeline))["words"].vocabulary_ == pipeline["words"].vocabulary_


def test_other_types_than_ours_are_refused_by_name() -> None:
    with pytest.raises(
        candidate.UntrustedCandidate,
        match=r"types that no Pipeline of Sluice has.*\n  - tests\.model\.test_candidate\.Foreign",
    ):
        candidate.load(skops.dumps(Pipeline([("model", Foreign())])))
