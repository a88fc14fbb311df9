//! What the engine tells the reporter: outcomes of accepted notifications and counts of rejected ones.
//! Also the counters behind the metrics.

mod fifo;
pub mod mailbox;
pub mod outcomes;
pub mod queue_time;
pub mod rejections;
pub mod totals;
