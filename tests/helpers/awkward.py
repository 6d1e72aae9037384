"""Files that somebody may lay into the folder of use cases, each with what is to be told about it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pipelines.core.yaml_text import MOST_BYTES, MOST_DEPTH
from tests.helpers import tiny

Put = Callable[[Path], object]


def _text(*changes: tuple[str, str], after: str = "") -> Put:
    """The tiny use case under the file's own name, with some of its words replaced, and with more lines."""

    def put(path: Path) -> None:
        text = tiny.YAML.replace("name: tiny", f"name: {path.stem}")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path.write_bytes((text + after).encode("utf-8", "surrogatepass"))

    return put


def _bytes(content: bytes) -> Put:
    return lambda path: path.write_bytes(content)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**31)


def _laughs(aliases: int) -> str:
    """Ten to the power of so many values in a few lines."""
    lines = ["laughs:", "  - &a0 ha"]
    lines += [f"  - &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, aliases)]
    return "\n".join(lines) + "\n"


AMOUNT = "amount: amount"
AWKWARD: Mapping[str, tuple[Put, str]] = {
    # no file of text
    "a_folder": (Path.mkdir, "line 1: a folder, and a use case is a text file"),
    "a_pipe": (os.mkfifo, "line 1: a pipe, and a use case is a text file"),
    "a_device": (
        lambda path: path.symlink_to("/dev/zero"),
        "line 1: a device, and a use case is a text file",
    ),
    "dangling": (
        lambda path: path.symlink_to("nowhere"),
        "cannot be read: a link to a file that is not there",
    ),
    "a_circle": (lambda path: path.symlink_to(path), "cannot be read: Too many levels of symbolic links"),
    "no_utf8": (_bytes(b"name: no_utf8\ntitle: caf\xe9\n"), "line 2: not UTF-8 text"),
    "utf16": (
        lambda path: path.write_text(tiny.YAML, encoding="utf-16"),
        "line 1: UTF-16 text; save the file as UTF-8",
    ),
    "two_gigabytes": (_sparse, f"longer than {MOST_BYTES:,} bytes"),
    "surrogates": (_text(("One row", "\ud800 row")), "line 3: not UTF-8 text"),
    "nul": (_text(("One row", "One\0row")), "line 3: not YAML: U+0000 is no character of a text"),
    "written_nul": (
        _text(("title: Which payments are bad? One row is one payment.", 'title: "One\\0row"')),
        "line 3: the character U+0000",
    ),
    "bell": (_text(("One row", "One\arow")), "line 3: not YAML: U+0007 is no character of a text"),
    "late_mark": (_text(("One row", "One\ufeffrow")), "line 3: not YAML: U+FEFF is no character of a text"),
    "empty": (_bytes(b""), "line 1: a use case is a mapping of keys, found NoneType"),
    "a_list": (_bytes(b"- name: a_list\n"), "line 1: a use case is a mapping of keys, found list"),
    "a_word": (_bytes(b"tiny"), "line 1: a use case is a mapping of keys, found str"),
    # names
    "Capital": (_text(), "the file's name: a use case is named by small letters"),
    "with-dash": (_text(), "the file's name: a use case is named by small letters"),
    "two\nlines": (_text(), "'two\\nlines.yaml': 1 mistake"),
    "h\u043ememade": (_text(), "the file's name: a use case is named by small letters"),  # a Cyrillic o
    "not_\udcff": (_bytes(b""), "'not_\\udcff.yaml': 1 mistake"),
    "n" * 64: (_text(), "name: string should have at most 63 characters"),
    # keys
    "template": (
        _text((AMOUNT, "amount: {{ ds }}")),
        "line 22: a mapping is the key of a mapping here: a template such as {{ ds }}",
    ),
    "list_key": (_text((AMOUNT, "[amount]: amount")), "line 22: a list is the key of a mapping here"),
    "null_key": (_text((AMOUNT, "~: amount")), "line 22: the key '~' is no value at all to YAML"),
    "number_key": (_text((AMOUNT, "7: amount")), "line 22: the key '7' is an integer to YAML"),
    "date_key": (_text((AMOUNT, "2026-99-99: amount")), "line 22: features.numbers.2026-99-99"),
    "twice": (
        _text((AMOUNT, f"{AMOUNT}\n    amount: 7")),
        "line 23: not YAML: 'amount' stands twice, first in line 22",
    ),
    "merged": (
        _text(("week: {by", "week: &week {by"), ("known: {by: [customer],", "known: {<<: *week,")),
        "line 20: `<<` merges mappings",
    ),
    "long_key": (_text((AMOUNT, f"{'a' * 900}: amount")), "string should have at most 63 characters"),
    "longer_key": (_text((AMOUNT, f"? {'a' * 10_000}\n    : amount")), "is longer than 1,000 characters"),
    "escape_in_key": (_text((AMOUNT, '"\\e[2J": amount')), "line 22: the key '\\x1b[2J' holds U+001B"),
    # tags
    "object": (
        _text((AMOUNT, "amount: !!python/object/apply:os.system [id]")),
        "line 22: the tag 'tag:yaml.org,2002:python/object/apply:os.system'",
    ),
    "binary": (_text((AMOUNT, "amount: !!binary YQ==")), "line 22: the tag 'tag:yaml.org,2002:binary'"),
    "timestamp": (
        _text((AMOUNT, "amount: !!timestamp nine")),
        "line 22: the tag 'tag:yaml.org,2002:timestamp'",
    ),
    "unknown_tag": (_text((AMOUNT, "amount: !secret a")), "line 22: the tag '!secret'"),
    "set": (_text((AMOUNT, "amount: !!set {a, b}")), "line 22: the tag 'tag:yaml.org,2002:set'"),
    "no_integer": (
        _text((AMOUNT, "amount: !!int seven")),
        "line 22: 'seven' looks like an integer to YAML, and is none",
    ),
    # documents and lines
    "two_documents": (_text(after="---\nname: other\n"), "a second document begins here"),
    "tabs": (
        _text((f"    {AMOUNT}", f"\t{AMOUNT}")),
        "line 22: not YAML: found character that cannot start any token",
    ),
    "unclosed": (_text(after='a: "'), "not YAML: found unexpected end of stream"),
    "other_yaml": (
        _bytes(b"%YAML 9.9\n---\nname: other_yaml\n"),
        "line 1: not YAML: found incompatible YAML document",
    ),
    "no_anchor": (_text((AMOUNT, "amount: *amount")), "line 22: not YAML: found undefined alias"),
    # sizes
    "laughs": (_text(after=_laughs(12)), "values up to here, each alias counted as all that it stands for"),
    "itself": (_text(after="self: &self [*self]\n"), "*self stands inside of what it stands for"),
    "itself_deep": (
        _text(after="self: &self {a: {b: [*self]}}\n"),
        "*self stands inside of what it stands for",
    ),
    "deep": (
        _text(after=f"deep: {'[' * 10_000}{']' * 10_000}\n"),
        f"more than {MOST_DEPTH} lists and mappings inside one another",
    ),
    "open": (_bytes(b"[" * 400_000), f"line 1: more than {MOST_DEPTH} lists and mappings inside one another"),
    "steps": (
        _text(after="".join(f"{' ' * n}k:\n" for n in range(900))),
        f"more than {MOST_DEPTH} lists and mappings",
    ),
    "deep_by_aliases": (
        _text(after="deep:\n- &a0 [1]\n" + "".join(f"- &a{n} [*a{n - 1}]\n" for n in range(1, 30))),
        f"more than {MOST_DEPTH} lists",
    ),
    "many": (_text(after="many:\n" + "- 1\n" * 30_000), "values up to here"),
    # values
    "date": (
        _text(("training: 2026-01-31", "training: 2026-99-99")),
        "line 41: demo.training: '2026-99-99' is no day of the calendar",
    ),
    "far_date": (
        _text(("training: 2026-01-31", "training: 9999-12-31")),
        "demo.training: input should be less than or equal to",
    ),
    "digits": (
        _text(("delay_days: 2", f"delay_days: {'9' * 5000}")),
        "is an integer to YAML, of more than 100 characters",
    ),
    "sixties": (
        _text(("delay_days: 2", f"delay_days: {':'.join(['59'] * 50_000)}")),
        "label.delay_days: input should be a valid integer",
    ),
    "seconds": (
        _text(("training: 2026-01-31", "training: 86400")),
        "demo.training: 86400 is no day: write year, month and day",
    ),
    "integer": (
        _text(("delay_days: 2", f"delay_days: {2**64}")),
        "line 13: '18446744073709551616' is an integer of more than 64 bits",
    ),
    "days": (
        _text(("window_days: 20", "window_days: 999999999")),
        "split.window_days: input should be less than or equal to 36525",
    ),
    "duration": (_text(("since: 7d}", "since: 99999999999d}")), "'99999999999d' is more than a century"),
    "infinite": (_text(("precision: 0.5", "precision: .inf")), "threshold.precision"),
    "infinite_min": (
        _text(("min: 0}", "min: -.inf}")),
        "columns.amount.min: input should be a finite number",
    ),
    "no_number": (_text(("min: 0}", "min: .nan}")), "columns.amount.min: input should be a finite number"),
    "cron_of_a_number": (
        _text(after="schedule: {scoring: 5}\n"),
        "schedule.scoring: 5 is not a cron expression",
    ),
    "cron_that_never_comes": (_text(after='schedule: {scoring: "0 0 30 2 *"}\n'), "'0 0 30 2 *' never comes"),
    "long_cron": (
        _text(after=f'schedule: {{scoring: "{"1," * 50_000}1 * * * *"}}\n'),
        "is not a cron expression",
    ),
    "no_key": (
        _text((", role: key", ""), after="sink: {connection: a, table: b}\n"),
        "columns: exactly one has role key, found 0",
    ),
    "many_wrong": (_text(after="".join(f"wrong{n}: 1\n" for n in range(9_000))), "9000 mistakes"),
    "control": (_text((AMOUNT, '"a\\tb\\nc": amount')), "features.numbers.a\\tb\\nc"),
}

# What is unusual and in order.
SOUND: Mapping[str, Put] = {
    "marked": lambda path: path.write_text(
        "\ufeff" + tiny.YAML.strip().replace("name: tiny", f"name: {path.stem}"), encoding="utf-8"
    ),
    "windows_lines": lambda path: path.write_bytes(
        tiny.YAML.replace("name: tiny", f"name: {path.stem}").replace("\n", "\r\n").encode()
    ),
    "anchors": _text(("since: 7d}", "since: &week 7d}"), ("since: 7d,", "since: *week,")),
    "tagged": _text(("window_days: 20", "window_days: !!int 20")),
    "linked": lambda path: path.symlink_to(_written(path.with_name("linked_from"), path.stem)),
    "n" * 63: _text(),
}


def _written(path: Path, name: str) -> Path:
    path.write_text(tiny.YAML.replace("name: tiny", f"name: {name}"))
    return path


def lay_out(folder: Path, names: Iterable[str]) -> None:
    """Put these of the files into a folder."""
    for name in names:
        (AWKWARD[name][0] if name in AWKWARD else SOUND[name])(folder / f"{name}.yaml")
