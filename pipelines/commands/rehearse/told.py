"""What a rehearsed year came to: a line a month, each promotion, and what other policies would have cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

HEAD = (
    f"{'month':<8} {'rows':>9} {'labelled':>9} {'champion':>9} {'performance':<28} {'red':>4}"
    f" {'trainings':>9} {'cost':>12} {'CPU min':>8}"
)


@dataclass(frozen=True)
class Worth:
    """What predictions were worth, by labels that are known in the end.

    Attributes:
        rows, labelled: How many there are, and how many of them have a label.
        value, low, high: The primary metric and its 95 % interval, by unit and day; None where it has none.
        cost: In what the file declares its costs; None where it declares none.
    """

    rows: int = 0
    labelled: int = 0
    value: float | None = None
    low: float | None = None
    high: float | None = None
    cost: float | None = None

    @property
    def performance(self) -> str:
        """The metric in words."""
        if self.value is None:
            return "-"
        between = "" if self.low is None or self.high is None else f" ({self.low:.4g} to {self.high:.4g})"
        return f"{self.value:.4g}{between}"

    @property
    def money(self) -> str:
        """The cost in words."""
        return "-" if self.cost is None else f"{self.cost:,.0f}"


@dataclass(frozen=True)
class Training:
    """A training.

    Attributes:
        morning: On which it ran.
        why: The schedule, or which week's report called for it.
        outcome: What became of its challenger, in a sentence.
        version: The champion from then on, if that is its challenger.
        claimed: By how much it was better than the champion (or the baseline) on held-out rows.
        seen: By how much it was better than the champion before on the four weeks that came, both of which
            have scored them here; None where there is none to compare with, or no label.
        seen_rows: On how many labelled rows that was seen.
        metric: By which it was better, where that is not the primary one: of a model that is kept.
    """

    morning: date
    why: str
    outcome: str
    version: str | None = None
    claimed: float | None = None
    seen: float | None = None
    seen_rows: int = 0
    metric: str | None = None

    def __str__(self) -> str:
        """One line for a person."""
        told = f"{self.morning}  {self.why}: "
        if self.version is None:
            return told + self.outcome
        by = f" {self.metric}" if self.metric else ""
        claimed = "" if self.claimed is None else f", claimed {self.claimed:+.4g}{by}"
        seen = "" if self.seen is None else f", came true {self.seen:+.4g} on {self.seen_rows:,} rows"
        return f"{told}version {self.version} promoted{claimed}{seen}"


@dataclass(frozen=True)
class Month:
    """A month.

    Attributes:
        use_case, month: Which, as YYYY-MM.
        worth: Of its predictions.
        champions: The versions that scored it, in order.
        red: Weeks whose report closed the gate, by their first days, and by what.
        trainings: Those of its mornings.
        cpu_minutes: What all of it took here.
    """

    use_case: str
    month: str
    worth: Worth
    champions: tuple[str, ...]
    red: tuple[str, ...] = ()
    trainings: tuple[Training, ...] = field(default=())
    cpu_minutes: float = 0.0

    def __str__(self) -> str:
        """One line for a person, and one a training and red week."""
        line = (
            f"{self.month:<8} {self.worth.rows:>9,} {self.worth.labelled:>9,} {','.join(self.champions):>9}"
            f" {self.worth.performance:<28} {len(self.red):>4} {len(self.trainings):>9}"
            f" {self.worth.money:>12} {self.cpu_minutes:>8.1f}"
        )
        more = [
            *(f"         red {week}" for week in self.red),
            *(f"         {one}" for one in self.trainings),
        ]
        return "\n".join([line, *more])


@dataclass(frozen=True)
class Policy:
    """What a policy of training comes to over the whole time.

    Attributes:
        use_case, policy: Which.
        worth: Of all predictions.
        trainings, promotions: How many there were, the first one among them, as in the months.
    """

    use_case: str
    policy: str
    worth: Worth
    trainings: int
    promotions: int

    def __str__(self) -> str:
        """One line for a person."""
        return (
            f"{self.policy:<24} {self.worth.performance:<28} cost {self.worth.money:>12}"
            f"  trainings {self.trainings}, promoted {self.promotions}"
        )
