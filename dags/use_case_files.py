"""No DAG of its own: this file is Airflow's import error for every use-case file that has mistakes.

An import error discards all DAGs of its file. Raised here, it names the mistakes in the UI and fails
`airflow dags list-import-errors` in CI, while the DAGs of all other use cases stay.
"""

from sluice_airflow import ways

if mistakes := list(ways.mistakes()):
    raise ImportError("\n".join(mistakes))
