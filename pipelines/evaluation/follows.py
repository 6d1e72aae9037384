"""The verdict that a training's tables say, and no other: what export, promotion and whoever approves go by.

`evaluate` makes its verdict of the tables `trials` and `scores` alone, and leaves it as `verdict.json`. Who
goes by that file makes it once more of the tables that their gates have let through, and refuses it if a word
differs: a file that somebody has edited, or that is of another evaluation of the partition, decides nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import asdict
from math import nan
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipelines.core.errors import TableCorrupt, brief
from pipelines.evaluation import rules, verdict
from pipelines.evaluation.calibration import Reliability
from pipelines.evaluation.scores import BASELINE, CALIBRATION, CHAMPION, CONSTANT, CUT, EXPECTED, LOOK, UNITS
from pipelines.evaluation.verdict import PromotionVerdict
from pipelines.metrics import threshold
from pipelines.metrics.bootstrap import Interval
from pipelines.metrics.cut import Cut
from pipelines.model import parity
from pipelines.model.graph import Graph

if TYPE_CHECKING:
    from pipelines.core.config import Family, UseCase
    from pipelines.run.run import Run

FILE = "verdict.json"


def winner(tried: pd.DataFrame, use_case: UseCase) -> Family:
    """The family whose best candidate has the best mean score over the folds.

    Among equals, the first as declared.
    """
    best = tried[tried["best"]].set_index("family")["mean_score"]
    sign = 1 if use_case.greater_is_better else -1
    return max(use_case.candidates.families, key=lambda family: sign * best[family])


def of_tables(tried: pd.DataFrame, scores: pd.DataFrame, use_case: UseCase) -> PromotionVerdict:
    """What follows for promotion.

    Args:
        tried: The table `trials`, of all families.
        scores: The table `scores`, see `results.Judged.scores`.
        use_case: Names the metric, and what is asked of a challenger.

    Raises:
        TableCorrupt: the scores do not say which look they are, as those of before there were looks.
    """
    overall = scores[scores["slice"] == "all"].set_index("metric")
    whole = {str(name): row for name, row in overall.to_dict("index").items()}
    if missing := [name for name in (LOOK, UNITS) if name not in whole]:
        raise TableCorrupt(
            f"the table scores has no row {' and none '.join(missing)}: it was made by an earlier version of"
            " Sluice, or cut",
            where=use_case.name,
            fix="run the step evaluate again, then gate_scores and what follows",
        )
    without = (BASELINE, CONSTANT) if use_case.candidates.baseline.rule else (BASELINE,)
    if missing := [name for name in without if f"gain_over_{name}" not in scores]:
        raise TableCorrupt(
            f"the table scores compares with no {' and no '.join(missing)}: it was made by an earlier version"
            " of Sluice, or cut",
            where=use_case.name,
            fix="run the step evaluate again, then gate_scores and what follows",
        )
    primary = whole[use_case.metric.name]
    cut = (
        Cut(*(float(whole[CUT][f"challenger{end}"]) for end in ("", "_low", "_high")))
        if use_case.threshold
        else None
    )
    reliable = (
        Reliability(_interval(whole[CALIBRATION]), _interval(whole.get(EXPECTED, {})))
        if CALIBRATION in whole
        else None
    )
    version = None if pd.isna(primary["champion_version"]) else str(primary["champion_version"])
    measured = overall.loc[[name for name in use_case.measured if name in whole]]
    models = (*use_case.candidates.families, *without, *([CHAMPION] if version else []))
    return PromotionVerdict(
        winner=winner(tried, use_case),
        metric=use_case.metric.name,
        threshold=cut,
        values={
            model: {str(name): float(value) for name, value in measured[model].dropna().items()}
            for model in models
        },
        champion_version=version,
        rules=tuple(rules.rules(scores, int(primary["n"]), reliable, version, use_case)),
        notes=tuple(rules.notes(tried, whole, cut, version, use_case)),
    )


def _interval(row: Mapping[Hashable, Any]) -> Interval:
    """The challenger's value and its ends; NaN in a table of before they were kept."""
    return Interval(*(float(row.get(f"challenger{end}", nan)) for end in ("", "_low", "_high")))


