"""What the held-out rows said: the rules of promotion, each with the numbers by which it holds or does
not.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from pipelines.core.config import Family, UseCase
from pipelines.metrics.cut import Cut
from pipelines.storage import kept
from pipelines.storage.store import as_json


@dataclass(frozen=True, kw_only=True)
class PromotionRule:
    """One rule of promotion, applied.

    Attributes:
        name: `enough units`, `baseline`, `champion`, `slice <column>=<value>`, `slices <column>`,
            `calibration`, `size`, `speed`, `approval`, `same champion`.
        holds: Whether it allows the promotion.
        sentence: What was found, for a person.
        found: The number that was judged, in the metric's (or the rule's) own unit; None where there is none.
        low: The lower end of its interval, where it has one.
        high: The upper end.
        allowed: What it was held against.
        rows: How many rows say so.
        level: The confidence level of its interval.
    """

    name: str
    holds: bool
    sentence: str
    found: float | None = None
    low: float | None = None
    high: float | None = None
    allowed: float | None = None
    rows: int | None = None
    level: float | None = None


@dataclass(frozen=True)
class PromotionVerdict:
    """What an evaluation says, as far as export and promotion need it.

    Attributes:
        winner: The family with the best cross-validated score.
        metric: The primary metric.
        threshold: The winner's, chosen on validation rows; None for a regression.
        values: Model (a family, `baseline`, `champion`) -> metric -> value on all held-out rows.
        champion_version: The champion that was compared, if there is one.
        rules: What promotion depends on; more come in the steps after the evaluation.
        notes: What else a person should know, a sentence each.
    """

    winner: Family
    metric: str
    threshold: Cut | None
    values: dict[str, dict[str, float]]
    champion_version: str | None
    rules: tuple[PromotionRule, ...]
    notes: tuple[str, ...] = ()

    @property
    def cut(self) -> float | None:
        """The threshold alone."""
        return None if self.threshold is None else self.threshold.value

    @property
    def promotes(self) -> bool:
        """Whether every rule that could be applied so far allows the promotion."""
        return all(rule.holds for rule in self.rules)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why, a sentence each."""
        return (*self.notes, *(rule.sentence for rule in self.rules))

    def as_json(self) -> bytes:
        """The verdict as `read` reads it."""
        return as_json(asdict(self))


def read(content: bytes, place: object = "verdict.json") -> PromotionVerdict:
    """Read what `Verdict.as_json` wrote.

    Raises:
        TableCorrupt: it is damaged.
    """
    return kept.read(PromotionVerdict, content, place, "run the step evaluate again, and what follows it")


def judged_as(family: Family, verdict: PromotionVerdict, use_case: UseCase) -> dict[str, str]:
    """What a graph says of how it was judged, and from which score on it decides."""
    described = {
        "family": family,
        "metric": verdict.metric,
        **{f"held_out_{name}": repr(value) for name, value in verdict.values[family].items()},
    }
    if family == verdict.winner and verdict.threshold is not None:
        cut = verdict.threshold
        described |= {
            "threshold": repr(cut.value),
            "threshold_low": repr(cut.low),
            "threshold_high": repr(cut.high),
        }
        described["threshold_policy"] = json.dumps(
            use_case.threshold and use_case.threshold.model_dump(), sort_keys=True
        )
    return described
