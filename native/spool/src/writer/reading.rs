//! Reads records for those that ask, and says why that is not possible.

use std::path::Path;

use super::Writer;
use crate::damage;
use crate::inbox::Load;
use crate::record::{Loaded, RowId};
use crate::store::Store;

/// Records that are asked for: those behind `after`, so many and of so many bytes at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    after: RowId,
    most: u32,
    bytes: u64,
}

impl Writer {
    pub(super) fn answer(&mut self, load: Load) {
        let found = match self.load(&load) {
            Err(ReadError::Damaged) => {
                self.damaged = Some(load.place());
                match self.replace() {
                    Ok(()) => self.load(&load).map_err(|error| error.text(&self.file)),
                    Err(error) => {
                        // The file is opened again after a pause.
                        self.fail(&error);
                        Err(error)
                    }
                }
            }
            found => found.map_err(|error| error.text(&self.file)),
        };
        (load.reply)(found);
    }

    fn load(&self, load: &Load) -> Result<Vec<Loaded>, ReadError> {
        let store = match &self.store {
            Some(store) if self.trouble.is_none() => store,
            _ => return Err(ReadError::Failing),
        };
        load.place().read(store)
    }

    /// Reads once more where damage was met. If it is still there, the file is replaced. Otherwise the disk could not
    /// be read then, and can be now: the file is sound.
    pub(super) fn read_where_damaged(&mut self) -> Result<(), String> {
        let (Some(place), Some(store)) = (self.damaged, &self.store) else {
            return Ok(());
        };
        match place.read(store) {
            Ok(_) => {
                self.damaged = None;
                Ok(())
            }
            Err(ReadError::Damaged) => self.replace(),
            Err(error) => {
                self.store = None;
                Err(error.text(&self.file))
            }
        }
    }
}

impl Load {
    fn place(&self) -> Place {
        Place {
            after: self.after,
            most: self.most,
            bytes: self.bytes,
        }
    }
}

impl Place {
    fn read(self, store: &Store) -> Result<Vec<Loaded>, ReadError> {
        store
            .load(self.after, self.most, self.bytes)
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
