"""Repairs within a row, as SQL: trim, lower, codes for missing -> null, spellings merged, fill, in this
order.

Codes and spellings are trimmed and lowered like the values with which they are compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipelines.core import sql
from pipelines.core.config import Scalar
from pipelines.core.config.rows import Rows

_BLANKS = r"'[\s\p{Z}]+'"
# what an ASCII text has, if trim() does not do all that there is to do
_MORE_THAN_TRIM = ("  ", r"\t", r"\n", r"\f", r"\r")


def tidy_words(words: Iterable[Scalar], column: str, use_case: Rows) -> tuple[str, ...]:
    """Codes or spellings of the file as they are compared with a text column's values: trimmed and lowered by
    the same SQL.
    """
    return sql.constants(tuple(_tidy(sql.text(str(word)), column, use_case) for word in words))


def spellings(column: str, use_case: Rows) -> Iterator[tuple[str, str]]:
    """Each tidied spelling of a text column, and what it is merged into.

    Of one that comes twice, the first counts.
    """
    for kept, words in use_case.cleanse.merge.get(column, {}).items():
        yield from ((word, kept) for word in tidy_words(words, column, use_case))


def key_text(value: str, raw: str, use_case: Rows) -> str:
    """SQL of the key by which a row in quarantine is found again."""
    return (
        f"coalesce(CAST({value} AS VARCHAR), CAST({raw}.{sql.name(use_case.source_names[use_case.key])} AS"
        " VARCHAR))"
    )


def repaired_key(use_case: Rows) -> str:
    """SQL of the repaired key of a raw row."""
    return repaired_value(use_case.key, tidy_column(use_case.key, use_case), use_case)


def tidy_column(column: str, use_case: Rows) -> str:
    """SQL of a column's value of its type: texts trimmed and lowered."""
    raw, type_ = f"raw.{sql.name(use_case.source_names[column])}", sql.TYPES[use_case.columns[column].type]
    if type_ != "VARCHAR":
        return f"CAST({raw} AS {type_})"
    if not use_case.cleanse.trim:
        return _tidy(raw, column, use_case)
    plain = f"lower(trim({raw}))" if column in use_case.cleanse.lower else f"trim({raw})"
    return f"CASE WHEN {_is_trimmed_by_trim(raw)} THEN {plain} ELSE {_tidy(raw, column, use_case)} END"


def _tidy(value: str, column: str, use_case: Rows) -> str:
    if use_case.cleanse.trim:
        value = f"trim(regexp_replace({value}, {_BLANKS}, ' ', 'g'))"
    return f"lower({value})" if column in use_case.cleanse.lower else value


def _is_trimmed_by_trim(value: str) -> str:
    """SQL that is true for most texts, three times sooner than a regular expression has read them."""
    more = " OR ".join(f"contains({value}, E'{blank}')" for blank in _MORE_THAN_TRIM)
    return f"length({value}) = strlen({value}) AND NOT ({more})"


def repaired_value(column: str, value: str, use_case: Rows) -> str:
    """SQL of a column's repaired value, of its tidy one."""
    type_, cleanse = sql.TYPES[use_case.columns[column].type], use_case.cleanse
    value = (
        _mended_text(column, value, use_case)
        if type_ == "VARCHAR"
        else _mended_value(column, value, use_case)
    )
    return (
        f"coalesce({value}, {sql.literal(cleanse.fill[column], type_)})" if column in cleanse.fill else value
    )


def _mended_text(column: str, value: str, use_case: Rows) -> str:
    cases = []
    if codes := use_case.cleanse.missing.get(column):
        cases.append((codes, "NULL"))
    for kept, spellings in use_case.cleanse.merge.get(column, {}).items():
        cases.append((spellings, sql.text(kept)))
    whens = [
        f"WHEN {value} IN ({', '.join(_tidy(sql.text(str(word)), column, use_case) for word in words)}) THEN"
        f" {outcome}"
        for words, outcome in cases
    ]
    return f"CASE {' '.join(whens)} ELSE {value} END" if whens else value


def _mended_value(column: str, value: str, use_case: Rows) -> str:
    type_ = sql.TYPES[use_case.columns[column].type]
    if type_ == "DOUBLE":
        value = f"CASE WHEN NOT isnan({value}) THEN {value} END"
    # Words that mean missing in a column of numbers have become null when ingest gave the column its type.
    codes = [
        sql.literal(code, type_) for code in use_case.cleanse.missing.get(column, ()) if sql.fits(code, type_)
    ]
    return f"CASE WHEN {value} IN ({', '.join(codes)}) THEN NULL ELSE {value} END" if codes else value
