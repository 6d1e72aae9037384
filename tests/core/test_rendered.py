"""An error's parts as text, HTML and JSON: short whatever they hold, and whole in another process."""

from __future__ import annotations

import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from copy import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.core import rendered
from pipelines.core.errors import BadInput, BadUseCase, GateClosed, SluiceError, TryAgain
from pipelines.core.rendered import LONGEST, MAX_LINES, Parts
from pipelines.storage.backends.protocol import Overtaken

WHOLE = BadInput(
    "3 values are <none>",
    where="shop",
    allowed="numbers",
    details=["row 1: 'a'", "row 2: 'b'"],
    in_all=3,
    at="/data/d.csv",
    fix="correct the source",
)
ANY = st.text(st.characters(codec=None) | st.sampled_from("\n\r\t\x1b\u2028\ud800"), max_size=40)
ANY_LENGTH = st.builds(lambda text, times: text * times, ANY, st.integers(1, 300))
MAYBE = st.none() | ANY_LENGTH
PARTS = st.builds(
    Parts,
    found=ANY_LENGTH,
    fix=ANY_LENGTH.filter(bool),
    where=MAYBE,
    allowed=MAYBE,
    details=st.lists(ANY_LENGTH, max_size=30).map(tuple),
    in_all=st.integers(0, 10**9),
    at=MAYBE,
    report=MAYBE,
)


def test_the_text_is_the_sentence_its_details_its_places_and_the_way_out() -> None:
    assert str(WHOLE).split("\n") == [
        "shop: 3 values are <none>; allowed: numbers",
        "  - row 1: 'a'",
        "  - row 2: 'b'",
        "  ... and 1 more",
        "  at: /data/d.csv",
        "  way out: correct the source",
    ]
    assert WHOLE.sentence == "shop: 3 values are <none>; allowed: numbers"


def test_the_html_is_the_same_escaped() -> None:
    assert rendered.html(WHOLE.parts).split("\n") == [
        "<p><b>shop: 3 values are &lt;none&gt;; allowed: numbers</b></p>",
        "<ul>",
        "<li>row 1: &#x27;a&#x27;</li>",
        "<li>row 2: &#x27;b&#x27;</li>",
        "<li>... and 1 more</li>",
        "</ul>",
        "<p>at: /data/d.csv</p>",
        "<p>way out: correct the source</p>",
    ]


def test_the_json_is_the_kind_and_the_parts() -> None:
    assert json.loads(json.dumps(WHOLE.as_json())) == {
        "kind": "BadInput",
        "where": "shop",
        "found": "3 values are <none>",
        "allowed": "numbers",
        "details": ["row 1: 'a'", "row 2: 'b'"],
        "in_all": 3,
        "at": "/data/d.csv",
        "fix": "correct the source",
    }


def test_details_are_as_many_as_have_room_and_the_others_are_counted() -> None:
    for count in (7, 8, 9, 10**6):
        lines = str(SluiceError("wrong", details=map(str, range(count)), fix="mend")).split("\n")
        assert len(lines) == min(count + 2, MAX_LINES)
        assert lines[-1] == "  way out: mend"
        if count > 8:
            assert lines[-2] == f"  ... and {count - 7:,} more"


@given(PARTS)
def test_no_error_is_longer_than_ten_lines_and_each_says_what_was_found_and_the_way_out(
    parts: Parts,
) -> None:
    text = rendered.text(parts)
    lines = text.split("\n")
    assert len(lines) == len(text.splitlines() or [""]) <= MAX_LINES
    assert all(line.isprintable() and len(line) < 3 * LONGEST + 100 for line in lines)
    assert rendered.one_line(parts.found) in lines[0]
    assert rendered.one_line(parts.fix) in lines[-1]
    assert json.loads(json.dumps(rendered.as_json(parts)))["found"] == rendered.one_line(parts.found)
    assert "<script" not in rendered.html(parts)


@pytest.mark.parametrize(
    "error",
    [
        WHOLE,
        TryAgain("the database is away"),
        BadUseCase("2 mistakes", [(1, "a: no"), (7, "b: no")], where="tiny.yaml", fix="mend it"),
        GateClosed("closed", "reports/raw.html", 3, fix="mend it"),
        Overtaken("s3://bucket/key: somebody else has written it"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_comes_out_of_another_process_with_all_its_parts(error: SluiceError) -> None:
    workers = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
    with workers, pytest.raises(type(error)) as raised:
        workers.submit(_raising, error).result()
    for again in (raised.value, copy(error)):
        own = {name: value for name, value in vars(again).items() if name != "__notes__"}
        assert type(again) is type(error)
        assert own == vars(error)
        assert str(again) == str(error)


def _raising(error: SluiceError) -> None:
    raise error
