# One small image for every sidecar: docker compose names the module that it runs.
FROM python:3.11-slim AS build
COPY constraints.txt pyproject.toml docker/sidecars-requirements.txt docker/write_metadata.py /build/
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check \
       --constraint /build/constraints.txt --requirement /build/sidecars-requirements.txt \
    && python /build/write_metadata.py /build/pyproject.toml /app

FROM python:3.11-slim
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin sidecar \
    && install --directory --owner=sidecar --group=sidecar /data
COPY --from=build /venv /venv
COPY --from=build /app /app
COPY sidecars /app/sidecars
# The rules that the guard shares with the bots: of it what imports no freqtrade.
COPY user_data/strategies/aquatrade /app/aquatrade
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /data
USER sidecar
ENTRYPOINT ["python", "-m"]
