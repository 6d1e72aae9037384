"""What a model version has learned: which one is asked for, the file that it has learned, and what another
file means otherwise.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from pipelines.core import dates, meaning, spoken, use_cases
from pipelines.core.config import GatedTable, UseCase
from pipelines.core.errors import BadInput, BadUseCase, NoChampion, TableCorrupt
from pipelines.core.personal import with_privacy
from pipelines.core.use_cases import Loaded
from pipelines.registry.history import History
from pipelines.run import archive
from pipelines.storage import manifest

if TYPE_CHECKING:
    from pipelines.registry.registry import Champion
    from pipelines.run.run import Run
    from pipelines.storage.settings import Settings
    from pipelines.storage.store import Store

logger = logging.getLogger(__name__)

LABEL = "the label"  # with a blank, so that no feature is called that
MOST_NAMES = 5  # of features, in one line


# --- a run's file


@cache
def meant_by(settings: Settings, name: str, sha256: str) -> str:
    """A name for what tables mean that a file has made: the same for files that differ in nothing else than,
    say, a comment.
    """
    try:
        use_case = archive.kept_file(settings, name, sha256).use_case
    except (TableCorrupt, BadUseCase):  # of before files were kept
        return sha256
    told = [meaning.of_rows(use_case), *sorted(meaning.meanings(use_case).items())]
    return hashlib.sha256(repr(told).encode()).hexdigest()


@cache
def columns_meant_by(settings: Settings, name: str, sha256: str, table: GatedTable) -> Mapping[str, str]:
    """What the columns of a table mean that a file has made, by their fingerprints.

    Nothing where that is not known.
    """
    try:
        use_case = archive.kept_file(settings, name, sha256).use_case
    except (TableCorrupt, BadUseCase):  # of before files were kept
        return {}
    return {"clean": meaning.columns, "features": meaning.meanings}.get(table, lambda _: {})(use_case)


# --- the champion's definitions


def champion_of(run: Run) -> str:
    """The version that a run asks for, else the champion of the morning on which its partition is due.

    So a night that runs again, years after, is scored by the model that scored it then. What-if runs and
    trainings take the champion of now.

    Raises:
        NoChampion: nothing was promoted yet, or not by that morning.
    """
    if run.model_version:
        return run.model_version
    name, history = run.use_case.name, History.of(run.settings, run.use_case.name)
    changes = history.changes()
    if run.what_if or run.kind == "training":
        decided = changes[-1] if changes else None
    else:
        morning = dates.known_by(run.use_case, run.kind, run.partition)
        decided = history.on(run.calendar.start(morning))
        if decided is None and changes:
            raise NoChampion(
                f"{name} had no champion yet on the morning of {morning}: the first one holds since"
                f" {min(line.since for line in changes)}",
                fix=(
                    "to see what the champion of now would have said, beside the predictions: python -m"
                    f" pipelines backfill {name} {run.partition} {run.partition} --champion now"
                ),
            )
    if decided is None or decided.champion is None:
        retired = f": it was retired on {decided.since} ({decided.reason})" if decided else " yet"
        raise NoChampion(
            f"{name} has no champion{retired}, so there is nothing to score or compare with",
            fix=(
                f"run a training whose model passes its gates: python -m pipelines run {name} training"
                f" {run.use_case.demo.training}, or in Airflow the DAG {name}_training"
            ),
        )
    return decided.champion


def file_of(settings: Settings, name: str, version: str) -> Loaded:
    """The use-case file that a version has learned: by its history from the files kept, else from the
    registry.

    Raises:
        BadInput: there is no such version.
        TableCorrupt, TryAgain: the file is gone, or MLflow does not answer.
    """
    files = [
        line.file
        for line in History.of(settings, name).read()
        if line.version == version and line.file is not None
    ]
    with suppress(TableCorrupt):  # the registry has it, too
        if files:
            return archive.kept_file(settings, name, files[-1])
    from pipelines.registry import registry

    content = registry.use_case_file(settings, name, version)
    return use_cases.parse(settings.use_cases / f"{name}.yaml", content, kept=True)


def waiting(loaded: Loaded, settings: Settings) -> list[str]:
    """What waits in the file for a training: a sentence for the label and each feature that are not what the
    champion has learned.

    Raises:
        TableCorrupt, TryAgain: the champion's file cannot be had.
    """
    name = loaded.use_case.name
    version = History.of(settings, name).champion
    if version is None:
        return []
    return apart(file_of(settings, name, version).use_case, loaded.use_case)


def differences(learned: UseCase, now: UseCase) -> Iterator[str]:
    """The features that mean something else in two files, with both meanings."""
    before, after = meaning.meanings(learned), meaning.meanings(now)
    for feature in dict.fromkeys([*before, *after]):
        if before.get(feature) != after.get(feature):
            yield (
                f"{feature}: learned as {spoken.feature(feature, learned, now)}, now"
                f" {spoken.feature(feature, now, learned)}"
            )


def apart(learned: UseCase, now: UseCase) -> list[str]:
    """All that a model has learned and that is another thing in two files: the label, and the features."""
    return [*_of_label(learned, now), *differences(learned, now)]


def _of_label(learned: UseCase, now: UseCase) -> Iterator[str]:
    """That two files learn to tell different things, with both; `the label` is no feature's name."""
    if meaning.label(learned) != meaning.label(now):
        yield f"{LABEL}: learned as {spoken.label(learned, now)}, now {spoken.label(now, learned)}"


