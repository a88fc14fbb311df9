//! Notifications on disk: each stays there from its hand-over until it is delivered, or given up as a
//! *dead letter*.
//!
//! A [`Directory`] belongs to one node at a time. In it, each pool has a file, a [`Spool`]: an `SQLite`
//! database with one thread that writes to it. A session appends a [`Record`] and goes on; the thread
//! writes what has come together in one transaction (a group commit). The engine removes the record when it
//! is delivered, or buries it. After a restart, [`Spool::load`] returns what is left, in the order of hand-over.
//!
//! A disk that fails never stops a delivery: the records that could not be written are kept in memory and
//! written later, and a [`Notice`] says so.
//!
//! This crate knows neither queues nor retries: the engine decides what is delivered, and when.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(unused_crate_dependencies))]

mod admin;
mod clock;
mod content;
mod damage;
mod directory;
mod error;
mod file_name;
mod inbox;
mod looking_in;
mod names;
mod notice;
mod record;
mod schema;
mod settings;
mod spool;
mod store;
mod totals;
mod writer;

pub use admin::{Admin, Selection, Status};
pub use clock::now_ms;
pub use content::Parts;
pub use directory::{Directory, concern, is_network_file_system};
pub use error::{Full, OpenError};
pub use looking_in::meaning;
pub use notice::Notice;
pub use record::{DeadLetter, DeathReason, History, Kind, Loaded, Packed, Record, RowId};
pub use rusqlite::Error as SqlError;
pub use settings::{Settings, Sync};
pub use spool::Spool;
pub use totals::{Reasons, Totals};
