"""What each gate did about each damage, as a table for a person, and what is wrong about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

from pipelines.commands.selftest.damage import Damage
from pipelines.commands.selftest.stage import Aftermath
from pipelines.core.config import GatedTable, UseCase

# not those of `plan.STEPS`: one that is missing there must be missed
GATES: tuple[GatedTable, ...] = get_args(GatedTable)
OPEN, RED, NOT_REACHED = "open", "RED", "-"
WIDTH = 62  # of a damage's name


def gates_of(use_case: UseCase) -> tuple[GatedTable, ...]:
    """The gates that a use case has: windows look back at a past only where there are any."""
    without = {
        *(() if use_case.features.history else ("past",)),
        *(() if use_case.sources else ("sources",)),
    }
    return tuple(gate for gate in GATES if gate not in without)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one damage."""

    use_case: str
    damage: str
    kind: str
    gates: dict[GatedTable, str]  # what each has done: OPEN, RED or NOT_REACHED
    stopped_by: str | None
    remark: str  # why it need not close a gate, or what refuses it that is none; "" mostly
    wrong: str  # what is wrong about that; "" if nothing

    def __str__(self) -> str:
        """One line for a person."""
        cells = " ".join(f"{cell:^{len(gate)}}" for gate, cell in self.gates.items())
        wrong = f"  <- {self.wrong}" if self.wrong else ""
        return f"{self.damage:<{WIDTH}} {cells} {self.remark}{wrong}"


class Matrix:
    """Damage x gate."""

    def __init__(self, use_case: str, gates: Sequence[GatedTable] = GATES) -> None:
        self.use_case = use_case
        self.gates = gates
        self.found: list[tuple[Damage, Aftermath]] = []

    def add(self, damage: Damage, suffered: Aftermath) -> Outcome:
        """Take in what became of a damage."""
        self.found.append((damage, suffered))
        if suffered.harmless:
            end = "changes no feature"
        elif suffered.limit:
            end = suffered.limit
        elif suffered.stopped_by in (None, *(f"gate_{gate}" for gate in self.gates)):
            end = ""
        else:
            end = f"{suffered.stopped_by} refuses"
        return Outcome(
            use_case=self.use_case,
            damage=damage.title,
            kind=damage.kind,
            gates={gate: self._cell(gate, suffered) for gate in self.gates},
            stopped_by=suffered.stopped_by,
            remark=end,
            wrong=self._mistake(damage, suffered),
        )

    def head(self) -> Iterator[str]:
        """The heading."""
        yield f"{self.use_case}: does every gate bite?"
        yield f"{'damage':<{WIDTH}} " + " ".join(self.gates)

    def tail(self) -> Iterator[str]:
        """What each gate has stopped."""
        stopped = self._stopped()
        damages = sum(not damage.good for damage, _ in self.found)
        yield f"{damages} damages; stopped by " + ", ".join(f"{who} {n}" for who, n in stopped.items())
        if beyond := sum(bool(found.limit) for _, found in self.found):
            yield (
                f"{beyond} are within what good days do, or too small to close a gate, as measured: see their"
                " lines"
            )

    def wrong(self) -> list[str]:
        """Every damage that was not stopped where it should be, and every gate that stopped none."""
        mistakes = [
            f"{damage.title}: {mistake}"
            for damage, found in self.found
            if (mistake := self._mistake(damage, found))
        ]
        stopped = self._stopped()
        return mistakes + [
            f"gate_{gate} has stopped none of the damages"
            for gate in self.gates
            if not stopped[f"gate_{gate}"]
        ]

    def _stopped(self) -> Counter[str]:
        return Counter(found.stopped_by for _, found in self.found if found.stopped_by)

    def _cell(self, gate: GatedTable, found: Aftermath) -> str:
        if found.stopped_by == f"gate_{gate}":
            return RED
        return OPEN if gate in found.open else NOT_REACHED

    def _mistake(self, damage: Damage, found: Aftermath) -> str:
        if damage.good:
            if found.stopped_by:
                return f"{found.stopped_by} does not let good data through: {found.said}"
            return (
                "it changes features, and must not" if damage.may_be_harmless and not found.harmless else ""
            )
        if (
            found.harmless
            or found.limit
            or (found.stopped_by and damage.stopped_by in (None, found.stopped_by))
        ):
            return ""
        return f"{found.stopped_by or 'nothing'} stopped it" + (
            f", {damage.stopped_by} should" if damage.stopped_by else ""
        )
