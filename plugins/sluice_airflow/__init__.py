"""What makes Airflow run Sluice: operators over `pipelines.flow`, the DAGs that they form, and pages in
Airflow's UI.
"""
