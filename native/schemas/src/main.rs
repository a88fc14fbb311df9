//! Checks requests that the Erlang suites received. The argument is a file with records as the test endpoint's
//! admin port prints them: the seventh field of a line is the header lines, the eighth the body, both in
//! hexadecimal. Prints what is wrong, and how many of the requests had an event. Fails if any was wrong.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::{env, fs};

fn main() -> ExitCode {
    let Some(file) = env::args_os().nth(1) else {
        eprintln!("http-pusher-schemas FILE");
        return ExitCode::from(2);
    };
    let records = match fs::read_to_string(&file) {
        Ok(records) => records,
        Err(error) => {
            eprintln!("{}: {error}", file.display());
            return ExitCode::from(2);
        }
    };
    let (mut events, mut wrong) = (0_usize, 0);
    for record in records.lines() {
        match check(record) {
            Ok(found) => events += found.len(),
            Err(text) => {
                wrong += 1;
                let number = record.split('\t').next().unwrap_or_default();
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

fn check(record: &str) -> Result<Vec<String>, String> {
    let mut fields = record.split('\t').skip(6);
    let [head, body] = [fields.next(), fields.next()].map(|field| field.and_then(from_hex));
    let (head, body) = head.zip(body).ok_or("not a record of the test endpoint")?;
    let find = |name: &str| {
        head.split(|byte| *byte == b'\n').find_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let (found, value) = line.split_at(colon);
            let same = found.eq_ignore_ascii_case(name.as_bytes());
            same.then(|| value[1..].trim_ascii())
        })
    };
    schemas::check(find, &body)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let digit = |digit: u8| char::from(digit).to_digit(16);
    pairs
        .iter()
        .map(|[high, low]| u8::try_from(digit(*high)? * 16 + digit(*low)?).ok())
        .collect()
}
