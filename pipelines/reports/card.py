"""The model card: what a training found, on one page that a person can read and a run can be held to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd

from pipelines.core import dates
from pipelines.core.config import Family, Features, Prepare, UseCase
from pipelines.core.config.base import duration_text
from pipelines.core.families import named
from pipelines.core.metrics import by_name
from pipelines.core.split import UNLABELLED
from pipelines.core.stakes import Stakes
from pipelines.evaluation.scores import BESIDE, UNITS
from pipelines.metrics.scored import CONFUSION
from pipelines.reports import pages

if TYPE_CHECKING:
    from pipelines.evaluation.results import Evaluation
    from pipelines.run.run import Run

Row: TypeAlias = dict[str, Any]

MOST_SLICES = 20
FEW_ROWS = 30  # positive rows (binary) or rows (regression), below which a slice's metrics are mostly chance
MOST_FEATURES = 30
DECISION_PICTURES = ("confusion", "score_distribution")
STUDY_PICTURES = ("learning", "importance")
LINEAGE = {
    "use_case": "Use case",
    "use_case_sha256": "Use-case file (sha256)",
    "training_partition": "Training",
    "data_version": "Data version (DVC)",
    "raw_version": "Raw rows (DVC)",
    "past_raw_version": "Raw rows of the past (DVC)",
    "code": "Code",
    "lock": "Libraries (sha256 of the lock)",
    "seed": "Seed",
    "kept_version": "Model kept, of version",
}


def render(run: Run, judged: Evaluation) -> str:
    """Render the card as HTML. It tells no time of day: same inputs, same bytes."""
    from pipelines.registry import snapshot

    use_case, verdict = run.use_case, judged.verdict
    scores = _records(judged.scores)
    overall = {row["metric"]: row for row in scores if row["slice"] == "all"}
    return pages.render(
        "card.html.j2",
        use_case=use_case,
        partition=run.partition,
        verdict=verdict,
        promotes=verdict.promotes,
        primary=overall[verdict.metric],
        units=overall[UNITS],
        metrics=[
            {**row, "meaning": by_name(name).told(use_case.stakes)}
            for name, row in overall.items()
            if name not in (*CONFUSION, *BESIDE)
        ],
        constant=_constant(use_case),
        learned=_learned(use_case),
        policy=use_case.threshold.told if use_case.threshold else None,
        decisions=_decisions(overall, use_case.stakes) if use_case.threshold else [],
        slice_metrics=[verdict.metric, *(name for name in use_case.task.beside if name != verdict.metric)],
        slices=list(_slices(scores, verdict.metric)),
        slices_left_out=max(judged.scores["slice"].nunique() - 1 - MOST_SLICES, 0),
        pictures=judged.pictures,
        decision_pictures=DECISION_PICTURES if use_case.threshold else (),
        study_pictures=[name for name in STUDY_PICTURES if name in judged.pictures],
        trials=_trials(judged),
        families=[{"family": family, **values} for family, values in verdict.values.items()],
        days=dates.days_of(use_case, run.kind, run.partition),
        rows=_records(judged.rows),
        inspection=judged.inspection,
        importance=_records(judged.inspection.importance)[:MOST_FEATURES],
        reliability=_reliability(judged) if use_case.task.probabilities else [],
        source="; ".join([use_case.source.told, *_joined(use_case)]),
        features=list(_features(use_case.features)),
        prepared=list(_preparation(use_case.features, use_case.prepare)),
        lineage={LINEAGE[name]: value for name, value in snapshot.lineage(run).items()},
        limits=list(_limits(use_case, judged)),
    )


def _joined(use_case: UseCase) -> Iterator[str]:
    """Where other sources' rows come from."""
    for name, other in use_case.sources.items():
        yield f"joined with {name}: {other.source.told}"


def _records(table: pd.DataFrame) -> list[Row]:
    """Rows with None where there is no value."""
    return [
        {str(name): value for name, value in row.items()}
        for row in table.astype(object).where(table.notna(), None).to_dict("records")
    ]


def _reliability(judged: Evaluation) -> list[Row]:
    """The winner's probabilities beside what was true, bin by bin."""
    lines = judged.curves
    return _records(lines[(lines["model"] == judged.verdict.winner) & (lines["curve"] == "calibration")])


def _constant(use_case: UseCase) -> str:
    """What the best constant tells of each row."""
    mean = "the share of positive rows" if use_case.task.classes else "the mean label"
    return by_name(use_case.metric.name).told_constant(use_case.stakes) or mean


def _learned(use_case: UseCase) -> list[str]:
    """Which loss each family was trained on, where the metric has one of its own."""
    if use_case.quantile is None:
        return []

    def loss(family: Family) -> str:
        if {"objective", "model__objective"} & set(getattr(use_case.candidates, family).grid):
            return "the objective that its grid states"
        own = f"the loss of the {use_case.quantile:.3g} quantile, which {use_case.metric.name} is"
        return own if named(family).of_quantile else "squared errors"

    return [f"{family} on {loss(family)}" for family in use_case.candidates.families]


def _decisions(overall: dict[str, Row], stakes: Stakes) -> list[Row]:
    """What each model would have done on the held-out rows, in counts, and what that would have cost where a
    cost is stated.
    """
    counted = ("precision", "recall", *CONFUSION)
    every = ("challenger", "champion", "baseline", "constant")
    roles = [role for role in every if overall["tp"].get(role) is not None]
    found = [{"model": role, **{name: overall[name][role] for name in counted}} for role in roles]
    for row in found:
        row["cost"] = stakes.cost(row["fp"], row["fn"])
    return found


