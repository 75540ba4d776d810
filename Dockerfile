# An image with videosim and nothing to build it. First: release/archives artifacts/release linux-x64
ARG BASE=debian:12-slim
FROM ${BASE}
RUN apt-get update && apt-get install -y --no-install-recommends libssl3 libstdc++6 && rm -rf /var/lib/apt/lists/*
ADD artifacts/release/videosim-linux-x64.tar.gz /opt
RUN ln -s /opt/videosim/videosim /usr/local/bin/videosim && useradd --create-home --uid 10001 videosim
USER videosim
WORKDIR /home/videosim
ENTRYPOINT ["videosim"]
