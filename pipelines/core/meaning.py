"""What a feature means: a fingerprint of all that makes its value of a row, so that a model scores only what
it has learned.

Two files that mean the same give the same fingerprint: comments, formatting, the order of keys, the names of
windows and the names that columns have within the file change nothing, since SQL is compared as DuckDB's own
parse tree. A fingerprint has two parts. The first is about values: the SQL, its windows, and of each column
that it reads the type, the name in the source (or the SQL that derives it), the repairs, for the label what
is positive, and for that and late columns when they are known. The second is about rows and is there only for
features that look back: which rows are let into the past (rules, allowed values, limits, duplicates). A row's
own admission changes no feature's meaning.

All times are UTC, so there is no zone to tell. `RULE` tells how Sluice itself makes features.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

from pipelines.core import sql
from pipelines.core.config import Column, Scalar, UseCase
from pipelines.core.config.base import duration_text
from pipelines.core.repair import spellings, tidy_words
from pipelines.core.snake_case import alike, snake_case
from pipelines.core.windows import Clock

RULE = 1  # one more, when Sluice's own code gives the same file's features another meaning
KEY = "meaning"  # of a graph's metadata
DIGITS = 16  # hexadecimal ones of each part

Meanings: TypeAlias = dict[str, str]  # feature -> fingerprint


def meanings(use_case: UseCase) -> Meanings:
    """The fingerprint of each feature: `<values>` or, if it looks back, `<values>-<rows>`.

    SQL that cannot be read, which `check` and the step itself tell, means nothing but itself.
    """
    reader = _Reader(use_case)
    found = {}
    for name, (kind, text) in expressions(use_case).items():
        try:
            found[name] = reader.fingerprint(kind, text)
        except sql.BadExpression:
            found[name] = _digest(["cannot be read", kind, text])
    return found


def values_only(fingerprint: str) -> str:
    """The part of a fingerprint that is about values, and not about which rows are let into the past."""
    return fingerprint.partition("-")[0]


def columns(use_case: UseCase) -> Meanings:
    """The fingerprint of each column: all that makes its value of what the source delivers."""
    reader = _Reader(use_case)
    return {
        name: _digest([reader._identity(name), reader._column_or_text(name)]) for name in use_case.columns
    }


def raw(use_case: UseCase) -> Meanings:
    """The fingerprint of each column of raw, under its name there: where its values come from, before any
    repair.
    """
    reader = _Reader(use_case)
    return {
        use_case.source_names[name]: _digest(
            [reader._identity(name), *reader._typed(name), reader._derived_or_text(name)]
        )
        for name in use_case.columns
    }


def place(column: str, use_case: UseCase) -> str:
    """Where a column comes from, as the source calls it: the same whatever a file does."""
    return _Reader(use_case)._identity(column)


def source_names(use_case: UseCase) -> Mapping[str, str]:
    """The same of every column."""
    reader = _Reader(use_case)
    return {name: reader._identity(name) for name in use_case.columns}


def declaration(column: str, use_case: UseCase) -> list[Any]:
    """All that a file says of a column but its name: what it is, how it is repaired, and what sends its rows
    to quarantine.
    """
    spec = use_case.columns[column].model_dump(mode="json", exclude={"why"})
    return [spec, _Reader(use_case)._column_or_text(column), column in use_case.cleanse.drop]


def readers(column: str, use_case: UseCase) -> set[str]:
    """The features that read a column of the source, be it through a window, and the columns that are derived
    from it.
    """
    reader, found = _Reader(use_case), set()
    for name in use_case.features.names:
        with suppress(sql.BadExpression):
            if column in reader.reads(name)[0]:
                found.add(name)
    for name, text in use_case.source.derive.items():
        with suppress(sql.BadExpression):
            if use_case.source_names[column].lower() in sql.parse(text).every_column:
                found.add(name)
    return found


def read_by(feature: str, use_case: UseCase) -> tuple[dict[str, str], Any]:
    """The columns that a feature reads, by where they come from, and, if it looks back, which rows are let
    into the past.

    Raises:
        BadExpression: its SQL cannot be read.
    """
    reader = _Reader(use_case)
    names, looks_back = reader.reads(feature)
    found = {reader._identity(name): name for name in sorted(names) if name in use_case.columns}
    return found, reader._rows() if looks_back else None


def made_of(column: str, use_case: UseCase) -> dict[str, Any]:
    """All that makes a column's value of what the source delivers, by what it is."""
    found = _Reader(use_case)._column_or_text(column)
    return found if isinstance(found, dict) else {"derived": found}


