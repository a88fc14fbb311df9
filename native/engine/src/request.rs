//! The request for one notification, over HTTP/1.1 or HTTP/2, for every attempt.
//!
//! It combines the payload (what is sent) with the target (where it goes) and, if the handler has a plan,
//! with the fields that belong to one attempt: credentials, a timestamp, signatures.

use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use http::uri::{Authority, Uri};
use http::{HeaderValue, Method, Request};
use notification::{FailureReason, Handler, MessageId, heap};
use payload::{Compression, FormStyle, Payload, Plan};
use queue::Reservation;
use transport::error::AttemptError;

use crate::compressors::Compressors;
use crate::delivery::target::Target;
use crate::delivery::{Job, Opened};
use crate::handler_plan::{Fields, HandlerPlan, Made, Planned};

/// A request that can be sent more than once. Its headers are assembled for each attempt: a second
/// attempt is rare, and a copy for it would slow down the first.
pub struct Prepared {
    target: Target,
    /// The path as configured, if a template has made another one of it.
    template: Option<Box<str>>,
    payload: Payload,
    /// How the body is compressed, if it is.
    encoding: Option<Compression>,
    /// None without a plan: each attempt has the same fields.
    planned: Option<Planned>,
}

/// What only one attempt has. There are secrets in it, so it is not shown.
#[derive(Default)]
pub struct Added {
    fields: Fields,
    /// Where the request goes, if an option has set the host or the path has a secret.
    target: Option<Target>,
}

/// Why a request cannot be made.
#[derive(Clone, Debug)]
pub struct Unmade {
    /// The reason in one word.
    pub reason: FailureReason,
    /// What is wrong.
    pub text: Arc<str>,
}

impl Unmade {
    /// Why a notification is not sent that must wait on disk.
    pub(crate) fn overtakes() -> Self {
        Self {
            reason: FailureReason::Shutdown,
            text: "an earlier notification of its lane is on disk alone".into(),
        }
    }

    fn url(text: impl Into<Arc<str>>) -> Self {
        Self {
            reason: FailureReason::PoolConfig,
            text: text.into(),
        }
    }
}

impl From<AttemptError> for Unmade {
    fn from(error: AttemptError) -> Self {
        Self {
            reason: error.reason,
            text: error.text.into(),
        }
    }
}

/// The form of an event: presence, and what was not acknowledged, of a handler without a plan.
fn event_as_form(job: &mut Job, style: FormStyle) -> Result<Payload, Unmade> {
    let stays = job.may_be_tried_again();
    job.take_with(|notification| {
        // A form without a signature has no identity.
        let made = Plan::default().make(notification, &MessageId::new(), style);
        if !stays {
            notification.shed();
        }
        let payload = made.map_err(Unmade::from).map(|made| Payload {
            headers: None,
            body: made.body,
        });
        let beside = payload
            .as_ref()
            .map_or(0, |payload| heap::taken(payload.body.len()));
        (payload, beside)
    })
}

impl Prepared {
    /// Builds the request for `job`, which leads no batch, with the plan of its handler.
    pub(crate) fn new(
        opened: &Opened,
        job: &mut Job,
        plan: Option<&Arc<HandlerPlan>>,
    ) -> Result<Self, Unmade> {
        match plan {
            None => Self::plain(opened, job),
            Some(plan) => Self::planned(opened, job, plan),
        }
    }

    /// Builds one request for as many members of the batch that `job` leads as it can have. There may be thousands:
    /// other tasks have their turns meanwhile.
    pub(crate) async fn batched(
        opened: &Opened,
        job: &mut Job,
        plan: Option<&Arc<HandlerPlan>>,
        max_bytes: usize,
    ) -> Result<Self, Unmade> {
        let Some(plan) = plan else {
            return Err(Unmade {
                reason: FailureReason::PayloadError,
                text: "batches need a format".into(),
            });
        };
        let made = job.make_batch(plan, max_bytes).await?;
        let Some((made, planned)) = made else {
            // Each has failed for its own reason.
            return Err(Unmade {
                reason: FailureReason::PayloadError,
                text: "none of the batch can be sent".into(),
            });
        };
        job.count_beside(allocated(&made.payload));
        Self::of_made(opened, job.notification.handler(), made, planned)
    }

    fn plain(opened: &Opened, job: &mut Job) -> Result<Self, Unmade> {
        let target = opened.targets.get(job.notification.handler());
        let target = target.map_err(Unmade::url)?;
        let style = opened.form_style;
        let payload = if job.notification.event().is_some() {
            event_as_form(job, style)?
        } else {
            job.take_payload(style)
        };
        Self::at(target, payload, None)
    }

    fn planned(opened: &Opened, job: &mut Job, plan: &Arc<HandlerPlan>) -> Result<Self, Unmade> {
        let style = opened.form_style;
        let (id, stays) = (job.message_id(), job.may_be_tried_again());
        let (made, planned) = if plan.makes(&job.notification) {
            job.take_with(|notification| {
                let made = plan.make(notification, id, style);
                let beside = match &made {
                    Ok((made, _)) => allocated(&made.payload),
                    Err(_) => 0,
                };
                if !stays {
                    notification.shed();
                }
                (made, beside)
            })?
        } else {
            plan.without_format(job.take_payload(style), id)
        };
        Self::of_made(opened, job.notification.handler(), made, planned)
    }

