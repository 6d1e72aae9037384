"""DuckDB takes the first half of a .zst for a whole file."""

import tempfile
from pathlib import Path

import duckdb
import pyarrow as pa

rows = b"n\n" + b"".join(b"%d\n" % n for n in range(200_000))
packed = pa.compress(rows, codec="zstd", asbytes=True)
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "rows.csv.zst"
    path.write_bytes(packed[: len(packed) // 2])
    ((found,),) = duckdb.sql(f"SELECT count(*) FROM read_csv('{path}', header = true)").fetchall()
print("half a file is read without an error:", 0 < found < 200_000)

# With duckdb 2.0.0 it prints:
# half a file is read without an error: True
