"""Which use-case file a run goes by: one, from its first task to its last, and for a night one that its champion has learned.

A run takes the file as it is when its first step begins. The content is kept by its sha256 beside the tables
(`data/<use case>/files/<sha256>.yaml`), the first table's manifest names it, and every later task of the run goes by that,
whatever becomes of the file meanwhile.

A model scores only what it has learned. Where the file's features mean something else by now (see `meaning`) than those of
the champion's training, a night or a week's report is made by the champion's own definitions, until a model is promoted
that has learned the new ones. What is no definition comes from the present file: where the source is, limits, schedule,
alerts, sink, monitoring, what is personal, and the expectations about all that means the same in both.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import yaml

from pipelines import dates, manifest, meaning, places, spoken, use_cases, yaml_text
from pipelines.config import GatedTable, Kind, UseCase
from pipelines.errors import BadInput, BadUseCase, NoChampion, SluiceError, TableCorrupt, listed
from pipelines.history import History
from pipelines.put_together import put_together, with_privacy
from pipelines.use_cases import Loaded

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.places import Place
    from pipelines.registry import Champion
    from pipelines.run import Run
    from pipelines.settings import Settings
    from pipelines.store import Store

logger = logging.getLogger(__name__)

FILES = "files"  # of a use case, beside its tables
FIRST: dict[Kind, str] = {"training": "raw", "scoring": "raw", "drift": "drift"}  # the table that names a run's file
LABEL = "the label"  # with a blank, so that no feature is called that
MOST_NAMES = 5  # of features, in one line
SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
BY_VERSION = re.compile(rb"# Definitions of version (\S+) ")  # what a file that was put together begins with


# --- a run's file


def begun(run: Run) -> Run:
    """The run as its first step takes it: by the present file, or by the champion's definitions, and that is kept.

    Raises:
        BadUseCase: that file has a mistake, which `check` would tell, too.
        BadInput: a night cannot be made by its champion's definitions; says which features mean something else.
        TableCorrupt, TryAgain: the champion's file cannot be had.
    """
    from pipelines import check

    run = run.by(_for_champion(run)) if run.kind != "training" else run.afresh()
    check.require(run.loaded)
    keep(run)
    if version := made_by(run.loaded):
        logger.info("%s: %s", run.store, _by_older(run, version))
    return run


def _by_older(run: Run, version: str) -> str:
    """That a night is not made by the file as it is, and what of that waits."""
    now = present(run)
    wait = apart(run.use_case, now.use_case) if now else []
    told = f": {counted(wait, 'wait')} for a training ({named(wait)})" if wait else ""
    return f"made by the definitions of version {version} with all else of {run.loaded.path.name}{told}"


def keep(run: Run) -> None:
    """Keep the run's file by its sha256, so that whoever meets that in a manifest finds it."""
    place = _place(run.settings, run.use_case.name, run.loaded.sha256)
    if not place.is_file() or place.read_bytes() != run.loaded.content:
        places.publish(place, run.loaded.content)


def resumed(settings: Settings, name: str, kind: Kind, folder: Place) -> Loaded | None:
    """The file of the run whose first table lies in a partition's folder; None where there is no such table.

    Raises:
        TableCorrupt: the file is gone, or is not what was kept.
    """
    first = manifest.current(folder / FIRST[kind])
    return None if first is None else kept(settings, name, first.use_case)


def kept(settings: Settings, name: str, sha256: str) -> Loaded:
    """A file as it once was.

    Raises:
        TableCorrupt: it is gone, or is not what was kept.
    """
    path = settings.use_cases / f"{name}.yaml"
    try:
        content = _place(settings, name, sha256).read_bytes()
    except OSError as error:  # gone, or a folder
        if (there := _present(path)) and there.sha256 == sha256:  # of a run before files were kept
            return there
        raise TableCorrupt(
            f"{name}: the use-case file {sha256[:12]} that a run went by is gone from {_place(settings, name, sha256).parent}\n"
            "  way out: bring it back from a backup, or run the partition again from its first step"
        ) from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise TableCorrupt(
            f"{name}: the use-case file that was kept as {sha256[:12]} is not that file any more\n"
            "  way out: bring it back from a backup, or run the partition again from its first step"
        )
    return use_cases.parse(path, content)


