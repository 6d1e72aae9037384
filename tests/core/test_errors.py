from __future__ import annotations

import pytest

from pipelines.core.errors import did_you_mean


@pytest.mark.parametrize(
    ("wrong", "known", "told"),
    [
        ("amuont", ["amount", "at"], "did you mean 'amount'?"),
        ("colour", ["at", "id"], "known: at, id"),
        ("colour", [], "there is none at all"),
        ("colour", ["a\n", "k" * 90], f"known: 'a\\n', '{'k' * 79}... (92 characters)"),
        (
            "gro\u0308ße",
            ["größe"],
            (
                "did you mean 'gr\\xf6\\xdfe', which looks the same, and is written by other signs than"
                " 'gro\\u0308\\xdfe'?"
            ),
        ),
    ],
)
def test_a_wrong_word_is_told_with_the_nearest_or_with_those_that_there_are(
    wrong: str, known: list[str], told: str
) -> None:
    assert did_you_mean(wrong, known) == told