    fn of_made(
        opened: &Opened,
        handler: &Handler,
        made: Made,
        planned: Planned,
    ) -> Result<Self, Unmade> {
        let Some(path) = &made.path else {
            let target = opened.targets.get(handler).map_err(Unmade::url)?;
            return Self::at(target, made.payload, Some(planned));
        };
        let target = opened.targets.of_path(path);
        // What is wrong would show what the event has put into the path.
        let target = target.map_err(|_| Unmade {
            reason: FailureReason::TemplateError,
            text: "path: what it makes cannot be a part of a URL".into(),
        })?;
        Ok(Self {
            template: Some(handler.path.clone()),
            ..Self::at(target, made.payload, Some(planned))?
        })
    }

    fn at(target: Target, payload: Payload, planned: Option<Planned>) -> Result<Self, Unmade> {
        let target = match payload.own_host() {
            Some(host) => {
                with_host(target, host).map_err(|error| Unmade::url(error.to_string()))?
            }
            None => target,
        };
        Ok(Self {
            target,
            template: None,
            payload,
            encoding: None,
            planned,
        })
    }

    /// Whether the handler wants the body to be compressed.
    #[must_use]
    pub fn is_to_be_compressed(&self) -> bool {
        self.compression().is_some()
    }

    /// Compresses the body, unless it is short or does not get smaller. Both bodies count in `reserved` as
    /// long as there are two.
    pub async fn compress(&mut self, reserved: &mut Reservation) {
        let Some((how, compressors)) = self.compression() else {
            return;
        };
        let before = reserved.bytes();
        reserved.recount(before + heap::taken(self.payload.body.len()));
        let Some(body) = compressors.compress(how, &self.payload.body).await else {
            reserved.recount(before);
            return;
        };
        // A callback module's body is one memory with its header fields, which stay.
        let freed = if self.payload.body.is_unique() {
            heap::taken(self.payload.body.len())
        } else {
            0
        };
        let after = before.saturating_sub(freed) + heap::taken(body.len());
        reserved.recount(after);
        self.payload.body = body;
        self.encoding = Some(how);
    }

    /// How the body is to be compressed. What a callback module has encoded itself is not encoded again.
    fn compression(&self) -> Option<(Compression, &Compressors)> {
        let own = self.payload.headers.iter().flatten();
        let is_encoded = own.into_iter().any(|(name, _)| name == CONTENT_ENCODING);
        let planned = self.planned.as_ref().filter(|_| !is_encoded)?;
        planned.compression()
    }

    /// Where the request goes, for messages. A path that a template makes is shown as it is configured,
    /// because the event may have put anything into it.
    #[must_use]
    pub fn url(&self, opened: &Opened) -> String {
        match &self.template {
            Some(path) => opened.describe_template(path),
            None => opened.describe(&self.target),
        }
    }

    /// The service has answered that it does not know whom this is from.
    pub fn unauthorized(&self) {
        if let Some(planned) = &self.planned {
            planned.unauthorized();
        }
    }

    /// Whether an attempt has something of its own.
    #[must_use]
    pub fn is_planned(&self) -> bool {
        self.planned.is_some()
    }

    /// What only this attempt has. Waits for credentials that have to be read or fetched first.
    pub async fn added(&self) -> Result<Added, Unmade> {
        let Some(planned) = &self.planned else {
            return Ok(Added::default());
        };
        let (fields, secret) = planned.added(&self.payload.body).await?;
        let mut target = None;
        if let Some(secret) = secret {
            target = Some(self.target.with_secret(&secret).map_err(|text| Unmade {
                reason: FailureReason::SecretError,
                text: text.into(),
            })?);
        }
        if let Some(host) = payload::host_in(&fields) {
            let whole = with_host(target.unwrap_or_else(|| self.target.clone()), host);
            target = Some(whole.map_err(|error| Unmade::url(error.to_string()))?);
        }
        Ok(Added { fields, target })
    }

    /// Builds the request for one attempt.
    #[must_use]
    pub fn request(&self, added: &Added) -> Request<Bytes> {
        let target = added.target.as_ref().unwrap_or(&self.target);
        let mut request = Request::new(self.payload.body.clone());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = target.uri.clone();
        *request.headers_mut() = self.payload.fields(target.host.as_ref(), &added.fields);
        if let Some(how) = self.encoding {
            let fields = request.headers_mut();
            fields.insert(CONTENT_ENCODING, how.content_encoding());
        }
        request
    }
}

/// The memory of a payload that was made, not taken out of its notification.
fn allocated(payload: &Payload) -> usize {
    let fields = payload.headers.iter().flatten();
    let values: usize = fields.map(|(_, value)| heap::taken(value.len())).sum();
    heap::taken(payload.body.len()) + fields_allocated(payload) + values
}

/// The memory of the places of a payload's header fields, and of their names.
pub(crate) fn fields_allocated(payload: &Payload) -> usize {
    let Some(fields) = &payload.headers else {
        return 0;
    };
    // Names that are well known take none, and are few.
    let names = fields
        .iter()
        .map(|(name, _)| heap::taken(name.as_str().len()));
    heap::taken(fields.capacity() * size_of::<(http::HeaderName, HeaderValue)>())
        + names.sum::<usize>()
}

/// The target with the host that a callback module or an option has set.
fn with_host(target: Target, host: &HeaderValue) -> Result<Target, http::Error> {
    if target.host.is_some() {
        return Ok(Target {
            host: Some(host.clone()),
            ..target
        });
    }
    let mut parts = target.uri.into_parts();
    parts.authority = Some(Authority::try_from(host.as_bytes().trim_ascii())?);
    Ok(Target {
        uri: Uri::from_parts(parts)?,
        host: None,
    })
}
