//! Connections: names, sockets, TLS, and HTTP over them.
//!
//! One attempt of one request is what this folder knows. Retries, timeouts and what an attempt's end
//! means for a notification are `delivery`'s.

mod body;
pub mod dial;
pub mod error;
pub mod http1;
pub mod http2;
pub mod lifetimes;
pub mod link;
pub mod names;
pub mod socket;