def _slices(scores: list[Row], metric: str) -> Iterator[Row]:
    """The largest slices, each with its metrics by name."""
    rows = [row for row in scores if row["slice"] != "all" and row["metric"] == metric]
    for row in sorted(rows, key=lambda row: -row["n"])[:MOST_SLICES]:
        values = {other["metric"]: other["challenger"] for other in scores if other["slice"] == row["slice"]}
        yield {**row, "values": values, "few": values.get("tp", row["n"]) + values.get("fn", 0) < FEW_ROWS}


def _trials(judged: Evaluation) -> list[Row]:
    """Every candidate, the best first, its parameters as words."""
    better_first = judged.trials.sort_values("gain", ascending=False, kind="stable")
    return [
        {
            **row,
            "words": ", ".join(
                f"{name} {'none' if value is None else value}"
                for name, value in json.loads(row["params"]).items()
            ),
        }
        for row in _records(better_first)
    ]


def _features(features: Features) -> Iterator[Row]:
    for kind, made in (
        ("number", features.numbers),
        ("category", features.categories),
        ("text", features.texts),
    ):
        for name, sql in made.items():
            yield {"name": name, "kind": kind, "sql": sql}


def _preparation(features: Features, prepare: Prepare) -> Iterator[str]:
    numbers, categories, texts = prepare.numbers, prepare.categories, prepare.texts
    if features.numbers:
        filled = (
            f"the training {numbers.impute}" if isinstance(numbers.impute, str) else f"{numbers.impute:g}"
        )
        clipped = (
            f"; clipped to the training percentiles {numbers.clip[0]:g} and {numbers.clip[1]:g}"
            if numbers.clip
            else ""
        )
        yield (
            f"Numbers: a missing value becomes {filled}{clipped}; scaled ({numbers.scale.replace('_', '-')})"
            " for linear models, unscaled for trees."
        )
    if features.categories:
        rare = (
            f"; values in fewer than {categories.min_frequency} training rows count as unseen"
            if categories.min_frequency > 1
            else ""
        )
        yield f"Categories: {categories.encode.replace('_', '-')}{rare}."
    if features.texts:
        low, high = texts.ngrams
        words = "single words" if low == high == 1 else f"runs of {low} to {high} words"
        yield (
            f"Texts: {words}, the {texts.max_words:,} most frequent of those in at least {texts.min_df}"
            " training texts."
        )


def _of_nights(use_case: UseCase, judged: Evaluation) -> Iterator[str]:
    """What the decisions on this page do not say of a night's."""
    if use_case.threshold:
        yield from use_case.threshold.of_nights()
    rows = judged.rows.set_index("split")["rows"]
    if use_case.threshold and UNLABELLED in rows:
        share = rows[UNLABELLED] / rows.sum()
        yield (
            f"{share:.0%} of the rows have no label: alarms, precision, recall and costs on this page are"
            " those of the others."
        )


def _limits(use_case: UseCase, judged: Evaluation) -> Iterator[str]:
    """What the numbers on this page do not say."""
    split = use_case.split
    if split.by == "time" or use_case.candidates.keep:
        yield (
            "The held-out rows are the last days of the window: they say how the model does right after its"
            " training, not in half a year."
        )
    else:
        yield (
            "The held-out rows are of the same days as the training rows: they do not say how the model ages."
        )
    if use_case.candidates.refit == "all":
        labelled = int(judged.rows[judged.rows["split"] != UNLABELLED]["rows"].sum())
        yield (
            "They are of the fit on the training rows. The one that scores is the winner, fitted again by the"
            f" same parameters on all {labelled:,} labelled rows: no row is left to judge it, and gate_parity"
            " asks only that it has kept its lead."
        )
    if use_case.label.delay_days:
        yield f"A label is known {use_case.label.delay_days} days late, so the newest rows took no part."
    yield from _of_threshold(use_case)
    yield from _of_nights(use_case, judged)
    few = [row["slice"] for row in _slices(_records(judged.scores), judged.verdict.metric) if row["few"]]
    if few:
        yield f"Slices with few rows, whose metrics are mostly chance: {', '.join(few)}."
    personal = [name for name, column in use_case.columns.items() if column.pii]
    if personal:
        yield f"Personal columns: {', '.join(personal)}. Their values are not shown here."
    yield from _of_leaks(use_case)
    yield (
        "What a feature is worth to the model says nothing about what it does to the world; features that say"
        " the same share their worth."
    )


def _of_threshold(use_case: UseCase) -> Iterator[str]:
    """What the threshold promises, and of which rows."""
    policy = use_case.threshold
    if policy is None or policy.given is not None:
        return
    if policy.promises is None:
        yield (
            "The threshold keeps its policy on the validation rows on which it was chosen; on held-out and"
            " later rows it may miss it a little."
        )
    else:
        yield (
            f"The threshold promises {policy.promises}: rows like the validation rows, by"
            f" {use_case.unit}. Single days may miss it, and so does a model that ages."
        )


def _of_leaks(use_case: UseCase) -> Iterator[str]:
    """Which columns are known only afterwards, and what features see of them."""
    told = {
        name: f"{name} ({column.why})" if column.why else name
        for name, column in use_case.columns.items()
        if column.role == "leak"
    }
    if never := [said for name, said in told.items() if name not in use_case.late]:
        yield f"Kept out of the features, since known only afterwards: {', '.join(never)}."
    if late := [
        f"{told[name]} from {duration_text(use_case.known_after(name))} on" for name in use_case.late
    ]:
        yield f"Known only afterwards, and read in windows over the past alone: {', '.join(late)}."
