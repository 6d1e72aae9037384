"""Compose's `${VAR:-default}` and `${VAR:?message}`, nested as the Compose specification allows.

python-dotenv reads the .env file, but knows neither nesting nor `:?`; Compose itself is written in Go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.core.errors import SluiceError

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class BadCompose(SluiceError):
    """The compose file, or a value that it asks for, is not as it has to be."""


def interpolate(node: Any, values: Mapping[str, str]) -> Any:
    """Put values into every text of a parsed YAML document."""
    if isinstance(node, dict):
        return {key: interpolate(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [interpolate(value, values) for value in node]
    return _filled(node, values) if isinstance(node, str) else node


def variables(node: Any) -> Iterator[str]:
    """Name every variable that a document asks for, those in defaults included."""
    if isinstance(node, dict):
        for value in node.values():
            yield from variables(value)
    elif isinstance(node, list):
        for value in node:
            yield from variables(value)
    elif isinstance(node, str):
        yield from _variables(node)


def _variables(text: str) -> Iterator[str]:
    for part in _parts(text):
        if isinstance(part, tuple):
            yield part[0]
            yield from _variables(part[2])


def _filled(text: str, values: Mapping[str, str]) -> str:
    filled = ""
    for part in _parts(text):
        if isinstance(part, str):
            filled += part
            continue
        name, operator, operand = part
        value = values.get(name, "")
        if value:
            filled += value
        elif operator == ":-":
            filled += _filled(operand, values)
        else:
            said = f": {operand}" if operator == ":?" else ""
            raise BadCompose(f"{name} is not set{said}", fix=f"set {name} in .env or in the environment")
    return filled


def _parts(text: str) -> Iterator[str | tuple[str, str, str]]:
    """Split a text into plain pieces and (name, operator, operand); `$$` stands for a dollar sign."""
    at = 0
    while (dollar := text.find("$", at)) >= 0:
        yield text[at:dollar]
        if text.startswith("$$", dollar):
            yield "$"
            at = dollar + 2
        elif found := NAME.match(text, dollar + 2 if text.startswith("${", dollar) else len(text)):
            end = _closing(text, found.end())
            operator, operand = text[found.end() : found.end() + 2], text[found.end() + 2 : end]
            if operator not in (":-", ":?") and found.end() != end:
                raise BadCompose(
                    f"{text[dollar : end + 1]} is not understood",
                    fix=f"write ${{{found[0]}:-default}} or ${{{found[0]}:?message}}",
                )
            yield found[0], operator if found.end() != end else "", operand
            at = end + 1
        else:
            raise BadCompose(
                f"a single $ in {text!r}",
                fix="write ${NAME:-default} for a variable, $$ for a dollar sign",
            )
    yield text[at:]


def _closing(text: str, at: int) -> int:
    depth = 1
    while at < len(text):
        if text.startswith("${", at):
            depth += 1
        elif text[at] == "}":
            depth -= 1
            if depth == 0:
                return at
        at += 1
    raise BadCompose(f"a brace is not closed in {text!r}", fix="close it")
