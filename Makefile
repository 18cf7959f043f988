# Each target in one line: `make` prints them.
.DEFAULT_GOAL := help
.PHONY: load instructions help demo test check fuzz build packages deps bench screenshots
FUZZ_SECONDS ?= 60

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

deps: ## install what building and testing need from Debian's packages
	@.ci/install-deps

build: deps ## both programs, in target/debug
	cargo build --locked --workspace

packages: build ## .deb and .rpm of both programs, in target/packages
	packaging/build

demo: build ## the main job on this machine's real packages; FLEET=2000 an invented grid instead; ONCE=1 ends by itself
	target/debug/wlcg-package-collector demo $(if $(FLEET),--fleet $(FLEET)) $(if $(ONCE),--once)

test: build packages ## every test: MariaDB, Apache, openssl, dpkg, rpm, and the packages in a booted systemd
	cargo test --locked --workspace --no-fail-fast

check: deps ## formatting, lints, licences and advisories, one door for each power
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	.ci/deny
	.ci/doors

# With OpenSSL inside, as in the packages: loading the shared one costs a process as much as reading its packages.
bench: export OPENSSL_STATIC = 1
bench: export OPENSSL_LIB_DIR = $(shell pkg-config --variable=libdir openssl)
bench: export OPENSSL_INCLUDE_DIR = $(shell pkg-config --variable=includedir openssl)
# And with what the unit tells the C library.
UNIT = $(shell sed -n 's/^Environment=\(MALLOC.*\)/\1/p' systemd/wlcg-package-collector.service)
bench: deps ## what the programs cost beside their peers, into docs/benchmarks.md; PART=agent measures one part
	cargo build --locked --release -p wlcg-package-reporter -p wlcg-package-collector
	$(UNIT) PART=$(PART) cargo bench --locked -p wlcg-acceptance --bench bench

instructions: deps ## what hot functions cost in instructions, against .ci/instructions.txt
	.ci/instructions

load: ## floods a collector with invented reports: URL=http://127.0.0.1:8642, ARGS="--connections 64 --rate 100"
	cargo run --locked --release -q -p wlcg-acceptance --bin load -- $(if $(URL),--url $(URL)) $(ARGS)

fuzz: deps ## every fuzz target for FUZZ_SECONDS seconds; FUZZ_PART=collector the two that need the whole collector
	fuzz/run $(FUZZ_SECONDS) $(FUZZ_PART)

screenshots: build ## pictures of the main pages in docs/images, from an invented grid
	cargo run --locked -q -p wlcg-acceptance --example screenshots
