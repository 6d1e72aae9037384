"""All cases of files, by kind."""

from __future__ import annotations

from collections.abc import Mapping

from tests.sources.cases import Deliveries
from tests.sources.cases.columns import COLUMNS
from tests.sources.cases.days import DAYS
from tests.sources.cases.encodings import ENCODINGS
from tests.sources.cases.json_arrays import JSON_ARRAYS
from tests.sources.cases.json_lines import JSON_LINES
from tests.sources.cases.lines import LINES
from tests.sources.cases.packed import COMPRESSED
from tests.sources.cases.parquet import PARQUET
from tests.sources.cases.places import PLACES

FILES: Mapping[str, Deliveries] = {
    "CSV": LINES,
    "Names of files": PLACES,
    "Names of columns": COLUMNS,
    "Encodings": ENCODINGS,
    "Compression": COMPRESSED,
    "JSON lines": JSON_LINES,
    "JSON arrays": JSON_ARRAYS,
    "Parquet": PARQUET,
    "Days": DAYS,
}
