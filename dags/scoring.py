"""Score one day's rows with the champion, every night.

Each table is followed by its gate: when a gate turns red, that day gets no predictions, and its *Report* tab
says why. A day that is scored again gets the same predictions, so a run can be cleared or backfilled at any
time.

Started by hand, the DAG scores yesterday, unless `partition` names another day. `model_version` takes a
registered version instead of the champion.

A backfill scores each day by the champion of its own morning. With the configuration `{"champion": "now"}` it
tells what today's champion would have said, in a folder beside each day's tables, and changes nothing else.
Its dates are those of the mornings after, from midnight: `--from-date 2026-03-02 --to-date 2026-03-09` are
the runs of 2 to 8 March, which score the days 1 to 7 March.
"""

from sluice_airflow import ways  # (Airflow looks for the words DAG and airflow in a file before it reads it)

globals().update(ways.every("scoring", __doc__))
