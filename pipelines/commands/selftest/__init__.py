"""The proof that every gate bites: a good life of a use case, each damage done to it, and what became of
that.

Nothing is mocked. A training, eight nights and a week's report are run in a scratch folder on the use case's
own data; then each damage of `damages` is done to what the source delivers, or to the table behind a step,
and the way is gone on from there by the real steps and gates until one of them stops it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from pipelines.commands.scratch import on_each_core, place, processes
from pipelines.commands.selftest.damage import Damage
from pipelines.commands.selftest.damages import every
from pipelines.commands.selftest.matrix import Matrix, Outcome, gates_of
from pipelines.commands.selftest.stage import Aftermath, Stage
from pipelines.core.errors import OURS, GateOpen, SluiceError
from pipelines.run.plan import STEPS, steps_of
from pipelines.storage.settings import Settings


def prove(settings: Settings, use_case: str, at_once: int = 1) -> Iterator[str | Outcome]:
    """Damage a use case in every way, and tell what each gate did: the lines of a matrix, damage x gate.

    Args:
        settings: Where the use case and its data are.
        use_case: Its name.
        at_once: How many processes share the damages, each with a good life of its own.

    Raises:
        GateOpen: a damage went through, was stopped by another gate than the one that should, or a gate
            stopped none.
        GateClosed: a gate does not let the good data through.
    """
    with processes(at_once) as pool, place() as folder:
        others = [pool.submit(_suffered, settings, use_case, n, at_once) for n in range(1, at_once)]
        stage = Stage.set(settings, use_case, folder)
        matrix = Matrix(use_case, gates_of(stage.use_case))
        yield from matrix.head()
        for kind in STEPS:
            # The stage could not have been set if one of these were closed.
            lived = Aftermath(
                tuple(step.gate for step in steps_of(stage.use_case, kind) if step.gate),
                stopped_by=None,
                said="",
                harmless=False,
            )
            yield matrix.add(Damage(f"none: {kind}", kind, do=lambda stage: stage.run_, good=True), lived)
        damages = list(every(stage))
        own, *shares = (_share(damages, n, at_once) for n in range(at_once))
        for damage in own:
            yield matrix.add(damage, stage.suffer(damage))
        for share, other in zip(shares, others, strict=True):
            for damage, (title, aftermath) in zip(share, other.result(), strict=True):
                if damage.title != title:
                    raise SluiceError(f"processes have damaged {use_case} in other orders", fix=OURS)
                yield matrix.add(damage, aftermath)
    yield from matrix.tail()
    if wrong := matrix.wrong():
        raise GateOpen(
            "the gates do not hold",
            where=use_case,
            details=wrong,
            fix=(
                f"state what is normal under gates in {use_case}.yaml; python -m pipelines gates propose"
                " reads it off a good partition"
            ),
        )


def _share(damages: Sequence[Damage], n: int, of: int) -> Sequence[Damage]:
    """The damages that one of several processes does: neighbours, so that all shares follow one another."""
    cuts = [round(len(damages) * cut / of) for cut in (n, n + 1)]
    return damages[slice(*cuts)]


def _suffered(settings: Settings, use_case: str, n: int, of: int) -> list[tuple[str, Aftermath]]:
    """What became of each damage of a share, by its title."""
    with place() as folder:
        stage = Stage.set(settings, use_case, folder)
        return [(damage.title, stage.suffer(damage)) for damage in _share(list(every(stage)), n, of)]


def side_by_side(
    settings: Settings, names: Sequence[str]
) -> Iterator[tuple[list[str | Outcome], SluiceError | None]]:
    """Prove several use cases, one on each core: of each, in the order of their names, all lines, and what is
    wrong with it.
    """
    yield from on_each_core(partial(_whole, settings), names)


def _whole(settings: Settings, use_case: str) -> tuple[list[str | Outcome], SluiceError | None]:
    lines: list[str | Outcome] = []
    try:
        for line in prove(settings, use_case):
            lines.append(line)  # noqa: PERF402 -- those before an error, too
    except SluiceError as error:
        return lines, error
    return lines, None
