"""Variables and secrets: what docker-compose.yaml asks for, .env.template has, and nothing is written out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from pipelines.core.errors import did_you_mean
from pipelines.storage.settings import ROOT
from scripts.cluster import compose, env
from scripts.cluster.interpolate import variables

SECRET_NAME = re.compile(r"PASSWORD|SECRET|FERNET|TOKEN|ACCESS_KEY")
PLACEHOLDER = "placeholder"
ADDRESS = re.compile(r"://[^/@:\s]*:(?P<password>[^@]*)@")


def mistakes(document: dict[str, Any], template: str) -> Iterator[str]:
    """Everything that is wrong, a sentence each."""
    yield from _template(document, template)
    known, given = _read_by_sluice(), placeholders(document)
    for name in document["services"]:
        for variable, value in compose.service(document, name, given).environment.items():
            if variable.startswith("SLUICE_") and variable not in known:
                yield f"{name}: {variable} is read by nobody; {did_you_mean(variable, known)}"
            if _written_out(variable, value):
                yield f"{name}: {variable} holds a secret that is written out: ask for it, ${{NAME:?...}}"


def placeholders(document: dict[str, Any]) -> dict[str, str]:
    """A value for each variable that has to be given."""
    text = str(document)
    return {name: PLACEHOLDER for name in variables(document) if f"${{{name}:?" in text}


def _written_out(variable: str, value: str) -> bool:
    if found := ADDRESS.search(value):
        return found["password"] != PLACEHOLDER
    return bool(SECRET_NAME.search(variable)) and value != PLACEHOLDER


def _template(document: dict[str, Any], template: str) -> Iterator[str]:
    asked, made, settings = (
        set(variables(document)),
        env.secrets_in(template),
        dict(env.SETTING.findall(template)),
    )
    text = str(document)
    for name in sorted(asked - made - set(settings)):
        yield f"${{{name}}} is not in .env.template; {did_you_mean(name, made | set(settings))}"
    for name in sorted((made | set(settings)) - asked):
        yield f".env.template has {name}, which nothing asks for; {did_you_mean(name, asked)}"
    for name in sorted(made & asked):
        if re.search(rf"\$\{{{name}(?!:\?)", text):
            yield f"{name} is a secret, and some service starts without it: write ${{{name}:?...}} everywhere"
    for name, default in settings.items():
        for found in set(re.findall(rf"\$\{{{name}:-([^${{}}]*)\}}", text)):
            if found != default:
                yield f"{name} is {found!r} by default, .env.template says {default!r}"


def _read_by_sluice() -> set[str]:
    tree = ast.parse((ROOT / "pipelines/storage/settings.py").read_text(encoding="utf-8"))
    texts = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {text for text in texts if re.fullmatch(r"SLUICE_[A-Z_]+", text)}
