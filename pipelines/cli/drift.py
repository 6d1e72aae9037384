"""drift: what there is of a week's comparison beside its report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import asked

app = typer.Typer(no_args_is_help=True, help="Evidently's report of a week, on demand.")


@app.callback()
def group() -> None:
    """Evidently's report of a week, on demand."""


@app.command()
def evidently(
    use_case: asked.UseCase,
    partition: Annotated[str, typer.Argument(help="the week's first day, as YYYY-MM-DD")],
    out: Annotated[Path, typer.Option(help="the file to write")] = Path("evidently.html"),
) -> None:
    """Write Evidently's report of a week: its own methods and thresholds, no verdict of a gate."""
    settings = asked.settings_of(use_case)
    day = asked.partition(settings, use_case, partition)
    from pipelines.commands import evidently
    from pipelines.run.run import Run

    typer.echo(evidently.write(Run.open(use_case, "drift", day, settings, resume=True).task(), out))
