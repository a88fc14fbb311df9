//! What the meaning of a section depends on besides its own keys.

use std::path::Path;

use super::release::Mongooseim;

/// The surroundings in which the sections of a file are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    /// The release and layout.
    pub mongooseim: Mongooseim,
    /// The node's working directory.
    pub root: Option<&'a Path>,
    /// Tags of the pools that speak HTTP/2.
    pub http2: &'a [String],
}
