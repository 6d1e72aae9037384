"""What commands share: the arguments that name a use case, a kind and a day, and how they answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date
from math import isfinite
from typing import Annotated

import typer

from pipelines.core import dates, use_cases
from pipelines.core.config import Kind
from pipelines.core.dates import Days
from pipelines.core.errors import BadUseCase, SluiceError
from pipelines.storage.settings import Settings


def _completed(typed: str) -> list[str]:
    """The use cases that a word may become, for the shell."""
    try:
        names = use_cases.names(Settings.from_env().use_cases)
    except SluiceError:  # which a person is told who runs the command
        return []
    return [name for name in names if name.startswith(typed)]


UseCase = Annotated[
    str, typer.Argument(autocompletion=_completed, help="the use case, by the name of its file")
]
AnyUseCase = Annotated[
    str | None,
    typer.Argument(autocompletion=_completed, help="the use case; all of them where none is named"),
]
UseCases = Annotated[
    list[str] | None,
    typer.Argument(autocompletion=_completed, help="the use cases; all of them where none is named"),
]
KindOfRun = Annotated[Kind, typer.Argument(help="what is run")]
Partition = Annotated[
    str,
    typer.Argument(
        help="a day, as YYYY-MM-DD (an hour: YYYY-MM-DDTHH; a week: its first day; a month: YYYY-MM); for"
        " drift the first one of the report"
    ),
]
Night = Annotated[str, typer.Argument(help="the night, as YYYY-MM-DD (or as its partition is called)")]
Reason = Annotated[str, typer.Option(help="why, for whoever reads it later")]
AS_JSON = "--json"
AsJson = Annotated[bool, typer.Option(AS_JSON, help="answer in JSON, for programs")]


def settings_of(use_case: str) -> Settings:
    """Where things lie, for a use case that there is: its name is looked up before anything heavy is
    imported.

    Raises:
        BadUseCase: there is no such use case.
    """
    settings = Settings.from_env()
    use_cases.path_of(settings.use_cases, use_case)
    return settings


def partition(settings: Settings, use_case: str, name: str) -> date:
    """The partition of a use case of which this is the name.

    Raises:
        BadInput: its calendar has none of that name.
    """
    try:
        calendar = use_cases.load(settings.use_cases, use_case).use_case.calendar
    except BadUseCase:  # whoever needs the file says so; others go by the one that the partition went by
        return dates.read(name)
    return calendar.parse(name)


def partitions(settings: Settings, use_case: str, first: str, last: str) -> Days:
    """The partitions from one to another."""
    calendar = use_cases.load(settings.use_cases, use_case).use_case.calendar
    return calendar.span(calendar.parse(first), calendar.parse(last))


def chosen(name: str | None, settings: Settings) -> list[str]:
    """The use case that is named, or all of them."""
    return [name] if name else use_cases.names(settings.use_cases)


def require_all(names: list[str], settings: Settings) -> None:
    """Look all names up before the first minute is spent."""
    wrong: list[SluiceError] = []
    for name in names:
        try:
            use_cases.path_of(settings.use_cases, name)
        except BadUseCase as error:
            wrong.append(error)
    fail(wrong)


def print_lines(lines: Iterable[object]) -> None:
    """Print lines as they come: a night may take its time."""
    for line in lines:
        typer.echo(str(line))


def fail(errors: Sequence[SluiceError]) -> None:
    """Tell what is wrong with each of several things, if anything is, and end so."""
    for error in errors:
        typer.echo(str(error), err=True)
    if errors:
        raise typer.Exit(1)


def print_json(answer: object) -> None:
    """Print an answer for a program, be it dataclasses or what they hold; in ASCII, so that no text of a row
    takes hold of a terminal.
    """
    typer.echo(json.dumps(_plain(answer), indent=2, allow_nan=False))


def _plain(value: object) -> object:
    """The same in what JSON knows: days and amounts of money are texts, and a number that is none is null."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return value if isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)
