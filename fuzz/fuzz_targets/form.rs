//! libFuzzer on `fuzz_checks::form_body`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_checks::form_body::check(bytes));
