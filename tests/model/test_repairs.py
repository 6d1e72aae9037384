"""Runs of words mean the same in the graph as in scikit-learn, whatever is left of the vocabulary."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from pipelines.core.config import Features, Prepare, Texts
from pipelines.core.tasks import BINARY
from pipelines.model import candidate, convert, prepare
from pipelines.model.graph import Graph
from tests.helpers import fitted

LETTERS = list("abcdefgh")


@pytest.fixture(scope="module")
def notes() -> pd.DataFrame:
    random = np.random.default_rng(0)
    common = [" ".join(random.choice(LETTERS, random.integers(0, 7))) for _ in range(300)]
    # Words that occur only together, equally often as their pair: a limit on words cuts somewhere between
    # them.
    pairs = [f"u{n} v{n} a" for n in range(12) for _ in range(3)]
    return pd.DataFrame({"note": common + pairs})


@pytest.mark.parametrize("family", ["linear", "forest"])
@pytest.mark.parametrize(
    ("ngrams", "max_words", "left"),
    [((1, 2), 90, {1, 2}), ((1, 2), 5, {1}), ((2, 2), 30, {2}), ((1, 3), 500, {1, 2, 3}), ((2, 3), 30, {2})],
)
def test_runs_of_words_survive_the_loss_of_their_words(
    notes: pd.DataFrame, family: str, ngrams: tuple[int, int], max_words: int, left: set[int]
) -> None:
    facts = fitted.use_case().model_copy(
        update={
            "features": Features(texts={"note": "note"}),
            "prepare": Prepare(texts=Texts(ngrams=ngrams, max_words=max_words)),
        }
    )
    y = notes.note.str.contains("a b")
    # The model is linear for both ways to weigh words, so that every word counts in every score.
    inputs = prepare.transformer(facts, family)
    pipeline = Pipeline([("prepare", inputs), ("model", LogisticRegression(C=100))]).fit(notes, y)
    vocabulary = pipeline["prepare"].named_transformers_["note"].vocabulary_
    assert {len(words.split()) for words in vocabulary} == left
    if max_words == 90:
        assert any(word not in vocabulary for words in vocabulary for word in words.split())
    graph = Graph(convert.graph_of(pipeline, facts.features, BINARY, "notes", {}))
    expected = candidate.scores(pipeline, notes, BINARY)
    assert np.abs(graph.scores(pa.Table.from_pandas(notes)) - expected).max() < 1e-6
    assert pipeline["prepare"].named_transformers_["note"].vocabulary_ == vocabulary
