"""All mistakes of a file are told in few lines, those of a kind as one."""

from __future__ import annotations

from pipelines.core import mistakes


def listed(*found: tuple[int, str], most: int = 4) -> list[str]:
    told, left = mistakes.lines(found, len(found), most)
    return [*told, *([f"and {left} more"] if left else [])]


def test_each_has_a_line_where_there_is_room() -> None:
    assert listed((1, "a: no"), (2, "b: no")) == ["line 1: a: no", "line 2: b: no"]


def test_those_of_a_kind_are_one_where_there_is_none_with_all_that_differs() -> None:
    found = [
        (3, "a.b: no column 'x'; did you mean 'y'?"),
        (4, "c: no column 'z'; did you mean 'y'?"),
        (5, "d: 7 is no text"),
        (9, "e: odd"),
        (11, "f: even"),
    ]
    assert listed(*found) == [
        "lines 3-4: a.b, c: no column 'x', 'z'; did you mean 'y'?",
        "line 5: d: 7 is no text",
        "line 9: e: odd | line 11: f: even",
    ]


def test_more_kinds_than_lines_share_lines_and_none_is_left_out() -> None:
    lines = listed(*((n, f"{word}: {word * 3} is odd") for n, word in enumerate("abcdefgh", 1)), most=4)
    assert len(lines) == 3
    assert all(
        f"line {n}: {word}: {word * 3} is odd" in "\n".join(lines) for n, word in enumerate("abcdefgh", 1)
    )


def test_of_very_many_the_tail_is_counted() -> None:
    lines = listed(*((n, f"wrong{n}: unknown key") for n in range(1, 9_001)), most=8)
    assert lines[0].startswith("lines 1-")
    told = lines[0].count("wrong")
    assert lines[-1] == f"and {9_000 - told} more"
    assert len("\n".join(lines)) < 6_000


def test_many_long_ones_of_many_kinds_keep_within_bounds() -> None:
    lines = listed(
        *((n, f"{chr(65 + n % 26)}{chr(65 + n // 26)}: {'x' * n} is odd " + "y" * 450) for n in range(300)),
        most=8,
    )
    assert len("\n".join(lines)) < 6_000
    assert len(lines) == 8
