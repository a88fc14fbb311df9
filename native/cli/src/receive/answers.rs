//! How requests are answered, which may change while the program runs.

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use test_endpoint::{Behaviour, Delay, Fault};

/// Longest delay, in milliseconds.
const MAX_DELAY: u64 = 600_000;
/// Longest value of `Retry-After`.
const MAX_RETRY_AFTER: usize = 64;
/// Most requests that settings can be limited to.
const MAX_TIMES: u32 = 1_000_000;

/// How requests are answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answers {
    /// The status; `null` passes on what the service behind `--forward` answers.
    pub status: Option<u16>,
    /// Milliseconds to wait before the answer.
    #[serde(default)]
    pub delay: u64,
    /// Value of `Retry-After`: seconds or a date; empty for none.
    #[serde(default)]
    pub retry_after: String,
    /// Close the connection instead of answering.
    #[serde(default)]
    pub close: bool,
    /// How many more requests these settings are for. Then those of the command line apply again.
    #[serde(default)]
    pub times: Option<u32>,
}

impl Answers {
    /// Checks what has come from the page.
    ///
    /// # Errors
    ///
    /// What cannot be.
    pub fn check(&self, forwards: bool) -> Result<(), String> {
        match self.status {
            None if !forwards => return Err("status: there is no service to ask".to_owned()),
            Some(status) if !(200..600).contains(&status) => {
                return Err(format!("status: {status} is not within 200 to 599"));
            }
            _ => {}
        }
        if self.delay > MAX_DELAY {
            return Err(format!("delay: at most {MAX_DELAY} ms"));
        }
        let visible = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
        if self.retry_after.len() > MAX_RETRY_AFTER || !self.retry_after.bytes().all(visible) {
            return Err("retry_after: expected seconds or a date".to_owned());
        }
        match self.times {
            Some(times) if times == 0 || times > MAX_TIMES => {
                Err(format!("times: expected 1 to {MAX_TIMES}"))
            }
            _ => Ok(()),
        }
    }

    /// What the endpoint does for an answer of that status. The delay has passed already.
    pub fn behaviour(&self, status: u16) -> Behaviour {
        let retry_after = self.retry_after.trim();
        let retry_after =
            (!retry_after.is_empty()).then(|| ("retry-after".to_owned(), retry_after.to_owned()));
        Behaviour {
            status,
            delay: Delay::None,
            headers: retry_after.into_iter().collect(),
            fault: self.close.then_some(Fault::CloseBeforeHead),
            ..Behaviour::default()
        }
    }
}

/// The present settings, and those of the command line.
#[derive(Debug)]
pub(super) struct Setting {
    first: Answers,
    present: Mutex<Answers>,
}

impl Setting {
    /// Starts with the settings of the command line.
    pub fn new(first: Answers) -> Self {
        Self {
            present: Mutex::new(first.clone()),
            first,
        }
    }

    /// The present settings.
    pub fn present(&self) -> Answers {
        self.present.lock().clone()
    }

    /// Replaces them.
    pub fn set(&self, answers: Answers) {
        *self.present.lock() = answers;
    }

    /// The settings for one request, and whether that changed them.
    pub fn next(&self) -> (Answers, bool) {
        let mut present = self.present.lock();
        let now = present.clone();
        match &mut present.times {
            None => (now, false),
            Some(times) => {
                *times = times.saturating_sub(1);
                if *times == 0 {
                    *present = self.first.clone();
                }
                (now, true)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(text: &str) -> Result<Answers, String> {
        let answers: Answers = serde_json::from_str(text).map_err(|error| error.to_string())?;
        answers.check(false).map(|()| answers)
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert!(answers(r#"{"status":503,"delay":5,"retry_after":"120","times":3}"#).is_ok());
        assert!(answers(r#"{"status":429,"retry_after":"Fri, 31 Dec 2027 23:59:59 GMT"}"#).is_ok());
        for bad in [
            "{}",
            r#"{"status":null}"#,
            r#"{"status":199}"#,
            r#"{"status":600}"#,
            r#"{"status":200,"delay":600001}"#,
            r#"{"status":200,"delay":-1}"#,
            r#"{"status":200,"retry_after":"1\r\nset-cookie: a"}"#,
            r#"{"status":200,"times":0}"#,
            r#"{"status":200,"more":1}"#,
        ] {
            assert!(answers(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn settings_for_some_requests_end_with_them() {
        let first = answers(r#"{"status":200}"#).unwrap();
        let setting = Setting::new(first.clone());
        setting.set(answers(r#"{"status":503,"times":2}"#).unwrap());
        let statuses: Vec<_> = (0..3).map(|_| setting.next().0.status).collect();
        assert_eq!(statuses, [Some(503), Some(503), Some(200)]);
        assert_eq!(setting.present(), first);
    }
}
