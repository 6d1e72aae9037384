"""Find the best model on the labelled rows known so far, and make it champion if it beats the present one.

Each table is followed by its gate: when a gate turns red, nothing behind it runs, and its *Report* tab says
why. `tune` is one task a model family. A model that has passed every gate becomes champion only if it is
better than the present one on held-out rows.

The DAG runs by the schedule of the use-case file and whenever a weekly report calls for it. Started by
hand, it trains on what was known yesterday, unless `partition` names an earlier day. Where only the share of
positive labels has moved, and by hand with `model: keep`, no model is searched for: the one that serves gets
a new calibration and threshold, and is judged as any other.
"""

from sluice_airflow import ways  # (Airflow looks for the words DAG and airflow in a file before it reads it)

globals().update(ways.every("training", __doc__))
