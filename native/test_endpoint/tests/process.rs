//! The program: its first line of output, its admin interface as a script sees it, and when it ends.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const HUNG: Duration = Duration::from_mins(2);

struct Process {
    child: Child,
    out: BufReader<ChildStdout>,
    addr: SocketAddr,
    admin: SocketAddr,
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_http-pusher-test-endpoint"))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["listening", addr, "admin", admin] = words[..] else {
            panic!("{line:?}");
        };
        Self {
            addr: addr.parse().unwrap(),
            admin: admin.parse().unwrap(),
            child,
            out,
        }
    }

    fn admin(&self, method: &str, target: &str, body: &str) -> (u16, String) {
        ask(self.admin, method, target, body)
    }

    fn post(&self, target: &str, body: &str) {
        let answer = self.admin("POST", target, body);
        assert_eq!(answer, (200, "ok\n".to_owned()), "{target}");
    }

    fn ended(&mut self) -> ExitStatus {
        let end = Instant::now() + HUNG;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "the process goes on");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Sends one request on a new connection; returns status and body.
fn ask(addr: SocketAddr, method: &str, target: &str, body: &str) -> (u16, String) {
    let mut tcp = TcpStream::connect(addr).unwrap();
    tcp.set_read_timeout(Some(HUNG)).unwrap();
    let len = body.len();
    let form = "content-type: application/x-www-form-urlencoded";
    write!(tcp, "{method} {target} HTTP/1.1\r\nHost: x\r\nconnection: close\r\n{form}\r\ncontent-length: {len}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

#[test]
fn the_admin_interface() {
    let endpoint = Process::start(&["--record", "--plan", "status=201"]);
    let status = |path: &str| ask(endpoint.addr, "POST", path, "a=b").0;
    assert_eq!(status("/x y".split(' ').next().unwrap()), 201);
    endpoint.post("/plan?path=/p", "status=404");
    endpoint.post("/plan?next=1", "status=500");
    assert_eq!([status("/p"), status("/p"), status("/q")], [500, 404, 201]);
    endpoint.post("/plan", "status=202");
    assert_eq!(status("/q"), 202);
    endpoint.post("/reset-plans", "");
    assert_eq!(status("/p"), 200);

    let (_, stats) = endpoint.admin("GET", "/stats", "");
    let lines: Vec<&str> = stats.lines().collect();
    for line in [
        "begun 6",
        "answered 6",
        "in_flight 0",
        "path./p 3",
        "status.404 1",
    ] {
        assert!(lines.contains(&line), "{line} is not in {stats}");
    }
    let (_, json) = endpoint.admin("GET", "/stats.json", "");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["begun"], &json["paths"]["/q"]),
        (&6.into(), &2.into())
    );

    let (_, received) = endpoint.admin("GET", "/received?from=6", "");
    let fields: Vec<&str> = received.trim_end().split('\t').collect();
    assert_eq!(
        (fields[0], fields[3], fields[4], fields[5]),
        ("6", "1.1", "POST", "/p")
    );
    assert!(fields[6].starts_with("486f73743a20780d0a"), "{}", fields[6]);
    assert_eq!(fields[7..], ["613d62", "complete", "-"]);
    let count = |target| endpoint.admin("GET", target, "").1.lines().count();
    assert_eq!(count("/received"), 6);
    assert_eq!(count("/received?header=Content-Length"), 6);
    assert_eq!(count("/received?header=webhook-id"), 0);

    endpoint.post("/clear", "");
    assert_eq!(endpoint.admin("GET", "/received", "").1, "");
    endpoint.post("/listener?open=false", "");
    assert!(TcpStream::connect(endpoint.addr).is_err());
    endpoint.post("/listener?open=true", "");
    let mut open = TcpStream::connect(endpoint.addr).unwrap();
    open.set_read_timeout(Some(HUNG)).unwrap();
    assert_eq!(status("/"), 200);
    endpoint.post("/close-connections", "");
    assert_eq!(open.read(&mut [0]).unwrap(), 0);
    endpoint.post("/release", "");
    assert_eq!(endpoint.admin("GET", "/tls", ""), (200, String::new()));

    for (target, body, status) in [
        ("/plan", "nonsense", 400),
        ("/plan", "fault=tls-close", 400),
        ("/plan?next=many", "", 400),
        ("/listener", "", 400),
        ("/nowhere", "", 404),
    ] {
        let (got, why) = endpoint.admin("POST", target, body);
        assert_eq!(got, status, "{target}: {why}");
        assert!(why.len() > 5);
    }
}

