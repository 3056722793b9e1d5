# One image for every part; the command says which.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app

# The dependencies change less often than the code: a layer of their own.
COPY requirements.lock ./
RUN pip install --require-hashes -r requirements.lock

COPY pyproject.toml README.md LICENSE ./
COPY metering metering
COPY catalog catalog
COPY stream stream
COPY edge edge
COPY ingest ingest
COPY api api
COPY sql sql
COPY tidemark tidemark
RUN pip install --no-deps --no-build-isolation .

RUN useradd --create-home tidemark && mkdir /data && chown tidemark /data
USER tidemark
VOLUME /data
ENV TIDEMARK_DATA=/data TIDEMARK_HOST=0.0.0.0
EXPOSE 8080

ENTRYPOINT ["tidemark"]
CMD ["--help"]
