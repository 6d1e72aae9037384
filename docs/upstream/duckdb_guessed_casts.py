"""DuckDB's casts guess: a year of two digits is one of the first century, and a number of any case is a zone."""

import duckdb

print(duckdb.sql("SELECT TRY_CAST('13-02-26' AS DATE)::VARCHAR").fetchall())
print(duckdb.sql("SELECT TRY_CAST('2026-02-01 10:00:00 europe/berlin' AS TIMESTAMPTZ) IS NULL").fetchall())

# With duckdb 2.0.0 it prints:
# [('0013-02-26',)]
# [(False,)]
