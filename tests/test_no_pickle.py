"""Nothing is ever unpickled: no code asks for it, and a pickle in the place of an artefact is refused without
being run.
"""

from __future__ import annotations

import ast
import io
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pipelines.core.errors import BadInput, SluiceError, TableCorrupt
from pipelines.model import candidate
from pipelines.model.graph import Graph
from pipelines.registry import registry
from pipelines.registry.history import History
from pipelines.run.run import Run
from pipelines.storage.settings import ROOT
from tests.helpers import fitted
from tests.registry.test_history import FIRST

MODULES = {"pickle", "cPickle", "cloudpickle", "dill", "shelve", "marshal"}
CALLS = {"read_pickle", "to_pickle", "load_model"}  # MLflow's loaders of other flavours than ONNX unpickle


class Evil:
    """Leaves a file where it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return (Path.write_text, (self.trace, "was run"))


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return tmp_path / "trace"


@pytest.fixture
def planted(trace: Path) -> bytes:
    content = pickle.dumps(Evil(trace))
    pickle.loads(content)  # noqa: S301  (the trap works)
    assert trace.read_text() == "was run"
    trace.unlink()
    return content


def sources() -> list[Path]:
    return [
        path
        for folder in ("pipelines", "plugins", "dags", "include", "scripts")
        for path in (ROOT / folder).rglob("*.py")
    ]


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_code_asks_for_a_pickle(path: Path) -> None:
    tree = ast.parse(path.read_text())
    imported = {
        alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    imported |= {
        (node.module or "").split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
    }
    imported |= {
        "pickle"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "joblib"
        for name in node.names
        if name.name == "load"
    }
    called = {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    allowing = {
        kw.arg
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for kw in node.keywords
        if kw.arg == "allow_pickle"
    }
    assert (imported & MODULES, called & CALLS, allowing) == (set(), set(), set())


def test_a_pickle_in_the_place_of_a_graph_is_no_graph(planted: bytes, trace: Path) -> None:
    with pytest.raises(BadInput, match="no ONNX graph"):
        Graph(planted)
    assert not trace.exists()


def in_a_zip(content: bytes, *, schema: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("schema.json", schema)
        file.writestr("0.npy", content)
    return buffer.getvalue()


def test_a_pickle_in_the_place_of_a_candidate_or_inside_one_is_refused(planted: bytes, trace: Path) -> None:
    array = (
        '{"__class__": "ndarray", "__module__": "numpy", "__loader__": "NdArrayNode", "__id__": 1, "type":'
        ' "numpy", "file": "0.npy", "protocol": 0}'
    )
    reduced = (
        '{"__class__": "Path", "__module__": "pathlib", "__loader__": "ReduceNode", "__id__": 1, "file":'
        ' "0.npy", "protocol": 0}'
    )
    for content in (planted, in_a_zip(planted, schema=array), in_a_zip(planted, schema=reduced)):
        with pytest.raises(
            (candidate.UntrustedCandidate, TableCorrupt),
            match=r"so it is not loaded|\(candidates/\*\.skops\) is damaged: ",
        ):
            candidate.load(content)
        assert not trace.exists()


def test_a_pickle_in_the_place_of_a_registered_model_is_not_served_even_with_its_checksum(
    open_run: Callable[..., Run], mlflow_uri: str, planted: bytes, trace: Path
) -> None:
    from pipelines.registry import tracking

    run = open_run("training", date(2026, 1, 31))
    registry.register(run, fitted.exported(), fitted.verdict())
    challenger = str(tracking.connect(run.settings).get_registered_model("tiny").aliases["challenger"])
    History.of(run.settings, "tiny").append(replace(FIRST, version=challenger))
    winner = fitted.exported().graphs["xgboost"]
    (file,) = (path for path in run.settings.artifacts.rglob("model.onnx") if path.read_bytes() == winner)
    file.write_bytes(planted)
    client = tracking.connect(run.settings)
    for checksum in ("as it was", registry._sha256(planted)):
        if checksum != "as it was":
            client.set_model_version_tag("tiny", challenger, registry.GRAPH_TAG, checksum)
        with pytest.raises(SluiceError, match=r"registered was|no ONNX graph"):
            registry.champion(run)
    assert not trace.exists()
    assert mlflow_uri
