//! What a handler makes of its notifications: the format, compiled once, and the request's part that is
//! the same on each attempt.

use std::sync::Arc;

use bytes::Bytes;
use files::Tell;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};
use notification::{MessageId, Notification};

use crate::batch::{self, Array, BatchMade, Collected, Member};
use crate::cloudevents::{CloudEvents, CloudEventsMode};
use crate::event::{Choice, Event, Raw};
use crate::template::{TemplateOptions, Templates};
use crate::{FormStyle, PayloadError, PlanError, forms, json};

/// The options of a handler that say what is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PlanOptions {
    /// The form of the body.
    pub format: FormatOptions,
    /// Adds the whole stanza (`include = ["stanza"]`).
    pub include_stanza: bool,
    /// Leaves out what was written (`omit = ["body"]`).
    pub omit_body: bool,
    /// Notifications share requests, so that templates are for a list of events.
    pub batched: bool,
}

/// The form of the body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum FormatOptions {
    /// What the host's own module sends.
    #[default]
    Form,
    /// A JSON object of type, timestamp and data.
    Json,
    /// A CloudEvent.
    CloudEvents {
        /// Structured or binary.
        mode: CloudEventsMode,
        /// The source; by default `xmpp://` and the domain of the local user.
        source: Option<String>,
    },
    /// What templates make.
    Template(TemplateOptions),
}

/// A handler's options, compiled.
#[derive(Debug, Default)]
pub struct Plan {
    format: Format,
    choice: Choice,
}

#[derive(Debug, Default)]
enum Format {
    #[default]
    Form,
    Json,
    CloudEvents(CloudEvents),
    Template(Box<Templates>),
}

/// What a request carries on each attempt, apart from what each attempt adds: `webhook-id` with its time and
/// signature, and what is fetched for it (credentials).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The body.
    pub body: Bytes,
    /// The header fields, `content-type` among them.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The path instead of the handler's, if a template makes it.
    pub path: Option<String>,
}

const FORM: (HeaderName, HeaderValue) = (
    CONTENT_TYPE,
    HeaderValue::from_static("application/x-www-form-urlencoded"),
);
const JSON: (HeaderName, HeaderValue) =
    (CONTENT_TYPE, HeaderValue::from_static("application/json"));

impl Plan {
    /// Compiles a handler's options. What becomes of a template's file later is not told.
    pub fn compile(options: PlanOptions) -> Result<Self, PlanError> {
        Self::compile_and_tell(options, &(Arc::new(|_| {}) as Tell))
    }

    /// Compiles a handler's options, and begins to read a template's file, which may take longer than
    /// this call. `tell` is told when the file cannot be used.
    pub fn compile_and_tell(options: PlanOptions, tell: &Tell) -> Result<Self, PlanError> {
        let PlanOptions {
            format,
            include_stanza,
            omit_body,
            batched,
        } = options;
        Ok(Self {
            format: match format {
                FormatOptions::Form => Format::Form,
                FormatOptions::Json => Format::Json,
                FormatOptions::CloudEvents { mode, source } => {
                    Format::CloudEvents(CloudEvents::compile(mode, source)?)
                }
                FormatOptions::Template(options) => {
                    Format::Template(Box::new(Templates::compile(options, batched, tell)?))
                }
            },
            choice: Choice {
                stanza: include_stanza,
                omit_body,
            },
        })
    }

    /// Waits until [`Plan::make`] can make something, at most for some seconds after the first call. Only
    /// a template's file may have to be waited for.
    pub async fn ready(&self) -> Result<(), PayloadError> {
        match &self.format {
            Format::Template(templates) => templates.ready().await,
            Format::Form | Format::Json | Format::CloudEvents(_) => Ok(()),
        }
    }

    /// Makes the request's part of a notification that holds an event, or names and text for a form,
    /// which is in the style of the host's encoder.
    pub fn make(
        &self,
        notification: &Notification,
        id: &MessageId,
        style: FormStyle,
    ) -> Result<Made, PayloadError> {
        let (body, headers) = match &self.format {
            Format::Form => (forms::body(notification, self.choice, style)?, vec![FORM]),
            Format::Json => {
                let raw = Raw::of(notification)?;
                (json::body(&raw.event(self.choice)?)?, vec![JSON])
            }
            Format::CloudEvents(format) => {
                format.make(&Raw::of(notification)?.event(self.choice)?, id)?
            }
            Format::Template(templates) => {
                let raw = Raw::of(notification)?;
                return templates.render(&raw.event(self.choice)?, id.as_str());
            }
        };
        Ok(Made {
            body,
            headers,
            path: None,
        })
    }

    /// Makes one request of these members, as many as fit into `max_bytes`, but at least of one. Other tasks
    /// have their turns meanwhile. The error is one of all of them: there is no template.
    pub async fn make_batch(
        &self,
        members: &[Member<'_>],
        max_bytes: usize,
    ) -> Result<BatchMade, PayloadError> {
        let collected = match &self.format {
            Format::Form => return Err(PayloadError::event("a form has no batches")),
            Format::Json => {
                let add = |array: &mut Array, event: &Event<'_>, id: &MessageId| {
                    array.add(&json::Identified::new(event, id.as_str()))
                };
                self.array(members, max_bytes, JSON, add).await
            }
            Format::CloudEvents(format) => {
                let add = |array: &mut Array, event: &Event<'_>, id: &MessageId| {
                    format.add_to(array, event, id)
                };
                let field = CloudEvents::batch_field();
                self.array(members, max_bytes, field, add).await
            }
            Format::Template(templates) => {
                let batch = templates.batch(members, self.choice, max_bytes);
                batch.await?
            }
        };
        let id = collected.identity(members);
        Ok(BatchMade {
            taken: collected.taken,
            failed: collected.failed,
            made: collected.request.map(|made| (made, id)),
        })
    }

    async fn array(
        &self,
        members: &[Member<'_>],
        max_bytes: usize,
        content_type: (HeaderName, HeaderValue),
        add: impl Fn(&mut Array, &Event<'_>, &MessageId) -> Result<bool, PayloadError>,
    ) -> Collected {
        let mut array = Array::new(max_bytes);
        let (taken, failed) = batch::collect(members, |(notification, id)| {
            let raw = Raw::of(notification)?;
            add(&mut array, &raw.event(self.choice)?, id)
        })
        .await;
        let request = array.into_body().map(|body| Made {
            body,
            headers: vec![content_type],
            path: None,
        });
        Collected {
            taken,
            failed,
            request,
        }
    }
}
