"""The heavy libraries, for Airflow's forkserver: imported once, before it forks the tasks that use them (see
airflow.cfg).

None of Sluice's own modules is here: a task must run the code that lies on the disk, not the code of when
Airflow started. Neither is Evidently, which takes as long as all the others and is used once a week.
"""

import gc

import boto3  # noqa: F401
import duckdb  # noqa: F401
import great_expectations  # noqa: F401
import matplotlib.figure  # noqa: F401
import mlflow.onnx
import mlflow.store.model_registry.sqlalchemy_store
import mlflow.store.tracking.sqlalchemy_store  # noqa: F401  (loaded by the first look into a local registry: a second and a half)
import onnxmltools  # noqa: F401
import onnxruntime  # noqa: F401
import pandas as pd  # noqa: F401
import pyarrow.parquet  # noqa: F401
import skl2onnx  # noqa: F401
import sklearn.pipeline  # noqa: F401
import skops.io  # noqa: F401  (walks through all modules that are loaded: the more these are, the longer)
import xgboost  # noqa: F401

# What is imported stays. Left to the garbage collector, each of its rounds in each task would walk through it
# all, and copy the memory that the task shares with the forkserver: half of a gate's time.
gc.collect()
gc.freeze()
