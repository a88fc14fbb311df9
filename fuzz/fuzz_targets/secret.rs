//! libFuzzer on `fuzz_checks::secret`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_checks::secret::check(bytes));
