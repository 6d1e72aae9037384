"""From a YAML file to a `UseCase`: every mistake of the file at once, each with its line and its way out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from pipelines.config import UseCase
from pipelines.errors import BadUseCase, listed, meant

MOST_MISTAKES = 8


@dataclass(frozen=True)
class Loaded:
    """A use case and the exact file that it came from."""

    use_case: UseCase
    path: Path
    sha256: str
    lines: dict[tuple[str, ...], int]
    content: bytes = b""  # the file, as it was

    def line(self, *where: str) -> int:
        """The line of a place in the file (or of the nearest place above it)."""
        return _line(self.lines, where)


class _Loader(yaml.CSafeLoader):
    """Safe YAML in which a key that stands twice is an error: YAML itself lets the second silently win.

    By libyaml: every DAG file reads every use case each time it is parsed, and PyYAML's own parser takes ten times as long.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[object, int] = {}
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.MarkedYAMLError(problem=f"{key!r} stands twice, first in line {seen[key]}", problem_mark=key_node.start_mark)
            seen[key] = key_node.start_mark.line + 1
        return super().construct_mapping(node, deep)


def names(folder: Path) -> list[str]:
    """The use cases of a folder, by file name."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def load(folder: Path, name: str) -> Loaded:
    """Load one use case by name.

    Raises:
        BadUseCase: no such file, or what the file says cannot be.
    """
    path = folder / f"{name}.yaml"
    if name not in names(folder):
        raise BadUseCase(f"no use case {name!r} in {folder}: {meant(name, names(folder))}")
    return load_file(path)


def load_all(folder: Path) -> Iterator[Loaded]:
    """Load every use case of a folder, in order of name."""
    for name in names(folder):
        yield load(folder, name)


def load_file(path: Path) -> Loaded:
    """Load one use-case file; see `load`."""
    return parse(path, path.read_bytes())


def parse(path: Path, content: bytes) -> Loaded:
    """Load a use case from what its file holds, or once held; see `load`."""
    raw, lines = _parsed(path, content)
    try:
        use_case = UseCase.model_validate(raw)
    except ValidationError as error:
        raise BadUseCase(told(path, [_mistake(item, lines) for item in _items(error)])) from error
    if use_case.name != path.stem:
        raise BadUseCase(
            told(
                path, [(_line(lines, ("name",)), f"name: {use_case.name!r} is not the file's name; write {path.stem!r} or rename the file")]
            )
        )
    return Loaded(use_case, path, hashlib.sha256(content).hexdigest(), lines, content)


def told(path: Path, mistakes: list[tuple[int, str]]) -> str:
    """All mistakes of one file in one message, in order of line."""
    n = len(mistakes)
    return f"{path.name}: {n} mistake{'s' if n > 1 else ''}\n" + listed(
        (f"line {line}: {text}" for line, text in sorted(mistakes)), MOST_MISTAKES
    )


def json_schema() -> str:
    """The JSON schema of use-case files, for editors; `make docs` writes it to include/use_case.schema.json."""
    schema = UseCase.model_json_schema(mode="validation")
    # In YAML an expectation is one key with its arguments; inside Python it has been taken apart.
    schema["$defs"]["Expectation"] = {
        "type": "object",
        "description": "One Great Expectations expectation: `expect_...: {argument: value}`; `severity: warn` shows without stopping.",
        "properties": {"severity": {"enum": ["stop", "warn"], "default": "stop"}, "why": {"type": "string"}},
        "patternProperties": {"^expect_[a-z0-9_]+$": {"type": ["object", "null"]}},
        "additionalProperties": False,
    }
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}, indent=2, sort_keys=True) + "\n"


def _parsed(path: Path, content: bytes) -> tuple[Any, dict[tuple[str, ...], int]]:
    try:
        text = content.decode()
        lines = dict(_lines(yaml.compose(text, Loader=_Loader), ()))
        raw = yaml.load(text, Loader=_Loader)  # noqa: S506  (a SafeLoader, stricter)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadUseCase(told(path, [(line, "not UTF-8 text; save the file as UTF-8")])) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BadUseCase(told(path, [(mark.line + 1 if mark else 1, f"not YAML: {error.problem}")])) from error
    if not isinstance(raw, dict):
        raise BadUseCase(told(path, [(1, f"a use case is a mapping of keys, found {type(raw).__name__}")]))
    return raw, lines


def _lines(node: yaml.Node | None, where: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    if node is None:
        return
    yield where, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inside = (*where, str(key.value))
            yield from _lines(value, inside)
            yield inside, key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _lines(value, (*where, str(number)))


def _line(lines: dict[tuple[str, ...], int], where: tuple[str, ...]) -> int:
    while where and where not in lines:
        where = where[:-1]
    return lines.get(where, 1)


def _items(error: ValidationError) -> Iterator[dict[str, Any]]:
    """Pydantic's errors, one for each line that a validator of ours has collected."""
    for item in error.errors(include_url=False):
        own = item.get("ctx", {}).get("error")
        for message in str(own).split("\n") if own else [item["msg"]]:
            yield {**item, "msg": message, "own": own is not None}


def _mistake(item: dict[str, Any], lines: dict[tuple[str, ...], int]) -> tuple[int, str]:
    where = _in_file(item["loc"], lines)
    text = _text(item)
    if item["own"] and not where:
        # Mistakes of the file as a whole start with the place that they are about.
        where = tuple(text.split(":", 1)[0].split("."))
        return _line(lines, where), text
    return _line(lines, where), f"{'.'.join(where)}: {text}" if where else text


def _in_file(loc: tuple[int | str, ...], lines: dict[tuple[str, ...], int]) -> tuple[str, ...]:
    """Pydantic's place without the tags of unions (`source.http.url`), which do not stand in the file."""
    where: tuple[str, ...] = ()
    parts = [str(part) for part in loc]
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if (*where, part) in lines or last:
            where = (*where, part)
    return where


def _text(item: dict[str, Any]) -> str:
    last = str(item["loc"][-1]) if item["loc"] else ""
    if item["type"] == "extra_forbidden":
        return f"unknown key; {meant(last, _known_keys(item['loc']))}"
    if item["type"] == "missing":
        return "missing; it has to be stated"
    message = item["msg"] if item["own"] else item["msg"][:1].lower() + item["msg"][1:]
    found = item.get("input")
    return message if item["own"] or isinstance(found, dict | list) else f"{message}, found {found!r}"


def _known_keys(loc: tuple[int | str, ...]) -> list[str]:
    """The keys that the model at this place knows."""
    import typing

    models: list[type[BaseModel]] = [UseCase]
    for part in loc[:-1]:
        reached = [field.annotation for model in models for name, field in model.model_fields.items() if name == part]
        if reached:
            models = [found for annotation in reached for found in _models_in(annotation)]
        else:
            # A union's tag keeps the models that bear it; a mapping's key or a list's number changes nothing.
            tagged = [m for m in models if part in {a for f in m.model_fields.values() for a in typing.get_args(f.annotation)}]
            models = tagged or models
    return [name for model in models for name in model.model_fields]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    import typing

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in typing.get_args(annotation) for model in _models_in(inner)]
