# Everything a newcomer needs: `make up` and `make test`. `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# One target directory per user, outside the clone: RocksDB takes a quarter of an hour to compile,
# and a second clone need not pay for it again.
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/xebec/target
export CARGO_TERM_COLOR ?= auto

.DEFAULT_GOAL := build
.PHONY: build release up test clients verify fix bench deps deny help

build: deps ## Build the debug binary
	cargo build --locked -p xebec

release: deps ## Build the optimised binary
	cargo build --locked --release -p xebec

up: release ## Start three replicas on this machine (ARGS="--data DIR")
	"$(CARGO_TARGET_DIR)/release/xebec" up $(ARGS)

test: deps ## Run all tests (dev profile; ARGS="-p xebec-store" for one crate)
	scripts/test.sh $(ARGS)

clients: deps ## Test with kube-rs, which takes minutes to build
	cargo test --locked -p xebec --test process -- --ignored kube_rs

verify: deps ## Check format, lints, dependencies and house rules; never writes
	@cargo clippy --version >/dev/null 2>&1 && cargo fmt --version >/dev/null 2>&1 \
		|| rustup component add clippy rustfmt
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	scripts/deny.sh
	cargo test --locked -p xebec --test tidy

fix: deps ## Format, and apply what clippy can repair by itself
	cargo clippy --workspace --all-targets --fix --allow-dirty --allow-staged
	cargo fmt --all

bench: release ## Measure against Debian's etcd-server and print a table (ARGS="…")
	"$(CARGO_TARGET_DIR)/release/xebec" bench compare $(ARGS)

deps: ## Install what is missing of the compilers and test tools (Debian, with apt)
	@scripts/deps.sh

deny: deps ## Install cargo-deny (minutes) and run it, advisories included
	scripts/deny.sh --install

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10
