"""Compose's variables in a text."""

from __future__ import annotations

import pytest

from scripts.cluster.interpolate import BadCompose, interpolate, variables

VALUES = {"HOST": "db", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("plain", "plain"),
        ("${HOST:-x}:1", "db:1"),
        ("${NONE:-x}:1", "x:1"),
        ("${EMPTY:-x}", "x"),
        ("${NONE:-}", ""),
        ("${HOST:?needed}", "db"),
        ("${HOST}", "db"),
        ("${NONE:-redis://:${HOST:?needed}@redis}/0", "redis://:db@redis/0"),
        ("${HOST:-redis://:${NONE:?needed}@redis}/0", "db/0"),
        ("$$HOST", "$HOST"),
    ],
)
def test_a_text_is_filled_as_compose_does(text: str, filled: str) -> None:
    assert interpolate({"a": [text, 1]}, VALUES) == {"a": [filled, 1]}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("${NONE:?make it}", "NONE is not set: make it\n  way out: set NONE in .env"),
        ("${EMPTY:?make it}", "EMPTY is not set: make it"),
        ("${NONE}", "NONE is not set"),
        ("${HOST:+x}", "is not understood"),
        ("${HOST:-x", "a brace is not closed"),
        ("costs 5 $", "a single \\$"),
    ],
)
def test_what_cannot_be_filled_is_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(BadCompose, match=sentence.replace("?", "\\?")):
        interpolate(text, VALUES)


def test_every_variable_is_named_those_in_defaults_too() -> None:
    assert set(variables({"a": ["${B:-redis://:${C:?}@x}", "$$D"]})) == {"B", "C"}
