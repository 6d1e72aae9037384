"""Find the best model on the labelled rows known so far, and make it champion if it beats the present one.

Each table is followed by its gate: when a gate turns red, nothing behind it runs, and its *Report* tab says why.
`tune` is one task a model family. A model that has passed every gate becomes champion only if it is better than the
present one on held-out rows.

The DAG runs by the schedule of the use-case file and whenever the weekly report has found drift. Started by hand, it
trains on what was known yesterday, unless `partition` names an earlier day.
"""

from sluice_airflow import assets, schedules
from sluice_airflow.dags import lay_way, sluice_dag, sound_use_cases

for use_case in sound_use_cases("training"):
    # One at a time: two trainings would compare their models with the same champion.
    with sluice_dag(use_case, "training", doc=__doc__, schedule=schedules.training(use_case), max_active_runs=1):
        lay_way(use_case, "training", outlets={"promote": [assets.champion(use_case.name)]})
