//! libFuzzer on `fuzz_checks::request_url`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_checks::request_url::check(bytes));
