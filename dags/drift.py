"""Compare a week's rows and predictions with what the champion was trained on, every week.

The *Report* tab of `drift` shows every feature, and how well the predictions were where the labels are known by now.
`gate_drift` turns red when more features have drifted, or the predictions are worse, than the use-case file allows;
a training is then started, if the use case has a schedule.

The week's nights have to be scored first. Started by hand, the DAG looks at the last seven days, unless `partition`
names another week's first day.
"""

from sluice_airflow import assets, schedules
from sluice_airflow.dags import lay_way, sluice_dag, sound_use_cases

for use_case in sound_use_cases("drift"):
    schedule = schedules.cron("drift", use_case.schedule.drift)
    with sluice_dag(use_case, "drift", doc=__doc__, schedule=schedule, max_active_runs=1):
        lay_way(use_case, "drift", outlets={"drift": [assets.drift_verdict(use_case.name)]})
