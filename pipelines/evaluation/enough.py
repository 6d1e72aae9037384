"""How many held-out rows and units a promotion needs: of fewer, no interval is what it says.

Of fewer, draws of the rows tell nothing of the chances of other rows. `benchmarks/promotions.py` counts how
often a challenger that is no better is promoted by them; the numbers themselves were chosen, not swept.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.evaluation.scores import RARER, UNITS
from pipelines.evaluation.verdict import PromotionRule

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.core.config import UseCase


@dataclass(frozen=True)
class Least:
    """What is needed.

    Attributes:
        rows: Of the rarer class, where there are classes.
        units: The effective number of units, see `bootstrap.effective_units`.
    """

    rows: int
    units: int


OVER_CHAMPION, OVER_BASELINE = Least(rows=20, units=10), Least(rows=10, units=5)


def rule(whole: Mapping[str, pd.Series], champion: str | None, use_case: UseCase) -> Iterator[PromotionRule]:
    """A rule that does not hold, where there are too few.

    Args:
        whole: Metric -> its row of the table `scores` about all held-out rows.
        champion: The version that was compared, if there is one.
        use_case: The days of a training.
    """
    least = OVER_CHAMPION if champion else OVER_BASELINE
    units, rarer = whole[UNITS], whole.get(RARER)
    effective, window = float(units["challenger"]), use_case.split.window_days
    role = "champion" if champion else "baseline"
    if rarer is not None and rarer["n"] < least.rows:
        found, needed, what = float(rarer["n"]), least.rows, str(rarer["note"])
        sentence = f"the held-out rows have {found:,.0f} {what}"
    elif effective < least.units:
        found, needed, what = effective, least.units, _units(str(units["note"]))
        told = f" with {rarer['note']}" if rarer is not None else ""
        sentence = f"the held-out rows{told} tell as much as {found:.1f} {what} of equal weight"
    else:
        return
    sentence += f", and {needed} are needed over the {role}"
    if use_case.candidates.keep:
        sentence += ": run a later partition, which has more days that are new to the model"
    elif found > 0:
        days = math.ceil(window * needed / found)
        sentence += f": about {days - window:,} more days (split.window_days: {days:,})"
    else:
        sentence += f": more than the {window} days of split.window_days"
    yield PromotionRule(name="enough units", holds=False, sentence=sentence, found=found, allowed=needed)


def _units(unit: str) -> str:
    return {"row": "rows", "day": "days"}.get(unit, f"units of {unit}")