#[test]
fn it_prints_what_it_gets() {
    let mut endpoint = Process::start(&["--print"]);
    ask(
        endpoint.addr,
        "POST",
        "/hook",
        "author=alice&message=Hi%2C+Bob%1b",
    );
    let mut lines = [(); 3].map(|()| {
        let mut line = String::new();
        endpoint.out.read_line(&mut line).unwrap();
        line
    });
    let first = lines[0].split_off(13);
    assert_eq!(first, "#1 POST /hook HTTP/1.1 33 bytes\n");
    assert_eq!(
        lines[1..],
        ["    author: alice\n", "    message: Hi, Bob\\u{1b}\n"]
    );
}

#[test]
fn it_ends_with_its_standard_input() {
    let mut endpoint = Process::start(&[]);
    drop(endpoint.child.stdin.take());
    assert!(endpoint.ended().success());
}

#[test]
fn it_ends_on_signals_even_with_a_request_held() {
    for signal in ["TERM", "INT"] {
        let mut endpoint = Process::start(&["--ignore-stdin", "--plan", "fault=stall-before-head"]);
        drop(endpoint.child.stdin.take());
        let mut held = TcpStream::connect(endpoint.addr).unwrap();
        write!(held, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        let pid = endpoint.child.id().to_string();
        let end = Instant::now() + HUNG;
        while !endpoint
            .admin("GET", "/stats", "")
            .1
            .contains("in_flight 1\n")
        {
            assert!(Instant::now() < end, "the request is not there");
        }
        assert!(endpoint.child.try_wait().unwrap().is_none());
        let kill = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(kill.unwrap().success());
        assert!(endpoint.ended().success());
    }
}

#[test]
fn it_makes_certificates_and_serves_with_them() {
    let dir =
        std::env::temp_dir().join(format!("http-pusher-test-endpoint-{}", std::process::id()));
    let dir = dir.to_str().unwrap();
    let made = Command::new(env!("CARGO_BIN_EXE_http-pusher-test-endpoint"))
        .args(["--make-certs", dir])
        .status();
    assert!(made.unwrap().success());
    let file = |name: &str| format!("{dir}/{name}");
    for pair in ["server", "expired", "wrong-name", "client"] {
        let (cert, key) = (file(&format!("{pair}.pem")), file(&format!("{pair}.key")));
        let endpoint = Process::start(&[
            "--tls",
            "--h2",
            "--cert",
            &cert,
            "--key",
            &key,
            "--client-ca",
            &file("ca.pem"),
        ]);
        let mut plain = TcpStream::connect(endpoint.addr).unwrap();
        plain.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        plain.set_read_timeout(Some(HUNG)).unwrap();
        let mut answer = Vec::new();
        // Alert or reset: this is not plain HTTP.
        let _ = plain.read_to_end(&mut answer);
        let end = Instant::now() + HUNG;
        while !endpoint
            .admin("GET", "/tls", "")
            .1
            .contains("connection 1: ")
        {
            assert!(Instant::now() < end);
        }
    }
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn what_cannot_be_is_said_and_ends_with_an_error() {
    for args in [
        ["--plan", "fault=nonsense"],
        ["--plan", "fault=tls-close"],
        ["--client-ca", "somewhere"],
    ] {
        let out = Command::new(env!("CARGO_BIN_EXE_http-pusher-test-endpoint"))
            .args(args)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(!out.status.success(), "{args:?}");
        assert!(out.stdout.is_empty() && !out.stderr.is_empty(), "{args:?}");
    }
}
