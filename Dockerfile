# cqtnet on a CPU, as a user without rights: the command line and the workbench.
#
#   docker build -t cqtnet .
#   docker run --rm -v "$PWD:/audio:ro" cqtnet compare questioned.m4a reference.wav
#   docker run --rm --network host cqtnet serve   # then open the address that it prints
FROM python:3.13-slim AS build
WORKDIR /src
COPY . .
RUN pip install --no-cache-dir build==1.6.1 && python -m build --wheel

FROM python:3.13-slim
# Pango and a font are for reports as PDF. Their newest versions are the ones without known holes.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends fonts-dejavu-core libpango-1.0-0 libpangoft2-1.0-0 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 cqtnet
COPY --from=build /src/dist/*.whl /tmp/
# uv knows where the CPU builds of torch are kept; pip alone would bring gigabytes of CUDA.
RUN pip install --no-cache-dir uv==0.13.9 \
    && wheel="$(echo /tmp/*.whl)" \
    && uv pip install --system --no-cache --torch-backend cpu "${wheel}[pdf,web]"
USER 10001
WORKDIR /audio
ENTRYPOINT ["cqtnet"]
CMD ["--help"]
