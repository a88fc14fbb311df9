//! What wakes a command that waits for outcomes of its engine.

use std::sync::mpsc::SyncSender;
use std::thread;

/// Why the thread that waits goes on.
pub(crate) enum Wake {
    /// There are outcomes.
    Outcomes,
    /// The program was asked to end.
    Interrupted,
}

/// Has the program end at the first signal with its summary, and at the second at once.
///
/// # Errors
///
/// The signals cannot be heard.
pub(crate) fn at_signals(wake: SyncSender<Wake>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(text_of)?;
    let (mut interrupt, mut terminate) = {
        use tokio::signal::unix::{SignalKind, signal};
        let _inside = runtime.enter();
        (
            signal(SignalKind::interrupt()).map_err(text_of)?,
            signal(SignalKind::terminate()).map_err(text_of)?,
        )
    };
    let asked = move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            // There is room soon: the other thread takes what is there.
            let _ = wake.send(Wake::Interrupted);
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            std::process::exit(1);
        });
    };
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(asked)
        .map_err(text_of)?;
    Ok(())
}

fn text_of(error: impl std::fmt::Display) -> String {
    error.to_string()
}
