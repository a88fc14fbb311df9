//! Runs a program on some of the machine's cores, as `taskset` does, which is not installed everywhere.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

/// Becomes `program`, on these cores alone. Returns only if that fails.
pub fn run(cores: &[usize], program: &[String]) -> io::Error {
    let Some((name, arguments)) = program.split_first() else {
        return io::ErrorKind::InvalidInput.into();
    };
    let mut set = CpuSet::new();
    let pinned = cores
        .iter()
        .try_for_each(|core| set.set(*core))
        .and_then(|()| sched_setaffinity(Pid::from_raw(0), &set));
    match pinned {
        Ok(()) => Command::new(name).args(arguments).exec(),
        Err(error) => error.into(),
    }
}
