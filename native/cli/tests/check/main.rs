//! What `http-pusher check` prints for scripts and for people.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod documented;
mod output;
mod own_settings;
mod releases;
mod sections;