def read(run: Run) -> PromotionVerdict:
    """Read a training's verdict, and make sure that it is what its tables say.

    Raises:
        TableCorrupt: it is not; says what differs.
        TableMissing: the training has not been evaluated.
    """
    judged = verdict.read(run.store.read_file(FILE))
    tried = run.store.read("trials", pieces=run.use_case.candidates.families).df()
    scores = run.store.read("scores").df()
    wrong = [*_of_others(run), *_differing(judged, of_tables(tried, scores, run.use_case))]
    if not wrong and judged.threshold is not None:
        wrong += _threshold_differs(run, judged)
    if wrong:
        raise TableCorrupt(
            f"{FILE} does not follow from the tables that the gates have let through, so nothing is"
            " decided by it",
            where=run.store,
            details=wrong,
            fix="run the step evaluate again, then gate_scores and what follows",
        )
    return judged


def require_graph(run: Run, judged: PromotionVerdict, graph: bytes) -> None:
    """Make sure that the winner's exported graph is the one that was compared with the model that is to
    score, and says of itself what the verdict says.

    Args:
        run: The training.
        judged: Its verdict, see `read`.
        graph: The winner's.

    Raises:
        TableCorrupt: it is not, or does not; says what differs.
    """
    name, sha256 = f"models/{judged.winner}.onnx", hashlib.sha256(graph).hexdigest()
    fit = parity.REFIT if run.use_case.candidates.refit == "all" else parity.JUDGED
    compared = (
        run.store.read("parity")
        .filter(f"family = '{judged.winner}' AND fit = '{fit}'")
        .project("graph_sha256")
        .distinct()
        .fetchall()
    )
    wrong = [
        f"{name}: sha256 {sha256[:12]}, parity has compared {str(other)[:12]}"
        for (other,) in compared
        if other != sha256
    ]
    if not compared:
        wrong = [f"{name}: parity has compared no {fit} fit of it"]
    if not wrong:
        says, due = Graph(graph).metadata, verdict.judged_as(judged.winner, judged, run.use_case)
        wrong = [
            f"{name}: its {key} is {says.get(key)}, the verdict's {value}"
            for key, value in due.items()
            if says.get(key) != value
        ]
    if wrong:
        raise TableCorrupt(
            "the exported winner is not what was judged",
            where=run.store,
            details=wrong,
            fix="run the step export again, then gate_parity and promote",
        )


def _of_others(run: Run) -> Iterator[str]:
    """Tables that were made of other tables than are published now."""
    there = [
        f"{table}/{family}"
        for table in ("trials", "validation")
        for family in run.use_case.candidates.families
    ]
    made_of = run.store.manifest("scores").inputs
    for name in ("features", *there):
        cited = made_of.get(f"{run.kind}/{run.partition}/{name}")
        if cited is not None and cited != run.store.manifest(name).digest:
            yield f"scores: made of another {name} than is published now"


def _differing(judged: PromotionVerdict, due: PromotionVerdict) -> Iterator[str]:
    """Each field in which a verdict is not the one that is due."""
    ours, theirs = _flat(asdict(judged)), _flat(asdict(due))
    for name in dict.fromkeys((*theirs, *ours)):
        if ours.get(name) != theirs.get(name):
            yield f"{name}: it says {_fields_text(ours, name)}, the tables {_fields_text(theirs, name)}"


def _threshold_differs(run: Run, judged: PromotionVerdict) -> Iterator[str]:
    """The threshold, chosen once more on the validation rows."""
    policy = run.use_case.threshold
    if policy is None or judged.threshold is None:
        return
    rows = run.store.read("validation", pieces=[judged.winner]).df()
    night = threshold.night(run.store.read("features"), run.use_case) if policy.by_every_row else None
    chosen = threshold.choose(
        policy, rows["label"].to_numpy(), rows["score"].to_numpy(), night, units=threshold.units_of(rows)
    )
    if chosen != judged.threshold.value:
        yield f"threshold: scores say {judged.threshold.value:.9g}, the validation rows {chosen:.9g}"


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """Nested fields by their whole names; those of a rule by its own."""
    if isinstance(value, Mapping):
        parts = {str(key): part for key, part in value.items()}
    elif isinstance(value, list | tuple):
        parts = {_name(part, n): part for n, part in enumerate(value, start=1)}
    else:
        return {name: value}
    return {
        whole: leaf
        for key, part in parts.items()
        for whole, leaf in _flat(part, f"{name} {key}".strip()).items()
    }


def _name(part: Any, number: int) -> str:
    return f"{number} ({part['name']})" if isinstance(part, Mapping) and "name" in part else str(number)


def _fields_text(fields: Mapping[str, Any], name: str) -> str:
    return brief(fields[name]) if name in fields else "nothing"
