"""Random files in the folder of use cases: each is a use case, or is refused by its name within the bounds,
and nothing else happens.

What loads is checked without an error, too. `SLUICE_FUZZ` says how many files are made up; here a few
hundred.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from pipelines.core import use_cases
from pipelines.core.errors import BadUseCase
from pipelines.core.rendered import MAX_LINES
from pipelines.preflight import check
from pipelines.storage.settings import ROOT

FILES = int(os.environ.get("SLUICE_FUZZ", "200"))
OURS = {path.stem: path.read_bytes() for path in sorted((ROOT / "include" / "use_cases").glob("*.yaml"))}
PIECES = [
    *("{{ ds }}", "[a]", "{a: b}", "? [x]\n: y", "<<: *a", "*a", "&a ", "&a [*a]", "!!python/object:os.system x", "!!binary YQ==", "!x "),
    *("---\n", "...\n", "%YAML 1.1\n", "\t", "\0", "\x1b[2J", "\ufeff", "\u2028", "\r", "\n", '"', "'", "|\n", ">\n", "#", ": ", "- ", "? "),
    *("2026-99-99", "0001-01-01", "9999-12-31T23:59:59+23:59", "1:59:59", "0x", "0b1", "0o7", "010", "1e400", ".inf", "-.inf", ".nan", "~", "NO"),
    *("9" * 400, "-1", "0", str(2**63), str(-(2**63)), "1.0e+999", "9" * 20 + "d", "36h", "''", "[]", "{}", "null", "[" * 50, "{a: " * 50),
    *("name: other\n", "columns: {}\n", "role: key", "role: ignored", "task: regression\n", "\nsink: {connection: a, table: b}\n", "\ngates: {raw: [{}]}\n"),
    *("(select 1)", "now()", "getenv('HOME')", "(" * 500, "1+" * 500, "over week", "::int[]", "{'a': 1}", "é", "\U0001f600", "case when", "'\\0'", "$$"),
    *("../..", "/etc/passwd", "{partition}", "expect_column_values_to_match_regex: {column: amount, regex: '('}", "a.b:c", "0 0 30 2 *"),
]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, bytes]:
    """One of our files, damaged: bytes changed, taken out, cut off, doubled.

    Pieces of YAML and SQL put in, or in the place of a word.
    """
    name = draw(st.sampled_from(sorted(OURS)))
    content = OURS[name]
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, max(len(content) - 1, 0)))
        until = place + draw(st.integers(0, 40))
        how = draw(
            st.sampled_from(["byte", "out", "cut", "double", "put", "put", "word", "word", "word", "line"])
        )
        piece = draw(st.sampled_from(PIECES)).encode()
        if how == "byte":
            content = content[:place] + bytes([draw(st.integers(0, 255))]) + content[place + 1 :]
        elif how == "out":
            content = content[:place] + content[until:]
        elif how == "cut":
            content = content[:place]
        elif how == "double":
            content = content[:until] + content[place:]
        elif how == "put":
            content = content[:place] + piece + content[place:]
        elif how == "word":
            content = content[:place] + content[place:].replace(
                content[place:].split(b" ")[0].split(b"\n")[0] or b" ", piece, 1
            )
        else:
            start = content.rfind(b"\n", 0, place) + 1
            content = content[:start] + piece + b"\n" + content[start:]
    return name, content


def judged(folder: Path, name: str, content: bytes) -> str:
    """What becomes of a file: loaded and good, loaded and mistaken, or refused."""
    path = folder / f"{name}.yaml"
    path.write_bytes(content)
    try:
        loaded = use_cases.load(folder, name)
    except BadUseCase as error:
        sentence = str(error)
        assert sentence.startswith(f"{name}.yaml: ")
        assert len(sentence.splitlines()) <= MAX_LINES
        assert "line " in sentence
        assert use_cases.UNFORESEEN not in sentence
        return "refused"
    assert loaded.use_case.name == name
    mistakes = check.check(loaded)
    sentence = str(use_cases.wrong(loaded.path, mistakes))
    assert len(sentence.splitlines()) <= MAX_LINES
    assert use_cases.UNFORESEEN not in " ".join(text for _, text in mistakes)
    assert all(1 <= line <= content.count(b"\n") + content.count(b"\r") + 2 for line, _ in mistakes)
    return "mistaken" if mistakes else "good"


@hypothesis(
    max_examples=FILES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(mutated())
def test_a_damaged_file_is_a_use_case_or_is_refused_by_name(
    tmp_path: Path, damaged: tuple[str, bytes]
) -> None:
    event(judged(tmp_path, *damaged))


@hypothesis(max_examples=FILES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=300),
        st.lists(st.sampled_from(PIECES), max_size=12).map(lambda pieces: "".join(pieces).encode()),
    )
)
def test_any_bytes_are_refused_by_name(tmp_path: Path, content: bytes) -> None:
    assert judged(tmp_path, "sms_spam", content) == "refused"


@pytest.mark.parametrize("name", OURS)
def test_our_own_files_are_what_the_damages_start_from(tmp_path: Path, name: str) -> None:
    assert judged(tmp_path, name, OURS[name]) == "good"
