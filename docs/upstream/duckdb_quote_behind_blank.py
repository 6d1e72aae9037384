"""DuckDB takes a quote behind a blank for the beginning of a value, and a byte order mark for a letter."""

import tempfile
from pathlib import Path

import duckdb

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "rows.csv"
    options = "header = true, auto_detect = false, delim = ',', quote = '\"', columns = {a: 'VARCHAR', b: 'VARCHAR'}"
    for text in ('a,b\n1, "2"\n', "a,b\n\ufeff1,2\n"):
        path.write_text(text)
        print(duckdb.sql(f"SELECT * FROM read_csv('{path}', {options})").fetchall())

# With duckdb 2.0.0 it prints:
# [('1', '2')]
# [('\ufeff1', '2')]
