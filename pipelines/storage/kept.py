"""What Sluice has kept as JSON, read back: what was written, or a sentence that names the file.

A file may have been cut off, emptied, or edited by hand. What it may be is what its type says, and nothing is
made to fit: a text is no truth value, so a verdict whose rules hold "no" is damaged, and promotes nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from pipelines.core.errors import TableCorrupt, brief

Kept = TypeVar("Kept")
SEAL = "sha256"


def read(kind: type[Kept], content: bytes, place: object, way_out: str) -> Kept:
    """Read a dataclass from the JSON of its fields.

    Args:
        kind: The dataclass.
        content: What the file holds.
        place: The file, as the sentence is to name it.
        way_out: What a person can do.

    Raises:
        TableCorrupt: this is no such JSON.
    """
    try:
        found: Kept = _adapter(cast("Any", kind)).validate_json(content, strict=True)
        return found
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise corrupt(place, f"{where}: {first['msg']}" if where else first["msg"], way_out) from None


def mapping(content: bytes, place: object, way_out: str) -> dict[str, Any]:
    """Read a JSON object whose values the caller knows.

    Raises:
        TableCorrupt: this is none.
    """
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise corrupt(place, str(error), way_out) from None
    if not isinstance(found, dict):
        raise corrupt(place, f"it holds {brief(found)}", way_out)
    return found


def seal(told: Mapping[str, Any]) -> dict[str, Any]:
    """What is told, with a sha256 of itself: for files whose damage would not show in what they say, such as
    another number.
    """
    return {**told, SEAL: _seal(told)}


def unseal(content: bytes, place: object, way_out: str) -> dict[str, Any]:
    """Read a JSON object that bears its seal, and return it without.

    Raises:
        TableCorrupt: it is none, or says something else than what was sealed.
    """
    found = mapping(content, place, way_out)
    if found.pop(SEAL, None) != _seal(found):
        raise corrupt(place, "it is not what was written", way_out)
    return found


def _seal(told: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def corrupt(place: object, why: str, way_out: str) -> TableCorrupt:
    """Say that a file is damaged."""
    return TableCorrupt(f"{place} is damaged: {why.splitlines()[0]}", fix=way_out)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
