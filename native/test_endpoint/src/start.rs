//! Starts a test endpoint: its runtime, its port, its accepting tasks.

use crate::config::{EndpointConfig, EndpointError};
use crate::door::Door;
use crate::handle::{EndpointHandle, Running, manner};
use crate::shared::Shared;
use std::io;
use std::sync::Arc;
use tokio::runtime;
use tokio::sync::oneshot;

/// Attempts to find a port that is free at all addresses.
const PORT_TRIES: usize = 20;

/// Starts test endpoints.
#[derive(Debug)]
pub struct TestEndpoint;

impl TestEndpoint {
    /// Starts a test endpoint on the caller's Tokio runtime.
    ///
    /// # Errors
    ///
    /// [`EndpointError`] if it cannot listen, or certificates or plan cannot be used.
    ///
    /// # Panics
    ///
    /// If called outside a Tokio runtime with time and I/O enabled.
    #[allow(clippy::unused_async)] // It must be called inside a runtime.
    pub async fn start(config: EndpointConfig) -> Result<EndpointHandle, EndpointError> {
        start_on(&config, &runtime::Handle::current(), None)
    }

    /// Starts a test endpoint on its own runtime, independent of the caller's clock and threads. With
    /// one thread, that thread does everything.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start), and if the threads cannot be started.
    #[allow(clippy::needless_pass_by_value)] // As `start`, which keeps it in its future.
    pub fn start_in_thread(
        config: EndpointConfig,
        threads: usize,
    ) -> Result<EndpointHandle, EndpointError> {
        let runtime = own_runtime(threads)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let handle = start_on(&config, runtime.handle(), Some(stop))?;
        std::thread::Builder::new()
            .name("test-endpoint".to_owned())
            .spawn(move || {
                // Returns an error when the handle is dropped, which means the same.
                let _ = runtime.block_on(stopped);
            })?;
        Ok(handle)
    }
}

/// A runtime for one test endpoint, with that many threads.
///
/// # Errors
///
/// If the threads cannot be started.
fn own_runtime(threads: usize) -> io::Result<runtime::Runtime> {
    let mut builder = if threads <= 1 {
        runtime::Builder::new_current_thread()
    } else {
        runtime::Builder::new_multi_thread()
    };
    if threads > 1 {
        builder.worker_threads(threads);
    }
    builder.enable_all().thread_name("test-endpoint").build()
}

fn start_on(
    config: &EndpointConfig,
    runtime: &runtime::Handle,
    stop: Option<oneshot::Sender<()>>,
) -> Result<EndpointHandle, EndpointError> {
    let shared = Arc::new(Shared::new(config)?);
    let doors = doors(config)?;
    let mut accepting = Vec::new();
    for door in &doors {
        let task = Arc::clone(door).accept_all(Arc::clone(&shared));
        accepting.push(runtime.spawn(task).abort_handle());
    }
    let handle = EndpointHandle(Arc::new(Running {
        shared,
        doors,
        accepting,
        runtime: runtime.clone(),
        _stop: stop,
    }));
    handle.set_doors(manner(&config.plan))?;
    Ok(handle)
}

fn doors(config: &EndpointConfig) -> Result<Vec<Arc<Door>>, EndpointError> {
    let (first, others) = config.bind.split_first().ok_or(EndpointError::NoAddress)?;
    let mut tries = PORT_TRIES;
    loop {
        let door = Door::new(*first, config.port)?;
        let port = door.addr().port();
        let all: io::Result<Vec<Door>> = others.iter().map(|ip| Door::new(*ip, port)).collect();
        match all {
            Ok(others) => {
                let all = std::iter::once(door).chain(others);
                return Ok(all.map(Arc::new).collect());
            }
            // A port free at one address may be taken at another: try the next.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && config.port == 0 => {
                tries -= 1;
                if tries == 0 {
                    return Err(error.into());
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}
