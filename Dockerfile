# One image for ingest, watch and the dashboard. Kafka and Redis run elsewhere.
FROM python:3.12-slim AS build
WORKDIR /src
COPY requirements.txt pyproject.toml README.md LICENSE ./
RUN python -m venv /app \
 && awk '/^uv==/ {on = 1} on {print} on && !/\\$/ {exit}' requirements.txt > uv.txt \
 && python -m pip install --quiet --no-deps --require-hashes -r uv.txt
ENV VIRTUAL_ENV=/app UV_LINK_MODE=copy
RUN uv pip install --quiet --require-hashes -r requirements.txt
COPY detector detector
COPY models models
COPY stream stream
COPY dashboard dashboard
RUN uv pip install --quiet --no-deps --no-build-isolation .

FROM python:3.12-slim
RUN useradd --system --uid 10001 --create-home outcry \
 && install -d -o outcry /data
COPY --from=build /app /app
USER outcry
WORKDIR /data
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1
ENTRYPOINT ["outcry"]
CMD ["--help"]
