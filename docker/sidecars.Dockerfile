# One small image for every sidecar: docker compose names the module that it runs.
FROM python:3.11-slim AS packages
COPY constraints.txt docker/sidecars-requirements.txt /build/
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check \
       --constraint /build/constraints.txt --requirement /build/sidecars-requirements.txt

FROM python:3.11-slim
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin sidecar \
    && install --directory --owner=sidecar --group=sidecar /data
COPY --from=packages /venv /venv
COPY sidecars /app/sidecars
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /data
USER sidecar
ENTRYPOINT ["python", "-m"]
