# The command in a container that holds nothing else: see docs/ci.md. Build it from this folder:
#   docker build -t dualbank .
# Its results belong to whoever runs it:
#   docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD:/data" dualbank run --out out
FROM golang:1.26 AS build
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -o /dualbank ./cmd/dualbank

FROM scratch
COPY --from=build /dualbank /dualbank
USER 65534:65534
WORKDIR /data
ENTRYPOINT ["/dualbank"]
CMD ["--help"]
