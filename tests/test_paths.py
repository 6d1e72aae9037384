"""No path of a use-case file leads out of its folder, and every text of a file that might be one is known as
a path or as none.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipelines.core.config import FileSource, HttpSource, Search, UseCase
from pipelines.core.errors import BadInput
from pipelines.core.use_cases import load
from pipelines.model import families
from pipelines.sources import http
from pipelines.storage.settings import ROOT, Settings
from tests.helpers.sourced import open_run, read
from tests.sources.cases.archives import CONTENT
from tests.sources.test_http import serving

SCHEMA = UseCase.model_json_schema(mode="validation")
# Read from (by `FileSource`: absolute, or below the project's root), and read and written below the cache.
PATHS = {"FileSource.path", "HttpSource.mirror", "Expected.holidays_file", "Expected.days_file"}
# Texts that name no file, and why: SQL of the allow-list or of the user's own database, names and values of
# data, notes, words of a fixed form. `member` is looked up among an archive's own names, and nothing is
# unpacked under it.
NO_PATHS = {
    *("Alerts.webhook", "SqlSource.connection", "Sink.connection"),  # ids of connections
    *(
        "Cleanse.rules.*",
        "Features.categories.*",
        "Features.numbers.*",
        "Features.texts.*",
        "SqlSource.query",
    ),
    *("FileSource.derive.*", "HttpSource.derive.*", "PythonSource.derive.*", "SqlSource.derive.*"),
    *(
        "Cleanse.fill.*",
        "Cleanse.merge.* keys",
        "Cleanse.merge.*.*[]",
        "Cleanse.missing.*[]",
        "Cleanse.rename keys",
    ),
    *("Column.format", "Column.max", "Column.min"),  # a spelling, and days or moments
    *("Column.allowed[]", "Label.positive", "FileFormat.quote", "FileFormat.separator"),
    *("Column.why", "Expectation.why", "UseCase.title", "HttpSource.licence", "HttpSource.member"),
    *(
        "Column.known_after",
        "Promotion.approval",
        "Retrain.cooldown",
        "Schedule.drift",
        "Schedule.scoring",
        "Schedule.training",
        "Join.within",
        "Keep.since",
        "Keep.judged_from",
        "OtherSource.delay",
        "Partition.at",
        "Partition.zone",
        "Window.since",
        "Window.until",
    ),
    "Expectation.kwargs anything",  # arguments of expectations on a table, see tests/gates/gx/test_dialect.py
    *("Search.grid keys", "Search.grid.*[]"),  # below
    "UseCase.gates keys",
}


def texts(node: dict[str, Any], where: str, seen: tuple[str, ...] = ()) -> Iterator[tuple[str, bool]]:
    """Every place of the schema where any text may stand, and whether a pattern says which."""
    if "$ref" in node:
        name = node["$ref"].split("/")[-1]
        if name not in seen:
            yield from texts(SCHEMA["$defs"][name], name, (*seen, name))
        return
    if node.get("type") == "string" and not {"enum", "const", "format"} & set(node):
        yield where, "pattern" in node
    for kind in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for one in node.get(kind, ()):
            yield from texts(one, where, seen)
    if isinstance(node.get("items"), dict):
        yield from texts(node["items"], f"{where}[]", seen)
    if node.get("additionalProperties") is True:
        yield f"{where} anything", False
    if isinstance(values := node.get("additionalProperties"), dict):
        names = node.get("propertyNames", {})
        yield f"{where} keys", "pattern" in names
        yield from texts(values, f"{where}.*", seen)
    for values in node.get("patternProperties", {}).values():
        yield from texts(values, f"{where}.*", seen)
    for name, value in node.get("properties", {}).items():
        yield from texts(value, f"{where}.{name}", seen)


def test_every_text_of_a_file_is_a_plain_word_a_path_with_a_rule_or_known_as_no_path() -> None:
    free = {where for where, has_pattern in texts(SCHEMA, "UseCase") if not has_pattern}
    assert free - PATHS - NO_PATHS == set(), "new texts: is one of them a path?"
    assert (PATHS | NO_PATHS) - free == set(), "texts that are gone"


def with_mirror(mirror: str, **changed: Any) -> HttpSource:
    given = {
        "kind": "http",
        "url": "https://x/a",
        "sha256": "0" * 64,
        "licence": "none",
        "format": {"type": "csv"},
    }
    return HttpSource.model_validate({**given, **changed, "mirror": mirror})


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "../..",
        "a/../../x",
        "/etc/x",
        "a//b",
        "a/./b",
        "",
        ".",
        "a/",
        "a\\..\\b",
        "\u00e9" * 150,
        "a" * 2000,
    ],
)
def test_what_is_written_below_the_cache_is_named_by_plain_names(path: str) -> None:
    with pytest.raises(ValidationError):
        with_mirror(path)


@pytest.mark.parametrize(
    "path", ["../x/*.csv", "data/../../x", "/srv/../etc/passwd", "..", "{partition}/..", "", "a" * 2000]
)
def test_no_path_that_is_read_leads_up(path: str) -> None:
    with pytest.raises(ValidationError):
        FileSource.model_validate({"kind": "file", "path": path, "format": {"type": "csv"}})


@pytest.mark.parametrize("path", ["data/*.csv", "/srv/feed/{partition}/*.csv", "data/**/..x.csv", "a..b/c"])
def test_paths_below_the_root_and_absolute_ones_are_read(path: str) -> None:
    assert FileSource.model_validate({"kind": "file", "path": path, "format": {"type": "csv"}}).path == path


def test_a_link_in_the_cache_leads_no_download_out_of_it(settings: Settings, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    settings.cache.mkdir(parents=True)
    (settings.cache / "shop").symlink_to(outside)
    with serving() as server:
        source = with_mirror(
            "shop/new/a.csv", url=f"{server}/plain", sha256=hashlib.sha256(CONTENT).hexdigest()
        )
        with pytest.raises(BadInput, match="a link leads out of the cache: nothing is downloaded"):
            http.fetch(source, settings)
    assert list(outside.iterdir()) == []


def test_a_cache_that_is_itself_a_link_is_as_good_as_any(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "big disk").mkdir()
    settings.cache.parent.mkdir(exist_ok=True)
    settings.cache.symlink_to(tmp_path / "big disk")
    with serving() as server:
        source = with_mirror("shop/a.csv", url=f"{server}/plain", sha256=hashlib.sha256(CONTENT).hexdigest())
        assert http.fetch(source, settings).read_bytes() == CONTENT
    assert (tmp_path / "big disk" / "shop" / "a.csv").is_file()


@pytest.mark.parametrize("lay", [os.mkfifo, Path.mkdir], ids=["a pipe", "a folder"])
def test_a_source_that_is_no_file_is_refused_and_not_waited_for(
    settings: Settings, tmp_path: Path, lay: Any
) -> None:
    lay(tmp_path / "rows.csv")
    source = {"kind": "file", "path": f"{tmp_path}/rows.csv", "format": {"type": "csv"}}
    with pytest.raises(BadInput, match=r"rows.csv is no file of rows, but a folder, a pipe or a device"):
        read(open_run(settings, source, "scoring", date(2026, 2, 1)))


@pytest.mark.parametrize("name", ["sms_spam", "card_fraud"])
def test_no_parameter_of_a_grid_reads_or_writes_files(name: str) -> None:
    use_case = load(ROOT / "include" / "use_cases", name).use_case
    for family in ("linear", "forest", "xgboost"):
        known = families.pipeline(use_case, family).get_params()
        paths = {each for each in known if each.split("__")[-1] in ("memory", "input")}
        assert paths
        for each in paths:
            search = Search(grid={each if "__" in each else f"model__{each}": ("x",)})
            changed = use_case.model_copy(
                update={"candidates": use_case.candidates.model_copy(update={family: search})}
            )
            told = [sentence for _, sentence in families.check_grid(changed)]
            assert any("no parameter" in sentence or "is about files" in sentence for sentence in told), each
