"""A folder in which a use case is played beside its real life: a copy of its source's days, and tables,
models and a history of their own, which nobody else reads.
"""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import duckdb

from pipelines.core import dates, other_rows
from pipelines.core.calendar import DAILY
from pipelines.core.config import FileFormat, FileSource, UseCase
from pipelines.core.dates import Days
from pipelines.core.errors import BadInput
from pipelines.core.sql import name as quoted
from pipelines.model.engine_pool import cores
from pipelines.run.run import Run
from pipelines.steps import as_learned, ingest, past
from pipelines.steps.cleanse import cleanse
from pipelines.steps.features import compute
from pipelines.storage import spill
from pipelines.storage.settings import Settings
from pipelines.storage.store import Store

T = TypeVar("T")

DELIVERED = "delivered"  # the folder from which the played use case reads its days
OTHERS = "others"  # that from which it reads its other sources, a file each
KNOWN = timedelta(days=400)  # after a day, its labels are known, however late they are


@contextmanager
def place() -> Iterator[Path]:
    """A folder of one's own, which nobody else may read, and which the next command removes where this one is
    killed: what lies there are copies of rows.
    """
    with tempfile.TemporaryDirectory(prefix="played-", dir=spill.folder()) as folder:
        yield Path(folder)


def require_days(use_case: UseCase) -> UseCase:
    """Make sure that a use case can be played.

    Raises:
        BadInput: its partitions are no days from midnight to midnight, which is all that is played.
    """
    if use_case.calendar != DAILY:
        raise BadInput(
            f"partitions of {use_case.name} are no days from midnight to midnight (UTC), and only such are"
            " played: gates test, monitor test and rehearse know no others",
            where="partition",
            fix="its gates and reports hold all the same; damage a delivery by hand to see a gate close",
        )
    return use_case


def settings_in(settings: Settings, folder: Path) -> Settings:
    """Where things lie in a folder of its own; the use-case files are the real ones."""
    own = replace(settings, data=folder / "data", var=folder / "var", mlflow=f"sqlite:///{folder}/mlflow.db")
    own.var.mkdir(parents=True)
    return own


def playing(use_case: UseCase, folder: Path) -> UseCase:
    """The facts, with the copied days as the source, copies of all other sources, and no sink: what is played
    is delivered to nobody.
    """
    expected = use_case.source.expected if isinstance(use_case.source, FileSource) else None
    path, format = str(folder / DELIVERED / "{partition}.parquet"), FileFormat(type="parquet")
    source = FileSource(kind="file", path=path, format=format, **({"expected": expected} if expected else {}))
    others = {
        name: other.model_copy(
            update={
                "source": FileSource(
                    kind="file", path=str(folder / OTHERS / f"{name}.parquet"), format=format
                )
            }
        )
        for name, other in use_case.sources.items()
    }
    return use_case.model_copy(
        update={"source": source, "assign_days": None, "sources": others, "sink": None}
    )


def copy_days(run: Run, settings: Settings, days: Days, folder: Path) -> None:
    """Read the real source once, with all labels as they will be known some day, and keep a file a day.

    Args:
        run: A run of the use case as it is outside.
        settings: The real ones: a public file may be in the cache there.
        days: Which days; one without rows becomes an empty file.
        folder: Where the files are to lie, as `YYYY-MM-DD.parquet`; it is made. Other sources come beside it,
            into a folder of their own.
    """
    folder.mkdir()
    time = quoted(run.use_case.source_names[run.use_case.time])
    there = run.store
    later = Store(there.root, there.use_case, "training", days.last + KNOWN, there.version)
    rows = ingest.rows(replace(run, store=later, settings=settings), days, may_be_empty=True)
    for day in days:
        # So that DuckDB passes over rows of other days: it has them in order of time.
        own = days.calendar.span(day, day).hold(time)
        rows.filter(own).to_parquet(str(folder / f"{day}.parquet"), compression="zstd")
    (folder.parent / OTHERS).mkdir()
    for name, other in run.use_case.sources.items():
        asked = other_rows.asked(run.use_case, name, days)
        told = ingest.rows(replace(run, store=later, settings=settings), asked, may_be_empty=True, other=name)
        columns = ", ".join(quoted(other.source_names[column]) for column in other.columns)
        told.project(columns).to_parquet(str(folder.parent / OTHERS / f"{name}.parquet"), compression="zstd")


def features_of(run: Run, days: Days) -> duckdb.DuckDBPyRelation:
    """The features of all rows of some days, with their labels, as a training on all of them would have them:
    by the very functions of the steps, and with what was known of each row's past.

    Args:
        run: A run of the played use case.
        days: Days whose source is copied, with those before that windows look back at.

    Raises:
        BadInput: the days have no rows, or their features cannot be computed.
    """
    use_case = run.use_case
    known = days.last + timedelta(days=max(use_case.label.delay_days - 1, 0))
    store = Store(run.store.root, run.store.use_case, "training", known, run.store.version)
    whole = replace(run, store=store)
    raw = ingest.rows(whole, days, may_be_empty=True)
    clean, _, further = cleanse(raw, use_case, known)
    joined = as_learned.others_of(whole, days)
    if not use_case.features.history:
        return compute(clean, None, use_case, joined)
    # not the training's: its window is the file's, and these days may be one alone
    past_raw = ingest.rows(whole, dates.past_of(use_case, "scoring", days.first), may_be_empty=True)
    return compute(clean, past.compute(past_raw, further, use_case).rows, use_case, joined)


def on_each_core(work: Callable[[str], T], names: Sequence[str]) -> Iterator[T]:
    """Do a work for each of some use cases, one on each core: what comes of it, in the order of the names."""
    with processes(cores()) as pool:
        yield from pool.map(work, names)


@contextmanager
def processes(n: int) -> Iterator[ProcessPoolExecutor]:
    """So many processes at most, whose folders are gone with this one."""
    # Spawned, not forked: what DuckDB and OpenMP have running in this process would hang in its copy.
    with (
        place() as folder,
        ProcessPoolExecutor(
            n, mp_context=get_context("spawn"), initializer=_begin, initargs=(str(folder),)
        ) as pool,
    ):
        yield pool


def _begin(folder: str) -> None:
    """Let Ctrl-C end this process at once, without a word: what it has written is in its parent's folder."""
    tempfile.tempdir = folder
    signal.signal(signal.SIGINT, signal.SIG_DFL)
