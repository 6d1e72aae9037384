from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.core import dates
from pipelines.core.errors import BadInput, TryAgain
from pipelines.run.run import Run
from pipelines.sources import opened
from pipelines.steps import ingest
from pipelines.storage.settings import Settings
from tests.helpers.sourced import DAY, HEADER, open_run, read
from tests.helpers.waiting import until

TWO_ROWS = [
    {"id": "a", "at": datetime(2026, 2, 1), "customer": "c1", "amount": 10.5, "channel": "chip"},
    {
        "id": "b",
        "at": datetime(2026, 2, 1, 23, 59, 59),
        "customer": "c2",
        "amount": None,
        "channel": "online",
    },
]
LINE = b'{"id": "a", "at": "2026-02-01", "customer": "c1", "amount": 1, "channel": "chip", "bad": 0%s}\n'


def source(path: Path | str, type: str = "csv", **format: Any) -> dict[str, Any]:
    return {"kind": "file", "path": str(path), "format": {"type": type, **format}}


def refusal(run: Run) -> str:
    with pytest.raises(BadInput) as refused:
        read(run)
    assert len(str(refused.value).splitlines()) <= 10
    return str(refused.value)


def test_a_glob_reads_every_file_by_its_own_header(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "2.csv").write_text("bad,channel,amount,customer,at,id\n0,chip,2,c2,2026-02-01,b\n")
    (tmp_path / "1.csv").write_text(f"{HEADER}\na,2026-02-01,c1,1,chip,0\n")
    assert [(row["id"], row["amount"]) for row in read(open_run(settings, source(tmp_path / "*.csv")))] == [
        ("a", 1),
        ("b", 2),
    ]


def test_a_path_may_name_the_partition(settings: Settings, tmp_path: Path) -> None:
    for day in (1, 2):
        (tmp_path / f"2026-02-0{day}.csv").write_text(f"{HEADER}\n{day},2026-02-0{day} 12:00,c1,1,chip,0\n")
    stated = source(tmp_path / "{partition}.csv")
    assert [row["id"] for row in read(open_run(settings, stated, partition=date(2026, 2, 2)))] == ["2"]


def test_a_day_without_its_file_is_refused_unless_it_may_be_empty(settings: Settings, tmp_path: Path) -> None:
    run = open_run(settings, source(tmp_path / "{partition}.csv"))
    assert "for 1 of 1 days\n  - 2026-02-01" in refusal(run)
    assert read(run, may_be_empty=True) == []


def test_a_file_with_a_header_only_is_a_day_without_rows(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEADER + "\n")
    run = open_run(settings, source(tmp_path / "a.csv"))
    assert "no rows for 2026-02-01; a.csv gave none" in refusal(run)
    assert read(run, may_be_empty=True) == []


