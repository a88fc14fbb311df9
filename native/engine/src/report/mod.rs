//! What is told to the reporter: outcomes of what was accepted, counts of what was rejected.

pub mod mailbox;
pub mod notices;
pub mod outcomes;
pub mod reason;
pub mod rejections;
