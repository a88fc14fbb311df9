//! Starts, stops and checks the engine; host types.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use engine::engine::EngineSettings;
use engine::spools::{GRACE, SpoolSettings};
use notification::HostType;
use payload::FormStyle;
use rustler::{Encoder, Env, Error, NifMap, NifResult, NifUnitEnum, Term};
use transport::lifetimes::Lifetimes;

use crate::held::{self, held};
use crate::{ENGINE, atoms, report_nifs};

/// The application's own settings that the engine needs.
#[derive(Clone, NifMap)]
struct Settings {
    tokio_threads: usize,
    reporters: usize,
    max_pending: usize,
    max_pending_bytes: usize,
    max_node_bytes: usize,
    max_lane_percent: usize,
    /// In milliseconds; 0 means forever.
    max_connection_age: u32,
    /// Whether the host's form encoder escapes in groups.
    escapes_in_groups: bool,
    /// The directory of the spools, and the node's name for other nodes that want it.
    spool_dir: String,
    node: String,
    spool_max_bytes: u64,
    spool_sync: SpoolSync,
    dead_letters_max_bytes: u64,
    /// In milliseconds.
    dead_letters_max_age: u64,
}

#[derive(Clone, Copy, NifUnitEnum)]
enum SpoolSync {
    Normal,
    Full,
}

impl Settings {
    fn spools(&self) -> SpoolSettings {
        SpoolSettings {
            directory: PathBuf::from(&self.spool_dir),
            node: self.node.clone(),
            spool: spool::Settings {
                sync: match self.spool_sync {
                    SpoolSync::Normal => spool::Sync::Normal,
                    SpoolSync::Full => spool::Sync::Full,
                },
                max_bytes: self.spool_max_bytes,
                dead_letters_max_bytes: self.dead_letters_max_bytes,
                dead_letters_max_age: Duration::from_millis(self.dead_letters_max_age),
            },
            grace: GRACE,
        }
    }
}

#[rustler::nif(schedule = "DirtyIo")]
fn start_engine<'a>(env: Env<'a>, settings: Term<'a>) -> NifResult<Term<'a>> {
    // If a field is wrong, the decoder raises another exception than badarg.
    let settings: Settings = settings.decode().map_err(|_| Error::BadArg)?;
    let settings = EngineSettings {
        threads: settings.tokio_threads,
        reporters: settings.reporters,
        max_pending: settings.max_pending,
        max_pending_bytes: settings.max_pending_bytes,
        max_node_bytes: settings.max_node_bytes,
        max_lane_percent: settings.max_lane_percent,
        lifetimes: Lifetimes {
            max_age: (settings.max_connection_age > 0)
                .then(|| Duration::from_millis(settings.max_connection_age.into())),
            ..Lifetimes::default()
        },
        form_style: if settings.escapes_in_groups {
            FormStyle::InGroups
        } else {
            FormStyle::EachByte
        },
        spools: Some(settings.spools()),
    };
    Ok(match ENGINE.start(settings, report_nifs::wake_reporter) {
        Ok(()) => atoms::ok().encode(env),
        Err(error) => (atoms::error(), error.to_string()).encode(env),
    })
}

#[rustler::nif(schedule = "DirtyIo")]
fn stop_engine() -> rustler::Atom {
    ENGINE.stop();
    atoms::ok()
}

#[rustler::nif]
fn ping() -> bool {
    let _held = held!("ping");
    ENGINE.ping()
}

#[rustler::nif]
fn engine_runs() -> bool {
    let _held = held!("engine_runs");
    ENGINE.is_running()
}

/// Starts or stops measuring how long calls hold a scheduler.
#[rustler::nif]
fn measure_calls(on: bool) -> rustler::Atom {
    held::measure(on);
    atoms::ok()
}

/// Each function that was called since the measuring started: its name, its number of calls, and its
/// longest call in nanoseconds of the scheduler's CPU time.
#[rustler::nif]
fn measured_calls() -> Vec<(&'static str, u64, u64)> {
    held::list()
}

#[rustler::nif]
fn open_host_type(name: &str) -> rustler::Atom {
    let _held = held!("open_host_type");
    ENGINE.open_host_type(name);
    atoms::ok()
}

#[rustler::nif]
fn close_host_type(name: &str) -> rustler::Atom {
    let _held = held!("close_host_type");
    ENGINE.close_host_type(name);
    atoms::ok()
}

#[rustler::nif]
fn abort_host_type(name: &str) -> rustler::Atom {
    let _held = held!("abort_host_type");
    ENGINE.abort_host_type(name);
    atoms::ok()
}

/// A host type's counters, as an Erlang map.
#[derive(NifMap)]
struct HostTypeInfo {
    open: bool,
    pushed: u64,
    accepted: u64,
    rejected: u64,
    sent: u64,
    failed: u64,
    pending: u64,
    on_disk: u64,
    uncounted_rejections: u64,
}

#[rustler::nif]
fn host_type_info<'a>(env: Env<'a>, name: &str) -> Term<'a> {
    let _held = held!("host_type_info");
    ENGINE.host_type(name).map_or_else(
        || atoms::undefined().encode(env),
        |host_type| host_type_numbers(&host_type).encode(env),
    )
}

fn host_type_numbers(host_type: &Arc<HostType>) -> HostTypeInfo {
    let counters = host_type.counters();
    HostTypeInfo {
        open: host_type.is_open(),
        pushed: counters.pushed,
        accepted: counters.accepted,
        rejected: counters.rejected,
        sent: counters.sent,
        failed: counters.failed,
        pending: counters.pending,
        on_disk: counters.on_disk,
        uncounted_rejections: ENGINE.rejections.uncounted(host_type.id),
    }
}

#[rustler::nif]
fn host_types() -> Vec<String> {
    let _held = held!("host_types");
    ENGINE
        .host_types()
        .iter()
        .map(|host_type| host_type.name.to_string())
        .collect()
}
