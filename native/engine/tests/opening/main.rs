//! Pools whose files are late, wrong, out of reach or on a mount that hangs when they are opened.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod hangs;
mod secure;
#[path = "../support/mod.rs"]
mod support;

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use engine::engine::EngineError;
use engine::pool::opening::PATIENCE;
use engine::settings::PoolOptions;
use notification::{PoolId, PushError, RejectReason};
use secure::Secure;
use support::{BOUND, Bench, End, TooShort, assert_sent, millis, options, until, with_patience};
use transport::notices::NoticeKind;
use transport::{Remedy, TlsOptions};

fn configured(bench: &Bench, options: PoolOptions) -> PoolId {
    let pool = bench.engine.create_pool("global/http_pool").unwrap();
    bench.engine.configure_pool(pool, options).unwrap();
    pool
}

fn remedy(opened: Result<Vec<String>, EngineError>) -> Remedy {
    match opened {
        Err(EngineError::Config(error)) => error.remedy,
        other => panic!("{other:?}"),
    }
}

fn phase(bench: &Bench, pool: PoolId) -> &'static str {
    bench.engine.pool(pool).unwrap().phase()
}

#[test]
fn a_file_that_comes_late_costs_nothing() {
    // To the millisecond: `late_files`. Here the file comes too late if the machine is slow.
    with_patience(|_| {
        let bench = Bench::new();
        let secure = Secure::new("late");
        let pool = configured(&bench, secure.options());
        assert_eq!(remedy(bench.engine.open_pool(pool)), Remedy::Retry);
        let why = bench.engine.pool(pool).unwrap().defect().unwrap();
        assert!(why.contains("No such file"), "{why}");
        let waits = bench.push(pool, "waits");
        std::thread::sleep(Duration::from_secs(1));
        if let Err(refused) = waits.and(bench.push(pool, "waits too")) {
            assert_eq!(refused, PushError::Rejected(RejectReason::PoolConfig));
            return Err(TooShort("it was refused".to_owned()));
        }
        secure.put_right();
        for sender in ["waits", "waits too"] {
            match bench.outcome_of(sender).end {
                End::Sent { .. } => {}
                End::Failed { reason, text, .. } => {
                    assert_eq!(reason, "pool_config", "{text}");
                    return Err(TooShort(text));
                }
            }
        }
        assert_eq!(bench.engine.pool(pool).unwrap().defect(), None);
        let notices = bench.engine.notices.take();
        let [notice] = &notices[..] else {
            panic!("{notices:?}");
        };
        assert_eq!(notice.kind, NoticeKind::Opened);
        bench.assert_conserved();
        Ok(())
    });
}

#[test]
fn a_file_that_comes_very_late_opens_the_pool_all_the_same() {
    let bench = Bench::new();
    let secure = Secure::new("very-late");
    let pool = configured(&bench, secure.options());
    let begin = Instant::now();
    assert_eq!(remedy(bench.engine.open_pool(pool)), Remedy::Retry);
    bench.push(pool, "too early").unwrap();
    let end = bench.outcome_of("too early").end;
    let (reason, _, text) = end.failure();
    assert_eq!(reason, "pool_config");
    assert!(text.contains("No such file"), "{text}");
    assert!(begin.elapsed() >= PATIENCE);
    let rejected = Err(PushError::Rejected(RejectReason::PoolConfig));
    assert_eq!(bench.push(pool, "too early, too"), rejected);
    assert_eq!(phase(&bench, pool), "broken");
    secure.put_right();
    // A caller that wants it open now need not wait for the next try.
    bench.engine.begin_opening(pool).unwrap();
    until("the pool opens", || phase(&bench, pool) == "open");
    assert_sent(&bench.deliver(pool, "in time").0);
    let kinds: Vec<_> = bench.engine.notices.take();
    assert!(
        matches!(&kinds[..], [notice] if notice.kind == NoticeKind::Opened),
        "{kinds:?}"
    );
    bench.assert_conserved();
}

#[test]
fn content_that_is_refused_waits_for_a_changed_file() {
    let bench = Bench::new();
    let secure = Secure::new("refused");
    secure.put("half a certif");
    let pool = configured(&bench, secure.options());
    assert_eq!(remedy(bench.engine.open_pool(pool)), Remedy::OtherContent);
    let rejected = Err(PushError::Rejected(RejectReason::PoolConfig));
    assert_eq!(bench.push(pool, "too early"), rejected);
    // The same file is not tried again, however often it is asked for; so nothing more is said.
    for _ in 0..3 {
        bench.engine.begin_opening(pool).unwrap();
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(bench.engine.notices.take().is_empty());
    secure.put("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    until("the other file is refused too", || {
        let _ = bench.engine.begin_opening(pool);
        let notices = bench.engine.notices.take();
        notices
            .iter()
            .any(|notice| notice.kind == NoticeKind::NotOpened(Remedy::OtherContent))
    });
    secure.put_right();
    // By itself, without another call.
    until("the pool opens", || phase(&bench, pool) == "open");
    assert_sent(&bench.deliver(pool, "in time").0);
    bench.assert_conserved();
}

/// What only other options can mend is not tried again.
#[test]
fn settings_that_are_refused_wait_for_nothing() {
    let bench = Bench::new();
    let secure = Secure::new("settings");
    secure.put_right();
    let mut wrong = secure.options();
    wrong.tls.as_mut().unwrap().ciphers = Some("RC4-MD5".to_owned());
    let pool = configured(&bench, wrong);
    assert_eq!(remedy(bench.engine.open_pool(pool)), Remedy::OtherSetting);
    assert_eq!(phase(&bench, pool), "broken");
}

#[test]
fn a_pool_opened_without_descriptors_opens_when_there_are_some() {
    const URL: &str = "ENGINE_TEST_OPENING_URL";
    const CA: &str = "ENGINE_TEST_OPENING_CA";
    const NAME: &str = "a_pool_opened_without_descriptors_opens_when_there_are_some";
    if let (Ok(url), Ok(ca)) = (std::env::var(URL), std::env::var(CA)) {
        return without_descriptors(&url, ca.into());
    }
    let secure = Secure::new("descriptors");
    secure.put_right();
    let output = Command::new("sh")
        .args([
            "-c",
            "ulimit -n 64 && exec \"$0\" --exact \"$1\" --nocapture",
        ])
        .arg(std::env::current_exe().unwrap())
        .arg(NAME)
        .env(URL, secure.endpoint.url(""))
        .env(CA, &secure.ca)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}{complained}");
    assert!(said.contains("1 passed"), "{said}");
}

fn without_descriptors(url: &str, ca: PathBuf) {
    let bench = Bench::new();
    let mut taken = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        taken.push(file);
        assert!(taken.len() < 100, "the limit does not hold");
    }
    let tls = TlsOptions {
        cacertfile: Some(ca),
        ..TlsOptions::default()
    };
    let pool = configured(
        &bench,
        PoolOptions {
            tls: Some(tls),
            request_timeout: millis(BOUND),
            call_timeout: 2 * millis(BOUND),
            ..options(url)
        },
    );
    let error = bench.engine.open_pool(pool).unwrap_err();
    assert!(error.to_string().contains("Too many open files"), "{error}");
    bench.push(pool, "waits").unwrap();
    drop(taken);
    assert_sent(&bench.outcome_of("waits").end);
    bench.assert_conserved();
}
