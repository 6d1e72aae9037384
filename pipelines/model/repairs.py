"""What has to be mended before skl2onnx converts a Pipeline to exactly what it computes."""

from __future__ import annotations

from copy import deepcopy

from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import Pipeline


def with_split_ngrams(pipeline: Pipeline) -> Pipeline:
    """Return the fitted Pipeline with vocabularies of word tuples, `("call", "now")` for scikit-learn's `"call now"`.

    skl2onnx 1.20 guesses where a run of words is to be split: it takes one whose words are not all in the vocabulary (rarer
    words fall out of it by `max_words`) for a single word with a blank inside, which no text contains, or gives up. Tuples
    leave nothing to guess. Our words contain no blank, see `prepare.WORD`. And where no run of the declared length is left
    at all, ONNX Runtime would refuse to load the graph: the range becomes what the vocabulary has.

    The Pipeline that comes back is for conversion only: scikit-learn itself cannot use such a vocabulary.
    """
    prepare = deepcopy(pipeline["prepare"])
    for part in prepare.named_transformers_.values():
        if isinstance(part, CountVectorizer):  # tf-idf is one as well
            part.vocabulary_ = {tuple(words.split(" ")): index for words, index in part.vocabulary_.items()}
            lengths = {len(words) for words in part.vocabulary_}
            part.ngram_range = min(lengths), max(lengths)
    return Pipeline([("prepare", prepare), ("model", pipeline["model"])])
