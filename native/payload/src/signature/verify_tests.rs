//! The receiver's side: the vectors of Standard Webhooks, and everything that must not pass.

use super::tests::{ED25519_SECRET, SECRET};
use super::{
    KeyError, SigningKey, TOLERANCE, Verification, VerifyingKey, parse_verifying_keys, value,
    verify,
};

const ID: &str = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
const BODY: &[u8] = br#"{"email":"test@example.com","username":"test_user"}"#;
const SIGNATURE: &str = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";
const TIME: u64 = 1_649_367_553;
/// The public half of [`ED25519_SECRET`].
const PUBLIC: &str = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";

fn keys(text: &str) -> Vec<VerifyingKey> {
    parse_verifying_keys(text.as_bytes()).expect("keys")
}

fn verdict(signatures: &str, body: &[u8], now: u64) -> Verification {
    let time = TIME.to_string();
    let keys = keys(SECRET);
    verify(&keys, Some(ID), Some(&time), Some(signatures), body, now)
}

#[test]
fn the_vector_for_hmac() {
    assert_eq!(verdict(SIGNATURE, BODY, TIME), Verification::Valid("v1"));
    // During a change of keys there are several.
    let several = format!("v1a,AAAA v1,AAAA nonsense {SIGNATURE}");
    assert_eq!(verdict(&several, BODY, TIME), Verification::Valid("v1"));
}

#[test]
fn the_vector_for_ed25519_with_the_secret_and_with_the_public_key() {
    let signature = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";
    for text in [ED25519_SECRET, PUBLIC] {
        let verdict = verify(
            &keys(text),
            Some("msg_p5jXN8AQM9LWM0D4loKWxJek"),
            Some("1614265330"),
            Some(signature),
            br#"{"test": 2432232314}"#,
            1_614_265_330,
        );
        assert_eq!(verdict, Verification::Valid("v1a"), "{text}");
    }
}

#[test]
fn what_the_engine_signs_is_valid() {
    let signing = [
        SigningKey::parse(SECRET).unwrap(),
        SigningKey::parse(ED25519_SECRET).unwrap(),
    ];
    let signatures = value(&signing, ID, TIME, b"\xff").unwrap();
    let signatures = signatures.to_str().unwrap();
    for (text, version) in [(SECRET, "v1"), (PUBLIC, "v1a")] {
        let time = TIME.to_string();
        let (id, time) = (Some(ID), Some(time.as_str()));
        let verdict = verify(&keys(text), id, time, Some(signatures), b"\xff", TIME);
        assert_eq!(verdict, Verification::Valid(version));
    }
}

#[test]
fn anything_else_is_not_valid_and_says_why() {
    assert_eq!(verdict(SIGNATURE, b"{}", TIME), Verification::Wrong);
    let swapped = SIGNATURE.replace("tZ1I", "tZ1J");
    assert_eq!(verdict(&swapped, BODY, TIME), Verification::Wrong);
    assert_eq!(verdict("v1,", BODY, TIME), Verification::Wrong);
    assert_eq!(verdict("v1,***", BODY, TIME), Verification::Wrong);
    for other in ["", "v1", "v2,AAAA", "v1a,AAAA"] {
        assert_eq!(
            verdict(other, BODY, TIME),
            Verification::OtherVersion,
            "{other}"
        );
    }
    let keys = keys(SECRET);
    let time = TIME.to_string();
    let (id, time, sign) = (Some(ID), Some(time.as_str()), Some(SIGNATURE));
    let missing = [
        (verify(&keys, None, time, sign, BODY, TIME), "webhook-id"),
        (
            verify(&keys, id, None, sign, BODY, TIME),
            "webhook-timestamp",
        ),
        (
            verify(&keys, id, time, None, BODY, TIME),
            "webhook-signature",
        ),
    ];
    for (verdict, header) in missing {
        assert_eq!(verdict, Verification::Missing(header));
    }
    for bad in [
        "",
        "+1649367553",
        "-1",
        "1649367553.5",
        "99999999999999999999",
    ] {
        let verdict = verify(&keys, id, Some(bad), sign, BODY, TIME);
        assert_eq!(verdict, Verification::BadTimestamp, "{bad}");
    }
}

#[test]
fn an_old_or_a_future_attempt_is_not_valid() {
    assert!(verdict(SIGNATURE, BODY, TIME + TOLERANCE).is_valid());
    assert!(verdict(SIGNATURE, BODY, TIME - TOLERANCE).is_valid());
    assert_eq!(
        verdict(SIGNATURE, BODY, TIME + 301).to_string(),
        "signed 301 seconds ago, and 300 are allowed"
    );
    assert_eq!(
        verdict(SIGNATURE, BODY, TIME - 301).to_string(),
        "signed 301 seconds ahead of this clock, and 300 are allowed"
    );
}

#[test]
fn texts_that_are_no_keys() {
    let error = |text: &str| VerifyingKey::parse(text).expect_err("no key");
    assert_eq!(error("hunter2"), KeyError::Prefix);
    assert_eq!(error("whpk_AAAA"), KeyError::PublicLength(3));
    assert_eq!(error("whpk_*"), KeyError::Base64("whpk_"));
    let shown = format!("{:?}", keys(&format!("{SECRET}\n{PUBLIC}")));
    assert_eq!(shown, r#"["v1...", "v1a..."]"#);
}
