"""What a monitor did in each world, a line each for a person, and what is wrong about it."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from scipy.stats import beta

from pipelines.monitoring.limits import REDS_A_YEAR, WEEKS_A_YEAR

WIDTH = 46  # of a world's name
SURE = 0.95
HEAD = f"{'world':<{WIDTH}} result"


@dataclass(frozen=True)
class Truth:
    """What a change does, in truth.

    Attributes:
        told: In words.
        shows: Whether the use case's rows can show it.
        loss: Of the primary metric, beside the held-out rows; None where it is not known.
        detectable: The loss that these rows show in four weeks of five; None where they show none.
    """

    told: str
    shows: bool
    loss: float | None
    detectable: float | None


@dataclass(frozen=True, kw_only=True)
class Quiet:
    """Years in which nothing changed.

    Attributes:
        use_case, world: Which.
        weeks: How many were drawn.
        red, amber: How many of them closed the gate, or were only warned of.
        true: How many closed it for a performance that was worse in truth, by more than is allowed.
        by: What closed it most often.
    """

    use_case: str
    world: str
    weeks: int
    red: int
    amber: int
    by: tuple[str, ...] = ()
    true: int = 0

    @property
    def reds_a_year(self) -> tuple[float, float, float]:
        """False red weeks a year: the share that was drawn, and Clopper and Pearson's lower and upper 95 %
        bounds (1934, Biometrika 26), each of one side.
        """
        n, k = self.weeks, self.red - self.true
        low = float(beta.ppf(1 - SURE, k, n - k + 1)) if k else 0.0
        high = float(beta.ppf(SURE, k + 1, n - k)) if k < n else 1.0
        return k / n * WEEKS_A_YEAR, low * WEEKS_A_YEAR, high * WEEKS_A_YEAR

    @property
    def wrong(self) -> str:
        """That it is surely red more often than once a year; empty where nothing is wrong."""
        _, least, _ = self.reds_a_year
        if least <= REDS_A_YEAR:
            return ""
        return (
            f"{self.red - self.true} of {self.weeks} weeks without change are red, surely more than"
            f" {REDS_A_YEAR:g} a year ({', '.join(self.by)})"
        )

    def __str__(self) -> str:
        """One line for a person."""
        rate, _, most = self.reds_a_year
        by = f" by {', '.join(self.by)}" if self.by else ""
        right = (
            f", {self.true} of them rightly: the model is worse there, by more than is allowed"
            if self.true
            else ""
        )
        return (
            f"{self.world:<{WIDTH}} {self.red} of {self.weeks} weeks red{by}{right} ({rate:.1f} false ones a"
            f" year, at most {most:.1f}), {self.amber} amber{_arrow(self.wrong)}"
        )


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A change, at several times.

    Attributes:
        use_case, world: Which.
        found: For each time, in which week it was found (once its labels were due, where these alone tell);
            None where it was not.
        within: Weeks in which it was looked for.
        by: Kinds of rows by which it was found.
        truth: What it does.
        must: For each time, whether it was to be found.
    """

    use_case: str
    world: str
    found: tuple[int | None, ...]
    within: int
    by: tuple[str, ...]
    truth: Truth
    must: tuple[bool, ...]

    @property
    def wrong(self) -> str:
        """That it was not found and these rows could have shown it; empty where nothing is wrong."""
        lost = sum(must and found is None for must, found in zip(self.must, self.found, strict=True))
        if not lost:
            return ""
        return f"not found within {self.within} weeks, {lost} times of {len(self.found)}: {self.truth.told}"

    @property
    def remark(self) -> str:
        """What there is to say where it need not be found."""
        if any(self.must):
            return self.truth.told
        if self.truth.loss is not None and not self.truth.shows:
            could = (
                "these rows cannot show any loss, not even of all that there is"
                if self.truth.detectable is None
                else f"these rows show a loss of {self.truth.detectable:.3g}, and it is {self.truth.loss:.3g}"
            )
            return f"{self.truth.told}; {could}" if self.truth.told else could
        return self.truth.told

    def __str__(self) -> str:
        """One line for a person."""
        weeks = [week for week in self.found if week is not None]
        lost = len(self.found) - len(weeks)
        told = f"found in week {median(weeks):g}, at the latest {max(weeks)}" if weeks else "not found"
        if lost and weeks:
            told += f", {lost} of {len(self.found)} not within {self.within} weeks"
        by = f" by {', '.join(self.by)}" if self.by else ""
        remark = f" ({self.remark})" if self.remark else ""
        return f"{self.world:<{WIDTH}} {told}{by}{remark}{_arrow(self.wrong)}"


def _arrow(wrong: str) -> str:
    return f"  <- {wrong}" if wrong else ""
