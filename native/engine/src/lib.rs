//! The engine of mongoose-http-pusher.
#![forbid(unsafe_code)]

pub mod settings;
