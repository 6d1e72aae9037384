"""gates: do they bite, what is normal, and what is right though it is unusual."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pipelines.cli import asked
from pipelines.core import use_cases
from pipelines.core.errors import SluiceError
from pipelines.storage.settings import Settings

if TYPE_CHECKING:
    from pipelines.commands.selftest.matrix import Outcome

app = typer.Typer(
    no_args_is_help=True, help="Do gates bite, what is normal, and what is right though unusual."
)


@app.command("test")
def prove(use_case: asked.UseCases = None, as_json: asked.AsJson = False) -> None:
    """Damage a good partition in every way: each gate must turn red."""
    settings = Settings.from_env()
    names = use_case or use_cases.names(settings.use_cases)
    asked.require_all(names, settings)
    wrong: list[SluiceError] = []
    lines = _proven(names, settings, wrong)
    if as_json:  # a gate that does not bite is what is asked for most
        asked.print_json([line for line in lines if not isinstance(line, str)])
    else:
        asked.print_lines(lines)
    asked.fail(wrong)


def _proven(names: list[str], settings: Settings, wrong: list[SluiceError]) -> Iterator[str | Outcome]:
    from pipelines.commands import selftest
    from pipelines.model.engine_pool import cores

    if len(names) == 1:
        try:
            yield from selftest.prove(settings, names[0], at_once=cores())
        except SluiceError as error:
            wrong.append(error)
        return
    for lines, found in selftest.side_by_side(settings, names):
        yield from lines
        wrong += [found] if found else []


@app.command()
def propose(
    use_case: asked.UseCase,
    kind: asked.KindOfRun,
    partition: asked.Partition,
    margin: Annotated[
        float, typer.Option(help="how far beyond the reference is still good, as a share")
    ] = 0.5,
) -> None:
    """Write expectations read off a reference partition into the use-case file, for review."""
    settings = asked.settings_of(use_case)
    day = asked.partition(settings, use_case, partition)
    from pipelines.gates import propose
    from pipelines.run.run import Run

    typer.echo(propose.propose(Run.open(use_case, kind, day, settings), margin))


@app.command()
def accept(
    use_case: asked.UseCase,
    kind: asked.KindOfRun,
    partition: asked.Partition,
    table: Annotated[
        Literal["clean", "features", "predictions"], typer.Argument(help="what the gate has judged")
    ],
    reason: asked.Reason,
) -> None:
    """Say that what a gate has found unlike earlier days is right: once, with a reason."""
    settings = asked.settings_of(use_case)
    day = asked.partition(settings, use_case, partition)
    from pipelines.gates.earlier import accepted
    from pipelines.run.run import Run

    typer.echo(accepted.accept(Run.open(use_case, kind, day, settings, resume=True), table, reason))
