//! What each attempt gets of its own: credentials, the identity and the time, the signature, the secret of a path.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use notification::MessageId;
use payload::{Compression, signature};

use super::HandlerPlan;
use crate::compressors::Compressors;
use crate::request::Unmade;

/// Header fields.
pub(crate) type Fields = Vec<(HeaderName, HeaderValue)>;

/// What is left to do for each attempt.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(super) plan: Arc<HandlerPlan>,
    pub(super) id: MessageId,
    /// Whether the request has a `webhook-id`, and so the time of the attempt.
    pub(super) identified: bool,
}

impl Planned {
    /// The fields that only this attempt has, the signature of `body` among them, and what stands in the path for
    /// its secret, if it has one. Waits for what has to be read or fetched first.
    pub(crate) async fn added(&self, body: &Bytes) -> Result<(Fields, Option<Arc<str>>), Unmade> {
        let credentials = self.plan.credentials()?;
        let secret = credentials.path_secret().await?;
        let mut fields = credentials.fields().await?;
        if !self.identified {
            return Ok((fields, secret));
        }
        let keys = credentials.signing_keys().await?;
        // After all that may take time: receivers refuse what is too old.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.map_or(0, |since| since.as_secs());
        let id = self.id.as_str();
        // An identity is made of letters, digits and a low line.
        if let Ok(id) = HeaderValue::from_str(id) {
            fields.push((signature::ID, id));
        }
        fields.push((signature::TIMESTAMP, HeaderValue::from(now)));
        if let Some(keys) = keys
            && let Some(signatures) = signature::value(&keys, id, now, body)
        {
            fields.push((signature::SIGNATURE, signatures));
        }
        Ok((fields, secret))
    }

    /// How bodies are compressed, and what does it; `None` if they are not.
    pub(crate) fn compression(&self) -> Option<(Compression, &Compressors)> {
        let how = self.plan.options.compress?;
        Some((how, &self.plan.shared.compressors))
    }

    /// The service has answered 401.
    pub(crate) fn unauthorized(&self) {
        if let Ok(credentials) = self.plan.credentials() {
            credentials.unauthorized();
        }
    }
}
