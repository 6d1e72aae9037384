"""models: who was champion when, and why; which of two is better; and what a person decides about it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

import typer

from pipelines.cli import asked

app = typer.Typer(no_args_is_help=True, help="Who was champion when and why, and decisions about it.")
Version = Annotated[str, typer.Argument(help="a version of `models history`")]
Training = Annotated[str, typer.Argument(help="the training, by its partition (YYYY-MM-DD)")]


@app.command()
def history(use_case: asked.UseCase, as_json: asked.AsJson = False) -> None:
    """Tell every decision, oldest first; and what reports have called for, and found of a version's gain."""
    settings = asked.settings_of(use_case)
    from pipelines.registry.history import Decision, History

    lines = History.of(settings, use_case).lines()
    if as_json:
        asked.print_json(
            [
                asdict(one)
                | ({"since": one.since, "champion": one.champion} if isinstance(one, Decision) else {})
                for one in lines
            ]
        )
    else:
        asked.print_lines(lines)


@app.command()
def at(
    use_case: asked.UseCase,
    moment: Annotated[
        str, typer.Argument(help="a day (YYYY-MM-DD, its end), or a moment (YYYY-MM-DDTHH:MM, UTC)")
    ],
    as_json: asked.AsJson = False,
) -> None:
    """Tell who was champion on a day or at a moment, and by which decision."""
    settings = asked.settings_of(use_case)
    from pipelines.commands import reigns

    found = reigns.at(settings, use_case, moment)
    if as_json:
        asked.print_json(found)
    else:
        typer.echo(str(found))


@app.command()
def compare(use_case: asked.UseCase, one: Version, other: Version, as_json: asked.AsJson = False) -> None:
    """Compare two versions on rows that neither was trained on, each metric with its interval."""
    settings = asked.settings_of(use_case)
    from pipelines.commands import champions

    found = champions.compare(settings, use_case, one, other)
    if as_json:
        asked.print_json(found)
    else:
        typer.echo(str(found))


@app.command()
def rollback(use_case: asked.UseCase, version: Version, reason: asked.Reason) -> None:
    """Make a former champion the champion again, of the nights that are due from today on."""
    settings = asked.settings_of(use_case)
    from pipelines.commands import champions

    typer.echo(champions.rollback(settings, use_case, version, reason))


@app.command()
def retire(use_case: asked.UseCase, reason: asked.Reason) -> None:
    """Let there be no champion: the next training need only beat the baseline."""
    settings = asked.settings_of(use_case)
    from pipelines.commands import champions

    typer.echo(champions.retire(settings, use_case, reason))


@app.command()
def acknowledge(
    use_case: asked.UseCase,
    week: Annotated[str, typer.Argument(help="the week of the drift report, by its first day (YYYY-MM-DD)")],
    reason: asked.Reason,
) -> None:
    """Take note of what a drift report has found: what one training did not cure may be tried once more."""
    settings = asked.settings_of(use_case)
    day = asked.partition(settings, use_case, week)
    from pipelines.commands import acknowledge

    typer.echo(acknowledge.acknowledge(settings, use_case, day, reason))


@app.command()
def approve(use_case: asked.UseCase, partition: Training, reason: asked.Reason) -> None:
    """Approve of a training's challenger (promotion.approval)."""
    _answer(use_case, partition, "approved", reason)


@app.command()
def reject(use_case: asked.UseCase, partition: Training, reason: asked.Reason) -> None:
    """Reject a training's challenger (promotion.approval)."""
    _answer(use_case, partition, "rejected", reason)


def _answer(use_case: str, partition: str, said: Literal["approved", "rejected"], reason: str) -> None:
    settings = asked.settings_of(use_case)
    day = asked.partition(settings, use_case, partition)
    from pipelines.commands import champions

    typer.echo(champions.answer(settings, use_case, day, said, reason))
