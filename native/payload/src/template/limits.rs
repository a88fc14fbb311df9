//! How much a template may do for one notification.

use std::io;

/// The steps that a template may take. minijinja counts an instruction as one, and what is written,
/// copied or compared too, so that this bounds time and memory: a few milliseconds and megabytes.
pub(super) const STEPS: u64 = 100_000;
/// The steps that a template may take for a batch. One that takes more gets fewer events.
pub(super) const BATCH_STEPS: u64 = 5_000_000;
/// The longest output, in bytes.
pub(super) const OUTPUT: usize = 1024 * 1024;
/// The longest tag, in bytes. It bounds how deep an expression is when it is compiled.
pub(super) const TAG: usize = 4096;
/// The most bytes in all tags together.
pub(super) const TAGS: usize = 32 * 1024;
/// The most brackets, filters and operators on lists in all tags together. It bounds how deep a value is when
/// it is rendered: the stack of an engine's thread has room for several times as much.
pub(super) const NESTING: usize = 500;
/// The stack of the thread that compiles, in bytes. It has room for a tag of operators alone.
pub(super) const STACK: usize = 32 * 1024 * 1024;

/// Collects what a template writes, up to a bound.
#[derive(Debug)]
pub(super) struct Output {
    bytes: Vec<u8>,
    most: usize,
    full: bool,
}

impl Output {
    /// Takes so many bytes.
    pub(super) fn up_to(most: usize) -> Self {
        Self {
            bytes: Vec::new(),
            most,
            full: false,
        }
    }

    /// Whether the template wanted to write more.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.most.saturating_sub(self.bytes.len()) {
            self.full = true;
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
