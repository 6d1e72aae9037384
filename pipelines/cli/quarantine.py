"""quarantine: the rows that were put aside, and taking them in after a fix."""

from __future__ import annotations

import typer

from pipelines.cli import asked

app = typer.Typer(no_args_is_help=True, help="Rows that were put aside, and taking them in after a fix.")


@app.command()
def show(
    use_case: asked.UseCase,
    kind: asked.KindOfRun,
    partition: asked.Partition,
    as_json: asked.AsJson = False,
) -> None:
    """List the rows that were put aside, and why."""
    settings = asked.settings_of(use_case)
    day = asked.partition(settings, use_case, partition)
    from pipelines.commands import quarantine
    from pipelines.registry import definitions
    from pipelines.run.run import Run

    found = quarantine.show(
        definitions.with_present_privacy(Run.open(use_case, kind, day, settings, resume=True))
    )
    if as_json:
        asked.print_json(found)
    else:
        typer.echo(str(found))


@app.command()
def replay(use_case: asked.UseCase, partition: asked.Night) -> None:
    """Run just them again, and publish what is good now."""
    settings = asked.settings_of(use_case)
    day = asked.partition(settings, use_case, partition)
    from pipelines.commands import replay
    from pipelines.run.run import Run

    typer.echo(replay.replay(Run.open(use_case, "scoring", day, settings)))
