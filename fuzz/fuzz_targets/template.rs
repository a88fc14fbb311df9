//! libFuzzer on `fuzz_checks::template`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_checks::template::check(bytes));
