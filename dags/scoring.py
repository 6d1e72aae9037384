"""Score one day's rows with the champion, every night.

Each table is followed by its gate: when a gate turns red, that day gets no predictions, and its *Report* tab says why.
A day that is scored again gets the same predictions, so a run can be cleared or backfilled at any time.

Started by hand, the DAG scores yesterday, unless `partition` names another day. `model_version` takes a registered
version instead of the champion.

A backfill scores each day by the champion of its own morning. With the configuration `{"champion": "now"}` it tells what
today's champion would have said, in a folder beside each day's tables, and changes nothing else. Its dates are those of
the mornings after, from midnight: `--from-date 2026-03-02 --to-date 2026-03-09` are the runs of 2 to 8 March, which score
the days 1 to 7 March.
"""

from airflow.sdk import Param

from sluice_airflow import assets, schedules
from sluice_airflow.dags import lay_way, sluice_dag, sound_use_cases

MODEL_VERSION = Param(
    None,
    type=["null", "string"],
    pattern="^[0-9]{1,9}$",
    title="Model version",
    description="The number of a registered version to score with. Empty: the champion.",
)

CHAMPION = Param(
    "then",
    enum=["then", "now"],
    title="Champion",
    description="then: the champion of the partition's own morning, into predictions. now: what today's champion would have said, into the folder what_if beside them.",
)

for use_case in sound_use_cases("scoring"):
    schedule = schedules.cron("scoring", use_case.schedule.scoring)
    with sluice_dag(
        use_case,
        "scoring",
        doc=__doc__,
        schedule=schedule,
        max_active_runs=4,
        params={"champion": CHAMPION, "model_version": MODEL_VERSION},
    ):
        lay_way(use_case, "scoring", outlets={"gate_predictions": [assets.predictions_verdict(use_case.name)]})
