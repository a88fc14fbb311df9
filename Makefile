# What there is to do; each target is a script in scripts/ or one command.
.DEFAULT_GOAL := help
.PHONY: help deps build demo bench test test-rust test-erlang test-memory test-otp test-servers model fuzz memory \
        soak package test-install big_test lint deny clean

help:
	@echo "make demo [ENDPOINT=http://host:port/path]   see notifications arrive"
	@echo "make bench [QUICK=1]                         measure, see docs/performance.md"
	@echo "make test                                    all tests"
	@echo "make test-otp OTP=25|27|29                   the Erlang tests under that OTP"
	@echo "make test-servers [ONLY=nginx]               real web servers, each over all it speaks"
	@echo "make model                                   the engine's queue under a model checker"
	@echo "make fuzz SECONDS=60                         every fuzz target for that long"
	@echo "make memory                                  the library in a VM under AddressSanitizer"
	@echo "make soak SECONDS=120 [SEED=N]               random load, faults, restarts and kills"
	@echo "make package                                 the package for every release since 5.0"
	@echo "make big_test MONGOOSEIM=DIR                 the big tests on a tree that you have built"
	@echo "make lint                                    formatting, clippy, licences, xref, dialyzer"
	@echo "make deny                                    licences and sources, by cargo-deny"
	@echo "make build                                   library, programs, application"

deps:
	scripts/deps

build: deps
	scripts/build

demo: build
	@ENDPOINT="$(ENDPOINT)" scripts/demo

bench: build
	@QUICK="$(QUICK)" ONLY="$(ONLY)" scripts/bench

# In all of the workspace, so that its dependencies are the ones that the other tests have built.
MODEL_TEST = --features http-pusher-engine/model --test model
MODEL = cargo test --locked --workspace $(MODEL_TEST) -- --nocapture

test: build test-rust test-erlang test-memory

test-rust:
	cargo test --locked --workspace
	MODEL_PREEMPTIONS=2 $(MODEL)

test-erlang:
	rebar3 eunit
	rebar3 ct

test-memory:
	MEMORY_SUITES=none scripts/memory

test-otp: build
	scripts/deps $(if $(filter-out 25,$(OTP)),debootstrap)
	scripts/test-otp $(OTP)

test-servers: build
	scripts/deps python3-venv
	scripts/test-servers $(ONLY)

model: deps
	$(MODEL)

# SECONDS is a name of the shell's own, hence an argument.
fuzz:
	scripts/deps g++
	scripts/fuzz $(or $(SECONDS),60)

memory: build
	scripts/memory

soak: build
	scripts/soak $(or $(SECONDS),120) $(SEED)

package:
	scripts/deps python3-venv
	scripts/package

test-install: build
	scripts/test-install

big_test:
	scripts/big-test $(MONGOOSEIM)

lint:
	scripts/deps python3
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy --locked --workspace $(MODEL_TEST) -- -D warnings
	scripts/licences check
	rebar3 as lint compile
	rebar3 xref
	rebar3 dialyzer

deny: deps
	scripts/deny

clean:
	cargo clean
	rm -rf _build priv
