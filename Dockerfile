FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements/run.txt requirements/run.txt
RUN python -m venv /opt/exporter \
 && /opt/exporter/bin/pip install --no-cache-dir --require-hashes -r requirements/run.txt
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY exporter exporter
# What the package carries besides: catalogues, and what `init` writes.
COPY config config
COPY alerts alerts
COPY dashboards dashboards
RUN /opt/exporter/bin/pip install --no-cache-dir --no-deps .

FROM python:3.13-slim
LABEL org.opencontainers.image.title="connectivity-exporter" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/exporter /opt/exporter
COPY config/connectivity.yaml /etc/connectivity-exporter/connectivity.yaml
ENV PATH=/opt/exporter/bin:$PATH PYTHONUNBUFFERED=1
USER 65534:65534
EXPOSE 9842
# Whether the process answers: it needs no password, and over TLS whoever shows the
# certificate is itself. Where clients need certificates, or to ask for /-/ready with a
# password: healthcheck --credentials=FOLDER --path=/-/ready
COPY --chmod=755 config/healthcheck.py /opt/exporter/bin/healthcheck
HEALTHCHECK --interval=30s --timeout=10s --start-period=10s CMD ["python", "/opt/exporter/bin/healthcheck"]
ENTRYPOINT ["connectivity-exporter"]
CMD ["serve", "--web.listen-address=:9842"]
