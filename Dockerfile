# One image for all of Sluice's services. The libraries are those of the lock, by hash.
FROM python:3.11.14-slim-bookworm AS libraries
WORKDIR /opt/sluice
COPY requirements-uv.txt requirements.txt ./
RUN python -m venv .venv \
  && .venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements-uv.txt \
  && .venv/bin/uv pip sync --no-cache --compile-bytecode --python .venv/bin/python --require-hashes requirements.txt

FROM python:3.11.14-slim-bookworm
RUN groupadd --gid 10001 sluice && useradd --uid 10001 --gid sluice --no-create-home --home-dir /tmp sluice
WORKDIR /opt/sluice
COPY --from=libraries /opt/sluice/.venv .venv
# requirements.txt is part of what a model's lineage names.
COPY airflow.cfg requirements.txt ./
COPY deploy deploy
COPY scripts/cluster scripts/cluster
COPY include include
COPY pipelines pipelines
COPY plugins plugins
COPY dags dags
# Without the tools that would install the checkout, the command `sluice` is two lines.
RUN printf '#!/bin/sh\nexec python -m pipelines "$@"\n' > .venv/bin/sluice && chmod 755 .venv/bin/sluice
# All that is ever written lies here; the rest may be mounted read-only.
RUN .venv/bin/python -m compileall -q pipelines plugins dags include scripts && install -d -o sluice -g sluice var
ENV AIRFLOW_HOME=/opt/sluice PYTHONPATH=/opt/sluice PATH=/opt/sluice/.venv/bin:/usr/local/bin:/usr/bin:/bin \
  LANG=C.UTF-8 HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PYTHONWARNINGS=ignore \
  DO_NOT_TRACK=true MLFLOW_DISABLE_TELEMETRY=true DVC_NO_ANALYTICS=1
USER 10001:10001
ENTRYPOINT ["python", "-m", "scripts.cluster.ready"]
CMD ["airflow", "version"]
