//! Reads one file, up to a bound: a path can lead to a device that never ends.

use std::env;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The longest file that is read, in bytes.
pub const LONGEST: usize = 1024 * 1024;

/// Reads a file of at most [`LONGEST`] bytes. Blocks on the file system.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let bound = u64::try_from(LONGEST).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)?.take(bound).read_to_end(&mut content)?;
    if content.len() > LONGEST {
        return Err(io::Error::other(format!(
            "it has more than {LONGEST} bytes"
        )));
    }
    Ok(content)
}

/// For an error's text: which folder a relative path starts from.
#[must_use]
pub fn whereabouts(path: &Path) -> String {
    match env::current_dir() {
        Ok(dir) if path.is_relative() => format!(" (relative to {})", dir.display()),
        _ => String::new(),
    }
}
