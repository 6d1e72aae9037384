"""What a person asks and decides about champions: which of two is better, back to an earlier one, or none at
all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pipelines import runner
from pipelines.composition import by_version
from pipelines.core import meaning, people
from pipelines.core.errors import BadInput
from pipelines.core.metrics import by_name
from pipelines.core.sql import name as quoted
from pipelines.evaluation import significance
from pipelines.gates.built_in.models import METRIC_PARITY
from pipelines.metrics import bootstrap, daily, metrics
from pipelines.metrics.scored import NEVER, Scored
from pipelines.model import engines, parity
from pipelines.registry import approval, definitions, registry, snapshot
from pipelines.registry.history import Decision, History
from pipelines.run.run import Run

if TYPE_CHECKING:
    import pyarrow as pa

    from pipelines.core.config import UseCase
    from pipelines.registry.registry import Champion
    from pipelines.storage.settings import Settings

# What may be different between two versions.
LINEAGE = (
    "family",
    "training_partition",
    "threshold",
    "data_version",
    "use_case_sha256",
    "lock",
    "code",
    "seed",
    "kept_version",
)
WIDTH = 18  # of a metric's name, and of what may be different


def rollback(settings: Settings, use_case: str, version: str, reason: str) -> str:
    """Make a version champion again that was it before, from the next scoring on.

    Raises:
        BadInput: it never was champion, it is it now, there is no reason, or its graph does not pass its
            checks any more.
        TableCorrupt: the model's file is gone, or is not the one that was registered.
        TryAgain: MLflow does not answer, or somebody else is deciding.
    """
    history = History.of(settings, use_case)
    if version == history.champion:
        registry.follow(settings, use_case)  # who decided so may have been killed before the alias followed
    _require_former(history, use_case, version)
    # it takes a while, in which others may decide
    require_sound(_version(settings, use_case, version), settings, use_case)
    with history.deciding():
        _require_former(history, use_case, version)
        _decide(history, "rolled back", version, reason)
        registry.follow(settings, use_case)
    wait = definitions.waiting(Run.open(use_case, "training", date.min, settings).loaded, settings)
    own = (
        f"; nights are made by its own definitions, and {definitions.summary(wait)} of the file"
        f" wait{'s' if len(wait) == 1 else ''} for a training"
        if wait
        else ""
    )
    since = history.changes()[-1].since
    return f"{use_case}: version {version} is champion of the nights whose morning is {since} or later{own}"


def retire(settings: Settings, use_case: str, reason: str) -> str:
    """Let there be no champion, so that the next training need only beat the baseline: where the champion
    cannot be compared any more.

    Raises:
        BadInput: there is no champion, or no reason.
        TryAgain: MLflow does not answer, or somebody else is deciding.
    """
    history = History.of(settings, use_case)
    with history.deciding():
        if history.champion is None:
            raise BadInput(
                f"{use_case} has no champion, so there is none to retire",
                fix="run a training whose model passes its gates",
            )
        _decide(history, "retired", None, reason)
        registry.follow(settings, use_case)
    return f"{use_case} has no champion from now on: scoring stops until a training is promoted"


def answer(
    settings: Settings, use_case: str, partition: date, said: Literal["approved", "rejected"], reason: str
) -> str:
    """Approve or reject a training's challenger, and decide about it.

    Raises:
        BadInput: the use case asks nobody, or not this person.
        TableMissing: the training has not come as far as its export.
        GateClosed: a gate before the promotion is closed.
        TryAgain: see `promote.promote`.
    """
    run = Run.open(use_case, "training", partition, settings, resume=True)
    if run.use_case.promotion.approval is None:
        raise BadInput(
            f"{use_case} asks nobody for approval (promotion.approval): its trainings decide by their"
            " evidence alone",
            fix="state promotion.approval, or leave the decision to the evidence",
        )
    if not_his := approval.may_not(run, people.user()):
        raise BadInput(not_his, where=use_case, fix="let one of these answer, here or in Airflow")
    approval.give(run, said, people.user(), reason)
    return runner.take(run, "promote").summary


@dataclass(frozen=True)
class Measured:
    """A metric of two versions, and by how much the second is better, with the interval of that."""

    metric: str
    one: float | None
    other: float | None
    better_by: float | None
    low: float | None
    high: float | None

    def __str__(self) -> str:
        """One line for a person."""
        values = "".join(
            f"{'-' if value is None else f'{value:.4f}':>14}" for value in (self.one, self.other)
        )
        return f"{self.metric:<{WIDTH}}{values}   {self._gain()}"

    def _gain(self) -> str:
        if self.better_by is None:
            return "-"
        return f"{self.better_by:+.4f} ({self.low:+.4f} to {self.high:+.4f})"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two versions on the same rows."""

    use_case: str
    one: str
    other: str
    training: date  # whose held-out rows these are
    rows: int
    confidence_level: float
    metrics: tuple[Measured, ...]
    lineage: dict[str, tuple[str, str]]  # what is different between the two
    undecided: tuple[str, ...] = ()  # which of them has no decision threshold

    def __str__(self) -> str:
        """A line a metric, then what is different between the two."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield (
            f"{self.use_case}: on {self.rows:,} held-out rows of the training {self.training}, which neither"
            " was trained on"
        )
        yield (
            f"{'metric':<12}{'version ' + self.one:>14}{'version ' + self.other:>14}   version {self.other}"
            f" is better by ({self.confidence_level:.0%} interval)"
        )
        yield from map(str, self.metrics)
        for name, (ours, theirs) in self.lineage.items():
            yield f"{name:<{WIDTH}}{ours[:14]:>14}{theirs[:14]:>16}"
        if self.undecided:
            unknown = [each.metric for each in self.metrics if by_name(each.metric).needs == "decision"]
            yield (
                f"no {', '.join(unknown)} can be told of version {' and '.join(self.undecided)}: of a"
                " training's models the best alone has a decision threshold"
            )


def compare(settings: Settings, use_case: str, one: str, other: str) -> Comparison:
    """Compare two versions on the held-out rows of the later one's training, which neither was trained on.

    Raises:
        BadInput: no such version, the rows are gone, or one of them was trained on them.
    """
    pair = _pair(settings, use_case, one, other)
    later, earlier = sorted(pair, key=lambda model: model.partition, reverse=True)
    run = Run.open(use_case, "training", later.partition, settings).by(
        definitions.file_of(settings, use_case, later.version)
    )
    facts = run.use_case
    _require_same_features(use_case, later, earlier)
    test = _unseen_by_both(run, later, earlier)
    y = np.asarray(test[facts.target].to_numpy(), dtype=np.float64)
    models = [_scored(model, test, facts) for model in pair]
    names, units = facts.measured, bootstrap.units(test.to_pandas(), facts)
    drawn = bootstrap.draw(names, y, models, units, facts.stakes, facts.candidates.seed)
    told = [[model.metadata.get(name, "-") for model in pair] for name in LINEAGE]
    undecided = [model.version for model in pair if facts.task.decides and model.threshold is None]
    return Comparison(
        use_case=use_case,
        one=one,
        other=other,
        training=later.partition,
        rows=len(y),
        confidence_level=facts.promotion.confidence_level,
        metrics=tuple(_measured(name, models, drawn, y, facts) for name in names),
        lineage={
            name: (ours, theirs) for name, (ours, theirs) in zip(LINEAGE, told, strict=True) if ours != theirs
        },
        undecided=tuple(undecided),
    )


def _pair(settings: Settings, use_case: str, one: str, other: str) -> list[Champion]:
    """Two versions as they were judged; where one has kept the other's model, as both serve."""
    serving = [_version(settings, use_case, version) for version in (one, other)]
    if {model.metadata.get(snapshot.KEPT) for model in serving} & {one, other}:
        return serving
    return [_judged(settings, use_case, version) for version in (one, other)]


