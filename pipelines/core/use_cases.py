"""From a YAML file to a `UseCase`: every mistake of the file at once, each with its line and its way out."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from pipelines.core import mistakes as all_mistakes
from pipelines.core import renamed_keys, words_of_yaml, yaml_text
from pipelines.core.config import NAME, UseCase
from pipelines.core.errors import LONGEST_QUOTE, BadUseCase, brief, did_you_mean
from pipelines.core.yaml_text import Lines

SUFFIX = ".yaml"
MOST_MISTAKES = 8
UNFORESEEN = "it could not be judged"
_OF_A_RUN = (
    "Sluice writes it into the file of a run that keeps the champion's model; leave it out, and start a"
    " training with model: keep (--model keep)"
)
_NO_NAME = "a use case is named by small letters, digits and _, of which the first is a letter; rename it"


@dataclass(frozen=True)
class Loaded:
    """A use case and the exact file that it came from."""

    use_case: UseCase
    path: Path
    sha256: str
    lines: Lines
    content: bytes = b""  # the file, as it was

    def line(self, *where: str) -> int:
        """The line of a place in the file (or of the nearest place above it)."""
        return _line(self.lines, where)


def names(folder: Path) -> list[str]:
    """The use cases of a folder, by file name: whatever bears the name of one, without what is hidden (as
    editors' own files are).

    Raises:
        BadUseCase: there is no such folder, or it cannot be read.
    """
    try:
        with os.scandir(folder) as found:
            files = [entry.name for entry in found]
    except OSError as error:
        raise BadUseCase(
            f"the folder of use cases cannot be read: {error.strerror}",
            at=folder,
            fix="correct SLUICE_USE_CASES",
        ) from error
    return sorted(
        name.removesuffix(SUFFIX) for name in files if name.endswith(SUFFIX) and not name.startswith(".")
    )


def load(folder: Path, name: str) -> Loaded:
    """Load one use case by name.

    Raises:
        BadUseCase: no such file, or the file cannot be loaded, or what it says cannot be. Nothing else,
            whatever the file is.
    """
    return load_file(path_of(folder, name))


def path_of(folder: Path, name: str) -> Path:
    """The file of a use case.

    Raises:
        BadUseCase: there is none of this name.
    """
    if name not in (known := names(folder)):
        raise BadUseCase(
            f"no use case {brief(name)} in {folder}: {did_you_mean(name, known)}",
            fix="name one that there is, or correct SLUICE_USE_CASES",
        )
    return folder / f"{name}{SUFFIX}"


def load_all(folder: Path) -> Iterator[Loaded]:
    """Load every use case of a folder, in order of name."""
    for name in names(folder):
        yield load(folder, name)


def load_file(path: Path) -> Loaded:
    """Load one use-case file; see `load`."""
    with _costing_itself_alone(path):
        loaded = parse(path, yaml_text.read(path))
        if loaded.use_case.candidates.keep:
            where = ("candidates", "keep")
            raise wrong(path, [(loaded.line(*where), f"{'.'.join(where)}: {_OF_A_RUN}")])
        return loaded


def parse(path: Path, content: bytes, *, kept: bool = False) -> Loaded:
    """Load a use case from what its file holds; see `load`.

    Args:
        path: Where the file is, or was.
        content: Its bytes.
        kept: Whether it is what the file once held, when keys may have had other names.
    """
    with _costing_itself_alone(path):
        if not re.fullmatch(NAME, path.stem):
            raise wrong(path, [(1, f"the file's name: {_NO_NAME}")])
        raw, lines = yaml_text.parse(content)
        if not isinstance(raw, dict):
            raise wrong(path, [(1, f"a use case is a mapping of keys, found {type(raw).__name__}")])
        try:
            use_case = UseCase.model_validate(renamed_keys.as_now(raw) if kept else raw)
        except ValidationError as error:
            raise _wrong_by_form(path, error, lines, content) from error
        if use_case.name != path.stem:
            mistake = (
                f"name: {use_case.name!r} is not the file's name; write {path.stem!r} or rename the file"
            )
            raise wrong(path, [(_line(lines, ("name",)), mistake)])
        return Loaded(use_case, path, hashlib.sha256(content).hexdigest(), lines, content)


@contextmanager
def _costing_itself_alone(path: Path) -> Iterator[None]:
    """Let no failure of a file be another's: whatever goes wrong is told about this one, as a mistake of
    it.
    """
    try:
        yield
    except BadUseCase:
        raise
    except yaml_text.BadYaml as error:
        raise wrong(path, error.mistakes) from error
    except Exception as error:  # what nobody has thought of: it must not take all other use cases with it
        raise wrong(path, [(1, unforeseen(error))]) from error


def unforeseen(error: Exception) -> str:
    """A sentence about an error that only a mistake of Sluice's own can raise."""
    return (
        f"{UNFORESEEN}, by {type(error).__name__}: {brief(str(error))}; undo the file's last change, and"
        " report it to Sluice"
    )


def wrong(path: Path, mistakes: Sequence[tuple[int, str]]) -> BadUseCase:
    """The error of a file that has these mistakes, told in order of line."""
    return _wrong(path, sorted(mistakes), len(mistakes))


def _wrong(path: Path, first: Sequence[tuple[int, str]], n: int) -> BadUseCase:
    told, left = all_mistakes.lines(first, n, MOST_MISTAKES)
    # The name of a file is any bytes.
    name, stem = (text if text.isprintable() else ascii(text) for text in (path.name, path.stem))
    return BadUseCase(
        f"{n} mistake{'s' if n > 1 else ''}",
        first,
        where=name,
        details=told,
        in_all=len(told) + left,
        fix=f"correct the file; python -m pipelines check {stem} says whether it is good",
    )


def json_schema() -> str:
    """The JSON schema of use-case files, for editors.

    `make docs` writes it to include/use_case.schema.json.
    """
    schema = UseCase.model_json_schema(mode="validation")
    # In YAML an expectation is one key with its arguments; inside Python it has been taken apart.
    schema["$defs"]["Expectation"] = {
        "type": "object",
        "description": (
            "One Great Expectations expectation: `expect_...: {argument: value}`; `severity: warn` shows"
            " without stopping."
        ),
        "properties": {"severity": {"enum": ["stop", "warn"], "default": "stop"}, "why": {"type": "string"}},
        "patternProperties": {"^expect_[a-z0-9_]+$": {"type": ["object", "null"]}},
        "additionalProperties": False,
    }
    return (
        json.dumps(
            {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}, indent=2, sort_keys=True
        )
        + "\n"
    )


def _line(lines: Lines, where: tuple[str, ...]) -> int:
    while where and where not in lines:
        where = where[:-1]
    return lines.get(where, 1)


def _items(error: ValidationError) -> Iterator[dict[str, Any]]:
    """Pydantic's errors, one for each line that a validator of ours has collected."""
    found = error.errors(include_url=False)
    for item in found:
        if item["type"] == "too_short" and any(
            other["loc"][: len(item["loc"])] == item["loc"] for other in found if other is not item
        ):
            continue  # its items are none, which is told of each
        own = item.get("ctx", {}).get("error")
        for message in str(own).split("\n") if own else [item["msg"]]:
            yield {**item, "msg": message, "own": own is not None}


def _wrong_by_form(path: Path, error: ValidationError, lines: Lines, content: bytes) -> BadUseCase:
    """Pydantic's errors as mistakes of the file.

    Words are found for those that are shown: there may be thousands.
    """
    whole = yaml_text.compose(content)
    found = sorted(
        ((_line(lines, _place(item, lines)), item) for item in _items(error)), key=lambda one: one[0]
    )
    first = [(line, _mistake(item, lines, whole)) for line, item in found[: all_mistakes.MOST_TOLD]]
    return _wrong(path, first, len(found))


def _place(item: dict[str, Any], lines: Lines) -> tuple[str, ...]:
    where = _in_file(item["loc"], lines)
    # Mistakes of the file as a whole start with the place that they are about.
    return tuple(item["msg"].split(":", 1)[0].split(".")) if item["own"] and not where else where


def _mistake(item: dict[str, Any], lines: Lines, whole: yaml.Node | None) -> str:
    where = _in_file(item["loc"], lines)
    renamed = yaml_text.as_written(whole, ("cleanse", "rename")) or yaml_text.as_written(
        whole, ("cleanse", "rename", "0")
    )
    way_out = _way_out(item, yaml_text.as_written(whole, where))
    text = _text(item, in_snake_case=renamed == "snake_case") + way_out
    place = ".".join(part if len(part) <= LONGEST_QUOTE else f"{part[:LONGEST_QUOTE]}..." for part in where)
    return f"{place}: {text}" if where else text


def _way_out(item: dict[str, Any], written: str | None) -> str:
    """How a word or name is written that is none so."""
    found = item.get("input")
    if (
        item["type"] in ("unquoted", "string_type")
        and isinstance(found, bool | int | float | None)
        and written is not None
    ):
        return f"; if it is meant as a text, {yaml_text.quoted(written)}"
    return ""


def _in_file(loc: tuple[int | str, ...], lines: Lines) -> tuple[str, ...]:
    """Pydantic's place without the tags of unions (`source.http.url`), which do not stand in the file."""
    where: tuple[str, ...] = ()
    parts = [str(part) for part in loc if part != words_of_yaml.KEY]
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if (*where, part) in lines or last:
            where = (*where, part)
    return where


def _text(item: dict[str, Any], *, in_snake_case: bool) -> str:
    last = str(item["loc"][-1]) if item["loc"] else ""
    if item["type"] == "extra_forbidden":
        if renamed := renamed_keys.sentence(tuple(map(str, item["loc"]))):
            return renamed
        return f"unknown key; {did_you_mean(last, _known_keys(item['loc']))}"
    if item["type"] == "missing":
        return "missing; it has to be stated"
    return str(item["msg"]) if item["own"] else words_of_yaml.sentence(item, in_snake_case=in_snake_case)


def _known_keys(loc: tuple[int | str, ...]) -> list[str]:
    """The keys that the model at this place knows."""
    import typing

    models: list[type[BaseModel]] = [UseCase]
    for part in loc[:-1]:
        reached = [
            field.annotation for model in models for name, field in model.model_fields.items() if name == part
        ]
        if reached:
            models = [found for annotation in reached for found in _models_in(annotation)]
        else:
            # A union's tag keeps the models that bear it; a mapping's key or a list's number changes nothing.
            tagged = [
                m
                for m in models
                if part in {a for f in m.model_fields.values() for a in typing.get_args(f.annotation)}
            ]
            models = tagged or models
    return [name for model in models for name in model.model_fields]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    import typing

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in typing.get_args(annotation) for model in _models_in(inner)]