@cache
def meant_by(settings: Settings, name: str, sha256: str) -> str:
    """A name for what tables mean that a file has made: the same for files that differ in nothing else than, say, a comment."""
    try:
        use_case = kept(settings, name, sha256).use_case
    except (TableCorrupt, BadUseCase):  # of before files were kept
        return sha256
    told = [meaning.of_rows(use_case), *sorted(meaning.meanings(use_case).items())]
    return hashlib.sha256(repr(told).encode()).hexdigest()


@cache
def columns_meant_by(settings: Settings, name: str, sha256: str, table: GatedTable) -> Mapping[str, str]:
    """What the columns of a table mean that a file has made, by their fingerprints; nothing where that is not known."""
    try:
        use_case = kept(settings, name, sha256).use_case
    except (TableCorrupt, BadUseCase):  # of before files were kept
        return {}
    return {"clean": meaning.columns, "features": meaning.meanings}.get(table, lambda _: {})(use_case)


def written(use_case: UseCase, path: Path, heading: str = "") -> Loaded:
    """A use case that no file has said, as a file of its own.

    Raises:
        SluiceError: what the file would say is not this use case.
    """
    told = yaml.dump(_plain(use_case.model_dump(exclude_unset=True)), Dumper=yaml_text.Dumper, sort_keys=False, width=110)
    loaded = use_cases.parse(path, (heading + told).encode())
    if loaded.use_case != use_case:
        raise SluiceError(f"{path.name}: a file that was put together does not say what it should: nothing goes by it")
    return loaded


def made_by(loaded: Loaded) -> str | None:
    """The version whose definitions a file holds that was put together; None of a file that a person wrote."""
    found = BY_VERSION.match(loaded.content)
    return found[1].decode() if found else None


def present(run: Run) -> Loaded | None:
    """The file as it is now; None where it is gone or says what cannot be."""
    return _present(run.settings.use_cases / f"{run.use_case.name}.yaml")


def _present(path: Path) -> Loaded | None:
    try:
        return use_cases.load_file(path)
    except (BadUseCase, OSError):
        return None


def _place(settings: Settings, name: str, sha256: str) -> Place:
    if not SHA256.fullmatch(sha256):
        raise TableCorrupt(
            f"{name}: a manifest names the use-case file {sha256!r:.80}, which is no sha256\n  way out: run the partition again"
        )
    return settings.data / name / FILES / f"{sha256}.yaml"


def _plain(value: Any) -> Any:
    """What YAML can say: no tuples, and numbers that are numbers."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value


# --- the champion's definitions


def champion_of(run: Run) -> str:
    """The version that a run asks for, else the champion of the morning on which its partition is due.

    So a night that runs again, years after, is scored by the model that scored it then. What-if runs and trainings take
    the champion of now.

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
        morning = dates.known_by(run.kind, run.partition)
        decided = history.on(morning)
        if decided is None and changes:
            raise NoChampion(
                f"{name} had no champion yet on the morning of {morning}: the first one holds since {min(line.since for line in changes)}\n"
                f"  way out: to see what the champion of now would have said, beside the predictions: "
                f"python -m pipelines backfill {name} {run.partition} {run.partition} --champion now"
            )
    if decided is None or decided.champion is None:
        retired = f": it was retired on {decided.since} ({decided.reason})" if decided else " yet"
        raise NoChampion(
            f"{name} has no champion{retired}, so there is nothing to score or compare with\n"
            f"  way out: run a training whose model passes its gates: python -m pipelines run {name} training "
            f"{run.use_case.demo.training}, or in Airflow the DAG {name}_training"
        )
    return decided.champion


def file_of(settings: Settings, name: str, version: str) -> Loaded:
    """The use-case file that a version has learned: by its history from the files kept, else from the registry.

    Raises:
        BadInput: there is no such version.
        TableCorrupt, TryAgain: the file is gone, or MLflow does not answer.
    """
    files = [line.file for line in History.of(settings, name).read() if line.version == version and line.file is not None]
    with suppress(TableCorrupt):  # the registry has it, too
        if files:
            return kept(settings, name, files[-1])
    from pipelines import registry

    return use_cases.parse(settings.use_cases / f"{name}.yaml", registry.use_case_file(settings, name, version))


def waiting(loaded: Loaded, settings: Settings) -> list[str]:
    """What waits in the file for a training: a sentence for the label and each feature that are not what the champion has learned.

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
            yield f"{feature}: learned as {spoken.feature(feature, learned, now)}, now {spoken.feature(feature, now, learned)}"


def apart(learned: UseCase, now: UseCase) -> list[str]:
    """All that a model has learned and that is another thing in two files: the label, and the features."""
    return [*_of_label(learned, now), *differences(learned, now)]


def _of_label(learned: UseCase, now: UseCase) -> Iterator[str]:
    """That two files learn to tell different things, with both; `the label` is no feature's name."""
    if meaning.label(learned) != meaning.label(now):
        yield f"{LABEL}: learned as {spoken.label(learned, now)}, now {spoken.label(now, learned)}"