def test_a_key_that_only_one_json_line_has_is_not_overlooked(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(LINE % b"" + LINE % b', "chanel": "chip"')
    assert "a column 'chanel' that the schema does not know; did you mean 'channel'?" in refusal(
        open_run(settings, source(tmp_path / "a.jsonl", "jsonl"))
    )


def test_a_path_without_a_file_is_refused_with_the_place_looked_at(
    settings: Settings, tmp_path: Path
) -> None:
    assert f"at: {tmp_path / 'none.csv'}" in refusal(open_run(settings, source(tmp_path / "none.csv")))


# --- a file that its producer is writing

LINES = [
    f"{n:07},2026-02-01 {n // 3600 % 24:02}:{n // 60 % 60:02}:{n % 60:02},c1,1,chip,0\n"
    for n in range(86_400)
]
Change = Callable[[Path], object]


def append(path: Path) -> None:
    """Write rows as a producer does, until it is killed."""
    with path.open("a") as sink:
        while True:
            sink.write(LINES[-1])
            sink.flush()
            time.sleep(0.001)


@contextmanager
def producing(path: Path) -> Iterator[None]:
    """A process that appends to the file, and has begun to."""
    before = path.stat().st_size
    producer = get_context("spawn").Process(target=append, args=(path,))
    producer.start()
    try:
        until(lambda: path.stat().st_size > before or not producer.is_alive(), "the producer's first line")
        assert producer.is_alive()
        yield
    finally:
        producer.kill()
        producer.join()


def replaced(path: Path) -> None:
    """Another file of the same size and age takes its name."""
    state, content = path.stat(), path.read_bytes()
    path.with_suffix(".new").write_bytes(content)
    os.utime(path.with_suffix(".new"), ns=(state.st_atime_ns, state.st_mtime_ns))
    path.with_suffix(".new").rename(path)


def test_a_file_to_which_its_producer_appends_is_tried_again_and_nothing_is_published(
    settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "2026-02-01.csv"
    path.write_text(f"{HEADER}\n{''.join(LINES)}")
    run = open_run(settings, source(tmp_path / "{partition}.csv"))
    with producing(path), pytest.raises(TryAgain) as refused:
        ingest.stream(run, dates.Days(DAY, DAY), partial(run.store.write, "raw"))
    assert "2026-02-01.csv changed while it was read: it had" in str(refused.value)
    assert f"at: {path}\n  way out: run it again when its producer has finished" in str(refused.value)
    assert not run.store.has("raw")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda path: path.write_bytes(path.read_bytes() + b"half a li"), "it had "),
        (lambda path: os.truncate(path, 200), "and has 200 now"),
        (lambda path: os.utime(path, (0, 0)), "it was written to"),
        (replaced, "it was replaced by another file"),
        (Path.unlink, "was there a moment ago, and is gone"),
    ],
)
@pytest.mark.parametrize(
    "format", [{"type": "csv"}, {"type": "jsonl"}, {"type": "parquet"}], ids=lambda format: format["type"]
)
def test_whatever_happens_to_a_file_while_it_is_read_is_told(
    settings: Settings, tmp_path: Path, change: Change, sentence: str, format: dict[str, str]
) -> None:
    """The change comes when all rows are with the store, whose last look is still to come."""
    path = tmp_path / f"a.{format['type']}"
    rows = [
        {**row, "id": f"{row['id']}{n}", "customer": f"{n * n * 7919}", "bad": 0}
        for n in range(40)
        for row in TWO_ROWS
    ]
    rows.sort(key=lambda row: (row["at"], row["id"]))
    write(rows, path)
    run = open_run(settings, source(path, **format))

    def meanwhile(reader: pa.RecordBatchReader) -> pa.Table:
        first = reader.read_next_batch()
        change(path)
        return pa.Table.from_batches([first, *reader])

    with pytest.raises(TryAgain) as refused:
        ingest.stream(run, dates.Days(DAY, DAY), meanwhile)
    assert sentence in str(refused.value)
    assert f"at: {path}\n  way out: run it again when its producer has finished" in str(refused.value)


def write(rows: list[dict[str, Any]], path: Path) -> None:
    """Write rows in the format that the file's name tells."""
    match path.suffix:
        case ".csv":
            lines = [",".join("" if value is None else str(value) for value in row.values()) for row in rows]
            path.write_text("\n".join([HEADER, *lines, ""]))
        case ".jsonl":
            path.write_text("".join(json.dumps(row, default=str) + "\n" for row in rows))
        case _:
            pq.write_table(pa.Table.from_pylist(rows), path)


def test_a_line_that_is_only_half_there_yet_is_not_taken_for_the_file_s_mistake(
    settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "2026-02-01.csv"
    path.write_text(f"{HEADER}\n{''.join(LINES)}0086400,2026-02-0")
    run = open_run(settings, source(tmp_path / "{partition}.csv"))
    reading = opened.open_source(run, dates.Days(DAY, DAY), labels=True, may_be_empty=False, patient=False)
    with path.open("a") as producer:
        producer.write("1 23:59:59,c1,1,chip,0\n")
    with pytest.raises(TryAgain, match="changed while it was read"):
        ingest._kept(reading)
