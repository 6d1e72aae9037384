"""A source's columns that are not the schema's: all that is missing and all that is unknown, in few lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from pipelines.core.config.rows import Rows
from pipelines.core.errors import LONGEST_QUOTE, BadInput, brief, did_you_mean
from pipelines.core.snake_case import snake_case
from pipelines.sources import texts
from pipelines.sources.declared import Declared
from pipelines.sources.piece import Piece
from pipelines.sources.refusals import first_of

MOST_LINES = 7
LONGEST_TYPE = 40
ROOM = 1_500  # characters of the names in one line

# Missing columns, and unknown ones.
Other = tuple[tuple[str, ...], tuple[str, ...]]


def refuse(pieces: Iterable[Piece], declared: Declared, of: Rows, where: str) -> None:
    """Compare the pieces' columns with the schema's, and what they hold with what may become a text.

    Raises:
        BadInput: they are not the same; all mistakes of all pieces at once.
    """
    given, pieces = set(declared.given), list(pieces)
    others: dict[Other, list[str]] = {}
    nameless: list[str] = []
    no_texts: dict[str, list[str]] = {}
    for piece in pieces:
        columns = piece.rows.columns
        fits = _fits_in_snake_case([columns], of)
        if piece.header and not set(columns) & given and not fits:
            # the names found may be a row's values, personal ones among them: none is quoted
            nameless.append(piece.place)
            continue
        for mistake in _no_texts(piece, declared):
            no_texts.setdefault(mistake, []).append(piece.place)
        if set(columns) != given:
            missing = tuple(name for name in declared.given if name not in columns)
            extra = tuple(name for name in columns if name not in given)
            others.setdefault((missing, extra), []).append(piece.place)
    if not others and not nameless and not no_texts:
        return
    lines = [f"{first_of(places)}: {mistake}" for mistake, places in no_texts.items()]
    if nameless:
        why = "none of the schema's columns is there; has it lost its header line?"
        lines.insert(0, f"{first_of(nameless)}: {why}")
    lines += _sentences(others, declared, MOST_LINES - len(lines))
    raise BadInput(
        "the source's columns are not those of the schema",
        where=where,
        details=lines,
        fix=_way_out([piece.rows.columns for piece in pieces], of),
    )


def _sentences(others: Mapping[Other, Sequence[str]], declared: Declared, most: int) -> list[str]:
    """A sentence a column, with its place; or one a place for all of them, where these are too many."""
    every = [(first_of(places), *other) for other, places in others.items()]

    def told(by: Callable[[Sequence[str], Sequence[str], Declared], Iterable[str]]) -> list[str]:
        return [
            f"{place}: {sentence}"
            for place, missing, extra in every
            for sentence in by(missing, extra, declared)
        ]

    alone = told(_one_by_one)
    return alone if len(alone) <= most else told(_together)


def _no_texts(piece: Piece, declared: Declared) -> Iterator[str]:
    """What of a piece is declared as text, and is none."""
    for name, type_ in zip(piece.rows.columns, map(str, piece.rows.types), strict=True):
        if (
            name not in declared.given
            or declared.columns[name].type != "string"
            or declared.columns[name].role == "ignored"
        ):
            continue
        held = (
            sorted(piece.no_texts.get(name, ()))
            if texts.is_allowed(type_)
            else [f"{type_[:LONGEST_TYPE]} values"]
        )
        for what in held:
            yield (
                f"column {name!r} is declared as string and holds {what}: declare their own type, or have"
                " texts delivered"
            )


def _one_by_one(missing: Sequence[str], extra: Sequence[str], declared: Declared) -> Iterator[str]:
    yield from (
        f"no column {name!r}" + (f"; {did_you_mean(name, extra)}" if extra else "") for name in missing
    )
    for name in extra:
        yield (
            _made_here(name, declared)
            or f"a column {brief(name)} that the schema does not know; {did_you_mean(name, declared.given)}"
        )


def _together(missing: Sequence[str], extra: Sequence[str], declared: Declared) -> Iterator[str]:
    if missing:
        yield f"no column {_some_names(missing)}"
    if made := [sentence for name in extra if (sentence := _made_here(name, declared))]:
        yield "; ".join(made)
    if unknown := [name for name in extra if not _made_here(name, declared)]:
        yield f"columns that the schema does not know: {_some_names(unknown)}"


def _made_here(name: str, declared: Declared) -> str | None:
    """Of a column that the source has and the use case makes."""
    if declared.assign_days and name in (declared.key, declared.time):
        what = "key" if name == declared.key else "time"
        return (
            f"a column {name!r}, which assign_days.{what} makes anew; give that another name, and declare the"
            " source's own"
        )
    if name in declared.derived:
        return (
            f"a column {name!r}, which source.derive makes anew; take it from there, or derive it under"
            " another name"
        )
    return None


def _some_names(names: Sequence[str]) -> str:
    """As many names as have room, and how many there are besides."""
    shown: list[str] = []
    for name in names:
        quoted = repr(name if len(name) <= LONGEST_QUOTE else f"{name[:LONGEST_QUOTE]}...")
        if shown and sum(len(one) + 2 for one in shown) + len(quoted) > ROOM:
            break
        shown.append(quoted)
    more = len(names) - len(shown)
    return ", ".join(shown) + (f", and {more:,} more" if more else "")


def _fits_in_snake_case(found: Iterable[Sequence[str]], of: Rows) -> bool:
    """Whether `cleanse.rename: snake_case` alone would make the columns the schema's."""
    if of.cleanse.rename:
        return False
    given = sorted(of.given_columns)
    return all(sorted(map(snake_case, columns)) == given for columns in found)


def _way_out(found: Sequence[Sequence[str]], of: Rows) -> str:
    if _fits_in_snake_case(found, of) and any(
        sorted(columns) != sorted(of.given_columns) for columns in found
    ):
        return "write `cleanse: {rename: snake_case}`: in snake case, the source's columns are the schema's"
    return (
        "correct the source, or declare them under columns (role ignored for what nobody needs), under their"
        " names after cleanse.rename"
    )
