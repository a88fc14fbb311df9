//! What a handler's options ask for beyond the stock module's: the format of its requests, and the fields
//! that each attempt gets.
//!
//! A handler without such options has no plan, and its notifications take the way that they take without
//! this module.

use std::any::Any;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use notification::{FailureReason, Handler, HandlerId, MessageId, Notification, fail_point};
use payload::{FormStyle, FormatOptions, Payload, Plan, PlanError, PlanOptions, signature};
use transport::notices::{NoticeKind, Notices};

use crate::request::Unmade;

/// Header fields.
pub(crate) type Fields = Vec<(HeaderName, HeaderValue)>;

/// The options of a handler beyond the stock module's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HandlerOptions {
    /// What is sent, and in which format.
    pub payload: PlanOptions,
}

/// A handler's options and, once they are needed, what they were compiled into.
#[derive(Debug)]
pub(crate) struct HandlerPlan {
    handler: HandlerId,
    options: HandlerOptions,
    notices: Arc<Notices>,
    compiled: OnceLock<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    plan: Result<Plan, PlanError>,
}

impl HandlerPlan {
    /// Keeps the options of a handler. Nothing is compiled or read yet.
    pub(crate) fn new(handler: HandlerId, options: HandlerOptions, notices: Arc<Notices>) -> Self {
        Self {
            handler,
            options,
            notices,
            compiled: OnceLock::new(),
        }
    }

    /// The plan in the form in which a handler carries it.
    pub(crate) fn into_any(self) -> Arc<dyn Any + Send + Sync> {
        Arc::new(self)
    }

    /// The plan of a handler, if it has one.
    pub(crate) fn of(handler: &Handler) -> Option<Arc<Self>> {
        let plan = Arc::clone(handler.plan.as_ref()?);
        plan.downcast().ok()
    }

    /// The options of a handler, if it has a plan.
    pub(crate) fn options_of(handler: &Handler) -> Option<&HandlerOptions> {
        let plan = handler.plan.as_deref()?.downcast_ref::<Self>()?;
        Some(&plan.options)
    }

    /// Compiles the options, unless that is done. Tells of an error once.
    pub(crate) fn prepare(&self) {
        self.compiled();
    }

    /// Makes the part of a request that is the same on each attempt.
    pub(crate) fn make(
        self: &Arc<Self>,
        notification: &Notification,
        style: FormStyle,
    ) -> Result<(Made, Planned), Unmade> {
        let plan = self.compiled().plan.as_ref().map_err(|error| Unmade {
            reason: FailureReason::TemplateError,
            text: error.to_string().into(),
        })?;
        fail_point::point("make");
        let planned = self.planned(self.has_identity());
        let made = plan
            .make(notification, &planned.id, style)
            .map_err(|error| Unmade {
                reason: error.reason,
                text: error.text.into(),
            })?;
        let made = Made {
            payload: Payload {
                headers: Some(made.headers),
                body: made.body,
            },
            path: made.path,
        };
        Ok((made, planned))
    }

    /// What a callback module or the default form has made: only the fields of each attempt are added.
    pub(crate) fn without_format(self: &Arc<Self>, payload: Payload) -> (Made, Planned) {
        let made = Made {
            payload,
            path: None,
        };
        (made, self.planned(self.is_signed()))
    }

    fn planned(self: &Arc<Self>, identified: bool) -> Planned {
        Planned {
            plan: Arc::clone(self),
            id: MessageId::new(),
            identified,
        }
    }

    /// Whether the format has an identity and a time, whatever else is set.
    fn has_identity(&self) -> bool {
        self.options.payload.format != FormatOptions::Form || self.is_signed()
    }

    fn is_signed(&self) -> bool {
        self.options.payload.signed
    }

    fn compiled(&self) -> &Compiled {
        self.compiled.get_or_init(|| {
            let plan = Plan::compile(self.options.payload.clone());
            if let Err(error) = &plan {
                self.tell(NoticeKind::Problem, error.to_string());
            }
            Compiled { plan }
        })
    }

    fn tell(&self, kind: NoticeKind, text: String) {
        self.notices.tell_handler(self.handler, kind, text);
    }
}

/// The part of a request that is the same on each attempt.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) payload: Payload,
    /// The path instead of the handler's, if a template has made it.
    pub(crate) path: Option<String>,
}

/// What is left to do for each attempt.
#[derive(Debug)]
pub(crate) struct Planned {
    plan: Arc<HandlerPlan>,
    id: MessageId,
    /// Whether the request has a `webhook-id`, and so the time of the attempt.
    identified: bool,
}

impl Planned {
    /// The fields that only this attempt has.
    pub(crate) async fn added(&self, body: &Bytes) -> Result<Fields, Unmade> {
        let mut fields = Fields::new();
        if self.identified {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            let now = now.map_or(0, |since| since.as_secs());
            if let Ok(id) = HeaderValue::from_str(self.id.as_str()) {
                fields.push((signature::ID, id));
            }
            fields.push((signature::TIMESTAMP, HeaderValue::from(now)));
        }
        Ok(fields)
    }
}
