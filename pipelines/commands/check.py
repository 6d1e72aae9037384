"""Is a use-case file good, and what of it waits for a training?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.core import use_cases
from pipelines.core.errors import BadUseCase, SluiceError, listed

if TYPE_CHECKING:
    from pipelines.core.mistakes import Mistake
    from pipelines.storage.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What there is to say of a file."""

    use_case: str
    file: str
    waiting: tuple[str, ...] = ()  # what takes effect only with the next model
    note: str = ""  # of a good file
    error: SluiceError | None = None

    @property
    def good(self) -> bool:
        """Whether it is."""
        return self.error is None

    @property
    def mistakes(self) -> tuple[Mistake, ...]:
        """Those of the file: the first of them, where there are very many."""
        return self.error.mistakes if isinstance(self.error, BadUseCase) else ()

    def __str__(self) -> str:
        """The whole message for a person."""
        return str(self.error or self.note)


def check(name: str, settings: Settings) -> Checked:
    """Check a use-case file as deeply as possible without data: keys, SQL, leaks, grids, expectations.

    A file that cannot be loaded is told before any library is imported that would judge what it says.
    """
    file = f"{name}{use_cases.SUFFIX}"
    try:
        return _good(name, settings)
    except SluiceError as error:
        return Checked(use_case=name, file=file, error=error)


def _good(name: str, settings: Settings) -> Checked:
    loaded = use_cases.load(settings.use_cases, name)
    from pipelines.preflight import check, check_calendar

    mistakes = [*check.check(loaded), *check.absent(loaded)]
    if wrong := check_calendar.mistake(loaded.use_case, settings):
        mistakes.append((loaded.line("partition"), f"partition: {wrong}"))
    if mistakes:
        raise use_cases.wrong(loaded.path, mistakes)
    from pipelines.registry import definitions

    wait = definitions.waiting(loaded, settings)
    told = f"{loaded.path.name}: good"
    if wait:
        told += (
            f", but {definitions.summary(wait, 'wait')} for a training; until a model is promoted that has"
            f" learned them, nights go by the champion's own definitions\n{listed(wait)}"
        )
    return Checked(use_case=name, file=loaded.path.name, waiting=tuple(wait), note=told)
