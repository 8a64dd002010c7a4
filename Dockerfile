# The image of the operator: a handful of bundled files on a base that holds Node.js 24 and little else.
#
#   docker build --tag tracardi-operator .
#
# Both bases can be replaced by others, for example by copies in a registry of your own. The first needs npm and a shell,
# the second only a `node` that is on the PATH below.
ARG BUILD_IMAGE=docker.io/library/node:24-bookworm-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian12:nonroot

FROM ${BUILD_IMAGE} AS build
WORKDIR /build
# No dependency needs its install script for the bundle, and none gets to run one.
ENV NPM_CONFIG_IGNORE_SCRIPTS=true NPM_CONFIG_UPDATE_NOTIFIER=false
COPY .npmrc package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json ./
COPY src src
RUN npm run build

FROM ${RUNTIME_IMAGE}
ARG VERSION=unversioned
ARG REVISION=unknown
LABEL org.opencontainers.image.title="tracardi-operator" \
      org.opencontainers.image.description="Kubernetes operator that checks the credentials of a marketing stack and delivers them to workloads" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /build/dist/*.js /app/
# Distroless has its node in /nodejs/bin, the official images in /usr/local/bin.
ENV NODE_ENV=production PATH=/nodejs/bin:/usr/local/bin:/usr/bin:/bin
# A number, so that runAsNonRoot can be checked without the image's /etc/passwd.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["node", "/app/main.js"]
