"""trace, reproduce: what made a prediction, and whether a model can be made again."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from pipelines.cli import asked


class WithAnyKey(TyperCommand):
    """A command of which an argument may begin with a hyphen, as a key may that is a number."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ignore_unknown_options = True


def trace(
    use_case: asked.UseCase,
    key: Annotated[str, typer.Argument(help="the row's key, as the source has it")],
    partition: asked.Night,
    as_json: asked.AsJson = False,
) -> None:
    """Go from a prediction back to its features, its row as delivered, its model, and its training's data."""
    settings = asked.settings_of(use_case)
    day = asked.partition(settings, use_case, partition)
    from pipelines.commands import trace
    from pipelines.registry import definitions
    from pipelines.run.run import Run

    night = definitions.with_present_privacy(Run.open(use_case, "scoring", day, settings, resume=True))
    found = trace.trace(night, key)
    if as_json:
        asked.print_json(found)
    else:
        typer.echo(str(found))


def reproduce(
    use_case: asked.UseCase,
    version: Annotated[str, typer.Argument(help="a version of `models history`, or of MLflow's registry")],
) -> None:
    """Train a version again from its own data and use-case file, and say whether it is the same."""
    settings = asked.settings_of(use_case)
    from pipelines.commands import reproduce

    asked.print_lines(reproduce.reproduce(settings, use_case, version))
