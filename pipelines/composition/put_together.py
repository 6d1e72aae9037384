"""A file that is put together: a champion's definitions with all else of the present file, whose source it is
read from.

How the source lays its columns out is told by the present file. Where the source has names, a column is known
by its name there; where it has none, by its name in the schema, and one that is called otherwise now only if
nothing else is said of it.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import count
from typing import Any

from pipelines.core import meaning
from pipelines.core.config import Column, Monitoring, Scalar, UseCase
from pipelines.core.config.base import LONGEST_NAME
from pipelines.core.config.other_source import OtherSource
from pipelines.core.personal import personal_by_now, with_privacy

# The facts of a use case that a model has learned, or that say how it was made; all others are the present
# file's.
LEARNED = (
    "task",
    "columns",
    "label",
    "features",
    "prepare",
    "split",
    "candidates",
    "calibration",
    "threshold",
    "slices",
    "promotion",
)


def put_together(learned: UseCase, now: UseCase) -> UseCase:
    """The champion's definitions with all else of the present file.

    Raises:
        ValueError: nothing tells where a learned column stands in a file without names.
    """
    columns, rename, missing = _laid_out(learned, now)
    changes: dict[str, Any] = {key: getattr(learned, key) for key in (*LEARNED, "assign_days")}
    changes |= {
        "columns": columns,
        "source": now.source.model_copy(update={"derive": learned.source.derive}),
        "cleanse": learned.cleanse.model_copy(
            update={
                "rename": ("snake_case", rename) if now.cleanse.snake_case else rename,
                "missing": missing,
                "max_quarantined": now.cleanse.max_quarantined,
            }
        ),
        "sources": _sources(learned, now),
        "metric": now.metric if now.task == learned.task else learned.metric,
        "monitoring": now.monitoring if now.task == learned.task else _monitoring(learned, now),
    }
    from pipelines.composition import expected

    made = now.model_copy(update=changes)
    return made.model_copy(update={"gates": expected.together(learned, now, made)})


def _sources(learned: UseCase, now: UseCase) -> dict[str, OtherSource]:
    """The other sources that the champion's features read, where the present file says that they lie.

    Raises:
        ValueError: it does not say so of one.
    """
    if gone := sorted(learned.sources.keys() - now.sources.keys()):
        raise ValueError(f"{now.name}.yaml has no sources.{gone[0]} any more, which its features read")
    found = {}
    for name, source in learned.sources.items():
        lies = now.sources[name].source.model_copy(update={"derive": source.source.derive})
        hidden = personal_by_now(source, now.sources[name])
        columns = {
            one: column.model_copy(update={"pii": column.pii or one in hidden})
            for one, column in source.columns.items()
        }
        found[name] = source.model_copy(
            update={"source": lies, "gates": now.sources[name].gates, "columns": columns}
        )
    return found


def _laid_out(
    learned: UseCase, now: UseCase
) -> tuple[dict[str, Column], dict[str, str], dict[str, tuple[Scalar, ...]]]:
    """The learned columns as the present file says that the source has them, those that the source calls
    otherwise, and codes for missing.

    What the source delivers besides, since the present file knows it, is read as that says, and dropped.
    """
    known, sources = _known_columns(learned, now), dict(learned.source_names)
    besides = _besides(learned, now, known)
    if now.nameless:
        delivered = [known.get(name) or besides[name] for name in now.given_columns]
        sources |= {name: name for name in besides.values()}
    else:
        delivered = [*learned.given_columns, *besides.values()]
        sources |= {name: now.source_names[column] for column, name in (known | besides).items()}
    columns = dict(with_privacy(learned, now).columns)
    for column, name in besides.items():
        spec = now.columns[column]
        columns[name] = Column(type=spec.type, format=spec.format, role="ignored", pii=spec.pii)
    # each place of a learned column that the source delivers takes the next that it does deliver
    left = iter(delivered)
    order = [next(left) if name in learned.given_columns else name for name in learned.columns]
    rename = {source: name for name, source in sources.items() if source != name}
    codes = {
        name: now.cleanse.missing[column] for column, name in besides.items() if column in now.cleanse.missing
    }
    return {name: columns[name] for name in (*order, *left)}, rename, learned.cleanse.missing | codes


def _known_columns(learned: UseCase, now: UseCase) -> dict[str, str]:
    """Present column -> the learned one that it is: both files call it the same in the source, or, where that
    has no names, at all.

    Raises:
        ValueError: the source has no names, and nothing tells where it has a learned column.
    """
    theirs = {meaning.place(name, learned): name for name in learned.given_columns}
    if not now.nameless:
        return {
            name: theirs[place] for name in now.given_columns if (place := meaning.place(name, now)) in theirs
        }
    known = {name: name for name in now.given_columns if theirs.get(meaning.place(name, now)) == name}
    places = _columns_in_place(learned, now, known)
    known |= {name: other for name, other in places.items() if _is_renamed(other, learned, name, now)}
    if lost := [name for name in learned.given_columns if name not in known.values()]:
        instead = [name for name, other in places.items() if other in lost]
        why = (
            f": {', '.join(instead)}, in that place, is declared otherwise or read by other features"
            if instead
            else ""
        )
        raise ValueError(
            f"the source has no names, and {now.name}.yaml does not say which of its columns is"
            f" {' or '.join(lost)}{why}"
        )
    return known


def _columns_in_place(learned: UseCase, now: UseCase, known: dict[str, str]) -> dict[str, str]:
    """Columns of a source without names -> those in whose places they stand, if all that are known still
    stand where they stood.
    """
    before, after = learned.given_columns, now.given_columns
    places = dict(zip(after, before, strict=False))
    stay = (
        learned.nameless
        and len(before) == len(after)
        and all(places[name] == learned_name for name, learned_name in known.items())
    )
    return {name: places[name] for name in after if name not in known} if stay else {}


def _is_renamed(before: str, learned: UseCase, after: str, now: UseCase) -> bool:
    """Whether a column is only called otherwise: another one may have come in its place, which only what is
    said of both can tell.

    It is declared alike to the last word, and at least one feature, or derived column, that has read it still
    does.
    """
    read_by = meaning.readers(before, learned)
    same_reader = not read_by or not read_by.isdisjoint(meaning.readers(after, now))
    return same_reader and meaning.declaration(before, learned) == meaning.declaration(after, now)


def _besides(learned: UseCase, now: UseCase, known: dict[str, str]) -> dict[str, str]:
    """Present column -> a name for it among the learned ones, of which it is none."""
    theirs = {source.lower() for source in learned.source_names.values()}
    besides: dict[str, str] = {}
    for name in now.given_columns:
        # One that the source gives under the name of a column that was derived cannot stand beside that.
        if name not in known and (now.nameless or now.source_names[name].lower() not in theirs):
            besides[name] = _free(name, {*learned.columns, *theirs, *besides.values()})
    return besides


def _free(name: str, taken: Collection[str]) -> str:
    """A name that nothing has yet, as close to this one as can be."""
    return next(
        free for n in count(1) if (free := name if n == 1 else f"{name[: LONGEST_NAME - 5]}_{n}") not in taken
    )


def _monitoring(learned: UseCase, now: UseCase) -> Monitoring:
    """The present file's monitoring, with the champion's performance: another task's metric is another
    measure.
    """
    return now.monitoring.model_copy(update={"min_performance": learned.monitoring.min_performance})
