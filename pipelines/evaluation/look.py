"""A look at a champion: one training's challenger beside it, and which share of a year's error the look may
spend.

Who looks every week finds somebody who is better by chance sooner or later. So the error is that of a year:
of a hundred years, in so many at most is a challenger promoted that is truly no better than whom it replaces
(`promotion.confidence_level` 0.95: five). It is spent over time (alpha spending, as in sequential trials: Lan
and DeMets 1983; over a stream of hypotheses: Foster and Stine 2008): a look may spend what has come together
in the days since the look before, so daily, weekly and monthly trainings keep the same promise, in whatever
order they come. The looks' shares are added up (Bonferroni), which holds for any dependence: of held-out
windows that overlap, and of a champion that was chosen on some of their rows. Each look has another
challenger, so no sequence of evidence about one hypothesis is there that a confidence sequence could follow.
"""

from __future__ import annotations

from dataclasses import dataclass

YEAR = 365  # days
LONGEST = 31  # days: what has come together in more is not spent at once
FIRST_SHARE = 7 / 8  # of what has come together, for the first look; the rest is for further ones


@dataclass(frozen=True)
class Look:
    """One look.

    Attributes:
        days: Of a year's error it may spend the share of so many days.
        after: The look before, in words.
    """

    days: float = LONGEST * FIRST_SHARE
    after: str = "the first look"

    def error(self, confidence_level: float) -> float:
        """The probability with which this look may promote a challenger that is no better.

        In any 365 days the looks' days come to 365 and those before the first of them.

        Args:
            confidence_level: Of a year.
        """
        return (1 - confidence_level) * self.days / (YEAR + LONGEST)

    def level(self, confidence_level: float) -> float:
        """The confidence level of the two-sided interval whose lower end a gain exceeds with this error.

        Args:
            confidence_level: Of a year.
        """
        return 1 - 2 * self.error(confidence_level)


def first(gap: float | None, after: str) -> Look:
    """The first look at a partition.

    Args:
        gap: The days since the latest partition that was looked at before; None: there was none.
        after: See `Look`.
    """
    return Look(_come_together(gap) * FIRST_SHARE, after)


def further(gap: float | None, number: int, after: str) -> Look:
    """A look at a partition that is no later than one looked at before, such as by an edited file: each
    spends half of what is left.

    Args:
        gap: As of the first look.
        number: Which further look it is, from 1.
        after: See `Look`.
    """
    return Look(_come_together(gap) * (1 - FIRST_SHARE) / 2.0**number, after)


def _come_together(gap: float | None) -> float:
    return LONGEST if gap is None else min(gap, LONGEST)
