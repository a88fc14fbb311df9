//! What `receive` prints, as text or as JSON.

use std::time::SystemTime;

use serde_json::{Value, json};
use test_endpoint::{Record, print};

use super::row::{Forwarded, Signature};
use crate::output::{print_line, visible};
use crate::recording;

/// Prints a request.
pub(super) fn request(record: &Record, at: SystemTime, signature: Option<&Signature>, json: bool) {
    let text = if json {
        in_json(record, signature).to_string()
    } else {
        let mut text = print::request_text(record, at).trim_end().to_owned();
        if let Some(signature) = signature {
            text.push_str("\n    signature: ");
            text.push_str(&signature.text);
        }
        text
    };
    print_line(&text);
}

/// Prints what the service behind `--forward` has answered.
pub(super) fn forwarded(n: u64, forwarded: &Forwarded, json: bool) {
    let Forwarded {
        url,
        status,
        error,
        ms,
        ..
    } = forwarded;
    let text = if json {
        let forwarded = json!({ "url": url, "status": status, "error": error, "ms": ms });
        json!({ "number": n, "forwarded": forwarded }).to_string()
    } else {
        let url = visible(url);
        match (status, error) {
            (Some(status), _) => format!("    #{n} to {url}: {status} in {ms} ms"),
            (None, error) => {
                let error = visible(error.as_deref().unwrap_or_default());
                format!("    #{n} to {url}: {error}")
            }
        }
    };
    print_line(&text);
}

fn in_json(record: &Record, signature: Option<&Signature>) -> Value {
    let is_form = record
        .header("content-type")
        .is_some_and(|kind| kind.starts_with(b"application/x-www-form-urlencoded"));
    let form = is_form.then(|| record.form());
    let mut object = json!({
        "number": record.n,
        "method": record.method,
        "path": record.path,
        "http": record.version.to_string(),
        "headers": recording::headers(record),
        "body": String::from_utf8_lossy(&record.content()),
        "form": form,
        "complete": record.complete,
        "tls": record.tls.as_ref().map(|tls| &tls.version),
    });
    if let (Some(signature), Some(members)) = (signature, object.as_object_mut()) {
        members.insert("signature".to_owned(), json!(signature));
    }
    object
}
