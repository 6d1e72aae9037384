"""read: published results, as far as their gates have let them through."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import asked
from pipelines.core.config import Kind


def read(
    use_case: asked.UseCase,
    table: Annotated[str, typer.Argument(help="the table, such as predictions")],
    first: Annotated[str, typer.Option("--from", help="the first partition, as YYYY-MM-DD")],
    last: Annotated[str, typer.Option("--to", help="the last one")],
    kind: Annotated[Kind, typer.Option(help="whose table it is")] = "scoring",
    into: Annotated[
        Path | None,
        typer.Option("--into", help="write all rows into this new file, .parquet or .csv"),
    ] = None,
) -> None:
    """Read published results: the first rows, personal values masked, or all of them into a file."""
    settings = asked.settings_of(use_case)
    from pipelines.commands import read
    from pipelines.run.run import Run

    found = read.read(use_case, table, first, last, kind, settings)
    for line in found.told():
        typer.echo(line, err=True)
    if into is not None:
        typer.echo(f"{into}: {read.write(found, into):,} rows")
    else:
        typer.echo(read.shown(found, Run.open(use_case, kind, found.partitions[0], settings), table))
