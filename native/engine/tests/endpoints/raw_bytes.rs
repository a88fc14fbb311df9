//! Answers that are nearly HTTP.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};

use crate::support::{Bench, End, TooShort, hurried, options, with_patience};

/// Answers the first connection with `bytes`, whatever the request is, and later ones with 204. Connections
/// stay open until the client closes them.
fn raw(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut answers = [bytes].into_iter();
        while let Ok((mut socket, _)) = listener.accept() {
            let answer = answers.next().unwrap_or(b"HTTP/1.1 204 No Content\r\n\r\n");
            std::thread::spawn(move || {
                let mut read = [0; 4096];
                if socket.read(&mut read).is_ok_and(|read| read > 0) {
                    let _ = socket.write_all(answer);
                }
                while socket.read(&mut read).is_ok_and(|read| read > 0) {}
            });
        }
    });
    url
}

#[test]
fn bytes_that_are_nearly_http() {
    let bench = Bench::new();
    let cases: &[(&'static [u8], Result<u16, &str>)] = &[
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", Err("invalid_response")),
        (b"HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n", Err("invalid_response")),
        (b"HTTP/1.1 200 OK\r\nx y: a\r\n\r\n", Err("invalid_response")),
        (b"HTTP/1.1 200 OK\r\nx: a\r\n folded\r\ncontent-length: 0\r\n\r\n", Err("invalid_response")),
        (b"HTTP/3.0 200 OK\r\n\r\n", Err("invalid_response")),
        (b"HTTP/1.1 099 Low\r\n\r\n", Err("invalid_response")),
        (b"HTTP/1.1 2000 Long\r\n\r\n", Err("invalid_response")),
        (b"HTTP/1.1 -20 Negative\r\n\r\n", Err("invalid_response")),
        (b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", Err("invalid_response")),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n", Err("invalid_response")),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Err("invalid_response")),
        (b"\x16\x03\x03\x00\x02\x02\x28", Err("invalid_response")),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Err("invalid_response")),
        (b"HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", Ok(200)),
        (b"HTTP/1.1 200 \xff\xfe\r\ncontent-length: 0\r\n\r\n", Ok(200)),
        (b"HTTP/1.1 299 Odd\r\ncontent-length: 0\r\n\r\n", Ok(299)),
        (b"HTTP/1.1 999 Odder\r\ncontent-length: 0\r\n\r\n", Ok(999)),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", Ok(200)),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n", Ok(200)),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551614\r\n\r\nbody",
            Err("invalid_response"),
        ),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\nbody", Ok(200)),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n", Ok(201)),
        // The second answer is to no request; it must not become the next one's.
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 500 Smuggled\r\ncontent-length: 0\r\n\r\n", Ok(200)),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\nHTTP/1.1 500 Smuggled\r\ncontent-length: 0\r\n\r\n", Ok(304)),
    ];
    for (n, (bytes, expected)) in cases.iter().enumerate() {
        let shown = String::from_utf8_lossy(bytes);
        let mut round = 0;
        // What is to be rejected or read for ever has only this time.
        with_patience(|time| {
            round += 1;
            let pool = bench.pool(hurried(options(raw(bytes)), time));
            let (end, _) = bench.deliver(pool, &format!("{n} {round}"));
            match (&end, expected) {
                (End::Sent { status, .. }, Ok(expected)) => {
                    assert_eq!(status, expected, "{shown}");
                }
                (
                    End::Failed {
                        reason: "request_timeout",
                        ..
                    },
                    _,
                ) => return Err(TooShort(format!("{shown}: {end:?}"))),
                (
                    End::Failed {
                        reason, attempts, ..
                    },
                    Err(expected),
                ) => {
                    assert_eq!((*reason, *attempts), (*expected, 1), "{shown}");
                }
                (end, _) => panic!("{shown}: {end:?}"),
            }
            let (end, _) = bench.deliver(pool, &format!("{n} {round} next"));
            match end {
                End::Sent { status: 204, .. } => Ok(()),
                _ if keeps(bytes) => Ok(()),
                End::Failed {
                    reason: "request_timeout",
                    ..
                } => Err(TooShort(format!("{shown}: next: {end:?}"))),
                End::Sent { .. } | End::Failed { .. } => panic!("{shown}: next: {end:?}"),
            }
        });
    }
    bench.assert_conserved();
}

/// The first connection stays usable after this answer, but its peer answers no more requests.
fn keeps(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    text.ends_with("content-length: 0\r\n\r\n") && !text.contains("Smuggled")
}
