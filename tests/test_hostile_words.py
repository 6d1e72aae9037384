"""Names and values of the data and of the use-case file stay names and values, on the whole way into the
features: none becomes SQL or a path.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa
import pytest
import yaml
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from pipelines import flow
from pipelines.core.errors import BadUseCase
from pipelines.core.use_cases import load
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from tests.helpers import tiny

DAY = date(2026, 2, 1)
# Without white space, of which cleansing leaves one blank.
words = st.text(st.sampled_from("'\"\\;-/*.<>&%$?:|=#@`{}()[]aZ1é\U0001f600"), min_size=1, max_size=12)
given_rows: list[dict[str, Any]] = []


def rows(day: date) -> pa.Table:
    """What the test has laid out, for one day, and nothing for the days before."""
    return pa.Table.from_pylist(given_rows if day == DAY else given_rows[:1]).slice(
        0, None if day == DAY else 0
    )


def told(settings: Settings, source_name: str, first: str, second: str) -> Run:
    """The tiny use case, of which a column's name in the source and all its values are whatever they are."""
    stated = yaml.safe_load(tiny.YAML)
    stated["source"]["function"] = "tests.test_hostile_words:rows"
    stated["columns"]["channel"]["allowed"] = [first]
    stated["cleanse"] = {
        "rename": {source_name: "channel"},
        "merge": {"channel": {first: [second]}},
        "missing": {"customer": [second]},
    }
    (settings.use_cases / f"{tiny.NAME}.yaml").write_text(yaml.safe_dump(stated, sort_keys=False))
    return Run.open(tiny.NAME, "scoring", DAY, settings)


@hypothesis(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(source_name=words, values=st.tuples(words, words, words).filter(lambda found: len(set(found)) == 3))
@example(source_name="../../x'; --", values=("');DROP/**/TABLE/**/raw;--", "\"'", "{partition}"))
@example(source_name='channel" , (SELECT 1) AS "x', values=("<script>", "$1", "?"))
def test_any_name_and_any_value_go_the_whole_way_as_they_are(
    settings: Settings, source_name: str, values: tuple[str, str, str]
) -> None:
    first, second, third = values
    given_rows[:] = tiny.payments(DAY).to_pylist()
    for number, row in enumerate(given_rows):
        row[source_name] = values[number % 3]
        del row["channel"]
        row["customer"] = (second, third)[number % 2]
    run = told(settings, source_name, first, second)
    for step in (flow.ingest, flow.cleanse, flow.past, flow.features):
        step(run.task())
    store = run.task().store
    assert {
        row[0]
        for row in (
            store.read("raw").select(f'"{source_name.replace(chr(34), chr(34) * 2)}"').distinct().fetchall()
        )
    } == set(values)
    # `second` was merged into `first`; `third` is not allowed.
    assert {row[0] for row in store.read("features").select("channel").distinct().fetchall()} == {first}
    assert {row[0] for row in store.read("clean").select("customer").distinct().fetchall()} <= {None, third}
    assert store.read("quarantine").count("*").fetchall()[0][0] > 0
    assert not [
        path for path in settings.disk.parent.iterdir() if path.name not in ("data", "use_cases", "var")
    ]


@pytest.mark.parametrize("name", ["../x", "a/b", "A", "a b", "a\n", "", "<b>", "a'--", "\uff41"])
@pytest.mark.parametrize("where", ["name", "column", "feature", "window"])
def test_a_name_of_ones_own_is_a_plain_word(settings: Settings, name: str, where: str) -> None:
    stated = yaml.safe_load(tiny.YAML)
    if where == "name":
        stated["name"] = name
    else:
        inside = {
            "column": stated["columns"],
            "feature": stated["features"]["numbers"],
            "window": stated["features"]["windows"],
        }[where]
        inside[name] = inside[next(iter(inside))]
    (settings.use_cases / f"{tiny.NAME}.yaml").write_text(yaml.safe_dump(stated, sort_keys=False))
    with pytest.raises(BadUseCase):
        load(settings.use_cases, tiny.NAME)


@pytest.mark.parametrize("name", ["../tiny", "/etc/passwd", "tiny/../tiny", "tiny.yaml", "*"])
def test_a_use_case_is_asked_for_by_its_name_alone(settings: Settings, name: str) -> None:
    (settings.use_cases.parent / "passwd.yaml").write_text(tiny.YAML)
    with pytest.raises(BadUseCase, match="no use case"):
        Run.open(name, "scoring", DAY, settings)
