"""Compare a week's rows and predictions with what the champion was trained on, every week.

The *Report* tab of `drift` shows every feature, and how well the predictions were where the labels are known
by now. `gate_drift` turns red when more features have drifted, or the predictions are worse, than the
use-case file allows; a training is then started, if the use case has a schedule.

The week's nights have to be scored first. Started by hand, the DAG looks at the last seven days, unless
`partition` names another week's first day.
"""

from sluice_airflow import ways  # (Airflow looks for the words DAG and airflow in a file before it reads it)

globals().update(ways.every("drift", __doc__))
