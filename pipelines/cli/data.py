"""data: the versions of a use case's training data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import asked

app = typer.Typer(no_args_is_help=True, help="Versions of training data, and one brought back.")


@app.command("list")
def every(use_case: asked.UseCase, as_json: asked.AsJson = False) -> None:
    """List the versions of a use case's training data."""
    settings = asked.settings_of(use_case)
    from pipelines.registry import versions

    found = versions.every(settings, use_case)
    if as_json:
        asked.print_json(found)
    else:
        asked.print_lines(found)


@app.command()
def restore(
    use_case: asked.UseCase,
    version: Annotated[
        str, typer.Argument(help="a training partition (YYYY-MM-DD), or an md5 of `data list`")
    ],
    to: Annotated[Path, typer.Argument(help="a folder that does not exist yet")],
) -> None:
    """Bring a version back into a folder of its own."""
    settings = asked.settings_of(use_case)
    from pipelines.registry import snapshot

    typer.echo(str(snapshot.restore(settings, use_case, version, to)))
