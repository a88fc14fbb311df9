//! Properties that hold for every input: the bodies of the fuzz targets, one module each.
//!
//! `fuzz/` passes them what libFuzzer generates; `tests/corpus.rs` passes them the corpora in the repository and
//! everything near them, on the stable toolchain and without a fuzzer. Each accepts plain bytes and panics if its property
//! does not hold.
#![allow(clippy::missing_panics_doc, clippy::expect_used)]
#![cfg_attr(not(test), warn(unused_crate_dependencies))]

pub mod batch;
pub mod config_file;
pub mod event;
pub mod form_body;
pub mod header_field;
pub mod request_url;
pub mod response;
pub mod secret;
pub mod template;

use arbitrary::{Arbitrary, Unstructured};

/// A target's check.
pub type Check = fn(&[u8]);

/// Every target by its name, which is also the name of its corpus.
pub const TARGETS: [(&str, Check); 9] = [
    ("form", form_body::check),
    ("header", header_field::check),
    ("url", request_url::check),
    ("config", config_file::check),
    ("response", response::check),
    ("event", event::check),
    ("batch", batch::check),
    ("template", template::check),
    ("secret", secret::check),
];

/// The bytes as values of these types; `None` if there are too few bytes.
fn parts<'a, T: Arbitrary<'a>>(bytes: &'a [u8]) -> Option<T> {
    T::arbitrary_take_rest(Unstructured::new(bytes)).ok()
}