def counted(apart: Sequence[str], verb: str = "") -> str:
    """How many of these there are, in words: the label and so many features; with what they do, if a verb is given."""
    features = sum(not line.startswith(f"{LABEL}:") for line in apart)
    told = [*([LABEL] if features < len(apart) else []), *([f"{features} feature{'s' if features > 1 else ''}"] if features else [])]
    return " and ".join(told) + (f" {verb}{'s' if len(apart) == 1 else ''}" if verb else "")


def named(apart: Sequence[str]) -> str:
    """Which these are, the first few by name."""
    names = [line.partition(":")[0] for line in apart]
    return ", ".join(names[:MOST_NAMES]) + (f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else "")


@contextmanager
def explained(run: Run, first: bool) -> Iterator[None]:
    """Say with an error about what was delivered (to the first step) that the night asks for it by its champion's definitions."""
    try:
        yield
    except BadInput as error:
        if not first or (version := made_by(run.loaded)) is None or (now := present(run)) is None:
            raise
        if _asked_of_source(run.use_case) == _asked_of_source(now.use_case):
            raise  # by the file as it is now, the source would be asked for the same, and fail alike
        found, *more = [line for line in str(error).splitlines() if not line.strip().startswith("way out")]
        raise BadInput(
            "\n".join([found, *more[:2]])
            + f"\n  asked for by the definitions of version {version}, which has learned other things than {run.loaded.path.name} has now:\n"
            + listed(sorted(apart(run.loaded.use_case, now.use_case), key=lambda line: "no such feature" not in line), 3)
            + f"\n  way out: train by the file as it is now, or let the source deliver what version {version} has learned"
        ) from error


def _asked_of_source(use_case: UseCase) -> tuple[object, ...]:
    """What a file wants of a delivery: columns and their values' form, not which of these are good."""
    columns = {name: (each.type, each.role, each.format) for name, each in use_case.columns.items()}
    return use_case.source, use_case.replay, use_case.cleanse.rename, use_case.cleanse.missing, columns


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
        f"{run.store}: version {champion.version} has learned other features than these: no score is given\n{listed(told, 6)}\n"
        f"  way out: run {run.partition} again from its first step, which makes it by the definitions of version {champion.version}; or train again"
    )


def of_one_meaning(run: Run, champion: Champion, training: Store, nights: Sequence[Store]) -> list[Store]:
    """The nights whose features mean what the champion has learned: others have been scored by other definitions, before it came.

    Raises:
        BadInput: none does, or the training's own features have been written again by other definitions.
    """

    def same(store: Store) -> bool:
        told = store.manifest("features")
        return all(told.meaning.get(name) == learned for name, learned in champion.meanings.items())

    label = meaning.label(made(run, training, "features"))
    if not champion.meanings or not same(training) or label != meaning.label(run.use_case):
        raise BadInput(
            f"{run.store}: the features of the training {training.partition} are not those that version {champion.version} has learned\n"
            f"  way out: train again; or bring them back: python -m pipelines data restore {run.use_case.name} {champion.metadata['data_version']} ..."
        )
    alike = [night for night in nights if same(night)]
    if not alike:
        raise BadInput(
            f"{run.store}: in no night of this week do the features mean what version {champion.version} has learned, so there is nothing to compare\n"
            f"  way out: run its nights again: python -m pipelines backfill {run.use_case.name} {nights[0].partition} {nights[-1].partition}"
        )
    return alike


