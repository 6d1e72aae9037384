"""The lines that docs/reading-results.md shows; `test_lines` runs each of them as it stands there."""

from __future__ import annotations

DUCKDB = """
from pipelines import read

read("card_fraud", "predictions", "2026-03-01", "2026-03-07").aggregate("partition, avg(score)").show()
"""
DUCKDB_SQL = """
import duckdb

from pipelines import read

predictions = read("card_fraud", "predictions", "2026-03-01", "2026-03-07")
duckdb.sql("SELECT model_version, max(score) FROM predictions GROUP BY ALL").show()
"""
PANDAS = """
from pipelines import read

frame = read("card_fraud", "predictions", "2026-03-01", "2026-03-07").df()
"""
STREAM = """
from pipelines import read

for batch in read("card_fraud", "features", "2026-03-01", "2026-03-07").to_arrow_reader(100_000):
    ...
"""
SHELL = """
sluice read card_fraud predictions --from 2026-03-01 --to 2026-03-07
sluice read card_fraud predictions --from 2026-03-01 --to 2026-03-07 --into week.parquet
sluice read card_fraud quarantine --from 2026-03-01 --to 2026-03-07 --json
sluice read card_fraud predictions --from 2026-03-01 --to 2026-03-07 --paths
"""
WITHOUT_SLUICE = """
import pathlib

import duckdb

duckdb.read_parquet(pathlib.Path("paths.txt").read_text().split("\\n")[:-1])
"""
PYTHON = {
    "DuckDB": DUCKDB,
    "DuckDB's SQL, by the name of the variable": DUCKDB_SQL,
    "pandas": PANDAS,
    "A stream of any length": STREAM,
}
