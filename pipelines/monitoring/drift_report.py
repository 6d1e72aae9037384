"""Evidently's part of the drift report: its statistics by methods that we name, and its page, the same bytes
each time.

The only module that imports Evidently, which costs 5 to 11 seconds.
"""

from __future__ import annotations

import json
import math
import re
import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.metrics import ValueDrift
from evidently.presets import DataDriftPreset
from scipy import stats
from sklearn.exceptions import ConvergenceWarning

Type: TypeAlias = Literal["number", "category", "text"]
Method: TypeAlias = Literal["ks", "wasserstein", "jensenshannon", "abs_text_content_drift"]

CHANCE = 0.001  # how likely a test may be to take chance for drift
MANY_ROWS = 2_000  # from here on Wasserstein's distance is steady enough; below, it finds drift everywhere
FAR = 0.1  # standard deviations that matter (Wasserstein)
FAR_CATEGORY = (
    0.07  # the Jensen-Shannon distance (0 to 0.83) when ten of a hundred rows move from one half to the other
)
TELLABLE = 0.55  # the area under the ROC curve from which on old and new texts can be told apart
FEW_VALUES = (
    20  # of a number: up to here Evidently's Jensen-Shannon distance takes them as they are, beyond in bins
)
FEW_TEXTS = 20  # a classifier cannot learn from fewer

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
PAGE_ID = re.compile(r"metric_[0-9a-f]{32}")
# Where the data stand in Evidently's page: two statements, a line each, whose values are JSON within a
# script.
DATA = re.compile(r"^ *var (?:additional_graphs_)?metric_sluice = .*$", re.MULTILINE)


@dataclass(frozen=True)
class Test:
    """How one column is judged.

    Attributes:
        column: Its name.
        type: What Evidently takes it for.
        method: Evidently's name of the statistic.
        threshold: From where on the statistic means drift: a p-value (ks) at or below it, another at or above
            it.
    """

    column: str
    type: Type
    method: Method
    threshold: float

    def drifted(self, value: float) -> bool:
        """Whether the statistic means drift."""
        return value <= self.threshold if self.method == "ks" else value >= self.threshold


@dataclass(frozen=True)
class Comparison:
    """What Evidently found.

    Attributes:
        values: Column -> statistic; None for texts without a word that tells anything.
        html: Its page: one file that needs nothing from elsewhere.
    """

    values: dict[str, float | None]
    html: str


def test_for(type_: Type, before: pd.Series, now: pd.Series) -> Test | None:
    """Choose method and threshold for a column by its kind and its numbers of values.

    The tests are meant to be silent where nothing has changed: a distance must matter and be more than
    chance. In per cent of 100 draws each of 17 shapes of features (normal, log-normal, t, Poisson, rare ones,
    mostly zeros, 2 to 5,000 categories of Zipf's frequencies, ...) against 10,000 reference rows, as
    `benchmarks/drift_alarms.py` measures it:

        rows of the week                        30    100    300    600  1,000  2,000  5,000  10,000
        false alarms                           0.1    0.4    0.1    0.2    0.2    0.1    0.1     0.0
        found: mean moved by 0.6 deviations     30     98    100    100    100    100    100     100
        found: mean moved by 0.3 deviations      6     24     88     99    100    100    100     100
        found: indicator from 2 to 8 %           3     26     94     98     99    100    100     100
        found: 5 % in a new category             2     28     97    100    100    100    100     100

    Wasserstein's distance above 0.1 at any number of rows, which is what Evidently proposes, gives 89, 55, 13
    and 3.1 per cent of false alarms at 30 to 600 rows. Texts of real messages, 30 draws: no false alarm; half
    spam instead of an eighth is found always from 690 rows on, hardly ever at 300.

    Args:
        type_: What the column holds.
        before: Its values in the reference; missing ones are left out of account.
        now: Its values in the week.

    Returns:
        None where there is nothing to compare: a side without values, or too few texts.
    """
    before, now = before.dropna(), now.dropna()
    if before.empty or now.empty:
        return None
    name = str(before.name)
    if type_ == "text":
        enough = min(len(before), len(now)) >= FEW_TEXTS
        return (
            Test(name, "text", "abs_text_content_drift", _least_auc(len(before), len(now)))
            if enough
            else None
        )
    values, many = before.nunique(), min(len(before), len(now)) >= MANY_ROWS
    # A constant has no spread for Wasserstein to measure in, and K-S hardly sees a change among few values.
    if type_ == "category" or values == 1 or (values <= FEW_VALUES and not many):
        return Test(name, type_, "jensenshannon", _distance(before, now))
    return Test(name, "number", "wasserstein", FAR) if many else Test(name, "number", "ks", CHANCE)


