//! What `send` prints: the request, the connection, the outcome.

use std::time::Duration;

use notification::Verdict;
use serde_json::{Value, json};
use transport::dial::Dialled;
use transport::tls::PeerCertificate;

use crate::output::{GOOD, PROBLEM, STRONG, WARNING, styled, visible};
use crate::routes::Route;

/// The result of `send`.
pub(super) struct Report {
    /// The body of the request.
    pub body: String,
    /// The measured connection, if it could be made.
    pub connection: Option<Dialled>,
    /// The certificate that the server presented, also if it was refused.
    pub certificate: Option<PeerCertificate>,
    /// The outcome that the engine reports.
    pub verdict: Verdict,
}

impl Report {
    /// For people.
    pub(super) fn in_text(&self, route: &Route<'_>) -> String {
        let mut lines = self.request(route);
        lines.extend(custom(route).map(|note| styled(WARNING, &note)));
        lines.extend(self.connection.iter().flat_map(connection));
        lines.extend(self.certificate.as_ref().map(certificate));
        lines.push(outcome(&self.verdict));
        lines.join("\n")
    }

    fn request(&self, route: &Route<'_>) -> Vec<String> {
        vec![
            styled(STRONG, &format!("POST {}", route.url())),
            format!("  host: {}", route.settings.base.authority()),
            format!("  content-length: {}", self.body.len()),
            "  content-type: application/x-www-form-urlencoded".to_owned(),
            format!("  {}", self.body),
        ]
    }

    /// For scripts.
    pub(super) fn in_json(&self, route: &Route<'_>) -> Value {
        json!({
            "handler": route.handler.number,
            "url": route.url(),
            "body": self.body,
            "connection": self.connection.as_ref().map(connection_in_json),
            "certificate": self.certificate.as_ref().map(certificate_in_json),
            "outcome": outcome_in_json(&self.verdict),
        })
    }
}

/// A line for handlers whose callback module is the operator's own.
fn custom(route: &Route<'_>) -> Option<String> {
    let module = route.handler.module();
    route.handler.is_custom().then(|| {
        format!(
            "in the node {module} makes headers and body; this is what the default module sends"
        )
    })
}

/// The peer, and the times of the measured connection.
fn connection(connection: &Dialled) -> [String; 2] {
    let mut peer = format!("peer {}", connection.peer);
    let mut times = format!(
        "look-up {}, connect {}",
        ms(connection.look_up),
        ms(connection.connect)
    );
    if let Some((time, version)) = &connection.tls {
        peer = format!("{peer}, {}", tls_version(version));
        times = format!("{times}, TLS {}", ms(*time));
    }
    [peer, times]
}

fn connection_in_json(connection: &Dialled) -> Value {
    let tls = connection.tls.as_ref();
    json!({
        "peer": connection.peer.to_string(),
        "look_up_ms": millis(connection.look_up),
        "connect_ms": millis(connection.connect),
        "tls_ms": tls.map(|(time, _)| millis(*time)),
        "tls_version": tls.map(|(_, version)| tls_version(version)),
    })
}

/// rustls' `TLSv1_3` as it is usually written.
fn tls_version(version: &str) -> String {
    version.replace('_', ".")
}

fn certificate(certificate: &PeerCertificate) -> String {
    format!(
        "certificate of {}, issued by {}, for {}",
        visible(&certificate.subject),
        visible(&certificate.issuer),
        visible(&certificate.names.join(" "))
    )
}

fn certificate_in_json(certificate: &PeerCertificate) -> Value {
    json!({
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "names": certificate.names,
        "not_after": certificate.not_after,
    })
}

fn outcome(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Sent { status, elapsed } => {
            let text = format!(
                "sent: status {status}, first byte {} after hand-over, connecting included",
                ms(*elapsed)
            );
            if (200..300).contains(status) {
                styled(GOOD, &text)
            } else {
                styled(WARNING, &format!("{text} (every status counts as sent)"))
            }
        }
        Verdict::Failed {
            reason,
            text,
            attempts,
        } => {
            let times = match attempts {
                0 | 1 => String::new(),
                more => format!(", {more} attempts"),
            };
            styled(
                PROBLEM,
                &format!("failed: {}: {text}{times}", reason.as_str()),
            )
        }
    }
}

fn outcome_in_json(verdict: &Verdict) -> Value {
    match verdict {
        Verdict::Sent { status, elapsed } => {
            json!({ "sent": true, "status": status, "first_byte_ms": millis(*elapsed) })
        }
        Verdict::Failed {
            reason,
            text,
            attempts,
        } => json!({
            "sent": false,
            "reason": reason.as_str(),
            "text": &**text,
            "attempts": attempts,
        }),
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", millis(time))
}
