//! The vectors of Standard Webhooks, and a verification that shares no code with the signing: HMAC is
//! written out after RFC 2104, and Ed25519 is verified with the public key alone.

use proptest::prelude::*;
use ring::digest::{SHA256, digest};
use ring::signature::{ED25519, UnparsedPublicKey};

use super::*;

pub(super) const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
pub(super) const ED25519_SECRET: &str =
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";

fn key(text: &str) -> SigningKey {
    SigningKey::parse(text).expect("a secret")
}

fn error(text: &str) -> KeyError {
    SigningKey::parse(text).expect_err("no secret")
}

/// HMAC after RFC 2104, for keys of at most a block.
fn hmac_by_hand(secret: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0u8; 64];
    block[..secret.len()].copy_from_slice(secret);
    let pad = |byte: u8| block.map(|other| other ^ byte).to_vec();
    let inner = digest(&SHA256, &[pad(0x36), message.to_vec()].concat());
    let outer = digest(&SHA256, &[pad(0x5c), inner.as_ref().to_vec()].concat());
    outer.as_ref().to_vec()
}

#[test]
fn the_vector_for_hmac() {
    let body = br#"{"email":"test@example.com","username":"test_user"}"#;
    assert_eq!(
        key(SECRET).sign("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553, body),
        "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="
    );
}

#[test]
fn the_vector_for_ed25519() {
    let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    let body = br#"{"test": 2432232314}"#;
    let expected = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";
    assert_eq!(key(ED25519_SECRET).sign(id, 1_614_265_330, body), expected);
    // The seed alone is the same key.
    let seed = STANDARD.encode(&STANDARD.decode(&ED25519_SECRET[5..]).unwrap()[..32]);
    let short = key(&format!("whsk_{seed}"));
    assert_eq!(short.sign(id, 1_614_265_330, body), expected);
}

#[test]
fn several_keys_sign_side_by_side() {
    let keys = [key(SECRET), key(ED25519_SECRET)];
    let both = value(&keys, "msg_1", 7, b"{}").expect("two keys");
    let one_by_one: Vec<_> = keys.iter().map(|key| key.sign("msg_1", 7, b"{}")).collect();
    assert_eq!(both.to_str().unwrap(), one_by_one.join(" "));
    assert_eq!(value(&[], "msg_1", 7, b"{}"), None);
}

proptest! {
    #[test]
    fn an_independent_verification_accepts_each_signature(
        secret in proptest::collection::vec(any::<u8>(), 24..=64),
        seed in proptest::array::uniform32(any::<u8>()),
        id in "msg_[A-Za-z0-9]{1,40}",
        timestamp: u64,
        body in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let message = [format!("{id}.{timestamp}.").as_bytes(), &body].concat();
        let hmac = key(&format!("whsec_{}", STANDARD.encode(&secret)));
        let signed = hmac.sign(&id, timestamp, &body);
        let expected = format!("v1,{}", STANDARD.encode(hmac_by_hand(&secret, &message)));
        prop_assert_eq!(&signed, &expected);

        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let public = UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref().to_vec());
        let signed = key(&format!("whsk_{}", STANDARD.encode(seed))).sign(&id, timestamp, &body);
        let signature = STANDARD.decode(signed.strip_prefix("v1a,").unwrap()).unwrap();
        prop_assert!(public.verify(&message, &signature).is_ok());
    }

    #[test]
    fn any_content_is_read_without_a_panic_and_errors_do_not_show_it(
        word in "[a-zA-Z0-9+/]{8,40}",
        prefix in "(whsec_|whsk_|whpk_|)",
    ) {
        if let Err(error) = parse_keys(format!("{prefix}{word}").as_bytes()) {
            let shown = format!("{error} {error:?}");
            prop_assert!(!shown.contains(&word), "{}", shown);
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
        let _ = parse_keys(&bytes);
    }
}

#[test]
fn texts_that_are_no_secrets() {
    let bytes = |count| STANDARD.encode(vec![7u8; count]);
    assert_eq!(error(""), KeyError::Prefix);
    assert_eq!(error("C2FVsBQIhrscChlQIMV+b5sSYspob7oD"), KeyError::Prefix);
    assert_eq!(
        error("whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="),
        KeyError::Public
    );
    assert_eq!(error("whsec_not base64!"), KeyError::Base64("whsec_"));
    assert_eq!(error("whsk_*"), KeyError::Base64("whsk_"));
    assert_eq!(error("whsec_"), KeyError::TooShort(0));
    assert_eq!(
        error(&format!("whsec_{}", bytes(23))),
        KeyError::TooShort(23)
    );
    assert_eq!(
        error(&format!("whsec_{}", bytes(65))),
        KeyError::TooLong(65)
    );
    assert_eq!(
        error(&format!("whsk_{}", bytes(31))),
        KeyError::Ed25519Length(31)
    );
    assert_eq!(error(&format!("whsk_{}", bytes(64))), KeyError::Mismatch);
    for count in [24, 64] {
        key(&format!("whsec_{}", bytes(count)));
        key(format!("whsec_{}", bytes(count)).trim_end_matches('='));
    }
}

#[test]
fn a_file_has_one_secret_a_line() {
    let content =
        format!("\u{feff}# the old one\n  {SECRET}\r\n\n\t# the new one\n{ED25519_SECRET}");
    let keys = parse_keys(content.as_bytes()).expect("two secrets");
    let signed: Vec<_> = keys.iter().map(|key| key.sign("a", 1, b"")).collect();
    assert!(signed[0].starts_with("v1,") && signed[1].starts_with("v1a,"));
    // An environment variable seldom has lines.
    let in_one_line = format!("{SECRET} {ED25519_SECRET}");
    assert_eq!(parse_keys(in_one_line.as_bytes()).expect("two").len(), 2);
}

#[test]
fn what_is_wrong_with_a_file_names_the_line_and_not_the_content() {
    let failed = |content: &str| parse_keys(content.as_bytes()).expect_err("unusable");
    for empty in ["", "\n \n", "# only a comment\n"] {
        assert_eq!(failed(empty), KeysError::Empty);
    }
    let short = format!("{SECRET}\n\nwhsec_c2hvcnQ=\n");
    assert_eq!(
        failed(&short).to_string(),
        "line 3: the secret is too short: 5 bytes, and whsec_ needs 24 to 64"
    );
    let plain = failed(&format!("{SECRET}\nhunter2hunter2\n")).to_string();
    assert!(
        plain.starts_with("line 2: ") && !plain.contains("hunter2"),
        "{plain}"
    );
    let binary = [SECRET.as_bytes(), b"\n\xff\n"].concat();
    assert_eq!(
        parse_keys(&binary).expect_err("unusable"),
        KeysError::NotText(2)
    );
    let many = format!("{SECRET}\n").repeat(AT_MOST_ALLOWED + 1);
    assert_eq!(failed(&many), KeysError::TooMany);
}

const AT_MOST_ALLOWED: usize = 16;

#[test]
fn a_key_prints_as_dots() {
    assert_eq!(format!("{:?}", key(SECRET)), "\"whsec_...\"");
    assert_eq!(format!("{:?}", key(ED25519_SECRET)), "\"whsk_...\"");
}
