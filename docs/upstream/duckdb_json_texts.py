"""DuckDB reads a JSON number as text otherwise than it stands there, and a line that is no object as a row."""

import tempfile
from pathlib import Path

import duckdb

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "rows.jsonl"
    path.write_text('{"n": 1.10}\n{"n": 1e2}\nnull\n')
    read = f"read_json('{path}', format = 'newline_delimited', columns = {{n: 'VARCHAR'}})"
    print(duckdb.sql(f"SELECT n FROM {read}").fetchall())

# With duckdb 2.0.0 it prints:
# [('1.1',), ('100.0',), (None,)]
