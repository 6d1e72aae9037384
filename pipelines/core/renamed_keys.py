"""Keys of use-case files that were called otherwise before, or that there are no more.

A file that somebody writes says the present name: an old key is a mistake that names the new one. A file that
a run has gone by, and that is kept beside its tables, may be older than that, and is read as it was meant.
"""

from __future__ import annotations

from typing import Any, cast

# Where a key stood -> its present name.
RENAMED: dict[tuple[str, ...], str] = {
    ("replay",): "assign_days",  # `quarantine replay` is another thing
    ("limits", "slice_rows"): "shard_rows",  # a slice is a subgroup of rows by their values, as in `slices`
    ("promotion", "confidence"): "confidence_level",
}
# Where a key stood that there is no more -> why, and what to do.
GONE: dict[tuple[str, ...], str] = {
    ("monitoring", "max_drifted_share"): (
        "there is no vote over features any more: gate_drift closes where a feature's move is improbable and"
        " changes scores, or the score itself has moved; remove this key"
    ),
}


def sentence(place: tuple[str, ...]) -> str | None:
    """What to write instead of an old key; None of a key that never was one."""
    name = RENAMED.get(place)
    return GONE.get(place) if name is None else f"this key is called {name!r} now; write that"


def as_now(raw: dict[str, Any]) -> dict[str, Any]:
    """The content of a kept file under the present names, without what there is no more; where both names
    stand, it stays as it is.
    """
    made: Any = raw
    for *above, old in GONE:
        made = _without(made, above, old)
    for (*above, old), new in RENAMED.items():
        made = _renamed(made, above, old, new)
    return cast("dict[str, Any]", made)


def _renamed(inside: Any, above: list[str], old: str, new: str) -> Any:
    if not isinstance(inside, dict):
        return inside
    if above:
        first, *others = above
        return inside | {first: _renamed(inside[first], others, old, new)} if first in inside else inside
    if old not in inside or new in inside:
        return inside
    return {new if key == old else key: value for key, value in inside.items()}


def _without(inside: Any, above: list[str], old: str) -> Any:
    if not isinstance(inside, dict):
        return inside
    if above:
        first, *others = above
        return inside | {first: _without(inside[first], others, old)} if first in inside else inside
    return {key: value for key, value in inside.items() if key != old}
