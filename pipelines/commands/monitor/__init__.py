"""The proof that verdicts over time hold: years of a use case in which nothing changes, and changes that are
planted, judged week by week by the drift step's own functions, on the user's own data.

One training, gates included, is made in a scratch folder. Weeks are drawn of labelled days that it has not
learned from (`own`, `draws`), so that what is true of them is known (`worlds`), and each is judged with the
tables of the weeks before (`watch`, `life`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from pipelines.commands.monitor import life, own, told, worlds
from pipelines.commands.monitor.told import Changed, Quiet
from pipelines.commands.scratch import on_each_core, place
from pipelines.core.errors import GateOpen, SluiceError
from pipelines.storage.settings import Settings

Line: TypeAlias = str | Quiet | Changed


@dataclass(frozen=True)
class Asked:
    """How much is drawn.

    Attributes:
        weeks: Of a year.
        draws: Years of each world.
        seed: Of the draws.
    """

    weeks: int = 52
    draws: int = 1
    seed: int = 0


def prove(settings: Settings, use_case: str, asked: Asked) -> Iterator[Line]:
    """Live a use case in every world, and tell what its monitor said: a line a world.

    Raises:
        GateOpen: a year without change is surely red more often than once, or a change was not found that the
            use case's rows could have shown.
        GateClosed: a gate does not let the training through.
    """
    yield f"{use_case}: do verdicts over time hold?"
    yield told.HEAD
    with place() as folder:
        mine = own.of(settings, use_case, folder / "played")
        found: list[Quiet | Changed] = []
        for line in _lived(mine, asked):
            found.append(line)
            yield line
    if wrong := [f"{line.world}: {line.wrong}" for line in found if line.wrong]:
        raise GateOpen(
            "the monitor does not hold",
            where=use_case,
            details=wrong,
            fix=(
                "of years without change: see what moves from week to week, and leave such a feature out or"
                " train on a longer window; of a change: monitoring.max_loss or min_performance decide"
            ),
        )


def _lived(mine: own.Own, asked: Asked) -> Iterator[Quiet | Changed]:
    years: list[life.Year] = []
    for nth, world in enumerate(worlds.steady(mine)):
        made = [
            life.Year.lived(mine, world, asked.weeks, (asked.seed, nth, draw)) for draw in range(asked.draws)
        ]
        yield life.quiet(made, world.name)
        years = years or made
    for change in worlds.changes(mine):
        yield life.changed(years, change)


def side_by_side(
    settings: Settings, names: Sequence[str], asked: Asked
) -> Iterator[tuple[list[Line], SluiceError | None]]:
    """Prove several use cases, one on each core: of each, in the order of their names, all lines, and what is
    wrong with it.
    """
    yield from on_each_core(partial(_whole, settings, asked), names)


def _whole(settings: Settings, asked: Asked, use_case: str) -> tuple[list[Line], SluiceError | None]:
    lines: list[Line] = []
    try:
        for line in prove(settings, use_case, asked):
            lines.append(line)  # noqa: PERF402 -- those before an error, too
    except SluiceError as error:
        return lines, error
    return lines, None
