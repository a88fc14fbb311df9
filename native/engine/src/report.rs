//! What the engine tells the reporter: outcomes of accepted notifications and counts of rejected ones.
//! Also the counters behind the metrics.

pub mod counters;
mod fifo;
pub mod mailbox;
pub mod outcomes;
pub mod rejections;
pub mod wait_histogram;