def _require_same_features(use_case: str, later: Champion, earlier: Champion) -> None:
    if apart := sorted(
        name for name, learned in earlier.meanings.items() if later.meanings.get(name) != learned
    ):
        raise BadInput(
            f"version {earlier.version} has learned other features than version {later.version}, on whose"
            " rows the two would be compared",
            where=use_case,
            details=apart,
            fix=(
                "nights of both are there to be compared; what the champion of now would have said of"
                f" earlier ones: python -m pipelines backfill {use_case} FIRST LAST --champion now"
            ),
        )


def _unseen_by_both(run: Run, later: Champion, earlier: Champion) -> pa.Table:
    """The held-out rows of the later one's training, none of which the earlier one was trained on."""
    from pipelines.registry import holdout_overlap

    facts = run.use_case
    with (
        snapshot.rows(run, later.metadata["data_version"]) as rows,
        snapshot.rows(run, earlier.metadata["data_version"]) as known,
    ):
        learned_by = definitions.file_of(run.settings, facts.name, earlier.version).use_case
        if seen := holdout_overlap.count(rows, holdout_overlap.renamed(known, learned_by, facts), facts.key):
            raise BadInput(
                f"{seen:,} of the held-out rows of the training {later.partition} are rows that version"
                f" {earlier.version} was trained on: on these it would look better than it is",
                where=facts.name,
                fix="compare versions whose trainings share their split",
            )
        return rows.filter("split = 'test'").order(quoted(facts.key)).to_arrow_table()


