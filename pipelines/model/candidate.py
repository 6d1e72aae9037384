"""A fitted Pipeline as bytes and back, by skops: nothing in the bytes is run, and only types on a fixed list
are made.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile, ZipInfo

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from skops import io as skops

from pipelines.core import families
from pipelines.core.errors import BadInput, TableCorrupt
from pipelines.model.calibration import Line, Scale

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

    from pipelines.core.tasks import Task

# What our Pipelines hold beyond what skops trusts by itself. Nobody extends this list by configuration.
TRUSTED = frozenset(
    {
        "numpy.dtype",
        "pipelines.model.clip.PercentileClipper",
        *(name for family in families.EVERY for name in family.trusted),
    }
)
SCHEMA = "schema.json"
NO_STOP_WORDS = str(id(None))  # what a vectoriser without stop words keeps as their address


class UntrustedCandidate(BadInput):
    """A candidate's file names types that no Pipeline of ours holds."""


def with_calibration(pipeline: Pipeline, line: Line) -> Pipeline:
    """Let a fitted Pipeline's scores follow a line, wherever `scores` is asked.

    It is dumped and loaded with it.
    """
    pipeline.calibration_x_, pipeline.calibration_y_ = np.array(line.x), np.array(line.y)
    pipeline.calibration_scale_ = line.scale
    return pipeline


def with_note(pipeline: Pipeline, note: str) -> Pipeline:
    """Let a fitted Pipeline keep what came of its calibration, for the model card."""
    pipeline.calibration_note_ = note
    return pipeline


def note_of(pipeline: Pipeline) -> str | None:
    """What came of a Pipeline's calibration, where one was asked for."""
    note: str | None = getattr(pipeline, "calibration_note_", None)
    return note


def line_of(pipeline: Pipeline) -> Line | None:
    """The line that a Pipeline's scores follow, if any."""
    if not hasattr(pipeline, "calibration_x_"):
        return None
    scale: Scale = getattr(pipeline, "calibration_scale_", "score")  # a file of before margins has none
    return Line(tuple(pipeline.calibration_x_.tolist()), tuple(pipeline.calibration_y_.tolist()), scale)


def unfitted_copy(pipeline: Pipeline, **parameters: object) -> Pipeline:
    """The same Pipeline with other parameters, to be fitted on other rows.

    Its scores follow the same line.
    """
    again = clone(pipeline).set_params(**parameters)
    line = line_of(pipeline)
    return again if line is None else with_calibration(again, line)


def dump(pipeline: Pipeline) -> bytes:
    """Write a fitted Pipeline; the same Pipeline always gives the same bytes."""
    return _reproducible(skops.dumps(pipeline))


def load(content: bytes) -> Pipeline:
    """Read what `dump` wrote.

    Raises:
        UntrustedCandidate: the content names other types than a Pipeline of ours, or is no such file at all,
            such as a pickle.
    """
    try:
        return _load_trusted(content)
    except (
        BadZipFile,
        KeyError,
        TypeError,
        ValueError,
    ) as error:  # as skops, zipfile, json and NumPy refuse what is not theirs
        reason = str(error).strip().splitlines()[:1]
        raise UntrustedCandidate(
            f"the candidate's file ({len(content):,} bytes) is not one that Sluice wrote, so it is not"
            f" loaded: {' '.join(reason)}",
            fix="run the step tune again; it writes the file anew",
        ) from error


def _load_trusted(content: bytes) -> Pipeline:
    try:
        unknown = sorted(set(skops.get_untrusted_types(data=content)) - TRUSTED)
    except Exception as error:  # whatever skops and zipfile make of half a file
        raise TableCorrupt(
            "the candidate's file (candidates/*.skops) is damaged:"
            f" {str(error).splitlines()[0] if str(error) else type(error).__name__}",
            fix="run the step tune again; it writes the file anew",
        ) from error
    if unknown:
        raise UntrustedCandidate(
            "the candidate's file holds types that no Pipeline of Sluice has, so it is not loaded",
            details=unknown,
            fix="run the step tune again; it writes the file anew",
        )
    return skops.loads(content, trusted=sorted(TRUSTED))


def scores(pipeline: Pipeline, X: pd.DataFrame, task: Task) -> npt.NDArray[np.float64]:  # noqa: N803 (scikit-learn's letter)
    """Return the probability of the positive class, or the predicted number, shape (rows,)."""
    line = line_of(pipeline)
    if line is not None and line.scale != "score":
        return line(_margins(pipeline, X))
    found = np.asarray(
        pipeline.predict_proba(X)[:, 1] if task.probabilities else pipeline.predict(X), dtype=np.float64
    )
    return found if line is None else line(found)


def has_margins(pipeline: Pipeline) -> bool:
    """Whether the model has log-odds inside, of which its probabilities are made."""
    model = pipeline["model"]
    return hasattr(model, "decision_function") or hasattr(model, "get_booster")


def _margins(pipeline: Pipeline, X: pd.DataFrame) -> npt.NDArray[np.float64]:  # noqa: N803
    model, prepared = pipeline["model"], pipeline[:-1].transform(X)
    told = (
        model.predict(prepared, output_margin=True)
        if hasattr(model, "get_booster")
        else model.decision_function(prepared)
    )
    return np.asarray(told, dtype=np.float64)


def _reproducible(content: bytes) -> bytes:
    """Write a skops file anew without what differs from run to run.

    Skops names objects by their address in memory and files by chance, and a zip notes the time: here both
    are numbered in the order of the schema, and the time is a constant. A vectoriser keeps an address too, by
    which it knows stop words that it has checked before; without it, it checks them again.
    """
    with ZipFile(io.BytesIO(content)) as read:
        schema = json.loads(read.read(SCHEMA))
        files: dict[str, str] = {}
        _renumber(schema, {}, files)
        every = {new: read.read(old) for old, new in files.items()}
    every[SCHEMA] = json.dumps(schema, indent=1).encode()
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as written:
        for name, part in every.items():
            written.writestr(ZipInfo(name), part)
    return buffer.getvalue()


def _renumber(node: Any, ids: dict[int, int], files: dict[str, str]) -> None:
    if isinstance(node, dict):
        # A vocabulary may hold the words `file` and `__id__`: their values are nodes, never a plain string or
        # number.
        if isinstance(node.get("__id__"), int):
            node["__id__"] = ids.setdefault(node["__id__"], len(ids))
        if isinstance(node.get("file"), str):
            suffix = node["file"].rpartition(".")[2]
            node["file"] = files.setdefault(node["file"], f"{len(files)}.{suffix}")
        if node.get("content") == NO_STOP_WORDS:
            node["content"] = "null"
        for value in node.values():
            _renumber(value, ids, files)
    elif isinstance(node, list):
        for value in node:
            _renumber(value, ids, files)
