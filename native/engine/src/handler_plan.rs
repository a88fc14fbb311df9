//! What a handler's options ask for beyond the stock module's: the format of its requests, and the fields
//! that each attempt gets.
//!
//! A handler without such options has no plan, and nothing here runs for its notifications.

mod planned;
mod unmade;

use std::any::Any;
use std::sync::{Arc, OnceLock};

use credentials::{CredentialOptions, Credentials, OptionError, Tools};
use files::{Remark, Tell};
use notification::{Handler, HandlerId, MessageId, Notification, fail_point};
use payload::{
    Compression, FormStyle, FormatOptions, Member, Payload, Plan, PlanError, PlanOptions,
};
use tokio::runtime::Handle;
use transport::names::Names;
use transport::notices::{NoticeKind, Notices};

use crate::compressors::Compressors;
use crate::request::Unmade;
pub(crate) use planned::{Fields, Planned};

/// The options of a handler beyond the stock module's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HandlerOptions {
    /// What is sent, and in which format.
    pub payload: PlanOptions,
    /// Whom it is from.
    pub credentials: CredentialOptions,
    /// How bodies are compressed; `None` if they are not.
    pub compress: Option<Compression>,
}

/// A handler's options and, once they are needed, what they were compiled into.
#[derive(Debug)]
pub(crate) struct HandlerPlan {
    handler: HandlerId,
    options: HandlerOptions,
    /// Notifications share requests.
    batched: bool,
    shared: Shared,
    compiled: OnceLock<Compiled>,
}

/// What the plans of an engine share.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) notices: Arc<Notices>,
    pub(crate) names: Arc<Names>,
    pub(crate) compressors: Arc<Compressors>,
}

#[derive(Debug)]
struct Compiled {
    plan: Result<Plan, PlanError>,
    credentials: Result<Credentials, OptionError>,
}

impl HandlerPlan {
    /// Keeps the options of a handler. Nothing is compiled or read yet.
    pub(crate) fn new(
        handler: HandlerId,
        options: HandlerOptions,
        batched: bool,
        shared: Shared,
    ) -> Self {
        Self {
            handler,
            options,
            batched,
            shared,
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

    /// Compiles the options, and begins to read and fetch what they name, unless that is done. Tells what
    /// is wrong once. Run it on `runtime`.
    pub(crate) fn prepare(&self, runtime: &Handle) {
        if let Ok(credentials) = &self.compiled().credentials {
            credentials.start(runtime);
        }
    }

    /// Waits until a request can be made, at most for some seconds: the first read of a template.
    pub(crate) async fn ready(&self) -> Result<(), Unmade> {
        Ok(self.plan()?.ready().await?)
    }

    /// Whether the plan makes the body: of an event, and of a form whose text is left out.
    pub(crate) fn makes(&self, notification: &Notification) -> bool {
        let omits_text = self.options.payload.omit_body && notification.is_form();
        omits_text || notification.event().is_some()
    }

    /// Makes the part of a request that is the same on each attempt.
    pub(crate) fn make(
        self: &Arc<Self>,
        notification: &Notification,
        id: MessageId,
        style: FormStyle,
    ) -> Result<(Made, Planned), Unmade> {
        fail_point::point("make");
        let planned = self.planned(id, self.has_identity());
        let made = self.plan()?.make(notification, &planned.id, style)?;
        Ok((Made::of(made), planned))
    }

    /// Makes one request of these members, as many as fit into `max_bytes`, but at least of one. Other tasks have
    /// their turns meanwhile.
    pub(crate) async fn make_batch(
        self: &Arc<Self>,
        members: &[Member<'_>],
        max_bytes: usize,
    ) -> Result<BatchMade, Unmade> {
        fail_point::point("make");
        let batch = self.plan()?.make_batch(members, max_bytes).await?;
        let failed = batch.failed.into_iter();
        Ok(BatchMade {
            taken: batch.taken,
            failed: failed.map(|(at, error)| (at, error.into())).collect(),
            made: batch.made.map(|(made, id)| {
                let planned = self.planned(id, true);
                (Made::of(made), planned)
            }),
        })
    }

    /// For what a callback module or the default form has made: only the fields of each attempt are added.
    pub(crate) fn without_format(
        self: &Arc<Self>,
        payload: Payload,
        id: MessageId,
    ) -> (Made, Planned) {
        let made = Made {
            payload,
            path: None,
        };
        (made, self.planned(id, self.is_signed()))
    }

    fn planned(self: &Arc<Self>, id: MessageId, identified: bool) -> Planned {
        Planned {
            plan: Arc::clone(self),
            id,
            identified,
        }
    }

    /// Whether the format has an identity and a time, or the signature needs them.
    fn has_identity(&self) -> bool {
        self.options.payload.format != FormatOptions::Form || self.is_signed()
    }

    fn is_signed(&self) -> bool {
        self.options.credentials.signing.is_some()
    }

    fn plan(&self) -> Result<&Plan, Unmade> {
        self.compiled().plan.as_ref().map_err(Unmade::from)
    }

    fn credentials(&self) -> Result<&Credentials, Unmade> {
        self.compiled().credentials.as_ref().map_err(Unmade::from)
    }

    fn compiled(&self) -> &Compiled {
        self.compiled.get_or_init(|| {
            let tell = self.tell();
            let options = PlanOptions {
                batched: self.batched,
                ..self.options.payload.clone()
            };
            let plan = Plan::compile_and_tell(options, &tell);
            if let Err(error) = &plan {
                tell(Remark::Problem(error.to_string()));
            }
            let tools = Tools {
                names: Arc::clone(&self.shared.names),
                tell: Arc::clone(&tell),
                trust: None,
            };
            let credentials = Credentials::compile(&self.options.credentials, &tools);
            if let Err(error) = &credentials {
                tell(Remark::Problem(error.to_string()));
            }
            Compiled { plan, credentials }
        })
    }

    fn tell(&self) -> Tell {
        let (handler, notices) = (self.handler, Arc::clone(&self.shared.notices));
        Arc::new(move |remark| {
            let (kind, text) = match remark {
                Remark::Warning(text) => (NoticeKind::Warning, text),
                Remark::Problem(text) => (NoticeKind::Problem, text),
                Remark::Mended(text) => (NoticeKind::Mended, text),
            };
            notices.tell_handler(handler, kind, text);
        })
    }
}

/// The part of a request that is the same on each attempt.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) payload: Payload,
    /// The path instead of the handler's, if a template has made it.
    pub(crate) path: Option<String>,
}

impl Made {
    fn of(made: payload::Made) -> Self {
        Self {
            payload: Payload {
                headers: Some(made.headers),
                body: made.body,
            },
            path: made.path,
        }
    }
}

/// What becomes of the members of a batch.
#[derive(Debug)]
pub(crate) struct BatchMade {
    /// How many of the members, from the first one on, are in the request or have failed. The others are for
    /// a next request.
    pub(crate) taken: usize,
    /// Those that cannot be sent, by their place.
    pub(crate) failed: Vec<(usize, Unmade)>,
    /// `None` if all that were taken have failed.
    pub(crate) made: Option<(Made, Planned)>,
}
