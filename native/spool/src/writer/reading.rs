//! Reads records for those that ask, and says why that is not possible.

use std::path::Path;

use super::Writer;
use crate::damage;
use crate::inbox::Load;
use crate::record::Loaded;

impl Writer {
    pub(super) fn answer(&mut self, load: Load) {
        let found = match self.load(&load) {
            Err(ReadError::Damaged) => match self.replace() {
                Ok(()) => self.load(&load).map_err(|error| error.text(&self.file)),
                Err(error) => {
                    // The file is opened again after a pause.
                    self.fail(&error);
                    Err(error)
                }
            },
            found => found.map_err(|error| error.text(&self.file)),
        };
        (load.reply)(found);
    }

    fn load(&self, load: &Load) -> Result<Vec<Loaded>, ReadError> {
        let store = match &self.store {
            Some(store) if self.trouble.is_none() => store,
            _ => return Err(ReadError::Failing),
        };
        store
            .load(load.after, load.most, load.bytes)
            .map_err(|error| {
                if damage::is_damage(&error) {
                    ReadError::Damaged
                } else {
                    ReadError::Other(error)
                }
            })
    }
}

/// Why records could not be read.
enum ReadError {
    /// The disk fails; it is tried again.
    Failing,
    /// The file's content is damaged.
    Damaged,
    Other(rusqlite::Error),
}

impl ReadError {
    fn text(self, file: &Path) -> String {
        let why = match self {
            Self::Failing => "the disk fails".to_owned(),
            Self::Damaged => "what was saved of it is damaged too".to_owned(),
            Self::Other(error) => error.to_string(),
        };
        format!("reading {}: {why}", file.display())
    }
}
