"""gates: do they bite, what is normal, and what is right though it is unusual."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pipelines.cli import asked
from pipelines.core import dates, use_cases
from pipelines.core.errors import BadUseCase, GateOpen, SluiceError
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
    _require_all(names, settings)
    if not as_json:
        asked.print_lines(_proven(names, settings))
        return
    from pipelines.commands.selftest.matrix import Outcome

    outcomes = []
    try:
        for line in _proven(names, settings):
            outcomes += [line] if isinstance(line, Outcome) else []
    except SluiceError:  # a gate that does not bite is what is asked for most
        asked.print_json(outcomes)
        raise
    asked.print_json(outcomes)


def _proven(names: list[str], settings: Settings) -> Iterator[str | Outcome]:
    from pipelines.commands import selftest

    if len(names) == 1:
        yield from selftest.proven(settings, *names)
        return
    wrong = []
    for lines, said in selftest.side_by_side(settings, names):
        yield from lines
        wrong += [said] if said else []
    if wrong:
        raise GateOpen("\n".join(wrong))


def _require_all(names: list[str], settings: Settings) -> None:
    """Look all names up before the first minute is spent."""
    wrong = []
    for name in names:
        try:
            use_cases.path_of(settings.use_cases, name)
        except BadUseCase as error:
            wrong.append(str(error))
    if wrong:
        raise BadUseCase("\n".join(wrong))


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
    settings, day = asked.settings_of(use_case), dates.parse(partition)
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
    settings, day = asked.settings_of(use_case), dates.parse(partition)
    from pipelines.gates.earlier import accepted
    from pipelines.run.run import Run

    typer.echo(accepted.accept(Run.open(use_case, kind, day, settings, resume=True), table, reason))
