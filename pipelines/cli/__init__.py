"""The command line, `sluice`: everything that Airflow does with a use case, without Airflow."""