def compare(
    tests: Sequence[Test],
    before: pd.DataFrame,
    now: pd.DataFrame,
    *,
    hidden: Collection[str],
    apart: str,
    time: str,
    drift_share: float,
) -> Comparison:
    """Let Evidently compare columns.

    Args:
        tests: What to compare, and how.
        before: The reference.
        now: The week.
        hidden: Columns that the page must not show. Texts, of which it would show examples word for word, it
            never shows.
        apart: The column that the page shows below the others and does not count as one of them.
        time: The column by which the page draws the week.
        drift_share: From which share of drifted columns on the page calls the whole week drifted.
    """
    shown = [test for test in tests if test.type != "text" and test.column not in hidden]
    together = [test for test in shown if test.column != apart]
    preset = DataDriftPreset(
        columns=[test.column for test in together],
        per_column_method={test.column: test.method for test in together},
        per_column_threshold={test.column: test.threshold for test in together},
        drift_share=drift_share,
    )
    # Evidently refuses a preset of no columns.
    metrics = [
        *([preset] if together else []),
        *(_value_drift(test) for test in shown if test.column == apart),
    ]
    snapshot = _run(metrics, shown, before, now, time)
    values = _values(snapshot) | statistics([test for test in tests if test not in shown], before, now)
    return Comparison(values, _escape_scripts(_steady(snapshot.get_html_str(as_iframe=False))))


def statistics(tests: Sequence[Test], before: pd.DataFrame, now: pd.DataFrame) -> dict[str, float | None]:
    """Let Evidently compare columns, without a page: column -> statistic, None for texts without a word that
    tells anything.
    """
    plain = [test for test in tests if test.type != "text"]
    values = _values(_run([_value_drift(test) for test in plain], plain, before, now)) if plain else {}
    return values | {test.column: _text_statistic(test, before, now) for test in tests if test.type == "text"}


def _distance(before: pd.Series, now: pd.Series) -> float:
    """The Jensen-Shannon distance d that matters and is more than chance.

    Without drift, 8 d² nm/(n+m) follows the chi-squared distribution with k-1 degrees of freedom, k being the
    number of values (the second-order expansion of the divergence, see Menéndez et al. 1997, J. Franklin
    Institute 334B(2)).
    """
    values = len(set(before) | set(now))
    rows = len(before) * len(now) / (len(before) + len(now))
    return max(FAR_CATEGORY, math.sqrt(float(stats.chi2.isf(CHANCE, max(values - 1, 1))) / (8 * rows)))


def _least_auc(before: int, now: int) -> float:
    """The area under the ROC curve that matters and is more than chance, on the half of the texts that
    Evidently tests on.

    Without drift its variance is (n+m+1)/(12nm) (Mann and Whitney 1947).
    """
    n, m = before / 2, now / 2
    return max(TELLABLE, 0.5 + float(stats.norm.isf(CHANCE)) * math.sqrt((n + m + 1) / (12 * n * m)))


def _value_drift(test: Test) -> ValueDrift:
    return ValueDrift(column=test.column, method=test.method, threshold=test.threshold)


def _run(
    metrics: list[Any],
    tests: Sequence[Test],
    before: pd.DataFrame,
    now: pd.DataFrame,
    time: str | None = None,
) -> Any:
    columns = [*(test.column for test in tests), *([time] if time else [])]
    definition = DataDefinition(
        numerical_columns=[test.column for test in tests if test.type == "number"],
        categorical_columns=[test.column for test in tests if test.type == "category"],
        text_columns=[test.column for test in tests if test.type == "text"],
        timestamp=time,
    )
    with warnings.catch_warnings():
        # Evidently also computes correlations, which constants do not have, and does not give its text
        # classifier time to converge.
        warnings.simplefilter("ignore", RuntimeWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        return Report(metrics).run(
            Dataset.from_pandas(now[columns], data_definition=definition),
            Dataset.from_pandas(before[columns], data_definition=definition),
        )


def _values(snapshot: Any) -> dict[str, float | None]:
    metrics = json.loads(snapshot.json())["metrics"]
    return {
        metric["config"]["column"]: _number(metric["value"])
        for metric in metrics
        if metric["config"]["type"].endswith(":ValueDrift")
    }


def _number(value: float) -> float:
    """Six digits, since the last ones depend on the order in which Python's sets happen to be summed up."""
    # The distance of equal distributions may be the root of a tiny negative number.
    return 0.0 if math.isnan(value) else float(f"{value:.6g}")


def _text_statistic(test: Test, before: pd.DataFrame, now: pd.DataFrame) -> float | None:
    try:
        return _values(_run([_value_drift(test)], [test], before, now))[test.column]
    except ValueError as error:
        # scikit-learn's words for a vocabulary in which nothing is left: stop words only, or the same text in
        # every row.
        if "empty vocabulary" in str(error) or "no terms remain" in str(error):
            return None
        raise


def _steady(html: str) -> str:
    """Replace Evidently's random ids by numbers in the order of their appearance."""
    ids: dict[str, str] = {}
    html = PAGE_ID.sub("metric_sluice", html)
    return UUID.sub(lambda match: ids.setdefault(match[0], f"00000000-0000-4000-8000-{len(ids):012x}"), html)


def _escape_scripts(html: str) -> str:
    """Spell `<` otherwise in the data: Evidently writes `</script>` of a category as it is, and what comes
    after it would run.
    """
    return DATA.sub(lambda match: match[0].replace("<", "\\u003c"), html)
