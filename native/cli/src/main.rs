//! The program `http-pusher`: parses the command line, runs the command, sets the exit status.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match cli::Arguments::parse().run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("http-pusher: {error}");
            ExitCode::from(2)
        }
    }
}
