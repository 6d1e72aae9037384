"""Promotion: the challenger, which every gate has let through, becomes champion when the held-out rows speak for it."""

from __future__ import annotations

from datetime import UTC, datetime

from pipelines import registry, tracking
from pipelines.errors import TableMissing
from pipelines.evaluate import Verdict, read_verdict
from pipelines.history import History, Promotion
from pipelines.run import Run


def promote(run: Run) -> str:
    """Decide about the training's challenger, write the decision down, and move the alias `champion` if it is due.

    Twice the same decision is one: a champion is not promoted over itself. The decision is written before the alias moves,
    so that a step killed between the two completes when it runs again, and no champion is without its line.

    Returns:
        A sentence on what was decided and why.

    Raises:
        TableMissing: the evaluation or the challenger is missing.
        TryAgain: MLflow does not answer.
    """
    verdict = read_verdict(run.store.read_file("verdict.json"))
    name = run.use_case.name
    client = tracking.connect(run.settings)
    challenger = registry.version_of(client, name, run.store.read_file(f"models/{verdict.winner}.onnx"))
    if challenger is None:
        raise TableMissing(
            f"{run.store}: the winner's graph is no registered version\n  way out: run the step export again; it registers it"
        )
    current = registry.champion_version(client, name)
    if current == challenger:
        return f"version {current} ({verdict.winner}) is champion already"
    promotion = _decided(run, verdict, challenger, current)
    History.of(run.settings, name).append(promotion)
    if promotion.decision == "promoted":
        client.set_registered_model_alias(name, registry.CHAMPION, challenger)
    return f"version {promotion.version} ({verdict.winner}) {promotion.decision}: {promotion.reason}"


def _decided(run: Run, verdict: Verdict, challenger: str, current: str | None) -> Promotion:
    better = verdict.beats_baseline and verdict.beats_champion
    reason = "; ".join(verdict.reasons)
    if current != verdict.champion_version:
        # Another training has promoted since: whoever is better now was not asked on these rows.
        better = False
        reason = f"it was compared with {_champion(verdict.champion_version)}, but now there is {_champion(current)}: evaluate again"
    return Promotion(
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        partition=run.partition.isoformat(),
        version=challenger,
        previous=current,
        decision="promoted" if better else "kept",
        reason=reason,
        metric=verdict.metric,
        values={model: values.get(verdict.metric) for model, values in verdict.values.items()},
        orchestrator=run.orchestrator,
    )


def _champion(version: str | None) -> str:
    return f"champion version {version}" if version else "no champion"
