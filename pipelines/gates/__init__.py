"""Gates: what must be true of a table before anything behind it may run, judged by Great Expectations over
DuckDB.
"""

import logging

# Great Expectations logs 220 lines when it is imported (hence here, before any module of this package does),
# and each failed query with its stack trace. What it finds, and what it could not find out, is in its
# results.
logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
