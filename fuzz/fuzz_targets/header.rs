//! libFuzzer on `fuzz_checks::header_field`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_checks::header_field::check(bytes));
