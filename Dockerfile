# The page of `tsfmicro web`, as a user without rights. docs/install.md says how to start it without a network.
FROM python:3.13-slim

RUN useradd --create-home --uid 10001 reader
COPY constraints.txt pyproject.toml README.md LICENSE /source/
COPY src /source/src
# Gigabytes of CUDA come along, unless an index of PyTorch's builds for CPUs is given: --build-arg PIP_EXTRA_INDEX_URL=…
ARG PIP_EXTRA_INDEX_URL
RUN pip install --no-cache-dir -c /source/constraints.txt '/source[web]' \
    && rm -r /source

USER reader
WORKDIR /home/reader
ENV HF_HUB_OFFLINE=1 GRADIO_ANALYTICS_ENABLED=False GRADIO_TEMP_DIR=/tmp/gradio TSFMICRO_CACHE=/tmp/tsfmicro MPLCONFIGDIR=/tmp/matplotlib
EXPOSE 7860
ENTRYPOINT ["tsfmicro"]
CMD ["web", "--host", "0.0.0.0"]
