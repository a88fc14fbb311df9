# What the gate runs, for make -j: in this order, each as soon as what it needs is there. Suites wait more than
# they work, so they run beside compilers and the model checker. Everything else is the Makefile's.
include Makefile
.PHONY: gate rust-tests-built otp-27-unpacked otp-27

gate: package lint-rust lint-erlang otp-27-unpacked rust-tests-built test-erlang test-rust otp-27 test-memory \
      test-servers test-sdks test-web test-receiving test-recipes test-monitoring test soak crash test-install \
      test-release coverage

# The suites run with the library that is shipped, which is not built a second time, and with the test endpoint
# that the Rust tests have.
build: package rust-tests-built
build: export NATIVE = package

# The tests count the lines that they run, and so do the test programs, wherever they run.
rust-tests-built test-rust test-sdks test-web test-receiving test-recipes: private COUNTED = scripts/coverage counted
test-erlang: private COVER = yes
export LLVM_PROFILE_FILE = $(CURDIR)/target/coverage/%4m.profraw

# What builds in one directory waits for one another.
rust-tests-built: | lint-rust
	$(COUNTED) cargo test --locked --workspace --no-run
	[ -x target/debug/http-pusher-test-endpoint ] || cargo build --locked -p http-pusher-test-endpoint
test-rust test-sdks test-web test-receiving test-recipes: | rust-tests-built

otp-27-unpacked:
	UNPACK=only scripts/test-otp 27

# The beams and the library are the same files as under 25. All that touches OTP runs again: every NIF with every
# term, loading and reloading of code, processes that die, logs, crash reports and dumps, the host's own calls,
# and cowlib as Debian has it there. Left out are suites whose cases differ from those only in what the endpoint
# and the engine do.
otp-27: build otp-27-unpacked
	EXCEPT="bounds_SUITE delivery_SUITE overload_SUITE tls_SUITE" scripts/test-otp 27

soak: SECONDS = 20
crash: SECONDS = 20