def same_columns(use_case: UseCase, other: UseCase) -> dict[str, str]:
    """The columns of clean that mean the same in two files: what one calls them -> what the other does."""
    theirs = {fingerprint: name for name, fingerprint in columns(other).items() if name in other.kept_columns}
    found = {
        name: theirs.get(fingerprint)
        for name, fingerprint in columns(use_case).items()
        if name in use_case.kept_columns
    }
    return {name: called for name, called in found.items() if called is not None}


def of_admission(use_case: UseCase) -> str:
    """The fingerprint of all that lets a raw row feed windows, and on which day.

    What its columns say beyond that is no matter.
    """
    reader = _Reader(use_case)
    return _digest([reader._rows(), reader._identity(use_case.time)])


def label(use_case: UseCase) -> str:
    """The fingerprint of what a model learns to tell: the task, the label's column and what is positive of
    it; not when it is known.
    """
    reader, name = _Reader(use_case), use_case.target
    made = reader._column_or_text(name)
    made = {what: how for what, how in made.items() if what != "label"} if isinstance(made, dict) else made
    positive = _value(use_case.label.positive, use_case.columns[name].type)
    # What is derived is what its SQL says, and its name in the file alone is no place in the source.
    place = None if name in use_case.source.derive else reader._identity(name)
    return _digest([use_case.task.name, positive, place, made])


def of_rows(use_case: UseCase) -> str:
    """The fingerprint of all by which a raw row becomes one that feeds windows: its repairs, and what lets it
    in.
    """
    return _digest([sorted(columns(use_case).values()), of_admission(use_case)])


def expressions(use_case: UseCase) -> dict[str, tuple[str, str]]:
    """Each feature's kind and SQL."""
    features = use_case.features
    kinds = {"numbers": features.numbers, "categories": features.categories, "texts": features.texts}
    return {name: (kind, text) for kind, inner in kinds.items() for name, text in inner.items()}


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:DIGITS]


