//! What `send` prints: what the rules say, the request, the connection, the outcome.

use std::time::Duration;

use notification::{DeliveryPolicy, FailureReason, Verdict};
use serde_json::{Value, json};
use test_endpoint::Record;
use transport::dial::Dialled;
use transport::tls::PeerCertificate;

use crate::config::options::Options;
use crate::fate::Fate;
use crate::output::{GOOD, PROBLEM, STRONG, WARNING, styled, visible};
use crate::routes::Route;

/// The result of `send`.
#[derive(Default)]
pub(super) struct Report {
    /// The request, if one could be made.
    pub request: Option<Record>,
    /// What the request would be in the node instead, if a callback module makes it.
    pub custom: Option<String>,
    /// The measured connection, if it could be made.
    pub connection: Option<Dialled>,
    /// The certificate that the server presented, also if it was refused.
    pub certificate: Option<PeerCertificate>,
    /// The outcome that the engine reports; `None` if nothing was to be sent.
    pub verdict: Option<Verdict>,
    /// Which answers the handler takes as success.
    pub policy: DeliveryPolicy,
}

impl Report {
    /// Whether the notification counts as sent, or as good as that with `--dry-run`.
    pub(super) fn is_good(&self) -> bool {
        match &self.verdict {
            Some(Verdict::Sent { status, .. }) => self.policy.is_success(*status),
            Some(Verdict::Failed { .. }) => false,
            None => self.request.is_some(),
        }
    }

    /// For people.
    pub(super) fn in_text(&self, route: &Route<'_>, fate: Option<&Fate>) -> String {
        let mut lines: Vec<String> = fate.map(Fate::lines).unwrap_or_default();
        if let Some(why_not) = fate.and_then(|fate| fate.why_not.as_deref()) {
            lines.push(styled(WARNING, &format!("not sent: {why_not}")));
            return lines.join("\n");
        }
        if fate.is_none() && route.handler.rules.is_some() {
            lines.push("the rules are asked with --event only".to_owned());
        }
        if let Some(request) = &self.request {
            lines.extend(self::request(request, route));
        }
        lines.extend(self.custom.iter().map(|note| styled(WARNING, note)));
        lines.extend(self.connection.iter().flat_map(connection));
        lines.extend(self.certificate.as_ref().map(certificate));
        lines.push(match &self.verdict {
            Some(verdict) => self.outcome(verdict),
            None => "not sent: --dry-run".to_owned(),
        });
        lines.join("\n")
    }

    /// For scripts.
    pub(super) fn in_json(&self, route: &Route<'_>, fate: Option<&Fate>) -> Value {
        let request = self.request.as_ref();
        let headers = request.map(|request| fields(request, route));
        json!({
            "handler": route.handler.number,
            "url": request.map(|request| route.url_of(&request.path)),
            "event": fate.map(Fate::in_json),
            "headers": headers,
            "body": request.map(|request| String::from_utf8_lossy(&request.content()).into_owned()),
            "connection": self.connection.as_ref().map(connection_in_json),
            "certificate": self.certificate.as_ref().map(certificate_in_json),
            "outcome": self.verdict.as_ref().map(|verdict| self.outcome_in_json(verdict)),
        })
    }

    fn outcome(&self, verdict: &Verdict) -> String {
        match verdict {
            Verdict::Sent { status, elapsed } => {
                let answer = format!(
                    "status {status}, first byte {} after hand-over, connecting included",
                    ms(*elapsed)
                );
                if let Some(refusal) = self.refusal(*status) {
                    styled(PROBLEM, &format!("refused: {answer} ({refusal})"))
                } else if (200..300).contains(status) {
                    styled(GOOD, &format!("sent: {answer}"))
                } else {
                    let text = format!("sent: {answer} (this status counts as sent)");
                    styled(WARNING, &text)
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

    /// What the node does about a status that is no success of the handler.
    fn refusal(&self, status: u16) -> Option<&'static str> {
        if self.policy.is_success(status) {
            None
        } else if self.policy.retries_status(status) {
            Some("the node would try again, as the handler's retry says")
        } else {
            Some(
                "the node would count a failure, bad_status: the handler's success does not have it",
            )
        }
    }

    fn outcome_in_json(&self, verdict: &Verdict) -> Value {
        match verdict {
            Verdict::Sent { status, elapsed } => {
                let refusal = self.refusal(*status);
                let mut outcome = json!({
                    "sent": refusal.is_none(),
                    "status": status,
                    "first_byte_ms": millis(*elapsed),
                });
                if let Some(refusal) = refusal {
                    outcome["text"] = refusal.into();
                    if !self.policy.retries_status(*status) {
                        outcome["reason"] = FailureReason::BadStatus.as_str().into();
                    }
                }
                outcome
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
}

fn request(request: &Record, route: &Route<'_>) -> Vec<String> {
    let mut lines = vec![styled(
        STRONG,
        &format!("POST {}", route.url_of(&request.path)),
    )];
    let fields = fields(request, route);
    lines.extend(
        fields
            .iter()
            .map(|(name, value)| format!("  {name}: {}", visible(value))),
    );
    if request.header("webhook-id").is_some() {
        lines.push(
            "  (the webhook- fields are new in each notification and each attempt)".to_owned(),
        );
    }
    let content = request.content();
    if content.len() != request.body.len() {
        let (sent, whole) = (request.body.len(), content.len());
        lines.push(format!(
            "  (sent as {sent} bytes, which are these {whole} bytes compressed)"
        ));
    }
    let body = String::from_utf8_lossy(&content);
    lines.extend(body.lines().map(|line| format!("  {}", visible(line))));
    lines
}

/// The header fields as the web service gets them, with dots for secrets.
fn fields(request: &Record, route: &Route<'_>) -> Vec<(String, String)> {
    let options = &route.handler.options;
    let fields = request.headers().map(|(name, value)| {
        let name = String::from_utf8_lossy(name).into_owned();
        let value = match name.to_ascii_lowercase().as_str() {
            "host" if !is_own(&name, options) => route.settings.base.authority().clone(),
            "authorization" => {
                let scheme = String::from_utf8_lossy(value);
                let scheme = scheme.split(' ').next().unwrap_or_default();
                format!("{scheme} ...")
            }
            _ if is_secret(&name, options) => "...".to_owned(),
            _ => String::from_utf8_lossy(value).into_owned(),
        };
        (name, value)
    });
    fields.collect()
}

/// Whether the handler sets the header field itself.
fn is_own(name: &str, options: &Options) -> bool {
    let headers = options.sections("headers").unwrap_or_default();
    headers
        .iter()
        .filter_map(|header| header.text("name"))
        .any(|own| own.eq_ignore_ascii_case(name))
}

/// Whether the value of the header field comes from a file or a variable.
fn is_secret(name: &str, options: &Options) -> bool {
    let headers = options.sections("headers").unwrap_or_default();
    headers.iter().any(|header| {
        !header.has("value")
            && header
                .text("name")
                .is_some_and(|own| own.eq_ignore_ascii_case(name))
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

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", millis(time))
}
