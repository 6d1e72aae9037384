"""monitor: do verdicts over time hold? rehearse: what would schedule and rules have come to?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import asked
from pipelines.core import use_cases
from pipelines.core.errors import SluiceError
from pipelines.storage.settings import Settings

if TYPE_CHECKING:
    from pipelines.commands.monitor import Asked, Line

app = typer.Typer(no_args_is_help=True, help="Do verdicts over time hold, on the use case's own days.")


@app.callback()
def group() -> None:
    """Do verdicts over time hold, on the use case's own days."""


@app.command("test")
def prove(
    use_case: asked.UseCases = None,
    weeks: Annotated[int, typer.Option(min=8, max=520, help="of a year of each world")] = 52,
    draws: Annotated[int, typer.Option(min=1, max=100, help="years of each world")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="of what is drawn")] = 0,
    as_json: asked.AsJson = False,
) -> None:
    """Draw years without change, and changes, of the own days: how often is it red, what is found when?"""
    settings = Settings.from_env()
    names = use_case or use_cases.names(settings.use_cases)
    asked.require_all(names, settings)
    from pipelines.commands.monitor import Asked

    wrong: list[SluiceError] = []
    lines = _proven(names, settings, Asked(weeks, draws, seed), wrong)
    if as_json:
        asked.print_json([line for line in lines if not isinstance(line, str)])
    else:
        asked.print_lines(lines)
    asked.fail(wrong)


def rehearse(
    use_case: asked.UseCase,
    first: Annotated[str, typer.Option("--from", help="the first night, as YYYY-MM-DD")],
    last: Annotated[str, typer.Option("--to", help="the last night, as YYYY-MM-DD")],
    as_json: asked.AsJson = False,
) -> None:
    """Live some nights by schedule and rules, as a dry run: trainings, promotions, red weeks, costs."""
    settings = asked.settings_of(use_case)
    days = asked.partitions(settings, use_case, first, last)
    from pipelines.commands.rehearse import rehearse

    lines = rehearse(settings, use_case, days)
    if as_json:
        asked.print_json([line for line in lines if not isinstance(line, str)])
    else:
        asked.print_lines(lines)


def _proven(names: list[str], settings: Settings, how: Asked, wrong: list[SluiceError]) -> Iterator[Line]:
    from pipelines.commands import monitor

    if len(names) == 1:
        try:
            yield from monitor.prove(settings, names[0], how)
        except SluiceError as error:
            wrong.append(error)
        return
    for lines, found in monitor.side_by_side(settings, names, how):
        yield from lines
        wrong += [found] if found else []
