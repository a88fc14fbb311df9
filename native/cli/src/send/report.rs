//! What `send` prints: the request, the connection, the outcome.

use std::time::Duration;

use notification::Verdict;
use serde_json::{Value, json};
use transport::dial::Dialled;
use transport::tls::PeerCertificate;

use crate::resolve::Route;
use crate::terminal::{Colour, visible};

/// What there is to report.
pub struct Report {
    /// Of the request.
    pub body: String,
    /// The measured connection; none where it could not be made.
    pub connection: Option<Dialled>,
    /// What the server presented, whether it was accepted or not.
    pub certificate: Option<PeerCertificate>,
    /// What the engine says.
    pub verdict: Verdict,
}

impl Report {
    /// For people.
    pub fn in_text(&self, route: &Route<'_>, colour: Colour) -> String {
        let mut lines = vec![
            colour.bold(&format!("POST {}", route.url())),
            format!("  host: {}", route.settings.base.authority()),
            format!("  content-length: {}", self.body.len()),
            "  content-type: application/x-www-form-urlencoded".to_owned(),
            format!("  {}", self.body),
        ];
        if let Some(note) = custom(route) {
            lines.push(colour.yellow(&note));
        }
        if let Some(connection) = &self.connection {
            let mut times = format!(
                "look-up {}, connect {}",
                ms(connection.look_up),
                ms(connection.connect)
            );
            let mut peer = format!("peer {}", connection.peer);
            if let Some((time, version)) = &connection.tls {
                times = format!("{times}, TLS {}", ms(*time));
                peer = format!("{peer}, {}", version.replace('_', "."));
            }
            lines.extend([peer, times]);
        }
        if let Some(certificate) = &self.certificate {
            lines.push(format!(
                "certificate of {}, issued by {}, for {}",
                visible(&certificate.subject),
                visible(&certificate.issuer),
                visible(&certificate.names.join(" "))
            ));
        }
        lines.push(match &self.verdict {
            Verdict::Sent { status, elapsed } => {
                let text = format!(
                    "sent: status {status}, first byte {} after hand-over, connecting included",
                    ms(*elapsed)
                );
                if (200..300).contains(status) {
                    colour.green(&text)
                } else {
                    colour.yellow(&format!("{text} (every status counts as sent)"))
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
                colour.red(&format!("failed: {}: {text}{times}", reason.as_str()))
            }
        });
        lines.join("\n")
    }

    /// For scripts.
    pub fn in_json(&self, route: &Route<'_>) -> Value {
        let connection = self.connection.as_ref().map(|connection| {
            json!({
                "peer": connection.peer.to_string(),
                "look_up_ms": millis(connection.look_up),
                "connect_ms": millis(connection.connect),
                "tls_ms": connection.tls.as_ref().map(|(time, _)| millis(*time)),
                "tls_version": connection.tls.as_ref().map(|(_, version)| version.replace('_', ".")),
            })
        });
        let certificate = self.certificate.as_ref().map(|certificate| {
            json!({
                "subject": certificate.subject,
                "issuer": certificate.issuer,
                "names": certificate.names,
                "not_after": certificate.not_after,
            })
        });
        let outcome = match &self.verdict {
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
        };
        json!({
            "handler": route.handler.number,
            "url": route.url(),
            "body": self.body,
            "connection": connection,
            "certificate": certificate,
            "outcome": outcome,
        })
    }
}

/// What a callback module of the operator's own changes.
fn custom(route: &Route<'_>) -> Option<String> {
    let module = &route.handler.callback_module;
    (module != "mod_event_pusher_http_defaults").then(|| {
        format!(
            "in the node {module} makes headers and body; this is what the default module sends"
        )
    })
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", millis(time))
}
