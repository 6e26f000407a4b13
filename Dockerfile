# One image for every service: the program `marquee`, whose first argument says which one it is.

# Of the sources only what names the dependencies, so that compiling these is a layer that outlives changes of the code.
FROM rust:1.95-bookworm AS manifests
WORKDIR /marquee
COPY . .
RUN find . -type f ! -name Cargo.toml ! -name Cargo.lock -delete \
    && find . -type d -empty -delete \
    && find . -mindepth 2 -name Cargo.toml -printf '%h\n' | while read -r member; do \
        mkdir "$member/src" && touch "$member/src/lib.rs" && echo 'fn main() {}' > "$member/src/main.rs"; \
    done \
    && mkdir marquee/src/bin && cp marquee/src/main.rs marquee/src/bin/marquee-sabotaged.rs

FROM rust:1.95-bookworm AS builder
WORKDIR /marquee
COPY --from=manifests /marquee .
RUN cargo build --release --locked --package marquee \
    && find . -path ./target -prune -o -name '*.rs' -exec rm {} +
COPY . .
# Cargo goes by time, and the sources are older than the stand-ins compiled above.
RUN find . -path ./target -prune -o -name '*.rs' -exec touch {} + \
    && cargo build --release --locked --package marquee \
    && strip target/release/marquee

FROM debian:bookworm-slim
# For a database or a broker elsewhere that is reached by TLS.
COPY --from=builder /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=builder /marquee/target/release/marquee /usr/local/bin/
# A number, so that Kubernetes too can see that it is not root. It owns nothing.
USER 10001:10001
ENV MARQUEE_LISTEN=0.0.0.0:3000
EXPOSE 3000
ENTRYPOINT ["marquee"]
