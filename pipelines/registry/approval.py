"""A person's word on a challenger, where the use case asks for one: given in Airflow, or by `models
approve`.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from pipelines.core.config import duration_text
from pipelines.core.errors import TableMissing
from pipelines.evaluation import verdict
from pipelines.evaluation.verdict import PromotionRule
from pipelines.run.run import Run
from pipelines.storage import kept
from pipelines.storage.store import as_json

FILE = "approval.json"
Said: TypeAlias = Literal["approved", "rejected", "timed out"]


@dataclass(frozen=True)
class Answer:
    """What a person said about one very graph, or that nobody did in time.

    Attributes:
        answer: What was said.
        by: Who; None where nobody did.
        reason: In the person's words.
        time: ISO 8601, UTC.
        graph_sha256: What it is about: an answer to another graph of the same partition is none to this one.
    """

    answer: Said
    by: str | None
    reason: str
    time: str
    graph_sha256: str


def questions(run: Run) -> tuple[str, ...]:
    """What a person is to judge by, a sentence each.

    Nothing if the evidence has turned the challenger down already.

    Raises:
        TableMissing: the training has not been evaluated.
        TableCorrupt: the verdict is not what the tables say.
    """
    from pipelines.evaluation import follows

    judged = follows.read(run)
    return judged.reasons if judged.promotes else ()


def may_not(run: Run, user: str) -> str | None:
    """Why a person's word does not count, where it does not: approvers are named, and it is none of them, or
    one who asked for this training.
    """
    named = run.use_case.promotion.approvers
    if not named:
        return None
    if user not in named:
        return f"{user} is none of those who are named for it (promotion.approvers: {', '.join(named)})"
    if user in askers(run):
        others = [name for name in named if name != user]
        return (
            f"{user} has asked for this training, and somebody else has to judge it"
            f" ({', '.join(others) or 'promotion.approvers names nobody else'})"
        )
    return None


def askers(run: Run) -> set[str]:
    """Who asked for this training: of each of its tasks, whoever ran it last.

    Nobody, where the schedule did.
    """
    latest = {note["task"]: note.get("by") for note in run.store.notes()}
    return {by for task, by in latest.items() if by and task != "promote"}


def give(run: Run, answer: Said, by: str | None, reason: str) -> None:
    """Write down what a person says about the training's winner.

    Raises:
        TableMissing: the training has not come as far as its export.
    """
    judged = verdict.read(run.store.read_file("verdict.json"))
    graph = run.store.read_file(f"models/{judged.winner}.onnx")
    said = Answer(answer, by, reason, datetime.now(UTC).isoformat(timespec="seconds"), _sha256(graph))
    run.store.write_file(FILE, as_json(asdict(said)))


def read(run: Run) -> Answer | None:
    """What was said about this training, if anything was.

    Raises:
        TableCorrupt: the answer is damaged.
    """
    try:
        content = run.store.read_file(FILE)
    except TableMissing:
        return None
    answer_again = (
        f"answer again: python -m pipelines models approve {run.use_case.name} {run.partition} --reason ..."
    )
    return kept.read(Answer, content, run.store.folder / FILE, answer_again)


def rule(run: Run, graph: bytes) -> tuple[PromotionRule, ...]:
    """The rule that a person must have approved of this very graph; none where the use case asks nobody."""
    within = run.use_case.promotion.approval
    if within is None:
        return ()
    said = read(run)
    name = run.use_case.name
    if said is None or said.graph_sha256 != _sha256(graph):
        sentence = (
            "nobody has approved of it, and the use case asks for that (promotion.approval:"
            f" {duration_text(within)}): python -m pipelines models approve {name} {run.partition}"
            " --reason ..."
        )
        return (PromotionRule(name="approval", holds=False, sentence=sentence),)
    if said.answer == "timed out":
        return (
            PromotionRule(
                name="approval", holds=False, sentence=f"nobody answered within {duration_text(within)}"
            ),
        )
    told = f"{said.answer} by {said.by}{f': {said.reason}' if said.reason else ''}"
    # Asked again here: the file may have changed since, and whoever can write to the data root can write an
    # answer.
    if not_his := may_not(run, said.by or "nobody"):
        return (PromotionRule(name="approval", holds=False, sentence=f"{told}; but {not_his}"),)
    return (PromotionRule(name="approval", holds=said.answer == "approved", sentence=told),)


def _sha256(graph: bytes) -> str:
    return hashlib.sha256(graph).hexdigest()