def _measured(
    name: str, models: Sequence[Scored], drawn: Mapping[str, Any], y: metrics.Floats, facts: UseCase
) -> Measured:
    """One metric of both, and what the second is better by."""
    undecided = by_name(name).needs == "decision" and any(model.threshold == NEVER for model in models)
    everything = np.full(len(y), True)
    values = [None if undecided else model.value(name, y, facts.stakes, everything) for model in models]
    first, second = (drawn[model.name].get(name) for model in models)
    gain = significance.gain(name, values[1], values[0], second, first, facts.promotion.confidence_level)
    bounds = (gain.value, gain.low, gain.high) if gain else (None, None, None)
    return Measured(name, values[0], values[1], *bounds)


def require_sound(model: Champion, settings: Settings, use_case: str) -> None:
    """Make sure that a version can still do its work: by its own definitions, and as well as it was once
    judged.

    Raises:
        BadInput: no night can be made by its definitions any more, it cannot decide, its rows are gone, or it
            scores them otherwise.
    """
    run = Run.open(use_case, "training", model.partition, settings).by(
        definitions.file_of(settings, use_case, model.version)
    )
    by_version.for_version(Run.open(use_case, "scoring", model.partition, settings), model.version)
    facts = run.use_case
    engine = engines.load(model.graph, model.engine)
    means = meaning.meanings(facts)
    wrong = [
        f"{name}: Sluice itself makes it in another way than when the version was trained"
        for name in engine.inputs
        if means.get(name) != model.meanings.get(name)
    ]
    if facts.task.decides and model.threshold is None:
        wrong.append("threshold: it has none, so it cannot decide")
    if not wrong:
        judged = float(
            model.metadata.get(f"{parity.ON_ALL}{facts.metric.name}")
            or model.metadata[f"held_out_{facts.metric.name}"]
        )
        with snapshot.rows(run, model.metadata["data_version"]) as rows:
            family: Any = model.metadata["family"]
            compared = parity.of_metric(rows, family, engine, judged, model.threshold, facts)
            ((found, difference),) = compared[["found", "difference"]].to_numpy()
        if not difference <= METRIC_PARITY:
            wrong.append(
                f"{facts.metric.name} on its held-out rows: {found:.6g}, and when it was made {judged:.6g}"
            )
    if wrong:
        raise BadInput(
            f"version {model.version} does not pass its checks any more, so the champion stays",
            where=use_case,
            details=wrong,
            fix=(
                "bring back the use-case file that it was trained with, name another version, or train again"
            ),
        )


def _require_former(history: History, use_case: str, version: str) -> None:
    former = list(dict.fromkeys(line.champion for line in history.changes() if line.champion))
    if version == history.champion:
        raise BadInput(f"version {version} is champion already", where=use_case, fix="name another version")
    if version not in former:
        raise BadInput(
            f"version {version!r} never was champion, so nothing has ever let it through; there"
            f" {'were ' + ', '.join(former) if former else 'was none yet'}",
            where=use_case,
            fix=(
                f"name one of these, or train again; `python -m pipelines models history {use_case}` tells"
                " more"
            ),
        )


def _version(settings: Settings, use_case: str, version: str) -> Champion:
    any_day = Run.open(use_case, "training", date.min, settings)
    return registry.champion(replace(any_day, model_version=version))


def _judged(settings: Settings, use_case: str, version: str) -> Champion:
    """A version as it was judged: it may have learned from the held-out rows since."""
    any_day = Run.open(use_case, "training", date.min, settings)
    return registry.as_judged(any_day, _version(settings, use_case, version))


def _scored(model: Champion, rows: pa.Table, facts: UseCase) -> Scored:
    scores, cut = _scores(model, rows), NEVER if model.threshold is None else model.threshold
    return Scored(model.version, scores, cut, daily.of_table(scores, rows, facts))


def _scores(model: Champion, rows: object) -> metrics.Floats:
    return np.asarray(engines.load(model.graph, model.engine).scores(rows), dtype=np.float64)


def _decide(
    history: History, decision: Literal["rolled back", "retired"], version: str | None, reason: str
) -> None:
    """Write a person's decision down."""
    if not reason.strip():
        raise BadInput("a decision without a reason helps nobody who reads it later", fix="--reason '...'")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    history.append(
        Decision(
            time=now,
            decision=decision,
            version=version,
            previous=history.champion,
            reason=reason.strip(),
            by=people.user(),
        )
    )
