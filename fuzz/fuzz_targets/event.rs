//! libFuzzer on `fuzz_checks::event`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_checks::event::check(bytes));
