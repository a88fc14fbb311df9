//! Private keys: PKCS#8, PKCS#1 and SEC1 in PEM, with or without a password.
//!
//! There are two kinds of encryption. OpenSSL now writes PKCS#8's own (`ENCRYPTED PRIVATE KEY`); for
//! twenty years it wrote the traditional one (`Proc-Type: 4,ENCRYPTED` in the PEM header). The `pkcs8`
//! crate reads the first; this module reads the second.

use aes::{Aes128, Aes192, Aes256};
use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt, KeyInit, KeyIvInit};
use des::{Des, TdesEde3};
use md5::{Digest, Md5};
use pem::Pem;
use pkcs8::EncryptedPrivateKeyInfoRef;
use rustls_pki_types::PrivateKeyDer;
use thiserror::Error;

use crate::Secret;

/// Why there is no private key. The caller puts the file's name before the text.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum KeyError {
    /// No block is a private key.
    #[error("no private key in it")]
    NoKey,
    /// The key is encrypted, and there is no password.
    #[error("its private key is encrypted, and no password is set")]
    NoPassword,
    /// The password is not that of the key.
    #[error("its private key cannot be decrypted with this password")]
    WrongPassword,
    /// The key is invalid, or of a kind that is not supported.
    #[error("{0}")]
    Unreadable(String),
}

/// Finds the first private key among the blocks.
pub(super) fn find(
    blocks: &[Pem],
    password: Option<&Secret>,
) -> Result<PrivateKeyDer<'static>, KeyError> {
    let block = blocks
        .iter()
        .find(|block| block.tag().ends_with("PRIVATE KEY"))
        .ok_or(KeyError::NoKey)?;
    let password = || {
        password
            .map(|secret| secret.reveal().as_bytes())
            .ok_or(KeyError::NoPassword)
    };
    let der = if block.tag() == "ENCRYPTED PRIVATE KEY" {
        pkcs8_encrypted(block.contents(), password()?)?
    } else if block
        .headers()
        .get("Proc-Type")
        .is_some_and(|v| v.ends_with("ENCRYPTED"))
    {
        traditional(block, password()?)?
    } else {
        block.contents().to_vec()
    };
    match block.tag() {
        "PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" => Ok(PrivateKeyDer::Pkcs8(der.into())),
        "RSA PRIVATE KEY" => Ok(PrivateKeyDer::Pkcs1(der.into())),
        "EC PRIVATE KEY" => Ok(PrivateKeyDer::Sec1(der.into())),
        other => Err(KeyError::Unreadable(format!(
            "a key of the kind {other} is not supported"
        ))),
    }
}

fn pkcs8_encrypted(der: &[u8], password: &[u8]) -> Result<Vec<u8>, KeyError> {
    let info = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|error| {
        KeyError::Unreadable(format!("its encrypted private key cannot be read: {error}"))
    })?;
    match info.decrypt(password) {
        Ok(key) => Ok(key.as_bytes().to_vec()),
        Err(pkcs8::Error::EncryptedPrivateKey(error)) if is_unsupported(&error) => {
            Err(KeyError::Unreadable(format!(
                "its private key is encrypted in a way that is not supported ({error}); convert it \
                 with: openssl pkcs8 -topk8 -v2 aes-256-cbc"
            )))
        }
        Err(_) => Err(KeyError::WrongPassword),
    }
}

fn is_unsupported(error: &pkcs8::pkcs5::Error) -> bool {
    !matches!(error, pkcs8::pkcs5::Error::DecryptFailed)
}

fn traditional(block: &Pem, password: &[u8]) -> Result<Vec<u8>, KeyError> {
    let info = block.headers().get("DEK-Info").unwrap_or_default();
    let (cipher, iv) = info.split_once(',').unwrap_or((info, ""));
    let iv = unhex(iv.trim());
    let data = block.contents();
    let der = match cipher.trim() {
        "AES-128-CBC" => decrypt::<Aes128>(data, password, &iv, 16),
        "AES-192-CBC" => decrypt::<Aes192>(data, password, &iv, 24),
        "AES-256-CBC" => decrypt::<Aes256>(data, password, &iv, 32),
        "DES-EDE3-CBC" => decrypt::<TdesEde3>(data, password, &iv, 24),
        "DES-CBC" => decrypt::<Des>(data, password, &iv, 8),
        other => {
            return Err(KeyError::Unreadable(format!(
                "its private key is encrypted with {other:?}, which is not supported; convert it \
                 with: openssl pkcs8 -topk8 -v2 aes-256-cbc"
            )));
        }
    };
    // With a wrong password, one decryption in 256 has valid padding, but hardly ever a DER header.
    der.filter(|der| is_key(der)).ok_or(KeyError::WrongPassword)
}

fn decrypt<C>(data: &[u8], password: &[u8], iv: &[u8], key_len: usize) -> Option<Vec<u8>>
where
    C: BlockCipherDecrypt + KeyInit,
{
    let key = bytes_to_key(password, iv.get(..8)?, key_len);
    Decryptor::<C>::new_from_slices(&key, iv)
        .ok()?
        .decrypt_padded_vec::<Pkcs7>(data)
        .ok()
}

/// OpenSSL's `EVP_BytesToKey` with MD5 and one round, which is all that the traditional format uses.
fn bytes_to_key(password: &[u8], salt: &[u8], len: usize) -> Vec<u8> {
    let mut key = Vec::with_capacity(len + 16);
    let mut last = Vec::new();
    while key.len() < len {
        let mut hash = Md5::new();
        hash.update(&last);
        hash.update(password);
        hash.update(salt);
        last = hash.finalize().to_vec();
        key.extend_from_slice(&last);
    }
    key.truncate(len);
    key
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks_exact(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

/// Whether this is the encoding of a private key: a sequence that begins with its version, a number of one byte.
fn is_key(der: &[u8]) -> bool {
    let (length, content) = match der {
        [0x30, length, content @ ..] if *length < 0x80 => (usize::from(*length), content),
        [0x30, 0x81, length, content @ ..] => (usize::from(*length), content),
        [0x30, 0x82, high, low, content @ ..] => {
            (usize::from(u16::from_be_bytes([*high, *low])), content)
        }
        _ => return false,
    };
    content.len() == length && content.starts_with(&[0x02, 0x01])
}
