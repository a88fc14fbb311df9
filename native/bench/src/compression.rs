//! How much smaller a batch of events gets, and what that costs.

use engine::engine::Engine;
use notification::{Content, Direction, MessageId, Names, Notification};
use payload::compress::Compressor;
use payload::{Compression, Facts, FormatOptions, Plan, PlanOptions, Value};
use serde::Serialize;

use crate::load::cpu_seconds;

/// Events of a batch, as many as `batch` has by default.
const EVENTS: u32 = 500;
/// A part, as the engine compresses a body.
const PART: usize = 32 * 1024;
/// Times that the batch is compressed.
const TIMES: u32 = 100;

/// What messages are made of.
const WORDS: &str = "the be to of and a in that have I it for not on with he as you do at this but his by from they we \
    say her she or an will my one all would there their what so up out if about who get which go me when make can like \
    time no just him know take people into year your good some could them see other than then now look only come its over \
    think also back after use two how our work first well way even new want because any these give day most us \u{1f642}";

/// What was measured.
#[derive(Debug, Serialize)]
pub struct Compressed {
    bytes: usize,
    gzip_ratio: f64,
    gzip_us: f64,
    zstd_ratio: f64,
    zstd_us: f64,
}

/// Makes a batch of chat messages, of other senders and texts, and compresses it.
pub fn run() -> Result<Compressed, Box<dyn std::error::Error>> {
    let body = batch()?;
    let (gzip_ratio, gzip_us) = measure(Compression::Gzip, &body)?;
    let (zstd_ratio, zstd_us) = measure(Compression::Zstd, &body)?;
    Ok(Compressed {
        bytes: body.len(),
        gzip_ratio,
        gzip_us,
        zstd_ratio,
        zstd_us,
    })
}

/// The body's length over that of what is sent, and microseconds of CPU for each event.
fn measure(how: Compression, body: &[u8]) -> Result<(f64, f64), Box<dyn std::error::Error>> {
    let mut compressor = Compressor::new(how).ok_or("no memory")?;
    let mut length = 0;
    let begin = cpu_seconds()?;
    for _ in 0..TIMES {
        let mut output = compressor.begin(body.len());
        let fits = body
            .chunks(PART)
            .all(|part| compressor.add(part, &mut output));
        if !fits || !compressor.finish(&mut output) {
            return Err("the batch does not get smaller".into());
        }
        length = output.len();
    }
    let events = f64::from(TIMES * EVENTS);
    let us = (cpu_seconds()? - begin) * 1e6 / events;
    let ratio = f64::from(u32::try_from(body.len())?) / f64::from(u32::try_from(length)?);
    Ok((ratio, us))
}

fn batch() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let plan = Plan::compile(PlanOptions {
        format: FormatOptions::Json,
        batched: true,
        ..PlanOptions::default()
    })?;
    let handler = Engine::default().handler("localhost", "http_pool", "/notifications");
    let mut random = fastrand::Rng::with_seed(1);
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut notifications = Vec::new();
    for number in 0..EVENTS {
        let count = random.usize(2..25);
        let text: Vec<&str> = (0..count)
            .filter_map(|_| random.choice(&words).copied())
            .collect();
        let (from, to) = (user(&mut random), user(&mut random));
        let mut facts = Facts::default();
        for (key, value) in [
            ("event", "msg"),
            ("type", "chat"),
            ("direction", "in"),
            ("host", "localhost"),
            ("from_user", &from),
            ("from_server", "localhost"),
            ("from_resource", &format!("{:08x}", random.u32(..))),
            ("to_user", &to),
            ("to_server", "localhost"),
        ] {
            facts.add(key, Value::Text(value.as_bytes()));
        }
        let time = 1_795_696_496_000_000 + i64::from(number) * 1_734;
        facts.add("timestamp", Value::Integer(time));
        let stanza = format!(
            "<message xmlns='jabber:client' type='chat' id='{:032x}' to='{to}@localhost'><body>{}</body></message>",
            random.u128(..),
            text.join(" ")
        );
        let names = Names {
            sender: from.as_bytes(),
            server: b"localhost",
            receiver: to.as_bytes(),
        };
        let content = Content::Event(facts.as_bytes());
        let handler = std::sync::Arc::clone(&handler);
        let made = Notification::new(handler, Direction::In, names, stanza.as_bytes(), content);
        notifications.push(made.ok_or("too long")?);
    }
    let ids: Vec<MessageId> = notifications.iter().map(|_| MessageId::new()).collect();
    let members: Vec<_> = notifications.iter().zip(&ids).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let batch = runtime.block_on(plan.make_batch(&members, usize::MAX))?;
    let (made, _) = batch.made.ok_or("an empty batch")?;
    Ok(made.body.to_vec())
}

fn user(random: &mut fastrand::Rng) -> String {
    format!("user{}", random.u32(..100_000))
}
