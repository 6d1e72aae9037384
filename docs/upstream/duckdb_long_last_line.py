"""DuckDB drops a last row that is longer than `buffer_size`, without a word."""

import tempfile
from pathlib import Path

import duckdb

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "rows.csv"
    path.write_text("n,m\n" + "1,2\n" * 30_000 + "x" * 100_000 + ",3\n")
    read = f"read_csv('{path}', header = true, buffer_size = 65536)"
    print(duckdb.sql(f"SELECT count(*) FROM {read}").fetchall(), "of 30001")

# With duckdb 2.0.0 it prints:
# [(30000,)] of 30001
