//! libFuzzer on `fuzz_checks::config_file`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_checks::config_file::check(bytes));
