"""Expectations written into a use-case file as lines of text: comments, order and style of all other lines
stay as they are.

A YAML library that reads and writes the whole file would set it anew, and a person could not review the
difference. So lines are put in and taken out, at places that YAML's own parser names, and the outcome is read
again: unless it says exactly what it should, nothing is written.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

import yaml

from pipelines.core import use_cases, yaml_text
from pipelines.core.config import Expectation, GatedTable
from pipelines.core.errors import BadUseCase
from pipelines.core.use_cases import Loaded
from pipelines.core.yaml_text import Dumper
from pipelines.storage.disk import publish

WIDTH = 120
Added = Mapping[GatedTable, Sequence[Expectation]]
ORDER: tuple[GatedTable, ...] = get_args(GatedTable)


class Changes(NamedTuple):
    """Of a text's lines, counted from 0: those to leave out, and after which others to put in (-1: at the
    end).
    """

    out: set[int]
    after: dict[int, list[str]]


def edit(loaded: Loaded, removed: Callable[[Expectation], bool], added: Added) -> tuple[str, str]:
    """A use-case file's text as it is, and without some expectations and with others, which stand last of
    their table.

    Raises:
        BadUseCase: the file is written in a way that cannot be edited safely, or has changed since it was
            loaded.
    """
    content = loaded.path.read_bytes()
    if hashlib.sha256(content).hexdigest() != loaded.sha256:
        raise BadUseCase(f"{loaded.path.name} has changed meanwhile", fix="propose again")
    text, gates = content.decode(), loaded.use_case.gates
    gone = {
        (table, number)
        for table, there in gates.items()
        for number, expectation in enumerate(there)
        if removed(expectation)
    }
    wanted = {table: tuple(each for each in there if not removed(each)) for table, there in gates.items()}
    wanted |= {table: (*wanted.get(table, ()), *more) for table, more in added.items() if more}
    after = _apply(text, _changes(loaded.path, text, gone, added))
    _make_sure(loaded, after, wanted)
    return text, after


def write(loaded: Loaded, text: str) -> None:
    """Publish a use-case file's new text: all of it, or nothing.

    A link stays a link, and the file's permissions stay.
    """
    path = loaded.path.resolve()
    mode = path.stat().st_mode
    publish(path, text.encode())
    path.chmod(mode)


def _make_sure(loaded: Loaded, text: str, gates: dict[GatedTable, tuple[Expectation, ...]]) -> None:
    """Read the new text as a use case: it is the old one but for these gates."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / loaded.path.name
        publish(path, text.encode())
        try:
            found = use_cases.load_file(path).use_case
        except BadUseCase as error:
            raise _unsafe(loaded.path, error.reason) from error
    if found != loaded.use_case.model_copy(update={"gates": gates}):
        raise _unsafe(loaded.path, "the new lines would not say what they should")


def _unsafe(path: Path, why: str, line: int | None = None) -> BadUseCase:
    place = f" line {line + 1}:" if line is not None else ""
    return BadUseCase(
        f"{path.name}:{place} cannot be edited safely, nothing was written: {why}",
        fix="write `gates` as a block, a line for each table and for each `- expect_...`, without anchors",
    )


# --- lines


def _apply(text: str, changes: Changes) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)  # splitlines() knows line ends that YAML does not
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += newline
    new = []
    for number, line in enumerate(lines):
        if number not in changes.out:
            new.append(line)
        new += [f"{more}{newline}" for more in changes.after.get(number, ())]
    new += [f"{more}{newline}" for more in changes.after.get(-1, ())]
    return "".join(new)


def _changes(path: Path, text: str, gone: set[tuple[GatedTable, int]], added: Added) -> Changes:
    lines, changes = text.split("\n"), Changes(set(), {})
    gates = _value(yaml_text.compose(text.encode()), "gates")
    if gates is None:
        changes.after[-1] = [
            "",
            "gates:",
            *(line for table in ORDER if added.get(table) for line in _table(table, added[table], 2)),
        ]
        return changes
    (key, tables), last = gates, gates[0].start_mark.line
    if not isinstance(tables, yaml.MappingNode) or tables.flow_style:
        raise _unsafe(path, "gates is not written as a block", key.start_mark.line)
    for table in ORDER:
        more, numbers = added.get(table, ()), {number for there, number in gone if there == table}
        found = _value(tables, table)
        if found is None and more:
            changes.after.setdefault(last, []).extend(_table(table, more, tables.start_mark.column))
        if found is None:
            continue
        _, items = found
        last = _last_line(items)
        if not (more or numbers):
            continue
        if not isinstance(items, yaml.SequenceNode) or items.flow_style:
            raise _unsafe(path, f"gates.{table} is not written as a block", items.start_mark.line)
        for number in numbers:
            item = items.value[number]
            changes.out.update(range(_dash(lines, items, item), _last_line(item) + 1))
        changes.after.setdefault(last, []).extend(_items(more, items.start_mark.column))
    return changes


def _value(node: yaml.Node | None, name: str) -> tuple[yaml.Node, yaml.Node] | None:
    """A mapping's key of this name, and its value."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next(((key, value) for key, value in pairs if key.value == name), None)


def _dash(lines: Sequence[str], items: yaml.SequenceNode, item: yaml.Node) -> int:
    """The line of an item's dash, which may stand above the item."""
    column, line = items.start_mark.column, item.start_mark.line
    while lines[line][column : column + 1] != "-" and line > items.start_mark.line:
        line -= 1
    return line


def _last_line(node: yaml.Node) -> int:
    """The last line of a node itself: YAML ends a block only where the next one begins, after blank lines and
    comments.
    """
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last_line(last[1] if isinstance(last, tuple) else last)
    end: int = node.end_mark.line
    return end - 1 if node.end_mark.column == 0 and end > node.start_mark.line else end


def _table(table: GatedTable, expectations: Sequence[Expectation], indent: int) -> Iterator[str]:
    yield f"{' ' * indent}{table}:"
    yield from _items(expectations, indent + 2)


def _items(expectations: Sequence[Expectation], indent: int) -> Iterator[str]:
    """The lines of expectations, a dash at this column."""
    dash, inside = " " * indent, " " * (indent + 2)
    for expectation in expectations:
        line = f"{dash}- {expectation.name}: {_flow(expectation.kwargs, 10 * WIDTH)}"
        if len(line) <= WIDTH:
            yield line
        else:
            yield f"{dash}- {expectation.name}:"
            for argument, value in expectation.kwargs.items():
                first, *others = _flow(value, WIDTH - indent - len(argument)).split("\n")
                yield f"{inside}  {argument}: {first}"
                yield from (f"{inside}    {other.lstrip(' ')}" for other in others)
        if expectation.severity != "stop":
            yield f"{inside}severity: {expectation.severity}"
        if expectation.why:
            yield f"{inside}why: {_flow([expectation.why], 10 * WIDTH)[1:-1]}"


def _flow(value: Any, width: int) -> str:
    """A value as YAML on one line, or on as many as it needs."""
    text: str = yaml.dump(
        [value], Dumper=_Dumper, default_flow_style=True, sort_keys=False, allow_unicode=True, width=width
    )
    return text[1:].removesuffix("\n").removesuffix("]")


class _Dumper(Dumper):
    """Writes a text's own line ends as escapes: as they are they would be lines of the file."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """Quote a text of several lines."""
        return self.represent_scalar(
            "tag:yaml.org,2002:str", text, style='"' if re.search("[\n\r\x85\u2028\u2029]", text) else None
        )


_Dumper.add_representer(str, _Dumper.represent_text)