class _Reader:
    """Reads what one file says of its features, columns and rows."""

    def __init__(self, use_case: UseCase) -> None:
        self.use_case = use_case
        # A file without names has those that the schema gives it, whatever `cleanse.rename` makes of them in
        # raw.
        self._called = (
            {column: column for column in use_case.columns} if use_case.nameless else use_case.source_names
        )
        # these are told apart by their case alone
        together = {name for same in alike(self._called.values()) for name in same}
        self._places = {
            column: snake_case(source) for column, source in self._called.items() if source not in together
        }
        # Windows in the canonical order of their columns: rows with the same values are the same rows.
        ordered = {
            name: window.model_copy(
                update={
                    "by": tuple(sorted(window.by, key=self._identity)),
                    "source": window.source and self._source(window.source),
                }
            )
            for name, window in use_case.features.windows.items()
        }
        features = use_case.features.model_copy(update={"windows": ordered})
        self.frames = Clock().frames(use_case.model_copy(update={"features": features}))

    def fingerprint(self, kind: str, text: str) -> str:
        """The fingerprint of one feature."""
        columns, looks_back = self._reads(text)
        if looks_back:
            # frames are of time; rows of one moment go by their key
            columns |= {self.use_case.time, self.use_case.key}
        order = {role: name for role, name in self._roles().items() if role != "label"} if looks_back else {}
        told = [RULE, kind, self._canonical(text, self.frames), self._columns(columns), order]
        values = _digest(told)
        return f"{values}-{_digest(self._rows())}" if looks_back else values

    def reads(self, feature: str) -> tuple[set[str], bool]:
        """The columns that a feature reads, and whether it looks back at the use case's own rows."""
        return self._reads(expressions(self.use_case)[feature][1])

    def _reads(self, text: str) -> tuple[set[str], bool]:
        parsed, features = sql.parse(text, self.frames), self.use_case.features
        used = {one.window: features.windows[one.window] for one in parsed.aggregates}
        own = {name for name in used if name in features.own_windows}
        found = {column for one in parsed.aggregates if one.window in own for column in one.columns}
        joins = [join for name, join in features.joins.items() if name in self._joins_of(parsed)]
        by = [*(one.by for one in used.values()), *(one.by for one in joins)]
        if joins or len(own) < len(used):
            found.add(self.use_case.time)  # as of which others are known
        found |= {column for column in parsed.columns if column.partition(".")[0] not in features.joins}
        return found.union(*by), bool(own)

    def _joins_of(self, parsed: sql.Expression) -> set[str]:
        return {column.partition(".")[0] for column in parsed.columns} & self.use_case.features.joins.keys()

    # --- what is read

    def _canonical(self, text: str, frames: Mapping[str, str] | None = None) -> Any:
        """An expression's parse tree, in which each column is called as the source calls it."""
        names = {name: self._identity(name) for name in self.use_case.columns}
        for name, join in self.use_case.features.joins.items():
            told = join.model_dump(mode="json", exclude={"by", "source"})
            by = sorted(map(self._identity, join.by))
            what = _digest([self._source(join.source), by, told])
            names |= {
                f"{name}.{column}": f"{what}.{column}"
                for column in self.use_case.sources[join.source].columns
            }
        return _rename(sql.tree(text, frames), names)

    def _source(self, name: str) -> str:
        """The fingerprint of all that makes the rows of another source what they are, but where they lie."""
        source = self.use_case.sources[name]
        columns = {
            column: spec.model_dump(mode="json", exclude={"why", "pii"})
            for column, spec in source.columns.items()
        }
        repairs = source.cleanse.model_dump(mode="json", exclude={"max_quarantined"})
        known = [duration_text(source.delay), source.available_at]
        return _digest([columns, repairs, dict(source.source.derive), known])

    def _identity(self, column: str) -> str:
        """What a column is called where it comes from: the source's name is the same whatever a file calls
        it.

        In snake case, so that it is the same, too, whether a file has the source's names brought into that or
        not.

        A file without names has those that the schema gives it. Where each stands in it is told by who knows
        the file that is read, and that is the present schema: the file may have been laid out anew since a
        model has learned its columns.
        """
        return self._places.get(column) or self._called.get(column, column).lower()

    def _columns(self, names: set[str]) -> dict[str, Any]:
        return {
            self._identity(name): self._column(name)
            for name in sorted(names)
            if name in self.use_case.columns
        }

    def _column(self, name: str) -> dict[str, Any]:
        """All that makes a column's value of what the source delivers."""
        use_case, spec, cleanse = self.use_case, self.use_case.columns[name], self.use_case.cleanse
        is_text = spec.type == "string"
        codes = cleanse.missing.get(name, ())
        codes = tidy_words(codes, name, use_case) if is_text else codes
        told: dict[str, Any] = {
            "type": self._type(name),
            "trim": is_text and cleanse.trim,
            "lower": is_text and name in cleanse.lower,
            "missing": sorted({_value(code, spec.type) for code in codes}),
            "merge": (
                dict(reversed([*spellings(name, use_case)])) if is_text else {}
            ),  # of one that comes twice, the first counts
            "fill": _value(cleanse.fill[name], spec.type) if name in cleanse.fill else None,
            "derived": self._derived(name),
        }
        if name == use_case.target:
            told["label"] = [
                use_case.task.name,
                _value(use_case.label.positive, spec.type),
                use_case.label.delay_days,
            ]
        if name in use_case.late:
            told["known after"] = duration_text(use_case.known_after(name))
        if use_case.assign_days and name in (use_case.key, use_case.time):
            # Its name in fingerprints: those of models that have learned it must stay what they are.
            told["replay"] = use_case.assign_days.model_dump(mode="json", exclude={"key", "time"})
        return told

    def _type(self, name: str) -> str:
        """What a column's values are, and how texts spell them where the file says so."""
        spec = self.use_case.columns[name]
        return spec.type if spec.format is None else f"{spec.type} {spec.format}"

    def _typed(self, name: str) -> list[Any]:
        """What gives a column its values in raw: its type, and, of one that is no text, the words that are
        none.
        """
        type_ = self.use_case.columns[name].type
        codes = () if type_ == "string" else self.use_case.cleanse.missing.get(name, ())
        return [self._type(name), sorted({_value(code, type_) for code in codes})]

    def _column_or_text(self, name: str) -> Any:
        try:
            return self._column(name)
        except sql.BadExpression:
            return ["cannot be read", self.use_case.source.derive.get(name)]

    def _derived_or_text(self, name: str) -> Any:
        try:
            return self._derived(name)
        except sql.BadExpression:
            return ["cannot be read", self.use_case.source.derive.get(name)]

    def _derived(self, name: str) -> Any:
        """The SQL that makes a column of the source's own, and what that reads, if any does."""
        text = self.use_case.source.derive.get(name)
        if text is None:
            return None
        by_source = {source.lower(): column for column, source in self.use_case.source_names.items()}
        read = {by_source[column] for column in sql.parse(text).every_column if column in by_source} - {name}
        tree = _rename(
            sql.tree(text), {source: self._identity(column) for source, column in by_source.items()}
        )
        return [tree, {self._identity(one): [self._type(one), self._derived(one)] for one in sorted(read)}]

    # --- which rows there are

    def _rows(self) -> dict[str, Any]:
        """Which rows are let into the past: all that can send a row to quarantine."""
        use_case, cleanse = self.use_case, self.use_case.cleanse
        limits = {}
        for name in use_case.kept_columns:
            spec = use_case.columns[name]
            required = spec.required or name in (use_case.key, use_case.time, *cleanse.drop)
            values = [*(spec.allowed or ()), *([use_case.label.positive] if name == use_case.target else [])]
            allowed = sorted({_value(value, spec.type) for value in values if value is not None}) or None
            if (
                (required and name != use_case.target)
                or allowed is not None
                or spec.min is not None
                or spec.max is not None
            ):
                repaired = {
                    what: how
                    for what, how in self._column(name).items()
                    if what not in ("label", "known after")
                }
                # what is hidden at night keeps no row out, whenever it is known
                late = ["late"] if name in use_case.late else []
                limits[self._identity(name)] = [required, allowed, *_limits(spec), repaired, *late]
        conditions = [
            [self._canonical(condition), self._columns(set(sql.parse(condition).columns))]
            for condition in cleanse.rules.values()
        ]
        return {
            "limits": limits,
            "rules": sorted(conditions, key=lambda one: json.dumps(one, sort_keys=True)),
            "duplicates": cleanse.duplicates,
            **self._roles(),  # days, copies and what is hidden at night go by these
            "repairs of the key": self._column(use_case.key),
        }

    def _roles(self) -> dict[str, str]:
        """Which columns rows go by."""
        use_case = self.use_case
        return {
            role: self._identity(name)
            for role, name in (("key", use_case.key), ("time", use_case.time), ("label", use_case.target))
        }


def _limits(column: Column) -> list[float | str | None]:
    """A column's limits, as JSON holds them."""
    return [limit.isoformat() if isinstance(limit, date) else limit for limit in (column.min, column.max)]


def _rename(node: Any, names: Mapping[str, str]) -> Any:
    """A parse tree with other names of columns, and without what only places or names a part of it."""
    if isinstance(node, list):
        return [_rename(item, names) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get("class") == "COLUMN_REF":
        column = ".".join(node["column_names"]).lower()
        return {"column": names.get(column, column)}
    return {
        key: _rename(value, names)
        for key, value in node.items()
        if key != "alias" and not key.startswith("query_location")
    }


def _value(value: Scalar, type_: str) -> str:
    """A value of the file as a column of a type holds it: there, 1 and '1.0' are the same number."""
    if type_ in ("integer", "number") and not isinstance(value, bool) and value is not None:
        with suppress(InvalidOperation):  # exact, also for keys and codes beyond what a double can tell apart
            return str(Decimal(str(value)).normalize())
    return json.dumps(value if type_ != "string" or value is None else str(value))
