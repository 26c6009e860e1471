FROM oven/bun:1.4.5 AS build
WORKDIR /build
COPY package.json bun.lock bunfig.toml tsconfig.json ./
RUN bun install --frozen-lockfile --production
COPY drizzle drizzle
COPY docs/websocket.md docs/
COPY src src
RUN bun run build && mkdir data

# glibc and certificates: no shell, no package manager.
FROM gcr.io/distroless/cc-debian12
COPY --from=build /build/dist/fastkit /fastkit
# A named volume takes the owner of the directory it first covers.
COPY --from=build --chown=65532:65532 /build/data /data
USER 65532:65532
VOLUME /data
ENV HOST=0.0.0.0 PORT=3000 DATA_DIR=/data
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["/fastkit", "health"]
ENTRYPOINT ["/fastkit"]
CMD ["serve"]
