//! Tests of when files are checked, on a clock that a test moves.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use files::GIVEN_UP_AFTER;
use tokio::time::advance;

use super::{Refreshed, TlsClient};
use crate::tls::CHECK_EVERY;
use crate::{Remedy, TlsOptions, Verify};

fn certificate() -> String {
    let names = vec!["localhost".to_owned()];
    rcgen::generate_simple_self_signed(names)
        .unwrap()
        .cert
        .pem()
}

/// A client that trusts the certificate in a file.
fn opened(name: &str) -> (PathBuf, TlsClient) {
    let file = std::env::temp_dir().join(format!("tls-{name}-{}.pem", std::process::id()));
    fs::write(&file, certificate()).unwrap();
    let options = TlsOptions {
        cacertfile: Some(file.clone()),
        ..TlsOptions::default()
    };
    let (client, _) = TlsClient::open(&options, "localhost", false).unwrap();
    (file, client)
}

fn nearly(time: Duration) -> Duration {
    time.saturating_sub(Duration::from_millis(1))
}

#[tokio::test(start_paused = true)]
async fn files_are_looked_at_once_a_minute_and_only_if_there_are_any() {
    let (file, client) = opened("client");
    fs::write(&file, "no certificate any more").unwrap();
    assert!(!client.refresh_due());
    assert_eq!(client.refresh(), Refreshed::Unchanged);
    advance(CHECK_EVERY).await;
    assert!(client.refresh_due());
    assert!(matches!(client.refresh(), Refreshed::Kept(_)));
    // The content was refused: the next check is due after a minute, and does not report it again.
    advance(nearly(CHECK_EVERY)).await;
    assert!(!client.refresh_due());
    advance(Duration::from_millis(1)).await;
    assert!(client.refresh_due());
    assert_eq!(client.refresh(), Refreshed::Unchanged);
    fs::remove_file(&file).unwrap();

    let none = TlsOptions {
        verify: Verify::None,
        ..TlsOptions::default()
    };
    let (client, _) = TlsClient::open(&none, "localhost", false).unwrap();
    advance(2 * CHECK_EVERY).await;
    assert!(!client.refresh_due());
}

#[tokio::test(start_paused = true)]
async fn files_that_cannot_be_read_are_looked_at_again_soon_and_said_once() {
    let (file, client) = opened("passing");
    let before = client.connector().0;
    fs::remove_file(&file).unwrap();
    advance(CHECK_EVERY).await;
    let Refreshed::Kept(error) = client.refresh() else {
        panic!("there is no file");
    };
    assert_eq!(error.remedy, Remedy::Retry);
    // The pause is 250 ms, 500 ms, 1 s and so on, up to half a minute.
    for millis in [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
        advance(Duration::from_millis(millis - 1)).await;
        assert!(!client.refresh_due(), "{millis}");
        advance(Duration::from_millis(1)).await;
        assert!(client.refresh_due(), "{millis}");
        assert_eq!(client.refresh(), Refreshed::Unchanged);
    }
    // Of another length: the times of files are coarse on older kernels.
    fs::write(&file, certificate() + "\n").unwrap();
    advance(Duration::from_secs(30)).await;
    assert_eq!(client.refresh(), Refreshed::Renewed(vec![]));
    assert!(!Arc::ptr_eq(&before, &client.connector().0));
    // The problem is over, so the next one is reported again.
    fs::remove_file(&file).unwrap();
    advance(nearly(CHECK_EVERY)).await;
    assert!(!client.refresh_due());
    advance(Duration::from_millis(1)).await;
    assert!(matches!(client.refresh(), Refreshed::Kept(_)));
}

#[tokio::test(start_paused = true)]
async fn there_is_one_look_at_a_time() {
    let (file, client) = opened("one-look");
    let client = Arc::new(client);
    assert!(client.begin_look().is_none());
    advance(CHECK_EVERY).await;
    let look = client.begin_look().unwrap();
    advance(GIVEN_UP_AFTER.saturating_sub(CHECK_EVERY)).await;
    assert!(!client.refresh_due());
    assert!(client.begin_look().is_none());
    assert_eq!(client.refresh_now(), Refreshed::Unchanged);
    assert_eq!(look.refresh(), Refreshed::Unchanged);
    drop(look);
    advance(CHECK_EVERY).await;
    assert!(client.begin_look().is_some());
    fs::remove_file(&file).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_look_that_hangs_is_given_up_and_applies_nothing_any_more() {
    let (file, client) = opened("hangs");
    let client = Arc::new(client);
    advance(CHECK_EVERY).await;
    let hangs = client.begin_look().unwrap();
    fs::write(&file, certificate() + "\n").unwrap();
    advance(GIVEN_UP_AFTER).await;
    let next = client.begin_look().unwrap();
    assert_eq!(next.refresh(), Refreshed::Renewed(vec![]));
    let renewed = client.connector().0;
    drop(next);
    fs::write(&file, certificate() + "\n\n").unwrap();
    assert_eq!(hangs.refresh(), Refreshed::Unchanged);
    drop(hangs);
    assert!(Arc::ptr_eq(&renewed, &client.connector().0));
    advance(CHECK_EVERY).await;
    assert_eq!(client.refresh(), Refreshed::Renewed(vec![]));
    fs::remove_file(&file).unwrap();
}

/// What is wrong with a setting was said when the pool opened; another file does not change it.
#[tokio::test(start_paused = true)]
async fn a_changed_file_repeats_no_warning_about_a_setting() {
    let file = std::env::temp_dir().join(format!("tls-warning-{}.pem", std::process::id()));
    fs::write(&file, certificate()).unwrap();
    let options = TlsOptions {
        cacertfile: Some(file.clone()),
        keyfile: Some(file.clone()),
        ..TlsOptions::default()
    };
    let (client, warnings) = TlsClient::open(&options, "localhost", false).unwrap();
    let [warning] = &warnings[..] else {
        panic!("{warnings:?}");
    };
    assert_eq!(warning.option, "connection.tls.keyfile");
    // Only part of the file can be used: that is about its content.
    let broken = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    fs::write(&file, certificate() + broken).unwrap();
    advance(CHECK_EVERY).await;
    let Refreshed::Renewed(warnings) = client.refresh() else {
        panic!("the file has changed");
    };
    let [warning] = &warnings[..] else {
        panic!("{warnings:?}");
    };
    assert_eq!(warning.option, "connection.tls.cacertfile");
    fs::remove_file(&file).unwrap();
}
