# What there is to do; each target is a script in scripts/ or one command.
.DEFAULT_GOAL := help
.PHONY: help deps build demo bench test test-rust test-erlang lint clean

help:
	@echo "make demo [ENDPOINT=http://host:port/path]   see notifications arrive"
	@echo "make bench [QUICK=1]                         measure, see docs/performance.md"
	@echo "make test                                    all tests"
	@echo "make lint                                    formatting, clippy, xref, dialyzer"
	@echo "make build                                   library, programs, application"

deps:
	scripts/deps

build: deps
	scripts/build

demo: build
	@ENDPOINT="$(ENDPOINT)" scripts/demo

bench: build
	@QUICK="$(QUICK)" ONLY="$(ONLY)" scripts/bench

test: build test-rust test-erlang

test-rust:
	cargo test --workspace

test-erlang:
	rebar3 eunit
	rebar3 ct

lint: deps
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	rebar3 as lint compile
	rebar3 xref
	rebar3 dialyzer

clean:
	cargo clean
	rm -rf _build priv
