//! Checks requests that the Erlang suites received: one a line on standard input, the header lines in base64,
//! a space, and the body in base64. Prints what is wrong, with the number of the line, and then how many of
//! the requests had an event. Fails if any was wrong.

#![forbid(unsafe_code)]

use std::io::{BufRead, stdin};
use std::process::ExitCode;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

fn main() -> ExitCode {
    let (mut events, mut wrong) = (0, 0);
    for (number, line) in (1..).zip(stdin().lock().lines()) {
        let checked = line
            .map_err(|error| error.to_string())
            .and_then(|line| check(&line));
        match checked {
            Ok(event) => events += u32::from(event.is_some()),
            Err(text) => {
                wrong += 1;
                println!("request {number}: {text}");
            }
        }
    }
    println!("{events} events, {wrong} invalid");
    if wrong == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn check(line: &str) -> Result<Option<String>, String> {
    let (head, body) = line.split_once(' ').ok_or("no space in the line")?;
    let [head, body] = [head, body].map(|part| STANDARD.decode(part));
    let [head, body] = [head, body].map(|part| part.map_err(|error| error.to_string()));
    let head = head?;
    let find = |name: &str| {
        head.split(|byte| *byte == b'\n').find_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let (found, value) = line.split_at(colon);
            let same = found.eq_ignore_ascii_case(name.as_bytes());
            same.then(|| value[1..].trim_ascii())
        })
    };
    schemas::check(find, &body?)
}
