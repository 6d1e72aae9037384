"""Evaluation on the held-out rows: the winner of the search beside the baseline and the champion, overall and per slice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from pipelines import curves, metrics, personal, pictures, threshold
from pipelines.errors import BadInput
from pipelines.model import baseline, candidate, inputs
from pipelines.model.graph import Graph
from pipelines.scored import CONFUSION, NEVER, Mask, Scored
from pipelines.sql import name as quoted
from pipelines.store import as_json

if TYPE_CHECKING:
    from pipelines.config import Family, UseCase
    from pipelines.registry import Champion

BASELINE, CHAMPION = "baseline", "champion"
MISSING = "(missing)"  # a slice's name for the empty value
SCORES = {
    "metric": object,
    "slice": object,
    "n": np.int64,
    "challenger": np.float64,
    "champion": np.float64,
    "baseline": np.float64,
    "gain_over_baseline": np.float64,
    "gain_over_champion": np.float64,
    "primary": np.bool_,
}


@dataclass(frozen=True)
class Verdict:
    """What the held-out rows said, as far as promotion needs it.

    Attributes:
        winner: The family with the best cross-validated score.
        metric: The primary metric.
        threshold: The winner's, chosen on validation rows; None for a regression.
        values: Model (a family, `baseline`, `champion`) -> metric -> value on all held-out rows.
        champion_version: The champion that was compared, if there is one.
        beats_baseline: Whether the winner is better than the baseline on the primary metric.
        beats_champion: Whether it is better than the champion by more than the margin; true where there is no champion.
        reasons: Why, a sentence each.
    """

    winner: Family
    metric: str
    threshold: float | None
    values: dict[str, dict[str, float]]
    champion_version: str | None
    beats_baseline: bool
    beats_champion: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Judged:
    """An evaluation.

    Attributes:
        scores: A row a metric and slice: metric, slice (`all` or `column=value`; a personal value is told by a number), n
            (rows), challenger, champion, baseline, gain_over_baseline, gain_over_champion (positive: the challenger is
            better), primary (whether it is the primary metric). Binary tasks also count tp, fp, fn and tn. A value is null where it has no meaning: without a
            champion, and in a slice with one class.
        curves: See `curves.table`.
        verdict: What follows for promotion.
        pictures: Name -> PNG.
        trials: The search's table, of all families.
        rows: A row a split: split, rows, first and last (days), label_mean (binary: the share of positives).
    """

    scores: pd.DataFrame
    curves: pd.DataFrame
    verdict: Verdict
    pictures: dict[str, bytes]
    trials: pd.DataFrame
    rows: pd.DataFrame

    def summary(self) -> str:
        """One line for the log."""
        verdict = self.verdict
        told = (f"{model} {verdict.values[model][verdict.metric]:.4f}" for model in (BASELINE, CHAMPION) if model in verdict.values)
        value = verdict.values[verdict.winner][verdict.metric]
        return f"scores: {verdict.winner} {verdict.metric} {value:.4f} on held-out rows, {', '.join(told)}"

    def verdict_json(self) -> bytes:
        """The verdict as `read_verdict` reads it."""
        return as_json(asdict(self.verdict))


def read_verdict(content: bytes) -> Verdict:
    """Read what `Judged.verdict_json` wrote."""
    found = json.loads(content)
    return Verdict(**{**found, "reasons": tuple(found["reasons"])})


def evaluate(
    *,
    features: duckdb.DuckDBPyRelation,
    trials: duckdb.DuckDBPyRelation,
    validation: duckdb.DuckDBPyRelation,
    candidates: Mapping[Family, bytes],
    champion: Champion | None,
    use_case: UseCase,
) -> Judged:
    """Judge the winner of the search on rows that neither the search nor the threshold has seen.

    Args:
        features: The training's features table, with its column `split`.
        trials: The search's table, of all families.
        validation: The training rows' out-of-fold scores, of all families.
        candidates: Family -> its fitted Pipeline, as `candidate.load` reads it.
        champion: Who serves now.
        use_case: The facts.

    Raises:
        BadInput: the held-out rows cannot judge: none, one class only, or without what the champion needs.
    """
    tried = trials.df()
    winner = _winner(tried, use_case)
    thresholds = _thresholds(validation.df(), winner, use_case)
    train, test = _split(features, "train", use_case), _split(features, "test", use_case)
    y = _labels(test, use_case)
    _check_that_labels_differ(y)
    rows = test.to_pandas()
    X = inputs.frame(rows, use_case.features)  # noqa: N806 (scikit-learn's letter)
    families = [
        Scored(family, candidate.scores(candidate.load(content), X, use_case.task), thresholds[family])
        for family, content in candidates.items()
    ]
    beside = [*([_champion(champion, test)] if champion else []), _baseline(train, X, use_case)]
    models = {model.name: model for model in [*families, *beside]}

    values = {name: _defined(_values(model, y, np.full(len(y), True), use_case)) for name, model in models.items()}
    hours = rows[use_case.time].dt.hour.to_numpy(np.float64)
    lines = curves.table(use_case.task, y, list(models.values()), hours)
    if use_case.task == "binary":
        drawn = pictures.binary(lines, y, models[winner], beside)
    else:
        drawn = pictures.regression(lines, y, models[winner], beside, hours)
    return Judged(
        scores=pd.DataFrame(_scores(models[winner], models, y, X, use_case)).astype(SCORES),
        curves=lines,
        verdict=_verdict(
            winner, thresholds[winner] if use_case.threshold else None, values, champion.version if champion else None, tried, use_case
        ),
        pictures=drawn,
        trials=tried,
        rows=_rows(features, use_case),
    )


def _winner(trials: pd.DataFrame, use_case: UseCase) -> Family:
    """The family whose best candidate has the best mean score over the folds; among equals, the first as declared."""
    best = trials[trials["best"]].set_index("family")["mean_score"]
    sign = 1 if use_case.greater_is_better else -1
    return max(use_case.candidates.families, key=lambda family: sign * best[family])


def _thresholds(validation: pd.DataFrame, winner: Family, use_case: UseCase) -> dict[Family, float]:
    """Each family's threshold by the use case's policy, which the winner must be able to fulfil."""
    found: dict[Family, float] = {}
    for family in use_case.candidates.families:
        rows = validation[validation["family"] == family]
        try:
            found[family] = _threshold(use_case, rows["label"].to_numpy(), rows["score"].to_numpy())
        except threshold.Unreachable:
            if family == winner:
                raise
            found[family] = NEVER
    return found


def _threshold(use_case: UseCase, y: metrics.Floats, score: metrics.Floats) -> float:
    return threshold.choose(use_case.threshold, y, score) if use_case.threshold else NEVER


def _split(features: duckdb.DuckDBPyRelation, split: str, use_case: UseCase) -> pa.Table:
    return features.filter(f"split = '{split}'").order(quoted(use_case.key)).to_arrow_table()


def _labels(rows: pa.Table, use_case: UseCase) -> metrics.Floats:
    return np.asarray(rows[use_case.target].to_numpy(), dtype=np.float64)


def _check_that_labels_differ(y: metrics.Floats) -> None:
    if len(y) == 0 or np.ptp(y) == 0:
        found = f"all {len(y):,} have the label {y[0]:g}" if len(y) else "there are none"
        raise BadInput(
            f"the held-out rows cannot judge a model: {found}, where labels that differ are needed\n"
            "  way out: more days (split.window_days), or a greater share of them held out (split.test)"
        )


def _baseline(train: pa.Table, X: pd.DataFrame, use_case: UseCase) -> Scored:  # noqa: N803
    """The baseline learns all it knows, its threshold too, on the training rows."""
    known, y = inputs.frame(train.to_pandas(), use_case.features), _labels(train, use_case)
    fitted = baseline.fit(use_case, known, y)
    try:
        chosen = _threshold(use_case, y, fitted.scores(known))
    except threshold.Unreachable:
        chosen = NEVER
    return Scored(BASELINE, fitted.scores(X), chosen)


def _champion(champion: Champion, test: pa.Table) -> Scored:
    try:
        scores = Graph(champion.graph).scores(test)
    except BadInput as error:
        # Who cannot be compared is not dethroned: a comparison that is left out would be one that is always won.
        raise BadInput(
            f"champion version {champion.version} cannot be compared with the challenger: {error}\n"
            "  or, if that champion shall go: delete its alias `champion` in MLflow's registry, and the next training starts without one"
        ) from error
    return Scored(CHAMPION, scores.astype(np.float64), NEVER if champion.threshold is None else champion.threshold)


def _values(model: Scored, y: metrics.Floats, rows: Mask, use_case: UseCase) -> dict[str, float | None]:
    """Every metric of the task on some of the rows."""
    return {name: model.value(name, y, use_case.metric.under_cost, rows) for name in metrics.for_task(use_case.task)}


def _defined(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None}


def _scores(
    challenger: Scored,
    models: Mapping[str, Scored],
    y: metrics.Floats,
    X: pd.DataFrame,  # noqa: N803
    use_case: UseCase,
) -> Iterator[dict[str, object]]:
    compared = {"challenger": challenger, "baseline": models[BASELINE]}
    if CHAMPION in models:
        compared["champion"] = models[CHAMPION]
    for part, mask in _slices(X, use_case):
        measured = {role: _values(model, y, mask, use_case) for role, model in compared.items()}
        for metric in metrics.for_task(use_case.task):
            value = {role: values[metric] for role, values in measured.items()}
            yield {
                "metric": metric,
                "slice": part,
                "n": mask.sum(),
                "challenger": value["challenger"],
                "champion": value.get("champion"),
                "baseline": value["baseline"],
                "gain_over_baseline": _gain(metric, value["challenger"], value["baseline"]),
                "gain_over_champion": _gain(metric, value["challenger"], value.get("champion")),
                "primary": metric == use_case.metric.name,
            }
        if use_case.task == "binary":
            counts = {role: model.confusion(y, mask) for role, model in compared.items()}
            for count in CONFUSION:
                yield {"metric": count, "slice": part, "n": mask.sum(), "primary": False} | {role: counts[role][count] for role in counts}


def _slices(X: pd.DataFrame, use_case: UseCase) -> Iterator[tuple[str, Mask]]:  # noqa: N803
    """All rows, then the rows of each value of each declared slice."""
    yield "all", np.full(len(X), True)
    hidden = personal.features(use_case)
    for column in use_case.slices:
        values = X[column].replace("", MISSING)
        shown = _numbered(values) if column in hidden else {value: value for value in sorted(values.unique())}
        for value, name in shown.items():
            yield f"{column}={name}", (values == value).to_numpy()


def _numbered(values: pd.Series) -> dict[str, str]:
    """A number for each personal value, by its number of rows: its place in the alphabet would tell of it."""
    rows = Counter(values)
    missing = {MISSING: MISSING} if rows.pop(MISSING, 0) else {}
    by_size = sorted(rows, key=lambda value: (-rows[value], value))
    return {value: f"{personal.MASK} {number}" for number, value in enumerate(by_size, start=1)} | missing


def _gain(metric: str, value: float | None, other: float | None) -> float | None:
    return None if value is None or other is None else metrics.gain(metric, value, other)


def _verdict(
    winner: Family,
    chosen: float | None,
    values: dict[str, dict[str, float]],
    champion_version: str | None,
    trials: pd.DataFrame,
    use_case: UseCase,
) -> Verdict:
    metric, margin = use_case.metric.name, use_case.metric.margin
    best = trials[trials["best"]].set_index("family")["mean_score"]
    over_baseline = metrics.gain(metric, values[winner][metric], values[BASELINE][metric])
    reasons = [
        f"best {metric} over the folds: " + ", ".join(f"{family} {best[family]:.4f}" for family in use_case.candidates.families),
        f"on the held-out rows {_compared('the baseline', metric, over_baseline, margin=0)}",
    ]
    beats_champion = True
    if champion_version is None:
        reasons.append("there is no champion yet")
    else:
        over_champion = metrics.gain(metric, values[winner][metric], values[CHAMPION][metric])
        beats_champion = over_champion > margin
        reasons.append(f"on the held-out rows {_compared(f'champion version {champion_version}', metric, over_champion, margin)}")
    return Verdict(
        winner=winner,
        metric=metric,
        threshold=chosen,
        values=values,
        champion_version=champion_version,
        beats_baseline=over_baseline > 0,
        beats_champion=beats_champion,
        reasons=tuple(reasons),
    )


def _compared(other: str, metric: str, gain: float, margin: float) -> str:
    if gain == 0:
        return f"as good as {other}: the same {metric}"
    short = f", which is not more than the margin of {margin:g}" if 0 < gain <= margin else ""
    return f"{'better' if gain > 0 else 'worse'} than {other} by {abs(gain):.4f} {metric}{short}"


def _rows(features: duckdb.DuckDBPyRelation, use_case: UseCase) -> pd.DataFrame:
    time, target = quoted(use_case.time), quoted(use_case.target)
    days = f"min({time})::date AS first, max({time})::date AS last"
    found: pd.DataFrame = (
        features.aggregate(f"split, count(*) AS rows, {days}, avg({target}) AS label_mean", "split").order("split DESC").df()
    )
    return found
