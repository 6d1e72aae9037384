"""Write the documents that are made from the code, or, with --check, say which of them are stale."""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import re
import sys
import tomllib
import typing
from collections.abc import Iterator
from datetime import timedelta

from pydantic import BaseModel, ByteSize
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pipelines import flow
from pipelines.core.config import UseCase
from pipelines.core.config.watch import OWN
from pipelines.core.use_cases import json_schema
from pipelines.run import plan
from pipelines.storage.settings import ROOT
from scripts import reading_results, what_is_read

HEAD = """# The use-case file

One YAML file in `include/use_cases/` is one use case; its name is the file's name. Unknown keys are refused, and
`sluice check [name]` tells all mistakes at once. For completion in an editor, start the file with
`# yaml-language-server: $schema=../use_case.schema.json`. [What is read how](what-is-read.md) shows which dates, numbers, texts and
files are read as what, and which are refused.

This page is made from `pipelines/core/config/` by `make docs`.
"""


OWN_HEAD = """
# Sluice's own expectations

They stand under `gates` among those of Great Expectations, and are resolved into plain ones when a gate judges: an
expectation is never derived from the very table that it judges.

```yaml
gates:
  raw:
    - expect_table_row_count_to_be_like_past_partitions: {partitions: 4, margin: 0.5}
    - expect_newest_row_to_be_within: {hours: 6}
    - expect_column_values_to_be_known: {column: customer_id, mostly: 0.5, partitions: 7}
      severity: warn
  features:
    - expect_feature_not_to_tell_the_label: {column: amount, max_value: 0.99}
```
"""


def reference() -> str:
    """The reference of all keys, a section a model, and of Sluice's own expectations."""
    keys = (_section("The file" if model is UseCase else model.__name__, model) for model in _models(UseCase))
    return "".join([HEAD, *keys, OWN_HEAD, *(_section(name, form) for name, form in OWN.items())])


def _models(model: type[BaseModel], seen: set[type[BaseModel]] | None = None) -> Iterator[type[BaseModel]]:
    seen = seen if seen is not None else set()
    if model in seen:
        return
    seen.add(model)
    yield model
    for field in model.model_fields.values():
        for inner in _models_in(field.annotation):
            yield from _models(inner, seen)


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in typing.get_args(annotation) for model in _models_in(inner)]


def _section(title: str, model: type[BaseModel]) -> str:
    rows = "".join(_row(name, field) for name, field in model.model_fields.items())
    return (
        f"\n## {title}\n\n{inspect.cleandoc(model.__doc__ or '')}\n\n| key | type | default | meaning |\n|"
        f" --- | --- | --- | --- |\n{rows}"
    )


def _row(name: str, field: FieldInfo) -> str:
    meaning = field.description or _first_line(field.annotation)
    return f"| `{name}` | {_type(field.annotation)} | {_default(field.default)} | {meaning} |\n"


def _default(value: object) -> str:
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, BaseModel):
        return "its defaults"
    if value in (None, (), {}):
        return "none"
    if isinstance(value, ByteSize):
        return f"`{value.human_readable(decimal=True, separator='').replace('.0GB', 'GB')}`"
    return f"`{json.dumps(value) if not isinstance(value, timedelta) else '0d'}`"


def _first_paragraph(doc: str | None) -> str:
    return " ".join((doc or "").split("\n\n")[0].split())


def _first_line(annotation: object) -> str:
    models = _models_in(annotation)
    return _first_paragraph(models[0].__doc__) if len(models) == 1 else ""


def _type(annotation: object) -> str:
    """A type as a reader of YAML thinks of it."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is type(None):
        return "null"
    if origin is typing.Annotated:
        return _type(inner[0])
    if origin is typing.Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if origin is dict:
        return f"{_type(inner[0])} → {_type(inner[1])}"
    if origin is tuple:
        kinds = [kind for kind in inner if kind is not Ellipsis]
        return (
            f"list of {_type(kinds[0])}"
            if len(inner) != len(kinds)
            else "[" + ", ".join(map(_type, kinds)) + "]"
        )
    if inner:
        return " or ".join(dict.fromkeys(map(_type, inner)))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    return {
        "str": "text",
        "int": "integer",
        "float": "number",
        "bool": "true/false",
        "timedelta": "duration",
        "ByteSize": "amount of memory",
    }.get(
        getattr(annotation, "__name__", str(annotation)),
        getattr(annotation, "__name__", str(annotation)).lower(),
    )


def contributing() -> str:
    """CONTRIBUTING with the floors of the house, from the roof down, as the contract of imports has them."""
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    rows = "".join(f"| `{name}` | {_first_words(name)} |\n" for name in contract["layers"])
    text = (ROOT / "CONTRIBUTING.md").read_text()
    text = _between("layers", f"| folder | what it holds |\n| --- | --- |\n{rows}", text)
    return _between("steps", _steps(), text)


def _between(mark: str, made: str, text: str) -> str:
    """A document with what is made between two marks."""
    return re.sub(rf"(?s)(<!-- {mark} -->\n).*(<!-- /{mark} -->)", lambda at: at[1] + made + at[2], text)


def _steps() -> str:
    """The steps of each kind of run, as the plan has them."""
    lines = [
        "| step | runs | publishes | gate | shared out | what it does |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    named = {step.name: step for steps in plan.STEPS.values() for step in steps}
    for name, step in named.items():
        kinds = ", ".join(kind for kind, steps in plan.STEPS.items() if step in steps)
        gate = f"`gate_{step.gate}`" if step.gate else ""
        what = _first_paragraph(flow.STEPS[name].__doc__)
        told = (f"`{name}`", kinds, step.writes or "", gate, "yes" if step.mapped_by else "", what)
        lines.append(f"| {' | '.join(told)} |")
    return "\n".join(lines) + "\n"


def _first_words(layer: str) -> str:
    """The first line of a module's, or a folder's, docstring."""
    path = ROOT / "pipelines" / layer
    source = (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text()
    return _first_paragraph(ast.get_docstring(ast.parse(source)))


DOCUMENTS = {
    "CONTRIBUTING.md": contributing,
    "include/use_case.schema.json": json_schema,
    "docs/use-case-file.md": reference,
    "docs/what-is-read.md": what_is_read.page,
    "docs/reading-results.md": reading_results.page,
}


def main() -> int:
    """Write or compare every document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail when a document is stale")
    check = parser.parse_args().check
    stale = [
        name
        for name, made in DOCUMENTS.items()
        if not (ROOT / name).is_file() or (ROOT / name).read_text() != made()
    ]
    if not check:
        for name in stale:
            (ROOT / name).write_text(DOCUMENTS[name]())
            print(f"wrote {name}")
    elif stale:
        print(
            f"stale: {', '.join(stale)}. They are made from the code: run `make docs` and commit them.",
            file=sys.stderr,
        )
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