def of_one_label(run: Run, champion: Champion, nights: Sequence[Store]) -> list[Store]:
    """The nights whose predictions tell the champion's label, of rows that are known by the same key: labels judge no others.

    Raises:
        BadInput: none does.
        TableCorrupt, TryAgain: the file of a night or of its version cannot be had.
    """
    known: dict[str, str] = {}

    def told(version: str) -> str:
        """What a version of this week tells; the night's own file may name another label that the version had not learned."""
        if version not in known:
            known[version] = meaning.label(file_of(run.settings, run.use_case.name, version).use_case)
        return known[version]

    def same(store: Store) -> bool:
        versions = {str(version) for (version,) in store.read("predictions").project("model_version").distinct().fetchall()}
        file = made(run, store, "predictions")
        keys = [meaning.columns(use_case)[use_case.key] for use_case in (file, run.use_case)]
        return keys[0] == keys[1] and all(told(version) == meaning.label(run.use_case) for version in versions - {champion.version})

    alike = [night for night in nights if same(night)]
    if not alike:
        raise BadInput(
            f"{run.store}: in no night of this week do the predictions tell the label that version {champion.version} has learned, "
            f"of rows with the same key, so no label can judge them\n"
            f"  way out: run its nights again: python -m pipelines backfill {run.use_case.name} {nights[0].partition} {nights[-1].partition}"
        )
    return alike


def made(run: Run, store: Store, table: str) -> UseCase:
    """The file that made a table, which may call key, time and label otherwise than the run's."""
    by = store.manifest(table).use_case
    return run.use_case if by == run.loaded.sha256 else kept(run.settings, run.use_case.name, by).use_case


def _for_champion(run: Run) -> Loaded:
    """The file for a night or a week's report: the present one, if its features mean what the champion has learned."""
    try:
        return for_version(run, champion_of(run))
    except NoChampion:
        return run.loaded  # the step that needs one says so


def for_version(run: Run, version: str) -> Loaded:
    """The file by which a night is made that a version scores: the present one, if its features mean what that has learned.

    Raises:
        BadInput: the version's definitions and the rest of the present file are no whole.
        TableCorrupt, TryAgain: the version's file cannot be had.
    """
    learned = file_of(run.settings, run.use_case.name, version)
    others = apart(learned.use_case, run.use_case)
    # A feature that the model does not know changes no score of it; a week's report compares what the training had.
    known = {*learned.use_case.features.names, *([LABEL] if _shows(learned.use_case, run.use_case) else [])}
    if not others or (run.kind == "scoring" and not any(line.partition(":")[0] in known for line in others)):
        return run.loaded
    heading = (
        f"# Definitions of version {version} (file {learned.sha256}); all else as in the file {run.loaded.sha256},\n"
        f"# where something else is meant by {counted(others)}: that waits for a model that has learned it.\n"
    )
    try:
        made = written(put_together(learned.use_case, run.use_case), run.loaded.path, heading)
        for still in differences(learned.use_case, made.use_case):
            raise ValueError(f"put together with the rest of the present file, they mean something else: {still}")
        return made
    except (BadUseCase, ValueError) as error:
        raise BadInput(
            f"{run.store}: version {version} has learned other things than {run.loaded.path.name} has now, and by its own definitions "
            f"this night cannot be made\n{listed(others, 5)}\n  why not: {str(error).splitlines()[-1].strip(' -')}\n"
            f"  way out: train by the file as it is now, or bring back what version {version} has learned"
        ) from error


def _shows(learned: UseCase, now: UseCase) -> bool:
    """Whether a label shows in nights: those see none, so one whose column the source gives no more stops none of the same task."""
    given = {meaning.place(name, now) for name in now.columns if name not in now.source.derive}
    return learned.task != now.task or learned.target in learned.source.derive or meaning.place(learned.target, learned) in given


def as_far_as(loaded: Loaded, night: UseCase) -> Loaded:
    """A file without the features that a night does not have, and without windows that look further back than it does.

    Args:
        loaded: A file in which the night's own features mean what they do in the night's.
        night: By which the night was made.
    """
    now = loaded.use_case
    more = {name for name in now.features.names if name not in night.features.names}
    windows = {name: window for name, window in now.features.windows.items() if window.since <= night.features.history}
    if not more and len(windows) == len(now.features.windows):
        return loaded
    kinds = {kind: {name: text for name, text in getattr(now.features, kind).items() if name not in more} for kind in spoken.KINDS}
    from pipelines import expected

    features = now.features.model_copy(update={**kinds, "windows": windows})
    less = now.model_copy(update={"slices": night.slices, "candidates": night.candidates, "features": features})
    heading = f"# The file {loaded.sha256} without what no model has learned yet, for a night that was made before it.\n"
    return written(less.model_copy(update={"gates": expected.as_far_as(now, less)}), loaded.path, heading)


def masked(run: Run) -> Run:
    """The same run for who shows its rows to a person: with what is personal by now, too."""
    now = present(run)
    if now is None:
        return run
    return replace(run, loaded=replace(run.loaded, use_case=with_privacy(run.use_case, now.use_case)))
