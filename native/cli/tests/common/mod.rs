//! Runs the program on files made for one test.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The first example of the stock module's documentation.
pub const ONE_TABLE: &str = r#"
[outgoing_pools.http.http_pool]
  scope = "global"
  workers = 50

  [outgoing_pools.http.http_pool.connection]
    host = "https://localhost:8000"
    path_prefix = "/webservice"
    request_timeout = 2000

[modules.mod_event_pusher.backend.http]
  pool_name = "http_pool"
  path = "/notifications"
"#;

/// The second example of the stock module's documentation.
pub const ARRAY: &str = r#"
[[modules.mod_event_pusher.backend.http]]
  pool_name = "http_pool"
  path = "/notifications"
  callback_module = "mod_event_pusher_http_notifications"

[[modules.mod_event_pusher.backend.http]]
  pool_name = "http_pool"
  path = "/alerts"
  callback_module = "mod_event_pusher_http_alerts"
"#;

/// The pool that most tests configure.
pub const POOL: &str = "outgoing_pools.http.http_pool";

/// A file in the layout from 5.1 on; `pool` and `connection` are put into the pool's sections.
pub fn file(pool: &str, connection: &str) -> String {
    format!(
        "[modules.mod_event_pusher.http]\n\
         handlers = [{{path = \"n\"}}]\n\
         [{POOL}]\n\
         {pool}\n\
         [{POOL}.connection]\n\
         path_prefix = \"/\"\n\
         {connection}\n"
    )
}

/// A connection without problems and warnings.
pub const LOCAL: &str = "host = \"http://localhost:8000\"";

/// A directory that is removed after the test.
pub struct Dir(PathBuf);

impl Dir {
    /// An empty directory.
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "http-pusher-cli-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    /// Writes a file.
    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The program, to be run in `dir`.
pub fn program(dir: &Dir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_http-pusher"));
    command.current_dir(dir.path());
    command
}

/// What `check` printed about a file.
pub struct Checked {
    /// Exit status.
    pub status: i32,
    /// Its text.
    pub text: String,
    /// Its JSON.
    pub json: serde_json::Value,
}

impl Checked {
    /// The notes as `severity path`, in order.
    pub fn notes(&self) -> Vec<String> {
        let notes = self.json["notes"].as_array().unwrap();
        let word = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        notes
            .iter()
            .map(|note| format!("{} {}", word(&note["severity"]), word(&note["path"])))
            .collect()
    }

    /// The note about `path`, which must be the only one.
    #[track_caller]
    pub fn note(&self, path: &str) -> &serde_json::Value {
        let notes = self.json["notes"].as_array().unwrap();
        let mut about = notes.iter().filter(|note| note["path"] == path);
        let note = about
            .next()
            .unwrap_or_else(|| panic!("no note about {path}: {}", self.text));
        assert!(about.next().is_none(), "{}", self.text);
        note
    }

    /// One of the handlers, counted from 0.
    #[track_caller]
    pub fn handler(&self, index: usize) -> &serde_json::Value {
        let handler = &self.json["handlers"][index];
        assert!(handler.is_object(), "{}", self.text);
        handler
    }
}

/// Runs `check` on a file with this content, as text and as JSON.
pub fn check_in(dir: &Dir, content: &str, more: &[&str]) -> Checked {
    dir.file("mongooseim.toml", content);
    let run = |json: &[&str]| -> Output {
        program(dir)
            .args(["check", "mongooseim.toml"])
            .args(more)
            .args(json)
            .output()
            .unwrap()
    };
    let text = run(&[]);
    let json = run(&["--json"]);
    assert_eq!(text.status, json.status);
    assert_eq!(String::from_utf8(text.stderr).unwrap(), "");
    Checked {
        status: text.status.code().unwrap(),
        text: String::from_utf8(text.stdout).unwrap(),
        json: serde_json::from_slice(&json.stdout).unwrap(),
    }
}

/// [`check_in`] with a new directory.
pub fn check(content: &str, more: &[&str]) -> Checked {
    check_in(&Dir::new(), content, more)
}

/// A running `http-pusher receive`.
pub struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
    /// The address that it listens on.
    pub address: String,
    /// The address of its page; empty without `--web`.
    pub page: String,
}

impl Running {
    /// Starts it on a free port.
    pub fn receive(dir: &Dir, arguments: &[&str]) -> Self {
        let mut child = program(dir)
            .args(["receive", "--port", "0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut next = || {
            let mut line = String::new();
            lines.read_line(&mut line).unwrap();
            line
        };
        let first = next();
        let address = address_in(&first);
        let page = if !arguments.contains(&"--web") {
            String::new()
        } else if arguments.contains(&"--json") {
            address_in(first.split_once("\"web\"").unwrap().1)
        } else {
            address_in(&next())
        };
        Self {
            child,
            lines,
            address,
            page,
        }
    }

    /// Starts it with a page on a free port.
    pub fn with_page(dir: &Dir, arguments: &[&str]) -> Self {
        let all = [&["--web", "127.0.0.1:0"], arguments].concat();
        Self::receive(dir, &all)
    }

    /// Sends it a request of header lines and a body; returns the answer.
    pub fn send(&self, path: &str, headers: &[&str], body: &[u8]) -> String {
        String::from_utf8_lossy(&exchange(&self.address, "POST", path, headers, body)).into_owned()
    }

    /// Asks the page's server; returns the status, the head and the body.
    pub fn ask(&self, method: &str, path: &str, headers: &[&str], body: &str) -> Asked {
        let answer = exchange(&self.page, method, path, headers, body.as_bytes());
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Asked {
            status: head[9..12].parse().unwrap(),
            head: head.to_lowercase(),
            body: body.to_owned(),
        }
    }

    /// Sends it a notification; returns the answer.
    pub fn post(&self) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_mins(2)))
            .unwrap();
        let body = "author=alice&server=localhost&receiver=bob&message=Hi%2C+Bob%21%1B";
        write!(
            stream,
            "POST /n HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The next line it prints.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

/// What the page's server has answered.
pub struct Asked {
    /// Its status.
    pub status: u16,
    /// Status line and header fields, in lower case.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Asked {
    /// The body, which is JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

fn address_in(line: &str) -> String {
    let start = line.find("://").unwrap() + 3;
    let address = line[start..].split(['"', ',', '/']).next().unwrap();
    address.trim().to_owned()
}

/// Sends a request on a connection of its own; returns all that comes back. `host` is set unless it is among the headers.
pub fn exchange(address: &str, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_mins(2)))
        .unwrap();
    let mut head = vec![
        format!("{method} {path} HTTP/1.1"),
        "connection: close".to_owned(),
    ];
    if !headers.iter().any(|header| header.starts_with("host:")) {
        head.push(format!("host: {address}"));
    }
    head.extend(headers.iter().map(|header| (*header).to_owned()));
    head.push(format!("content-length: {}\r\n\r\n", body.len()));
    let head = head.join("\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    // The endpoint may close the connection on purpose.
    let _ = stream.read_to_end(&mut answer);
    answer
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
