# Images of adglot: server (the default), job-worker and julia-worker.
#
#     docker build --target server -t adglot/server .
#
# PYTHON          the image that all are made of
# EXTRAS          what is installed with adglot in server and job-worker; a Dask cluster needs the
#                 same in both
# INSTALL_JULIA   whether julia-worker gets Julia and its packages: "yes", or "no" for an image
#                 that is given them when it runs
#
# Behind a package index of your own: --secret id=pip,src=pip.conf, and for its certificate
# --secret id=ca,src=ca.pem, which pip.conf names as /run/secrets/ca. Neither stays in an image.

ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS sources
WORKDIR /src
COPY . .

FROM ${PYTHON} AS packages
ARG EXTRAS=compiled,dask,extended,jobs-postgresql,metrics,numeric,sparse,symbolic,traces
RUN python -m venv /opt/adglot
# What it depends on comes first, so that a change of the code installs none of it anew.
COPY pyproject.toml README.md LICENSE /src/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=ca \
    mkdir -p /src/client/adglot /src/server/adglot_server /src/julia_bridge/adglot_julia && \
    /opt/adglot/bin/pip install --no-cache-dir --no-compile "/src[${EXTRAS}]" && \
    /opt/adglot/bin/pip uninstall --yes adglot
COPY --from=sources /src /src
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=ca \
    /opt/adglot/bin/pip install --no-cache-dir --no-deps /src && \
    /opt/adglot/bin/python -m compileall -q /opt/adglot/lib

FROM ${PYTHON} AS julia-packages
ARG INSTALL_JULIA=yes
ENV JULIA_DEPOT_PATH=/opt/julia-depot
RUN python -m venv /opt/adglot
COPY --from=sources /src /src
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=ca \
    /opt/adglot/bin/pip install --no-cache-dir "/src[julia]"
RUN mkdir -p /opt/julia-depot && \
    if [ "${INSTALL_JULIA}" = yes ]; then /opt/adglot/bin/adglot julia install; fi

FROM ${PYTHON} AS runtime
LABEL org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 adglot && \
    useradd --uid 10001 --gid adglot --home-dir /home/adglot --create-home adglot && \
    install --directory --owner adglot --group adglot /jobs /run/adglot
ENV PATH=/opt/adglot/bin:${PATH} \
    PYTHONUNBUFFERED=1 \
    # The workers already take the cores.
    OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 \
    # Page faults dominate large calls: huge pages, and memory that is freed is kept.
    GLIBC_TUNABLES=glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=134217728
WORKDIR /home/adglot
USER adglot

# Computes jobs for a Dask scheduler; as the scheduler: dask scheduler.
FROM runtime AS job-worker
COPY --from=packages /opt/adglot /opt/adglot
EXPOSE 8786 8787
CMD ["dask", "worker", "tcp://scheduler:8786", "--nworkers", "auto", "--nthreads", "1"]

# The socket is for the health check, which TLS would shut out.
FROM runtime AS serving
ENV ADGLOT_SERVE_ADDRESS="0.0.0.0:50051 unix:/run/adglot/adglot.sock"
EXPOSE 50051
HEALTHCHECK --interval=10s --timeout=10s --start-period=30s \
    CMD ["adglot", "health", "unix:/run/adglot/adglot.sock"]
STOPSIGNAL SIGTERM
CMD ["adglot", "serve"]

# The engines of Julia, for servers that attach it: --engine julia=HOST:50051
FROM serving AS julia-worker
ENV JULIA_DEPOT_PATH=/opt/julia-depot \
    ADGLOT_SERVE_ONLY=julia ADGLOT_SERVE_START=julia
COPY --from=julia-packages --chown=adglot /opt/julia-depot /opt/julia-depot
COPY --from=julia-packages --chown=adglot /opt/adglot /opt/adglot

FROM serving AS server
COPY --from=packages /opt/adglot /opt/adglot
