"""What somebody sees who only says `sluice`: which use cases there are, and what to do next."""

from __future__ import annotations

import typer

from pipelines.core import use_cases
from pipelines.core.errors import SluiceError
from pipelines.registry.history import History
from pipelines.storage.settings import Settings


def show() -> None:
    """Show the use cases with their champions, and the commands that come first."""
    settings = Settings.from_env()
    names = use_cases.names(settings.use_cases)
    typer.echo(f"Use cases in {settings.use_cases}:")
    _print([(name, _champion(name, settings)) for name in names] or [("none yet", "")])
    typer.echo("\nWhat to do next:")
    _print(_next(names))


def _next(names: list[str]) -> list[tuple[str, str]]:
    if not names:
        return [("docs/use-case-file.md", "how a use case is written")]
    return [
        ("sluice check", "are the files good?"),
        (f"sluice fetch {names[0]}", "its public data, if it has any"),
        (f"sluice run {names[0]} training DAY", "train, judge, and promote if it is better"),
        (f"sluice models history {names[0]}", "who was champion when, and why"),
        ("sluice --help", "all commands"),
    ]


def _champion(name: str, settings: Settings) -> str:
    try:
        version = History.of(settings, name).champion
    except SluiceError as error:
        return f"champion unknown: {error.sentence}"
    return f"champion: version {version}" if version else "no champion yet"


def _print(rows: list[tuple[str, str]]) -> None:
    width = max(len(first) for first, _ in rows)
    for first, second in rows:
        typer.echo(f"  {first:<{width}}  {second}".rstrip())
