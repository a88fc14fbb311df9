//! `http-pusher shell-files`: man pages and shell completions, made from the definitions that
//! parse the command line, so that they cannot differ from what the program takes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::Arguments as Program;

/// Arguments of `shell-files`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Directory to write to, in the layout of /usr/share
    directory: PathBuf,
}

/// Each shell with the directory below /usr/share and the name under which it looks for completions.
const COMPLETIONS: [(Shell, &str, &str); 3] = [
    (Shell::Bash, "bash-completion/completions", "http-pusher"),
    (Shell::Zsh, "zsh/site-functions", "_http-pusher"),
    (Shell::Fish, "fish/vendor_completions.d", "http-pusher.fish"),
];

/// Writes the files.
///
/// # Errors
///
/// A text: a file cannot be written.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, String> {
    let directory = &arguments.directory;
    write_all(directory)
        .map(|()| true)
        .map_err(|error| format!("{}: {error}", directory.display()))
}

fn write_all(share: &Path) -> io::Result<()> {
    for (shell, directory, file) in COMPLETIONS {
        write(&share.join(directory), file, &completions(shell))?;
    }
    let pages = share.join("man/man1");
    fs::create_dir_all(&pages)?;
    let mut whole = Program::command().disable_help_subcommand(true);
    whole.build();
    write_pages(whole, &pages)
}

/// A shell's script.
///
/// In bash's, `clap_complete` 4.6 writes the hyphen of the program's name in two ways, so that a command's own options are
/// never offered (clap-rs/clap#6421). Once that is mended, there is nothing left to replace.
fn completions(shell: Shell) -> String {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Program::command(), "http-pusher", &mut text);
    String::from_utf8_lossy(&text).replace("http__subcmd__pusher", "http__pusher")
}

/// The page of a command and those of the commands in it.
fn write_pages(command: Command, directory: &Path) -> io::Result<()> {
    for inner in command.get_subcommands() {
        write_pages(inner.clone(), directory)?;
    }
    Man::new(command)
        .source(concat!("http-pusher ", env!("CARGO_PKG_VERSION")))
        .manual("mongoose-http-pusher")
        .generate_to(directory)
        .map(drop)
}

fn write(directory: &Path, file: &str, text: &str) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    fs::write(directory.join(file), text)
}
