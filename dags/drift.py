"""Compare a week's rows and predictions with what the champion was trained on, every week.

The *Report* tab of `drift` shows every feature, and how well the predictions were where the labels are known
by now; it begins with why the week is as it is, and what follows. `gate_drift` turns red when something that
matters has moved, or the predictions are surely worse than the use-case file allows. A training is started
only where the report calls for one (`monitoring.retrain`): labels of what is new are there, and a newer fit
surely helps on them.

The week's nights have to be scored first. Started by hand, the DAG looks at the last seven days, unless
`partition` names another week's first day.
"""

from sluice_airflow import ways  # (Airflow looks for the words DAG and airflow in a file before it reads it)

globals().update(ways.every("drift", __doc__))
