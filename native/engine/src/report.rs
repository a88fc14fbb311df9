//! What is told to the reporter: outcomes of what was accepted, counts of what was rejected. And what
//! is counted for whoever watches.

mod fifo;
pub mod mailbox;
pub mod outcomes;
pub mod queue_time;
pub mod rejections;
pub mod totals;
