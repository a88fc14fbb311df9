//! The contents of files with secrets: whatever they are, they are read without a panic, and no error shows any of
//! them.

use credentials::Content;
use payload::signature::{parse_keys, parse_verifying_keys};

/// What no text shows.
const SAID: &[u8] = b"hunter2hunter2";

/// The first byte chooses what the content is for. The content follows; each byte 1 stands for a secret.
pub fn check(bytes: &[u8]) {
    let Some((&choice, content)) = bytes.split_first() else {
        return;
    };
    let mut said = Vec::with_capacity(content.len());
    for &byte in content {
        let one = [byte];
        said.extend_from_slice(if byte == 1 { SAID } else { &one });
    }
    let content = &*said;
    let kind = Content::ALL[usize::from(choice) % Content::ALL.len()];
    let usable = kind.check(content);
    hides(usable.as_ref().err());
    if kind != Content::SigningKeys {
        return;
    }
    let verifying = parse_verifying_keys(content);
    hides(
        verifying
            .as_ref()
            .err()
            .map(|error| format!("{error} {error:?}"))
            .as_ref(),
    );
    match parse_keys(content) {
        Err(error) => {
            assert_eq!(usable, Err(error.to_string()));
            hides(Some(&format!("{error:?}")));
        }
        Ok(keys) => {
            assert_eq!(usable, Ok(()));
            // What signs can verify.
            assert_eq!(verifying.expect("keys").len(), keys.len());
            assert!((1..=16).contains(&keys.len()), "{} keys", keys.len());
            for key in &keys {
                hides(Some(&format!("{key:?}")));
                assert!(key.sign("msg_1", 1, b"{}").starts_with("v1"));
            }
        }
    }
}

fn hides(text: Option<&String>) {
    let Some(text) = text else { return };
    assert!(!text.contains("hunter2") && text.len() < 500, "{text}");
}
