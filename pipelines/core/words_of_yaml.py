"""What is wrong with a value of a use-case file, in the words of YAML: pydantic speaks of tuples,
dictionaries and patterns.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pipelines.core.config import NAME
from pipelines.core.errors import brief

KEY = "[key]"  # how pydantic calls the place of a mapping's key
QUOTE = "'"
LIST, MAPPING = "a list is written here, such as [a, b]", "a mapping is written here, such as {key: value}"
_SAID = {
    "tuple_type": LIST,
    "list_type": LIST,
    "dict_type": MAPPING,
    "model_type": MAPPING,
    "model_attributes_type": MAPPING,
    "time_delta_type": "a duration is written here, such as 36h or 7d",
}
_KINDS = {list: "a list", dict: "a mapping", type(None): "nothing"}


def sentence(item: dict[str, Any], *, in_snake_case: bool) -> str:
    """A sentence about one of pydantic's errors that is not about a key.

    Args:
        item: The error.
        in_snake_case: Whether the file takes the source's columns in snake case.
    """
    found = item.get("input")
    if item["type"] == "string_pattern_mismatch" and item["ctx"]["pattern"] == NAME:
        return _no_name(str(found), item["loc"], in_snake_case=in_snake_case)
    if item["type"] == "union_tag_not_found":
        return f"its {item['ctx']['discriminator'].strip(QUOTE)} is missing; it has to be stated"
    if item["type"] == "union_tag_invalid":
        context = item["ctx"]
        return (
            f"no {context['discriminator'].strip(QUOTE)} {brief(context['tag'])}; allowed:"
            f" {context['expected_tags']}"
        )
    if item["type"] == "too_short" and found == []:
        return "the list is empty; write at least one, or leave the key out"
    said = _SAID.get(item["type"]) or item["msg"][:1].lower() + item["msg"][1:]
    return f"{said}, found {_KINDS.get(type(found)) or brief(found)}"


def _no_name(found: str, loc: Sequence[int | str], *, in_snake_case: bool) -> str:
    """About a word that is no name, with the one that may be meant."""
    from pipelines.core.snake_case import snake_case

    said = f"{brief(found)} is no name: small letters, digits and _, of which the first is a letter"
    meant = snake_case(found)
    if not re.fullmatch(NAME, meant):
        return f"{said}; write another one"
    if tuple(loc[:1]) == ("columns",) and loc[-1] == KEY and not in_snake_case:
        return (
            f"{said}; write {meant!r}, and `cleanse: {{rename: snake_case}}`, which takes the source's"
            " columns by such names"
        )
    return f"{said}; write {meant!r}"
