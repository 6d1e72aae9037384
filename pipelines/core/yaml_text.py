"""From a file that anybody may have written to plain values: within bounds, and with the line of every
mistake.

YAML can do more than a file of facts needs: make objects of any kind, merge mappings, and stand for billions
of values in a few lines. So the text is looked through before anything is made of it. It is at most 500,000
bytes long; it holds at most 20,000 values, each alias counted as all that it stands for; they lie at most 20
deep; a number has at most 100 characters, and an integer 64 bits. (The longest file that comes along has
5,000 bytes and 500 values, 6 deep.) Whatever is beyond, or is no plain text, number, list or mapping with
texts for keys, is a mistake and not looked into.

What a word without quotes stands for is told by the core schema of YAML 1.2: `NO`, `yes`, `1:30`, `1_000` and
2026-01-31 are texts, and 010 is ten. PyYAML goes by YAML 1.1, to which they are false, true, 90, 1000, a date
and eight.
"""

from __future__ import annotations

import os
import re
import stat
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from pipelines.core.errors import brief

MOST_BYTES = 500_000
MOST_VALUES = 20_000
MOST_DEPTH = 20
LONGEST_NUMBER = 100  # characters
LONGEST_KEY = 1_000  # characters
LARGEST = 2**63

Lines: TypeAlias = dict[tuple[str, ...], int]
Mistake: TypeAlias = tuple[int, str]  # a line, and a sentence

_TAG = "tag:yaml.org,2002:"
_TEXT = f"{_TAG}str"
_TAGS = {None, "!", *(f"{_TAG}{name}" for name in ("str", "int", "float", "bool"))}  # that may be written out
_NAMES = {"int": "an integer", "float": "a number", "bool": "true or false", "null": "no value at all"}
# The core schema: tag, what it looks like, and the characters that it begins with.
_CORE = (
    ("null", r"~|null|Null|NULL|", ("~", "n", "N", "")),
    ("bool", r"true|True|TRUE|false|False|FALSE", tuple("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", tuple("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        tuple("-+.0123456789"),
    ),
)
# What YAML takes for a character, without the mark of the byte order, which may only come first.
_NO_CHARACTER = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
# the names of a source's columns may hold line ends
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
_KINDS = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"))
_QUOTE_IT = "if it is meant as a text, write it in quotes"


class _Loader(yaml.CSafeLoader):
    """PyYAML's safe loader, by the core schema of YAML 1.2."""

    def construct_core(self, node: yaml.ScalarNode) -> bool | int | float:
        """Make a value of a scalar that is no text.

        Raises:
            ValueError: it bears the tag, and does not look like it.
        """
        kind, written = node.tag.removeprefix(_TAG), node.value
        shapes = [shape for name, shape, _ in _CORE if name == kind or (kind, name) == ("float", "int")]
        if not any(re.fullmatch(shape, written) for shape in shapes):
            raise ValueError(f"{brief(written)} is not {_kind_of(node.tag)}")
        if kind == "bool":
            return str(written).lower() == "true"
        if kind == "int":
            return int(written, {"0o": 8, "0x": 16}.get(written[:2], 10))
        return float(re.sub(r"\.(?=inf|nan)", "", written.lower()))


class Dumper(yaml.SafeDumper):
    """Writes what both YAML 1.1 and 1.2 read as it was: whatever either of them takes for no text is
    quoted.
    """


_Loader.yaml_implicit_resolvers = {}  # none of YAML 1.1's
for _kind, _shape, _first in _CORE:
    for _class in (_Loader, Dumper):  # the dumper has those of YAML 1.1, too
        _class.add_implicit_resolver(f"{_TAG}{_kind}", re.compile(rf"(?:{_shape})\Z"), list(_first))
for _kind in ("bool", "int", "float"):
    _Loader.add_constructor(f"{_TAG}{_kind}", _Loader.construct_core)


class BadYaml(ValueError):
    """What a file holds is no YAML of plain values; `mistakes` are its lines and a sentence each."""

    def __init__(self, *mistakes: Mistake) -> None:
        super().__init__("; ".join(text for _, text in mistakes))
        self.mistakes = mistakes


def read(path: Path) -> bytes:
    """What a file holds: a regular one (or a link to one), of `MOST_BYTES` at most.

    Nothing else is waited for, or read.

    Raises:
        BadYaml: it cannot be read, is no regular file, or is longer.
    """
    try:
        # Without O_NONBLOCK a pipe would be waited for, for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            mode = os.fstat(handle).st_mode
            if not stat.S_ISREG(mode):
                kind = next((name for is_one, name in _KINDS if is_one(mode)), "a device")
                raise BadYaml((1, f"{kind}, and a use case is a text file; rename it, or take it away"))
            with os.fdopen(handle, "rb", closefd=False) as file:
                content = file.read(MOST_BYTES + 1)
        finally:
            os.close(handle)
    except OSError as error:
        dangling = isinstance(error, FileNotFoundError) and path.is_symlink()
        why = "a link to a file that is not there" if dangling else error.strerror or type(error).__name__
        raise BadYaml((1, f"cannot be read: {why}; mend or take away the file")) from error
    if len(content) > MOST_BYTES:
        raise BadYaml((1, f"longer than {MOST_BYTES:,} bytes; a use case is a few hundred lines"))
    return content


def parse(content: bytes) -> tuple[Any, Lines]:
    """The plain values that YAML stands for, and the line of each, by its keys and numbers from the outermost
    one on.

    Raises:
        BadYaml: it is no YAML, or not of plain values within the bounds; see the module.
    """
    written = text(content)
    try:
        mistakes = [*_scan(written)]
        node = _compose(written)
        lines: Lines = {}
        loader = _Loader("")  # makes values of nodes
        mistakes += _walk(node, (), lines, loader)
        if mistakes:
            raise BadYaml(*dict.fromkeys(mistakes))
        return (None if node is None else loader.construct_document(node)), lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BadYaml(
            (mark.line + 1 if mark else 1, f"not YAML: {error.problem or error.context}")
        ) from error
    except yaml.YAMLError as error:
        raise BadYaml((1, f"not YAML: {' '.join(str(error).split())}")) from error


def text(content: bytes) -> str:
    """A file's text, without the mark of the byte order that some editors put before it.

    Raises:
        BadYaml: it is not UTF-8, or holds what is no character.
    """
    if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        raise BadYaml((1, "UTF-16 text; save the file as UTF-8"))
    try:
        written = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadYaml((line, "not UTF-8 text; save the file as UTF-8")) from error
    if wrong := _NO_CHARACTER.search(written):
        line = written.count("\n", 0, wrong.start()) + 1
        raise BadYaml(
            (
                line,
                (
                    f"not YAML: U+{ord(wrong[0]):04X} is no character of a text; take it away, or save the"
                    " file as UTF-8"
                ),
            )
        )
    return written


def compose(content: bytes) -> yaml.Node | None:
    """The nodes of a text that `parse` has found good, with their places in it."""
    return _compose(text(content))


def as_written(whole: yaml.Node | None, where: tuple[str, ...]) -> str | None:
    """What stands at a place of a file, letter by letter: 010, of which the value is ten.

    None where nothing single stands.
    """
    node = whole
    for part in where:
        if isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == part), None)
        elif isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
            node = node.value[int(part)]
        else:
            return None
    return str(node.value) if isinstance(node, yaml.ScalarNode) else None


