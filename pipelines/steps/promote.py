"""Promotion: the challenger, which every gate has let through, becomes champion when every rule speaks for
it.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime

from pipelines.core import dates
from pipelines.core.calendar import DAILY
from pipelines.core.errors import TableMissing
from pipelines.evaluation import follows, significance
from pipelines.evaluation.verdict import PromotionRule, PromotionVerdict
from pipelines.registry import approval, registry
from pipelines.registry.history import Decision, History
from pipelines.run.run import Run
from pipelines.storage.store import as_json

DECISION = "decision.json"
SAME_CHAMPION = "same champion"


def promote(run: Run) -> str:
    """Decide about the training's challenger, and write down which rule decided what from which numbers.

    Twice the same decision is one: a champion is not promoted over itself. It is the champion when its line
    is in the history; killed before, this step decides again, and killed behind, it only lets MLflow's alias
    follow.

    Returns:
        A sentence on what was decided and why.

    Raises:
        TableMissing: the evaluation or the challenger is missing.
        TableCorrupt: the verdict, or the winner's graph, is not what the tables say.
        TryAgain: MLflow does not answer, or somebody else is deciding.
    """
    judged = follows.read(run)
    name = run.use_case.name
    graph = run.store.read_file(f"models/{judged.winner}.onnx")
    follows.require_graph(run, judged, graph)
    challenger = registry.version_of(run.settings, name, graph)
    if challenger is None:
        raise TableMissing(
            "the winner's graph is no registered version",
            where=run.store,
            fix="run the step export again; it registers it",
        )
    history = History.of(run.settings, name)
    with history.deciding():
        if history.champion == challenger:
            registry.follow(run.settings, name)
            return f"version {challenger} ({judged.winner}) is champion already"
        rules = (*judged.rules, *_of_export(run, graph, challenger), _same_champion(judged, history.champion))
        if all(rule.holds for rule in rules):  # nobody is asked about what the evidence has turned down
            rules = (*rules, *approval.rule(run, graph))
        whole = replace(judged, rules=rules)
        line = _line(run, whole, challenger, history.champion)
        # Without a clock or a run, which are the history's: the same training decides the same, to the byte.
        told = {name: value for name, value in asdict(line).items() if name not in ("time", "orchestrator")}
        run.store.write_file(
            DECISION, as_json({**told, "rules": [asdict(rule) for rule in rules], "notes": judged.notes})
        )
        history.append(line)
        if line.decision == "promoted":
            registry.follow(run.settings, name)
    return f"version {challenger} ({judged.winner}) {line.outcome}: {line.reason}"


def _line(run: Run, judged: PromotionVerdict, challenger: str, current: str | None) -> Decision:
    broken = [rule.sentence for rule in judged.rules if not rule.holds]
    spoke_for_it = [rule.sentence for rule in judged.rules if rule.name != SAME_CHAMPION]
    answer = approval.read(run)
    keep, by = run.use_case.candidates.keep, run.use_case.judged_by
    kept = [f"version {keep.version} with a new threshold and calibration"] if keep else []
    return Decision(
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        partition=run.partition.isoformat(),
        version=challenger,
        previous=current,
        decision="promoted" if judged.promotes else "kept",
        reason="; ".join([*kept, *(broken or spoke_for_it)]),
        metric=by,
        values={model: values.get(by) for model, values in judged.values.items()},
        orchestrator=run.orchestrator,
        by=answer.by if answer else None,
        file=run.loaded.sha256,
        holds_from=None
        if run.calendar == DAILY
        else dates.starts_at(run.use_case, "training", run.partition).isoformat(),
    )


def _of_export(run: Run, graph: bytes, challenger: str) -> list[PromotionRule]:
    """The rules about what the export has made: its size and its speed."""
    asked = run.use_case.promotion
    speed = (
        registry.rows_per_second(run.settings, run.use_case.name, challenger)
        if asked.min_rows_per_second is not None
        else None
    )
    return [
        rule
        for rule in (
            significance.size(len(graph), asked.max_megabytes),
            significance.speed(speed, asked.min_rows_per_second),
        )
        if rule
    ]


def _same_champion(judged: PromotionVerdict, current: str | None) -> PromotionRule:
    """Another training, or a person, may have changed the champion since: whoever it is now was not asked on
    these rows.
    """
    compared, now = _champion(judged.champion_version), _champion(current)
    same = current == judged.champion_version
    sentence = (
        f"{now} is still the one that it was compared with"
        if same
        else f"it was compared with {compared}, but now there is {now}: evaluate again"
    )
    return PromotionRule(name=SAME_CHAMPION, holds=same, sentence=sentence)


def _champion(version: str | None) -> str:
    return f"champion version {version}" if version else "no champion"
