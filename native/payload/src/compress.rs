//! Compression of bodies.

/// How a handler's bodies are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// RFC 1952: every server can read it.
    Gzip,
    /// RFC 8878: smaller, and faster.
    Zstd,
}
