//! This process as the operating system sees it (Linux's /proc).

use std::fs;

/// A line of `/proc/self/status`, such as `VmRSS` (in KiB) or `Threads`.
pub fn status(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Open file descriptors.
pub fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// The names of all threads.
pub fn threads() -> Vec<String> {
    fs::read_dir("/proc/self/task")
        .unwrap()
        // A thread may end meanwhile.
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .map(|name| name.trim_end().to_owned())
        .collect()
}

/// Starts the peak of resident memory (`VmHWM`) again from the memory that is resident now.
pub fn reset_peak() {
    fs::write("/proc/self/clear_refs", "5").unwrap();
}

/// A TCP connection over IPv4 in the kernel's table.
pub struct Connection {
    /// `01` for established, `08` if the peer has closed it and this process has not.
    pub state: String,
    /// The timer that runs: `02` is that of keep-alive.
    pub timer: String,
}

/// The connections in this network namespace to a port.
pub fn connections_to(port: u16) -> Vec<Connection> {
    let table = fs::read_to_string("/proc/self/net/tcp").unwrap();
    let remote = format!(":{port:04X}");
    let connection = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        columns[2].ends_with(&remote).then(|| Connection {
            state: columns[3].to_owned(),
            timer: columns[5].split(':').next().unwrap().to_owned(),
        })
    };
    table.lines().skip(1).filter_map(connection).collect()
}
