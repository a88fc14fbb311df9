# What there is to do; each target is a script in scripts/ or one command.
.DEFAULT_GOAL := help
.PHONY: help deps build demo bench bench-big test test-rust test-erlang test-memory test-hard test-otp test-servers test-sdks test-web test-receiving test-recipes \
        test-monitoring coverage model fuzz memory soak crash package package-all test-packages test-containers \
        release test-release test-install big_test lint format lint-rust lint-erlang deny clean

help:
	@echo "make demo [ENDPOINT=http://host:port/path]   see notifications arrive; WEB=1: in a page"
	@echo "make bench [QUICK=1]                         measure, see docs/performance.md"
	@echo "make bench-big                               a folder that measures on a machine with more cores"
	@echo "make test                                    all tests"
	@echo "make coverage                                all tests, and how many lines they ran; fails below a floor"
	@echo "make test-hard TIMES=5                       all tests that often, on one core, and beside a load too"
	@echo "make test-otp OTP=25|27|29                   the Erlang tests under that OTP"
	@echo "make test-servers [ONLY=nginx]               real web servers, each over all it speaks"
	@echo "make test-recipes                            every recipe through http-pusher, some to real services"
	@echo "make test-monitoring                         alert rules and dashboard, by promtool"
	@echo "make test-web                                the page of http-pusher receive, in a real Chromium"
	@echo "make test-sdks                               payloads, read by SDKs of Python and Node.js"
	@echo "make test-receiving                          README's ten minutes without MongooseIM, docs/receiving.md"
	@echo "make model                                   the engine's queue under a model checker"
	@echo "make fuzz SECONDS=60                         every fuzz target for that long"
	@echo "make memory                                  the library in a VM under AddressSanitizer"
	@echo "make soak SECONDS=120 [SEED=N]               random load, faults, restarts and kills"
	@echo "make crash SECONDS=60 [SEED=N]               a node under load, killed forty times: what it accepted arrives"
	@echo "make package                                 .tar.gz, .deb and .rpm for every release since 5.0, SBOM, checksums"
	@echo "make package-all                             the same for aarch64 too, and http-pusher as a static program"
	@echo "make test-packages [OLD=DIRECTORY]           .deb and .rpm installed, upgraded, removed in throw-away roots"
	@echo "make test-containers                         the images of packaging/Containerfile, built and looked into"
	@echo "make release                                 the gate, all packages and a tag, of a clean tree with one version"
	@echo "make test-release                            what it refuses"
	@echo "make big_test MONGOOSEIM=DIR                 the big tests on a tree that you have built"
	@echo "make lint                                    formatting, clippy, licences, xref, dialyzer"
	@echo "make format                                  Rust and the modules of erl_src, as make lint wants them"
	@echo "make deny                                    licences and sources, by cargo-deny"
	@echo "make build                                   library, programs, application"

deps:
	scripts/deps

build: deps
	scripts/build

demo: build
	@ENDPOINT="$(ENDPOINT)" WEB="$(WEB)" scripts/demo

bench: build
	@QUICK="$(QUICK)" ONLY="$(ONLY)" scripts/bench

# In all of the workspace, so that its dependencies are the ones that the other tests have built.
MODEL_TEST = --features http-pusher-engine/model --test model
MODEL = cargo test --locked --workspace $(MODEL_TEST) -- --nocapture

bench-big: deps
	scripts/bench-big

test: build test-rust test-erlang test-memory

# What is put before it counts the lines that run (coverage).
test-rust:
	$(COUNTED) scripts/rust-tests
	MODEL_PREEMPTIONS=2 $(MODEL)

test-erlang: build
	scripts/erlang-tests make _build/erlang-tests _build/default/lib/mongoose_http_pusher/ebin \
	    priv/mongoose_http_pusher_nif.so
	COVER=$(COVER) scripts/erlang-tests run _build/erlang-tests

# The tests again, compiled so that they count the lines that they run. Fails below the floors in scripts/coverage.
coverage: COUNTED = scripts/coverage counted
coverage: COVER = yes
coverage: test-rust test-erlang
	scripts/coverage rust
	scripts/coverage erlang _build/erlang-tests

test-memory: build
	MEMORY_SUITES=none scripts/memory

test-hard:
	scripts/test-hard $(or $(TIMES),5)

test-otp: build
	scripts/deps $(if $(filter-out 25,$(OTP)),debootstrap)
	scripts/test-otp $(OTP)

test-servers: build
	scripts/deps python3-venv
	scripts/test-servers $(ONLY)

test-sdks: deps
	$(COUNTED) scripts/test-sdks

test-receiving: deps
	$(COUNTED) scripts/test-receiving

test-web: build
	$(COUNTED) scripts/test-web

test-recipes: deps
	$(COUNTED) scripts/test-recipes

test-monitoring:
	scripts/deps python3-venv
	scripts/test-monitoring

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

crash: build
	scripts/crash $(or $(SECONDS),60) $(SEED)
	BATCH=yes scripts/crash $(or $(SECONDS),60) $(SEED)

package:
	scripts/deps python3-venv rpm cpio
	scripts/package

# Beside what `make package' makes.
package-all: package
	scripts/deps debootstrap qemu-user-static
	scripts/package-all

test-containers:
	scripts/deps debootstrap rpm buildah python3-yaml
	scripts/test-containers

test-packages:
	scripts/deps debootstrap rpm lintian
	OLD="$(OLD)" scripts/test-packages $(ONLY)

release:
	scripts/release

test-release:
	scripts/test-release

test-install: build
	scripts/test-install

big_test:
	scripts/big-test $(MONGOOSEIM)

lint: lint-rust lint-erlang

format:
	cargo fmt --all
	scripts/format-erlang

# The pages are for those who work on the crates, so they show private items, and may link to them.
RUSTDOC_LINTS = -D warnings -A rustdoc::private_intra_doc_links

lint-rust:
	scripts/deps python3
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy --locked --workspace $(MODEL_TEST) -- -D warnings
	RUSTDOCFLAGS="$(RUSTDOC_LINTS)" cargo doc --locked --workspace --no-deps --document-private-items
	scripts/licences check

# Beside what others build, so that it can be done while they do.
lint-erlang: deps
	scripts/format-erlang check
	rebar3 as lint compile
	escript packaging/beams_load.escript _build/lint/lib/mongoose_http_pusher/ebin
	rebar3 as test compile
	mkdir -p _build/lint/bench && erlc +warnings_as_errors -o _build/lint/bench bench/*.erl
	rebar3 as lint xref
	rebar3 as lint dialyzer

deny: deps
	scripts/deny

clean:
	cargo clean
	rm -rf _build priv