def quoted(written: str) -> str:
    """The way out where a word is no text to YAML."""
    return "write it in quotes: '{}'".format(written.replace("'", "''"))


def _compose(written: str) -> yaml.Node | None:
    node: yaml.Node | None = yaml.compose(written, Loader=_Loader)
    return node


# --- before anything is made: bounds, by the events of the parser alone


@dataclass
class _Size:
    """Of a value with all that is in it; a scalar is 0 deep."""

    values: int = 0
    depth: int = 0


# collections around the present place, each with its anchor
_Open: TypeAlias = list[tuple[str | None, _Size]]


def _scan(written: str) -> Iterator[Mistake]:
    """Look through the parser's events, which come one after the other, and stop it as soon as a bound is
    passed.
    """
    open_: _Open = [(None, _Size())]
    anchors: dict[str, _Size] = {}
    documents = 0
    for event in yaml.parse(written, Loader=_Loader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise BadYaml(
                    (line, "a second document begins here; a use case is one: take the line `---` away")
                )
        elif isinstance(event, yaml.AliasEvent):
            _stand_for(str(event.anchor), open_, anchors, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            _close(open_, anchors)
        elif isinstance(event, yaml.CollectionStartEvent | yaml.ScalarEvent):
            open_.append((event.anchor, _Size(values=1)))
            _check_bounds(open_, line)
            scalar = isinstance(event, yaml.ScalarEvent)
            if scalar:
                _close(open_, anchors)
            if event.tag not in (_TAGS if scalar else {None}):
                yield line, f"the tag {brief(event.tag)} is none of plain values; leave it out"


def _stand_for(alias: str, open_: _Open, anchors: Mapping[str, _Size], line: int) -> None:
    if any(anchor == alias for anchor, _ in open_):
        raise BadYaml(
            (line, f"*{alias} stands inside of what it stands for, which has no end; write the value out")
        )
    if alias in anchors:  # if not, the composer has a sentence
        _add(open_[-1][1], anchors[alias])
        _check_bounds(open_, line)


def _close(open_: _Open, anchors: dict[str, _Size]) -> None:
    anchor, size = open_.pop()
    _add(open_[-1][1], size)
    if anchor:
        anchors[anchor] = size


def _add(outer: _Size, inner: _Size) -> None:
    outer.values += inner.values
    outer.depth = max(outer.depth, 1 + inner.depth)


def _check_bounds(open_: _Open, line: int) -> None:
    # The first of `open_` is the file, and the last may be a scalar.
    if len(open_) - 2 + open_[-1][1].depth > MOST_DEPTH:
        raise BadYaml((line, f"more than {MOST_DEPTH} lists and mappings inside one another"))
    if sum(size.values for _, size in open_) > MOST_VALUES:
        raise BadYaml(
            (
                line,
                f"more than {MOST_VALUES:,} values up to here, each alias counted as all that it stands for",
            )
        )


# --- before values are made: keys, and scalars one by one


def _walk(node: yaml.Node | None, where: tuple[str, ...], lines: Lines, loader: Any) -> Iterator[Mistake]:
    """Note the line of every value, and find what is not plain. An alias is walked as often as it stands."""
    if node is None:
        return
    lines[where] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if mistake := _key_mistake(key, seen):
                yield line, mistake
                continue
            seen[key.value] = line
            inside = (*where, key.value)
            yield from _walk(value, inside, lines, loader)
            lines[inside] = line
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _walk(value, (*where, str(number)), lines, loader)
    elif mistake := _scalar_mistake(node, loader):
        yield lines[where], mistake


def _key_mistake(key: yaml.Node, seen: dict[str, int]) -> str | None:
    if not isinstance(key, yaml.ScalarNode):
        kind = "mapping" if isinstance(key, yaml.MappingNode) else "list"
        jinja = ": a template such as {{ ds }} is a mapping to YAML" if kind == "mapping" else ""
        return f"a {kind} is the key of a mapping here{jinja}; {_QUOTE_IT}"
    if key.value == "<<" and not key.style:
        return (
            "`<<` merges mappings, which no use case does; write the keys out, or give the whole value an"
            " anchor"
        )
    if key.tag != _TEXT:
        return (
            f"the key {brief(key.value)} is {_kind_of(key.tag)} to YAML, and a key is a text; write it in"
            " quotes"
        )
    if key.value in seen:
        return f"not YAML: {brief(key.value)} stands twice, first in line {seen[key.value]}"
    if len(key.value) > LONGEST_KEY:
        return f"the key {brief(key.value)} is longer than {LONGEST_KEY:,} characters"
    if control := _CONTROL.search(key.value):
        return f"the key {brief(key.value)} holds U+{ord(control[0]):04X}, a control character; leave it out"
    return None


def _scalar_mistake(node: yaml.Node, loader: Any) -> str | None:
    if node.tag == _TEXT:
        return (
            "the character U+0000 ends a text in most programs; leave it out" if "\0" in node.value else None
        )
    if node.tag.removeprefix(_TAG) not in _NAMES:
        return None  # a tag that is told already
    if len(node.value) > LONGEST_NUMBER:
        return (
            f"{brief(node.value)} is {_kind_of(node.tag)} to YAML, of more than {LONGEST_NUMBER} characters;"
            f" {_QUOTE_IT}"
        )
    try:
        value = loader.construct_object(node)
    except (ArithmeticError, ValueError, yaml.YAMLError):
        return f"{brief(node.value)} looks like {_kind_of(node.tag)} to YAML, and is none; {_QUOTE_IT}"
    if isinstance(value, int) and not -LARGEST <= value < LARGEST:
        return f"{brief(node.value)} is an integer of more than 64 bits; {_QUOTE_IT}"
    return None


def _kind_of(tag: str) -> str:
    return _NAMES.get(tag.removeprefix(_TAG), "no text")
