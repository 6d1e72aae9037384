"""However a process starts, OpenMP has one thread in it, and a fork after its use does not hang."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys

import pytest

from pipelines.storage.settings import ROOT
from tests.helpers.waiting import PATIENCE

CFG = configparser.RawConfigParser()
CFG.read(ROOT / "airflow.cfg")

WAYS_TO_START = {
    "the command line": "import pipelines.__main__",
    "Airflow's forkserver": f"import {CFG['core']['mp_forkserver_preload']}",
    "a task that parses its DAG file": "import runpy; runpy.run_path('dags/scoring.py')",
    "a script that imports a step": "from pipelines import flow",
}
USE = """
import numpy as np, pyarrow as pa, xgboost
from sklearn.ensemble import HistGradientBoostingClassifier
from pipelines.model.graph import Graph
from tests.helpers import fitted

def use():
    X, y = np.arange(2000.0).reshape(1000, 2), np.arange(1000) % 2
    xgboost.XGBClassifier(n_estimators=3, n_jobs=2).fit(X, y)
    HistGradientBoostingClassifier(max_iter=3).fit(X, y)
    Graph(GRAPH).scores(pa.Table.from_pandas(fitted.rows()))
"""


def ran(code: str) -> str:
    """What a process prints that is started with nothing in its environment that Sluice might have set."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    env = plain | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'plugins'}"}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    ).stdout


@pytest.mark.parametrize("start", WAYS_TO_START.values(), ids=WAYS_TO_START)
def test_openmp_has_one_thread_however_a_process_starts(start: str) -> None:
    code = f"""{start}
import sklearn.ensemble, xgboost
from threadpoolctl import threadpool_info
import os
print(os.environ["OMP_WAIT_POLICY"], *{{pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "openmp"}})"""
    # importing Airflow may log lines of its own
    assert ran(code).splitlines()[-1].split() == ["PASSIVE", "1"]


def test_a_process_that_is_forked_after_its_parent_has_used_the_libraries_can_use_them_too() -> None:
    code = f"""import os
import pipelines
{USE.replace("GRAPH", "fitted.exported().graphs['xgboost']")}
use()
child = os.fork()
if child == 0:
    use()
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"""
    assert ran(code).split() == ["7"]
