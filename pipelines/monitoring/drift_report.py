"""Evidently's report of two sides, the same bytes each time: for whoever asks for it, no verdict of Sluice's.

The only module that imports Evidently, which costs 5 to 11 seconds. Its page has 6 MB.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
PAGE_ID = re.compile(r"metric_[0-9a-f]{32}")
# Where the data stand in Evidently's page: two statements, a line each, whose values are JSON within a
# script.
DATA = re.compile(r"^ *var (?:additional_graphs_)?metric_sluice = .*$", re.MULTILINE)


def html(before: pd.DataFrame, now: pd.DataFrame, types: Mapping[str, str], time: str) -> str:
    """Let Evidently compare columns by its own methods and thresholds.

    Args:
        before: The reference.
        now: The week.
        types: Column -> number or category. Texts, of which it would show examples word for word, and
            personal columns are not for it.
        time: The column by which the page draws the week.

    Returns:
        Its page: one file that needs nothing from elsewhere. Columns without a value on either side are left
        out, since Evidently refuses them.
    """
    shown = [name for name in types if before[name].notna().any() and now[name].notna().any()]
    definition = DataDefinition(
        numerical_columns=[name for name in shown if types[name] == "number"],
        categorical_columns=[name for name in shown if types[name] == "category"],
        timestamp=time,
    )
    with warnings.catch_warnings():
        # Evidently also computes correlations, which constants do not have.
        warnings.simplefilter("ignore", RuntimeWarning)
        snapshot = Report([DataDriftPreset(columns=shown)]).run(
            Dataset.from_pandas(now[[*shown, time]], data_definition=definition),
            Dataset.from_pandas(before[[*shown, time]], data_definition=definition),
        )
    return _escape_scripts(_steady(snapshot.get_html_str(as_iframe=False)))


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
