use std::process::Command;
use std::time::Duration;

use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::Value;

use super::*;

fn tools() -> Tools {
    Tools {
        names: Arc::default(),
        tell: Arc::new(|_| {}),
        trust: None,
    }
}

fn openssl(words: &[&str]) -> Vec<u8> {
    let done = Command::new("openssl")
        .args(words)
        .output()
        .expect("openssl");
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    done.stdout
}

fn file(key: &str) -> Value {
    json!({
        "type": "service_account",
        "project_id": "a-project",
        "private_key_id": "key-1",
        "private_key": key,
        "client_email": "pusher@a-project.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.example/token",
    })
}

fn parse(file: &Value) -> Result<Account, String> {
    Account::parse(file.to_string().as_bytes(), &tools())
}

/// The signature is verified with the public key alone, as Google does it.
#[test]
fn the_assertion_is_a_jwt_of_rfc_7523() {
    let key = openssl(&[
        "genpkey",
        "-algorithm",
        "RSA",
        "-pkeyopt",
        "rsa_keygen_bits:2048",
    ]);
    let key = String::from_utf8(key).unwrap();
    let account = parse(&file(&key)).unwrap();
    let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let jwt = account.jwt(now).unwrap();
    let parts: Vec<_> = jwt.split('.').collect();
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
    let object = |part| serde_json::from_slice::<Value>(&decode(part)).unwrap();
    assert_eq!(
        object(parts[0]),
        json!({"alg": "RS256", "typ": "JWT", "kid": "key-1"})
    );
    let claims = json!({
        "iss": "pusher@a-project.iam.gserviceaccount.com",
        "scope": "https://www.googleapis.com/auth/firebase.messaging",
        "aud": "https://oauth2.example/token",
        "iat": 1_700_000_000,
        "exp": 1_700_003_600,
    });
    assert_eq!(object(parts[1]), claims);
    let signed = format!("{}.{}", parts[0], parts[1]);
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, account.key.public().as_ref());
    public.verify(signed.as_bytes(), &decode(parts[2])).unwrap();
}

#[test]
fn what_is_wrong_with_a_file_is_said_without_its_content() {
    let ec = openssl(&[
        "genpkey",
        "-algorithm",
        "EC",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
    ]);
    let ec = String::from_utf8(ec).unwrap();
    let changed = |name: &str, value: Value| {
        let mut file = file("hunter2");
        file[name] = value;
        file.to_string()
    };
    for (content, expected) in [
        (String::new(), "it is not the JSON of a service account"),
        (
            "hunter2".to_owned(),
            "it is not the JSON of a service account",
        ),
        (r#"{"type":"hunter2"}"#.to_owned(), "(line 1, column 18)"),
        (
            changed("type", "authorized_user".into()),
            "its type is not service_account",
        ),
        (
            changed("private_key", "hunter2".into()),
            "its private_key is not PEM",
        ),
        (
            changed(
                "private_key",
                ec.replace("PRIVATE KEY", "CERTIFICATE").into(),
            ),
            "its private_key is not a PKCS#8 key",
        ),
        (
            changed("private_key", ec.clone().into()),
            "its private_key is not a usable RSA key",
        ),
    ] {
        let error = Account::parse(content.as_bytes(), &tools())
            .err()
            .expect("unusable");
        assert!(
            error.contains(expected) && !error.contains("hunter2"),
            "{error}"
        );
    }
}
