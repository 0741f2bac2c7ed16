# shmeter in an image: docker build -t shmeter . && docker run --rm --shm-size=1g --user "$(id -u):$(id -g)" -v "$PWD:/work" shmeter run false_sharing
FROM debian:bookworm-slim AS build
COPY . /src
WORKDIR /src
RUN apt-get update \
	&& apt-get install -y --no-install-recommends gcc libc6-dev cmake ninja-build pkg-config dpkg-dev file \
		libhwloc-dev libpfm4-dev libck-dev libjansson-dev libinih-dev libsqlite3-dev liburing-dev \
	&& rm -rf /var/lib/apt/lists/* \
	&& cmake -S . -B /build -G Ninja -DCMAKE_BUILD_TYPE=Release \
	&& cmake --build /build \
	&& cd /build && cpack -G DEB && mv shmeter_*.deb /shmeter.deb

FROM debian:bookworm-slim
COPY --from=build /shmeter.deb /tmp/shmeter.deb
RUN apt-get update \
	&& apt-get install -y --no-install-recommends /tmp/shmeter.deb gnuplot-nox gcc libc6-dev \
	&& rm -rf /tmp/shmeter.deb /var/lib/apt/lists/* \
	&& useradd --create-home shmeter && install -d -o shmeter /work
USER shmeter
WORKDIR /work
ENTRYPOINT ["shmeter"]
CMD ["help"]