def summary(apart: Sequence[str], verb: str = "") -> str:
    """How many of these there are, in words: the label and so many features.

    With what they do, if a verb is given.
    """
    features = sum(not line.startswith(f"{LABEL}:") for line in apart)
    told = [
        *([LABEL] if features < len(apart) else []),
        *([f"{features} feature{'s' if features > 1 else ''}"] if features else []),
    ]
    return " and ".join(told) + (f" {verb}{'s' if len(apart) == 1 else ''}" if verb else "")


def first_names(apart: Sequence[str]) -> str:
    """Which these are, the first few by name."""
    names = [line.partition(":")[0] for line in apart]
    return ", ".join(names[:MOST_NAMES]) + (
        f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    )


def require_learned(run: Run, features: manifest.Manifest, champion: Champion) -> None:
    """Make sure that features mean what a model has learned, before it scores them.

    Raises:
        BadInput: some mean something else, with both meanings, or the model does not say what it has learned.
    """
    learned = champion.meanings
    apart = [name for name, fingerprint in learned.items() if features.meaning.get(name) != fingerprint]
    if learned and not apart:
        return
    if not learned:
        told = ["it does not say what its features mean, as every model does that is trained now"]
    else:
        file = file_of(run.settings, run.use_case.name, champion.version).use_case
        told = [line for line in differences(file, run.use_case) if line.partition(":")[0] in apart]
        told = told or [f"{name}: Sluice itself makes it in another way since then" for name in apart]
    raise BadInput(
        f"version {champion.version} has learned other features than these: no score is given",
        where=run.store,
        details=told,
        fix=(
            f"run {run.partition} again from its first step, which makes it by the definitions of version"
            f" {champion.version}; or train again"
        ),
    )


def of_one_meaning(run: Run, champion: Champion, training: Store, nights: Sequence[Store]) -> list[Store]:
    """The nights whose features mean what the champion has learned: others have been scored by other
    definitions, before it came.

    Raises:
        BadInput: none does, or the training's own features have been written again by other definitions.
    """

    def same(store: Store) -> bool:
        told = store.manifest("features")
        return all(told.meaning.get(name) == learned for name, learned in champion.meanings.items())

    label = meaning.label(file_of_table(run, training, "features"))
    if not champion.meanings or not same(training) or label != meaning.label(run.use_case):
        raise BadInput(
            f"the features of the training {training.partition} are not those that version"
            f" {champion.version} has learned",
            where=run.store,
            fix=(
                f"train again; or bring them back: python -m pipelines data restore {run.use_case.name}"
                f" {champion.metadata['data_version']} ..."
            ),
        )
    alike = [night for night in nights if same(night)]
    if not alike:
        raise BadInput(
            f"in no night of this week do the features mean what version {champion.version} has learned,"
            " so there is nothing to compare",
            where=run.store,
            fix=(
                f"run its nights again: python -m pipelines backfill {run.use_case.name}"
                f" {nights[0].partition} {nights[-1].partition}"
            ),
        )
    return alike


def of_one_label(run: Run, champion: Champion, nights: Sequence[Store]) -> list[Store]:
    """The nights whose predictions tell the champion's label, of rows that are known by the same key: labels
    judge no others.

    Raises:
        BadInput: none does.
        TableCorrupt, TryAgain: see `telling_one_label`.
    """
    alike = telling_one_label(run, champion, nights)
    if not alike:
        raise BadInput(
            f"in no night of this week do the predictions tell the label that version {champion.version}"
            " has learned, of rows with the same key, so no label can judge them",
            where=run.store,
            fix=(
                f"run its nights again: python -m pipelines backfill {run.use_case.name}"
                f" {nights[0].partition} {nights[-1].partition}"
            ),
        )
    return alike


def telling_one_label(run: Run, champion: Champion, nights: Sequence[Store]) -> list[Store]:
    """The same, where there may be none.

    Raises:
        TableCorrupt, TryAgain: the file of a night or of its version cannot be had.
    """
    known: dict[str, str] = {}

    def label_of(version: str) -> str:
        """The label of a version of this week.

        The night's own file may name another label that the version had not learned.
        """
        if version not in known:
            known[version] = meaning.label(file_of(run.settings, run.use_case.name, version).use_case)
        return known[version]

    def same(store: Store) -> bool:
        versions = {
            str(version)
            for (version,) in store.read("predictions").project("model_version").distinct().fetchall()
        }
        file = file_of_table(run, store, "predictions")
        keys = [meaning.columns(use_case)[use_case.key] for use_case in (file, run.use_case)]
        return keys[0] == keys[1] and all(
            label_of(version) == meaning.label(run.use_case) for version in versions - {champion.version}
        )

    return [night for night in nights if same(night)]


def file_of_table(run: Run, store: Store, table: str) -> UseCase:
    """The file that made a table, which may call key, time and label otherwise than the run's."""
    by = store.manifest(table).use_case
    return (
        run.use_case
        if by == run.loaded.sha256
        else archive.kept_file(run.settings, run.use_case.name, by).use_case
    )


def with_present_privacy(run: Run) -> Run:
    """The same run for who shows its rows to a person: with what is personal by now, too."""
    now = archive.present(run)
    if now is None:
        return run
    return replace(run, loaded=replace(run.loaded, use_case=with_privacy(run.use_case, now.use_case)))
