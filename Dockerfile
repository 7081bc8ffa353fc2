# The image of Handrail's own programs, worker and starter (the gateway is
# `starter serve`): two static binaries and what they need, no shell, no root.
FROM --platform=$BUILDPLATFORM golang:1.26.8-trixie AS build
ARG TARGETOS TARGETARCH
ENV CGO_ENABLED=0 GOTOOLCHAIN=local
WORKDIR /src
COPY go.mod go.sum ./
COPY hosting hosting
COPY settings settings
COPY activities activities
COPY workflows workflows
COPY worker worker
COPY starter starter
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false -ldflags="-s -w" -o /out/ ./worker ./starter

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
# For the health checks. Under this name busybox is wget and nothing else.
COPY --from=busybox:1.37.0-musl /bin/busybox /bin/wget
COPY --from=build /out/worker /out/starter /bin/
USER 65532:65532
CMD ["/bin/worker"]
