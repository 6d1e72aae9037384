"""Every error of ours is made of parts wherever it is made, and no text but the renderer's says `way out`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from inspect import Parameter, signature

import pytest

from pipelines.core import errors
from pipelines.core.errors import SluiceError
from pipelines.storage.settings import ROOT

FOLDERS = ("pipelines", "plugins", "scripts", "dags")
ELSEWHERE = ("pipelines/core/rendered.py", "scripts/")  # the renderer, and what scripts print
SOURCES = {
    str(path.relative_to(ROOT)): ast.parse(path.read_text())
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("*.py"))
}
# Kinds whose way out is always the same have it as a default.
WITH_A_WAY_OUT = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type)
    and issubclass(kind, SluiceError)
    and signature(kind).parameters["fix"].default is not Parameter.empty
}


def kinds() -> dict[str, set[str]]:
    """The names of all kinds of error of ours, and of what each is a kind of."""
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for tree in SOURCES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    found = {"SluiceError": {"SluiceError"}}
    while new := {
        name: {name}.union(*(found[base] for base in own & found.keys()))
        for name, own in bases.items()
        if name not in found and own & found.keys()
    }:
        found |= new
    return found


KINDS = kinds()


def mistakes(tree: ast.AST) -> Iterator[str]:
    """What is wrong with the errors that a module makes, by line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (kind := _name(node.func)) in KINDS:
            if not node.args or _is_empty(node.args[0]):
                yield f"line {node.lineno}: nothing is found"
            parts = {keyword.arg: keyword.value for keyword in node.keywords}
            if "fix" in parts:
                if _is_empty(parts["fix"]):
                    yield f"line {node.lineno}: the way out is empty"
            elif None not in parts and not KINDS[kind] & WITH_A_WAY_OUT:
                yield f"line {node.lineno}: no way out"
            if any("\n" in text for part in (*node.args, *parts.values()) for text in _texts(part)):
                yield f"line {node.lineno}: a text of several lines"
        elif isinstance(node, ast.Raise) and _name(node.exc) in KINDS:
            yield f"line {node.lineno}: a kind without parts"


def ways_out(tree: ast.AST) -> Iterator[str]:
    """Texts, docstrings aside, that say it."""
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in docstrings and "way out: " in str(node.value):
            yield f"line {node.lineno}: {node.value!r:.60}"


def _name(node: ast.expr | None) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _is_empty(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and not (isinstance(node.value, str) and node.value.strip())


def _texts(node: ast.expr) -> Iterator[str]:
    for one in ast.walk(node):
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value


@pytest.mark.parametrize("path", SOURCES)
def test_every_error_has_what_was_found_and_a_way_out(path: str) -> None:
    assert list(mistakes(SOURCES[path])) == []


@pytest.mark.parametrize("path", [path for path in SOURCES if not path.startswith(ELSEWHERE)])
def test_only_the_renderer_says_way_out(path: str) -> None:
    assert list(ways_out(SOURCES[path])) == []


@pytest.mark.parametrize(
    ("planted", "told"),
    [
        ("raise BadInput('no rows')", "no way out"),
        ("raise BadInput('no rows', fix=' ')", "the way out is empty"),
        ("raise errors.BadInput('', fix='deliver some')", "nothing is found"),
        ("raise BadInput(f'{x}: no rows\\n  - so', fix='deliver some')", "a text of several lines"),
        ("def wrong(): return Overtaken(fix='run it again')", "nothing is found"),
        ("raise TryAgain", "a kind without parts"),
    ],
)
def test_an_error_without_parts_is_seen(planted: str, told: str) -> None:
    assert list(mistakes(ast.parse(planted))) == [f"line 1: {told}"]


@pytest.mark.parametrize(
    "planted",
    ["raise TryAgain('gone')", "raise Overtaken('gone')", "raise BadInput('no rows', fix=f'{x}')"],
)
def test_an_error_with_its_parts_is_none(planted: str) -> None:
    assert list(mistakes(ast.parse(planted))) == []


def test_a_way_out_within_a_text_is_seen() -> None:
    planted = '"""The way out."""\nsay(f"{x}; way out: mend it")'
    assert list(ways_out(ast.parse(planted))) == ["line 2: '; way out: mend it'"]
