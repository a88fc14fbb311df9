//! What holds for whatever bytes come: the bodies of the fuzz targets, one module each.
//!
//! `fuzz/` hands them what libFuzzer thinks up; `tests/corpus.rs` hands them the corpora in the
//! repository and what is near them, on the stable toolchain and without a fuzzer. Each takes plain
//! bytes and panics where something does not hold. Not here: where the bytes come from.
#![allow(clippy::missing_panics_doc, clippy::expect_used)]

pub mod config_file;
pub mod form_body;
pub mod header_field;
pub mod request_url;
pub mod response;

/// The program's modules that read a configuration, as they are: it is no library.
#[allow(dead_code, unreachable_pub)]
#[path = "../../cli/src/config.rs"]
mod config;
#[allow(dead_code, unreachable_pub)]
#[path = "../../cli/src/document.rs"]
mod document;
#[allow(dead_code, unreachable_pub)]
#[path = "../../cli/src/generation.rs"]
mod generation;
#[allow(dead_code, unreachable_pub)]
#[path = "../../cli/src/handlers.rs"]
mod handlers;
#[allow(dead_code, unreachable_pub)]
#[path = "../../cli/src/notes.rs"]
mod notes;
#[allow(dead_code, unreachable_pub)]
#[path = "../../cli/src/pool.rs"]
mod pool;
#[allow(dead_code, unreachable_pub)]
#[path = "../../cli/src/resolve.rs"]
mod resolve;
#[allow(dead_code, unreachable_pub)]
#[path = "../../cli/src/section.rs"]
mod section;
#[allow(dead_code, unreachable_pub)]
#[path = "../../cli/src/tls_section.rs"]
mod tls_section;

use arbitrary::{Arbitrary, Unstructured};

/// A target's check.
pub type Check = fn(&[u8]);

/// Every target by its name, which is also that of its corpus.
pub const TARGETS: [(&str, Check); 5] = [
    ("form", form_body::check),
    ("header", header_field::check),
    ("url", request_url::check),
    ("config", config_file::check),
    ("response", response::check),
];

/// The bytes as values of these types; none where there are too few of them.
fn parts<'a, T: Arbitrary<'a>>(bytes: &'a [u8]) -> Option<T> {
    T::arbitrary_take_rest(Unstructured::new(bytes)).ok()
}
