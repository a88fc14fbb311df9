//! The directory that holds a node's spools. One node uses it at a time.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::unistd::{AccessFlags, access};

use crate::damage;
use crate::error::OpenError;
use crate::file_name;
use crate::names;
use crate::notice::Notice;
use crate::settings::Settings;
use crate::spool::Spool;

/// The file that the node locks; it holds the node's name.
const LOCK: &str = "node.lock";

/// A directory that belongs to this node until it is dropped.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    settings: Settings,
    /// The system gives the lock back when the process is killed.
    lock: File,
}

impl Drop for Directory {
    fn drop(&mut self) {
        give_back(&self.lock);
    }
}

impl Directory {
    /// Makes the directory if it is not there, and takes it for the node `holder`.
    pub fn take(path: &Path, holder: &str, settings: Settings) -> Result<Self, OpenError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error| OpenError::Io { path, error }
        };
        // What users wrote is for the node's own user.
        names::make_directory(path, settings.sync).map_err(failed(path))?;
        let lock_path = path.join(LOCK);
        let mut lock = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock_path)
            .map_err(failed(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::Held {
                    directory: path.to_owned(),
                    holder: holder_in(&mut lock).unwrap_or_else(|_| "another node".to_owned()),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(&lock_path)(error)),
        }
        let mut taken = Self {
            path: path.to_owned(),
            settings,
            lock,
        };
        write_holder(&mut taken.lock, holder).map_err(failed(&lock_path))?;
        Ok(taken)
    }

    /// The name of the node that uses the directory now, if one does.
    pub fn holder(path: &Path) -> io::Result<Option<String>> {
        let mut lock = match File::open(path.join(LOCK)) {
            Ok(lock) => lock,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        match lock.try_lock_shared() {
            Ok(()) => {
                give_back(&lock);
                Ok(None)
            }
            Err(TryLockError::WouldBlock) => holder_in(&mut lock).map(Some),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Opens the spool of a pool. `tell` is called on this thread while the file is opened,
    /// and on the spool's afterwards.
    pub fn open(
        &self,
        pool: &str,
        tell: impl Fn(Notice) + Send + Sync + 'static,
    ) -> Result<Spool, OpenError> {
        let file = self.path.join(file_name::of_pool(pool));
        let length = length(&file);
        if length > LONGEST {
            return Err(OpenError::TooLong {
                path: file,
                length,
                most: LONGEST,
            });
        }
        Spool::open(file, pool, self.settings, Arc::new(tell))
    }

    /// Whether there is a file of this pool.
    #[must_use]
    pub fn has_file(path: &Path, pool: &str) -> bool {
        damage::is_there(&path.join(file_name::of_pool(pool)))
    }

    /// Whether this would be the file of this pool.
    #[must_use]
    pub fn is_file_of(file: &Path, pool: &str) -> bool {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        damage::file_of_new(&name).unwrap_or(&name) == file_name::of_pool(pool)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The spools' files that are there. What a killed node was about to rename is renamed now, unless a node has the
    /// directory, which does it by itself, or this user may not: then it is returned under the name that it has.
    pub fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(path)? {
            let found = entry?.path();
            let name = found.file_name().unwrap_or_default().to_string_lossy();
            if name.ends_with(file_name::ENDING) {
                files.push(found);
            } else if let Some(name) = damage::file_of_new(&name)
                && name.ends_with(file_name::ENDING)
            {
                files.extend(in_place(path, path.join(name), found)?);
            }
        }
        files.sort();
        files.dedup();
        Ok(files)
    }
}

/// Where a file is that has a new one beside it, or had.
fn in_place(directory: &Path, file: PathBuf, new: PathBuf) -> io::Result<Option<PathBuf>> {
    if file.try_exists()? {
        return Ok(None);
    }
    match unless_held(directory, || damage::finish_renames(&file).map(drop)) {
        Ok(()) => Ok(Some(file).filter(|file| file.is_file())),
        // The damaged file was set aside, so the new one is complete.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
            ) =>
        {
            Ok(Some(new))
        }
        Err(error) => Err(error),
    }
}

/// Does this while no node can have the directory, if none has it.
fn unless_held(path: &Path, step: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let lock = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path.join(LOCK))?;
    match lock.try_lock() {
        Ok(()) => {
            let done = step();
            give_back(&lock);
            done
        }
        Err(TryLockError::WouldBlock) => Ok(()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// To close the file is not enough: a process that was forked a moment ago may have it too.
fn give_back(lock: &File) {
    // If that fails, the lock ends with the last of them.
    let _ = lock.unlock();
}

fn write_holder(lock: &mut File, holder: &str) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    lock.write_all(holder.as_bytes())
}

fn holder_in(lock: &mut File) -> io::Result<String> {
    let mut holder = String::new();
    lock.take(1024).read_to_string(&mut holder)?;
    Ok(holder)
}

/// The bytes of a file's name that `SQLite` takes, less what it adds, and what a file is called while it is made.
const LONGEST: usize = 480;

/// The bytes of a file's name from the root on.
fn length(file: &Path) -> usize {
    let whole = std::path::absolute(file);
    whole.map_or(0, |whole| whole.as_os_str().len())
}

/// What speaks against spools in this directory, if something does. The directory need not be there: the node
/// makes it. Nothing is changed.
#[must_use]
pub fn concern(path: &Path) -> Option<String> {
    let is_there = |path: &&Path| path.symlink_metadata().is_ok();
    let there = path
        .ancestors()
        .find(is_there)
        .unwrap_or_else(|| Path::new("."));
    let name = there.display();
    if !there.is_dir() {
        return Some(format!("{name} is no directory"));
    }
    // A file system that is mounted read-only refuses root too.
    if let Err(error) = access(there, AccessFlags::W_OK | AccessFlags::X_OK) {
        return Some(format!(
            "{name} cannot be written to by this user: {}",
            error.desc()
        ));
    }
    let of_a_pool = path.join(file_name::of_pool("global/http_pool"));
    if length(&of_a_pool) > LONGEST {
        return Some(format!(
            "the names of its files would be too long for SQLite, which takes at most {LONGEST} bytes from the root on: \
             choose a shorter one"
        ));
    }
    is_network_file_system(there).then(|| {
        format!(
            "{name} is on a network file system, where the locks of SQLite cannot be relied on: use a local disk"
        )
    })
}

/// Whether the directory is on a network file system, whose locks `SQLite` cannot rely on.
#[must_use]
pub fn is_network_file_system(path: &Path) -> bool {
    // statfs(2): NFS, SMB, CIFS, SMB2, AFS, Ceph, 9P, Lustre, GlusterFS and other FUSE file systems.
    const NETWORK: [i128; 9] = [
        0x6969,
        0x517b,
        0xff53_4d42,
        0xfe53_4d42,
        0x5346_414f,
        0x00c3_6400,
        0x0102_1997,
        0x0bd0_0bd0,
        0x6573_5546,
    ];
    // The type of the number is another one with each C library.
    nix::sys::statfs::statfs(path)
        .is_ok_and(|found| NETWORK.contains(&i128::from(found.filesystem_type().0)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{Directory, Settings};

    /// As between the fork and the exec of another thread's child.
    #[test]
    fn it_is_free_although_another_process_has_the_locked_file() {
        let path = tempfile::tempdir().unwrap();
        let take = || Directory::take(path.path(), "one@localhost", Settings::default()).unwrap();
        let first = take();
        let _child = first.lock.try_clone().unwrap();
        drop(first);
        assert_eq!(Directory::holder(path.path()).unwrap(), None);
        take();
    }
}
