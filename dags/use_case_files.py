"""No DAG of its own: this file is Airflow's import error for every use-case file that has mistakes.

An import error discards all DAGs of its file. Raised here, it names the mistakes in the UI and fails
`airflow dags list-import-errors` in CI, while the DAGs of all other use cases stay.
"""

from pipelines import use_cases
from pipelines.errors import BadUseCase
from pipelines.settings import Settings

folder = Settings.from_env().use_cases
mistakes = []
for name in use_cases.names(folder):
    try:
        use_cases.load(folder, name)
    except BadUseCase as error:
        mistakes.append(str(error))
if mistakes:
    raise BadUseCase("\n".join(mistakes))
