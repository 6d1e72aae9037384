"""No page runs what stands in the data, in a use-case file, or in what people have typed: each kind of page,
made of nothing but attacks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import cache
from itertools import cycle
from pathlib import Path

import pandas as pd
import pytest
import yaml

from pipelines import runner
from pipelines.core import sql
from pipelines.core.errors import GateClosed
from pipelines.core.use_cases import Loaded
from pipelines.registry.versions import FILE, Snapshot
from pipelines.reports import card
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from pipelines.storage.store import Store, Version
from tests.helpers import evaluations, fitted, harmless, tables, tiny
from tests.helpers.harmless import ATTACKS
from tests.steps import test_drift

EVIL = " ".join(ATTACKS)


@pytest.fixture
def model_card(settings: Settings) -> str:
    """Of slices, a title, rules and notes that are attacks."""

    def poisoned(rows: pd.DataFrame) -> pd.DataFrame:
        levels = dict(zip(rows["channel"].dropna().unique(), cycle(ATTACKS), strict=False))
        return rows.assign(channel=rows["channel"].replace(levels))

    use_case = evaluations.facts(title=EVIL)
    judged = evaluations.judge(use_case, evaluations.champion("linear"), change=poisoned)
    rules = tuple(replace(rule, sentence=EVIL) for rule in judged.verdict.rules)
    store = Store(
        settings.data, use_case.name, "training", date(2026, 1, 31), Version(use_case="f00", code="c0de")
    )
    store.write_file(FILE, Snapshot("5nap.dir", 1, 1, "features", date(2026, 1, 31)).as_json())
    run = Run(Loaded(use_case, Path("tiny.yaml"), "f00", {}), store, settings)
    return card.render(run, replace(judged, verdict=replace(judged.verdict, rules=rules, notes=(EVIL,))))


@pytest.fixture
def gate_pages(settings: Settings) -> Callable[[str], str]:
    """Of a table whose columns' names and values are attacks, as are the file's title, its values and its
    reasons.
    """
    stated = yaml.safe_load(tiny.YAML)
    stated["title"] = EVIL
    stated["columns"]["channel"]["why"] = EVIL
    stated["cleanse"]["rename"] = {EVIL: "channel"}
    own = [
        {"expect_column_values_to_be_in_set": {"column": EVIL, "value_set": ["chip"]}, "why": EVIL},
        {
            "expect_column_values_to_be_in_set": {"column": "customer", "value_set": [EVIL, *ATTACKS[1:3]]},
            "severity": "warn",
        },
        {
            "expect_column_distinct_values_to_be_in_set": {"column": EVIL, "value_set": list(ATTACKS[:3])},
            "severity": "warn",
        },
        {
            "expect_column_values_to_match_regex": {"column": "id", "regex": "<script>zq7evil"},
            "severity": "warn",
        },
        {"expect_column_values_to_be_known": {"column": EVIL}, "severity": "warn"},
    ]
    stated["gates"] = {"raw": own}
    (settings.use_cases / f"{tiny.NAME}.yaml").write_text(yaml.safe_dump(stated, sort_keys=False))
    run = Run.open(tiny.NAME, "scoring", tables.PARTITIONS["scoring"], settings)
    attacks = ", ".join(map(sql.text, ATTACKS))
    raw = (
        f"SELECT * EXCLUDE channel REPLACE ([{attacks}][1 + amount::INT % {len(ATTACKS)}] AS customer),"
        f" customer AS {sql.name(EVIL)} FROM ({tables.GOOD['raw']})"
    )
    tables.write(run, "raw", raw)
    with pytest.raises(GateClosed):
        runner.gate(run, "raw")
    read = {path.name: path.read_text() for path in settings.disk.rglob("*.html")}
    return read.__getitem__


@cache
def drift_page() -> str:
    """Of a week whose channels and texts are attacks, beside a reference whose channels are."""
    week, before = (rows.copy() for rows in (test_drift.drifted_week(), fitted.rows()))
    for rows, attacks in ((week, ATTACKS), (before, ATTACKS[:6])):
        for column in ("channel", "note"):
            rows[column] = [attacks[n % len(attacks)] for n in range(len(rows))]
    use_case = fitted.use_case().model_copy(update={"title": EVIL})
    return test_drift.page(test_drift.compare(week, reference=before, use_case=use_case))


@pytest.mark.parametrize("page", ["card", "gate_raw.html", "gate_raw_full.html", "index.html", "drift"])
def test_no_page_runs_what_stands_in_the_data(request: pytest.FixtureRequest, page: str) -> None:
    if page == "card":
        html = request.getfixturevalue("model_card")
    elif page == "drift":
        html = drift_page()
    else:
        html = request.getfixturevalue("gate_pages")(page)
    # The index tells no value.
    assert harmless.whole(html) or page == "index.html"
    assert harmless.harm(html) == []


@pytest.mark.parametrize("attack", ATTACKS[:8])
def test_an_attack_would_be_seen(attack: str) -> None:
    assert harmless.harm(f"<p title='{attack}'>{attack}</p>") or harmless.harm(
        f"<script>const a = '{attack}'</script><a href='{attack}'>"
    )
