# synth in a container: docker build -t synth .    (how to use it: docs/platforms.md)

FROM python:3.12-slim AS build
# For the kernel of the duplicates; without a compiler synth installs too, and is slower there.
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY constraints.txt .
RUN python -m venv /opt/synth
COPY pyproject.toml setup.py MANIFEST.in README.md LICENSE ./
COPY data/sample data/sample
COPY flows flows
COPY synth synth
RUN /opt/synth/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt '.[filter,verify]'

FROM python:3.12-slim
# The embedded model's library needs it.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/synth /opt/synth
RUN useradd --uid 1000 --create-home synth && install -d -o synth -g synth /data /here
# Runs, datasets and Prefect's database, and weights that were fetched: all that should outlive a container.
ENV PATH=/opt/synth/bin:$PATH SYNTH_HOME=/data XDG_CACHE_HOME=/data/cache PYTHONUNBUFFERED=1
VOLUME /data
WORKDIR /here
USER synth
ENTRYPOINT ["synth"]
CMD ["--help"]
