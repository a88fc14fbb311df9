//! How much a template may do for one notification.

use std::io;

/// The steps that a template may take. minijinja counts an instruction as one, and what is written,
/// copied or compared too, so that this bounds time and memory: a few milliseconds and megabytes.
pub(super) const STEPS: u64 = 100_000;
/// The longest output, in bytes.
pub(super) const OUTPUT: usize = 1024 * 1024;

/// Collects what a template writes, up to the bound.
#[derive(Debug, Default)]
pub(super) struct Output {
    bytes: Vec<u8>,
    full: bool,
}

impl Output {
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
        if bytes.len() > OUTPUT.saturating_sub(self.bytes.len()) {
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
