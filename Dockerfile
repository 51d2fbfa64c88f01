# One small image: `serve` as on a bare machine, or what compose.yaml starts. Data live in /data.
FROM python:3.13-slim AS build
WORKDIR /app
COPY requirements-scale.txt ./
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements-scale.txt
COPY . .
RUN GIGAWATCH_DATA=/tmp/build STATIC_ROOT=/app/staticfiles /venv/bin/python manage.py collect

FROM python:3.13-slim
ARG VERSION=0.2.0
LABEL org.opencontainers.image.title="Gigawatch" \
    org.opencontainers.image.description="A self-hosted dashboard with which a team launches and watches runs of Giga" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.licenses="MIT"
RUN useradd --uid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin gigawatch \
    && install --directory --owner=gigawatch --group=gigawatch --mode=700 /data
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
USER gigawatch
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    GIGAWATCH_DATA=/data STATIC_ROOT=/app/staticfiles HOST=0.0.0.0 PORT=8000
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=4)"]
CMD ["python", "manage.py", "serve"]
