# Built on Debian 12 by the same door as everywhere, run as nobody special.
FROM debian:12 AS build
WORKDIR /src
COPY dev CMakeLists.txt CMakePresets.json ./
# The packages alone make a layer, so that a change of the sources does not fetch them again.
RUN ./dev packages && rm -rf /var/lib/apt/lists/*
COPY . .
RUN ./dev build release && strip build/release/sluice build/release/sluice-extent-node

FROM debian:12-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends \
    ca-certificates curl ibverbs-providers libfabric1 libfmt9 libibverbs1 libisal2 libjemalloc2 libpq5 libprometheus-cpp-core1.0 libpugixml1v5 librocksdb7.8 \
    libssl3 liburing2 \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --system --uid 10001 --home-dir /var/lib/sluice --create-home --shell /usr/sbin/nologin sluice
COPY --from=build /src/build/release/sluice /src/build/release/sluice-extent-node /usr/local/bin/
USER sluice
VOLUME /var/lib/sluice
EXPOSE 9000 9001 10000
# The development keys are refused on these addresses: give SLUICE_ROOT_ACCESS_KEY and SLUICE_ROOT_SECRET_KEY.
ENV SLUICE_DATA=/var/lib/sluice SLUICE_S3=0.0.0.0:9000 SLUICE_BLOB=0.0.0.0:10000 SLUICE_ADMIN=0.0.0.0:9001
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD curl -fsS http://127.0.0.1:9001/health || exit 1
ENTRYPOINT ["sluice"]
CMD ["serve"]
