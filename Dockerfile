# One image for every process: the command chooses which (docker-compose.yml).
FROM python:3.13-slim

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

RUN useradd --create-home --uid 10001 comanda
WORKDIR /app

# The libraries first: they change less often than the code.
COPY requirements/runtime.txt requirements/store.txt requirements/
RUN pip install --require-hashes --requirement requirements/runtime.txt \
 && pip install --require-hashes --requirement requirements/store.txt

COPY pyproject.toml LICENSE ./
COPY bot bot
COPY flows flows
COPY workers workers
RUN pip install --no-deps --no-build-isolation .

# Without REDIS_URL the embedded store keeps its data here. It refuses to where no volume is mounted
# (docker run --volume orders:/data …): orders would be gone with the container.
ENV DATA_DIR=/data
RUN install --directory --owner comanda --group comanda --mode 700 /data

USER comanda
WORKDIR /home/comanda
ENTRYPOINT ["comanda"]
CMD ["up"]
