"""Sluice's core: steps, gates and storage of batch machine learning. It knows no Airflow."""

__version__ = "0.1.0"
