"""The second of a gate's five steps: Great Expectations is asked, and answers by measuring the table.

An expectation that does not exist, that names a column that the table lacks, or that would let everything
pass is not asked: its mistakes are the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.gates.ask import Asked
from pipelines.gates.gx import engine, examples, masking, suite
from pipelines.gates.gx.engine import Observation
from pipelines.gates.gx.examples import Row
from pipelines.gates.gx.suite import Stated
from pipelines.gates.questions import Questions


@dataclass(frozen=True)
class Answer:
    """What was observed about an expectation.

    Attributes:
        stated: The expectation.
        mistakes: Why it could not be asked, where that is so.
        observed: What Great Expectations has observed, without personal values; None where it was not asked.
        rows: Some of the rows that break it.
    """

    stated: Stated
    mistakes: tuple[str, ...] = ()
    observed: Observation | None = None
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True)
class Measured:
    """What was asked, and the answers."""

    asked: Asked
    answers: tuple[Answer, ...]


def measure(asked: Asked) -> Measured:
    """Let Great Expectations answer what is asked about a table."""
    store = asked.run.store
    return Measured(asked, tuple(answer for each in asked.questions for answer in answers(each, store)))


def answers(questions: Questions, connection: engine.HasCursor) -> Iterator[Answer]:
    """Let Great Expectations answer what is asked of a relation, in the order in which it is asked.

    Args:
        questions: The relation, and what is asked.
        connection: The relation's connection, or the store that it comes from.
    """
    wrong = [_mistakes(each, questions) for each in questions.stated]
    good = [n for n, mistakes in enumerate(wrong) if not mistakes]
    built = [suite.build(questions.stated[n].expectation) for n in good]
    observed = dict(zip(good, engine.validate(questions.relation, connection, built), strict=True))
    for n, stated in enumerate(questions.stated):
        if n in observed:
            yield _answer(questions, connection, stated, observed[n])
        else:
            yield Answer(stated, wrong[n])


def _mistakes(stated: Stated, questions: Questions) -> tuple[str, ...]:
    known = questions.known if stated.where != suite.BUILT_IN else None
    return tuple(suite.mistakes(stated.expectation, questions.relation.columns, known))


def _answer(
    questions: Questions, connection: engine.HasCursor, stated: Stated, observed: Observation
) -> Answer:
    """What was observed, without personal values, and rows that break the expectation, where some do."""
    seen = masking.mask(stated, observed, questions.masked)
    if seen.success or not seen.result.get("unexpected_count"):
        return Answer(stated, observed=seen)
    relation, key, masked = questions.relation, questions.key, questions.masked
    rows = examples.rows(relation, connection, stated.expectation, key, masked)
    return Answer(stated, observed=seen, rows=rows)
