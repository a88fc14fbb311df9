//! `http-pusher check`: what a configuration means, and what is wrong with it.

mod report;

use std::path::{Path, PathBuf};

use crate::app_config::{self, OwnValues};
use crate::config::release::{Mongooseim, Release};
use crate::config::{self, Config, Given};
use crate::notes::{Note, Notes, Severity};
use crate::output::print_line;
use crate::routes::{self, Route};

/// Arguments of `check`, shared with `send`.
#[derive(Debug, clap::Args)]
pub(crate) struct Files {
    /// The node's mongooseim.toml
    #[arg(value_name = "MONGOOSEIM_TOML")]
    file: PathBuf,
    /// The node's etc/app.config, whose settings of this application are checked too
    #[arg(long, value_name = "FILE")]
    app_config: Option<PathBuf>,
    /// The MongooseIM release the file is for, for example 6.4; otherwise the layout of the file
    /// tells 5.0 from 5.1 and later
    #[arg(long, value_name = "RELEASE")]
    mongooseim: Option<Release>,
    /// The node's working directory, from which relative names of files are read; otherwise the
    /// current directory
    #[arg(long, value_name = "DIR")]
    node_dir: Option<PathBuf>,
}

impl Files {
    /// The files of a command that has these arguments in another form.
    pub(crate) fn new(
        file: PathBuf,
        app_config: Option<PathBuf>,
        mongooseim: Option<Release>,
        node_dir: Option<PathBuf>,
    ) -> Self {
        Self {
            file,
            app_config,
            mongooseim,
            node_dir,
        }
    }

    /// Where relative names of files begin.
    pub(crate) fn root(&self) -> Option<&Path> {
        self.node_dir.as_deref()
    }
}

/// The parsed files, with what was wrong in their form.
#[derive(Debug)]
pub struct Parsed {
    config: Option<Config>,
    notes: Notes,
    own: OwnValues,
    app_config_notes: Vec<Note>,
}

/// The handlers with their pools, and everything that is wrong.
#[derive(Debug)]
pub struct Judgement<'a> {
    /// Each handler that leads to a usable pool.
    pub routes: Vec<Route<'a>>,
    /// Problems and warnings in the order of the file, those of `app.config` last.
    pub notes: Vec<Note>,
}

impl Parsed {
    /// Reads and parses the files.
    ///
    /// # Errors
    ///
    /// A text about a file that cannot be read at all.
    pub(crate) fn read(files: &Files) -> Result<Self, String> {
        let text = read_file(&files.file)?;
        let mut own = OwnValues::default();
        let mut app_config_notes = Vec::new();
        if let Some(file) = &files.app_config {
            let mut notes = Notes::new(&file.to_string_lossy());
            own = app_config::read(&read_file(file)?, files.root(), &mut notes);
            app_config_notes = notes.into_sorted();
        }
        let given = Given {
            release: files.mongooseim,
            root: files.node_dir.as_deref(),
            http2: &own.http2,
        };
        let parsed = Self::of(&text, &files.file.to_string_lossy(), given);
        Ok(Self {
            own,
            app_config_notes,
            ..parsed
        })
    }

    /// Parses the text of a `mongooseim.toml`; notes name it as `file`.
    pub fn of(text: &str, file: &str, given: Given<'_>) -> Self {
        let mut notes = Notes::new(file);
        let config = config::parse(text, given, &mut notes);
        Self {
            config,
            notes,
            own: OwnValues::default(),
            app_config_notes: Vec::new(),
        }
    }

    /// The release that the file is for.
    pub(crate) fn mongooseim(&self) -> Mongooseim {
        self.config
            .as_ref()
            .map_or(Mongooseim::default(), |config| config.mongooseim)
    }

    /// The first host or host type of the file.
    pub(crate) fn first_host(&self) -> Option<&str> {
        self.hosts().first().map(String::as_str)
    }

    /// The hosts and host types of the file, in its order.
    pub(crate) fn hosts(&self) -> &[String] {
        self.config
            .as_ref()
            .map_or(&[], |config| config.hosts.as_slice())
    }

    /// The application's own settings.
    pub(crate) fn own(&self) -> &OwnValues {
        &self.own
    }

    /// Checks what was parsed.
    pub fn judge(&self) -> Judgement<'_> {
        let mut notes = self.notes.clone();
        let routes = match &self.config {
            Some(config) => routes::find(config, &mut notes),
            None => Vec::new(),
        };
        let mut notes = notes.into_sorted();
        notes.extend_from_slice(&self.app_config_notes);
        Judgement { routes, notes }
    }
}

impl Judgement<'_> {
    /// The problems among the notes.
    pub fn problems(&self) -> impl Iterator<Item = &Note> {
        self.notes
            .iter()
            .filter(|note| note.severity == Severity::Problem)
    }

    /// Prints the problems to stderr, for a command that goes on with what can be used.
    pub(crate) fn print_problems(&self) {
        for note in self.problems() {
            let Note {
                file,
                line,
                path,
                text,
                ..
            } = note;
            eprintln!("{file}:{line}: problem: {path} {text}");
        }
    }

    /// Whether there is no problem.
    pub fn is_ok(&self) -> bool {
        self.problems().next().is_none()
    }
}

fn read_file(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Prints the judgement of the files; returns whether there is no problem.
///
/// # Errors
///
/// A text about a file that cannot be read at all.
pub(crate) fn run(files: &Files, json: bool) -> Result<bool, String> {
    let parsed = Parsed::read(files)?;
    let judgement = parsed.judge();
    if json {
        let text = report::in_json(&judgement).map_err(|error| error.to_string())?;
        print_line(&text);
    } else {
        print_line(&report::in_text(&judgement));
    }
    Ok(judgement.is_ok())
}
