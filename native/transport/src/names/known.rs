//! What is known of each name, and what a request that needs the name does next. Plain data, without a
//! clock, a lock or a thread.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::{Addresses, Answer, LookUpError};

/// How long a good answer is kept.
pub const KEEP_GOOD: Duration = Duration::from_secs(5);
/// How long a failure is kept.
pub const KEEP_BAD: Duration = Duration::from_secs(1);
/// How long a good answer is used while there is no newer one. Not for ever, because an address can be
/// given to another machine.
pub const KEEP_OLD: Duration = Duration::from_mins(10);
/// How long a request waits for a new answer before it uses the addresses of the last one.
pub const PATIENCE: Duration = Duration::from_millis(500);
/// How long one look-up may take before another one starts beside it. The time doubles for each further
/// look-up, up to [`NEXT_AFTER_AT_MOST`].
pub const NEXT_AFTER: Duration = Duration::from_secs(5);
const NEXT_AFTER_AT_MOST: Duration = Duration::from_mins(10);
/// The maximum number of concurrent look-ups of one name; each occupies a thread.
pub const AT_MOST: usize = 16;

/// All names in use.
#[derive(Debug, Default)]
pub(super) struct Known {
    names: HashMap<Box<str>, Name>,
    /// The number of the latest look-up.
    asked: u64,
}

/// What is known of one name.
#[derive(Debug, Default)]
struct Name {
    /// The last good answer, and when it arrived.
    good: Option<(Arc<[IpAddr]>, Instant)>,
    /// The failure since then, if any.
    bad: Option<(LookUpError, Instant)>,
    /// The look-ups under way.
    asking: Vec<u64>,
    /// The number of the latest look-up when the last answer arrived. Those up to it that are still under
    /// way say nothing about the resolver as it is now.
    answered: u64,
    /// When the latest look-up started.
    last: Option<Instant>,
    /// When the first look-up since the last answer started.
    since: Option<Instant>,
    answers: watch::Sender<()>,
}

/// What a request that needs the name does next.
#[derive(Debug)]
pub(super) enum Next {
    /// Use this answer.
    Answer(Answer),
    /// Start the look-up with this number.
    Ask(u64),
    /// Wait for an answer until this time, then check again.
    Wait(Instant, watch::Receiver<()>),
}

impl Known {
    pub(super) fn next(&mut self, host: &str, now: Instant) -> Next {
        if !self.names.contains_key(host) {
            self.names.retain(|_, name| name.is_of_use(now));
        }
        let name = self.names.entry(host.into()).or_default();
        if let Some(answer) = name.fresh(now) {
            return Next::Answer(answer);
        }
        if name.next_look_up(now) <= now {
            self.asked += 1;
            name.asking.push(self.asked);
            name.last = Some(now);
            name.since.get_or_insert(now);
            return Next::Ask(self.asked);
        }
        let patient_until = name.since.map_or(now, |since| since + PATIENCE);
        match name.old(now) {
            Some(list) if patient_until <= now => {
                let text = match name.since {
                    Some(since) => format!("no answer for {} s", (now - since).as_secs()),
                    None => "no answer".to_owned(),
                };
                Next::Answer(Ok(Addresses {
                    list,
                    old: Some(text.into()),
                }))
            }
            Some(_) => Next::Wait(patient_until, name.answers.subscribe()),
            None => Next::Wait(name.next_look_up(now), name.answers.subscribe()),
        }
    }

    /// Records the answer of a look-up of this name.
    pub(super) fn answered(
        &mut self,
        host: &str,
        answer: Result<Arc<[IpAddr]>, LookUpError>,
        now: Instant,
    ) {
        let Some(name) = self.names.get_mut(host) else {
            return;
        };
        match answer {
            Ok(list) => {
                name.good = Some((list, now));
                name.bad = None;
            }
            Err(error) => name.bad = Some((error, now)),
        }
        name.since = None;
        name.answered = self.asked;
        name.answers.send_replace(());
    }

    /// Records that the look-up with this number no longer occupies a thread.
    pub(super) fn ended(&mut self, host: &str, asking: u64) {
        if let Some(name) = self.names.get_mut(host) {
            name.asking.retain(|other| *other != asking);
        }
    }
}

impl Name {
    /// An answer that is still fresh.
    fn fresh(&self, now: Instant) -> Option<Answer> {
        if let Some((list, came)) = &self.good
            && now.saturating_duration_since(*came) < KEEP_GOOD
        {
            return Some(Ok(Addresses {
                list: Arc::clone(list),
                old: None,
            }));
        }
        let (error, came) = self.bad.as_ref()?;
        if now.saturating_duration_since(*came) >= KEEP_BAD {
            return None;
        }
        Some(match self.old(now) {
            Some(list) => Ok(Addresses {
                list,
                old: Some(error.to_string().into()),
            }),
            None => Err(error.clone()),
        })
    }

    /// The last good answer, if it may still be used.
    fn old(&self, now: Instant) -> Option<Arc<[IpAddr]>> {
        let (list, came) = self.good.as_ref()?;
        (now.saturating_duration_since(*came) < KEEP_OLD).then(|| Arc::clone(list))
    }

    /// When the next look-up may start: at once after an answer, whatever earlier look-ups still hang, and
    /// otherwise the later, the more of them hang.
    fn next_look_up(&self, now: Instant) -> Instant {
        let all = self.asking.len();
        if all >= AT_MOST {
            return now + NEXT_AFTER_AT_MOST;
        }
        let since_answer = self.asking.iter().filter(|asking| **asking > self.answered);
        let (Some(last), new @ 1..) = (self.last, since_answer.count()) else {
            return now;
        };
        // Earlier ones count too once they hold half of the threads. A resolver that answers only now and then
        // would soon take the others as well, and the name could never be looked up again.
        let hang = if all < AT_MOST / 2 { new } else { all };
        let doubled = u32::try_from(hang - 1).unwrap_or(u32::MAX);
        let wait = NEXT_AFTER.saturating_mul(1_u32.checked_shl(doubled).unwrap_or(u32::MAX));
        last + wait.min(NEXT_AFTER_AT_MOST)
    }

    fn is_of_use(&self, now: Instant) -> bool {
        !self.asking.is_empty() || self.old(now).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(last: u8) -> Arc<[IpAddr]> {
        Arc::new([[127, 0, 0, last].into()])
    }

    fn failed() -> LookUpError {
        LookUpError::Failed("a test said so".into())
    }

    /// The times, from the first, at which look-ups start one after another while none is answered.
    fn starts(known: &mut Known, begin: Instant, until: Duration) -> Vec<u64> {
        let mut starts = Vec::new();
        let mut now = begin;
        while now <= begin + until {
            match known.next("a.test", now) {
                Next::Ask(_) => starts.push((now - begin).as_secs()),
                Next::Wait(until, _) => now = until.max(now + Duration::from_millis(1)),
                Next::Answer(answer) => panic!("{answer:?}"),
            }
        }
        starts
    }

    #[test]
    fn look_ups_that_hang_are_few() {
        let (mut known, begin) = (Known::default(), Instant::now());
        let began = starts(&mut known, begin, Duration::from_mins(1));
        assert_eq!(began, [0, 5, 15, 35]);
        let day = Duration::from_hours(24);
        let all = starts(&mut known, begin + Duration::from_mins(1), day);
        assert_eq!(began.len() + all.len(), AT_MOST);
        // One look-up ends after all, without an answer, so there is room for another.
        known.ended("a.test", 7);
        let later = begin + 2 * day;
        assert!(matches!(known.next("a.test", later), Next::Ask(_)));
    }

    #[test]
    fn look_ups_that_hung_do_not_delay_those_of_a_resolver_that_works_again() {
        let (mut known, begin) = (Known::default(), Instant::now());
        let hung = starts(&mut known, begin, Duration::from_mins(40)).len();
        assert_eq!(hung, 10);
        // From then on each look-up is answered, and each answer is followed by another look-up.
        let mut now = begin + Duration::from_hours(1);
        for n in 0..100 {
            let Next::Ask(asking) = known.next("a.test", now) else {
                panic!("look-up {n} has to wait");
            };
            known.answered("a.test", Ok(list(n)), now);
            known.ended("a.test", asking);
            now += KEEP_GOOD;
        }
        assert_eq!(known.names["a.test"].asking.len(), hung);
    }

    #[test]
    fn a_resolver_that_answers_now_and_then_keeps_threads_for_hours() {
        let (mut known, begin) = (Known::default(), Instant::now());
        let mut now = begin;
        let mut hung = 0;
        while hung < AT_MOST - 1 {
            // Every second look-up hangs.
            match known.next("a.test", now) {
                Next::Ask(asking) if asking % 2 == 0 => {
                    known.answered("a.test", Ok(list(1)), now);
                    known.ended("a.test", asking);
                }
                Next::Ask(_) => hung += 1,
                Next::Answer(_) => now += Duration::from_secs(1),
                Next::Wait(until, _) => now = until,
            }
        }
        let took = now - begin;
        assert!(took > Duration::from_hours(1), "{took:?}");
    }

    #[test]
    fn the_last_good_answer_serves_while_there_is_no_new_one() {
        let (mut known, begin) = (Known::default(), Instant::now());
        let Next::Ask(asking) = known.next("a.test", begin) else {
            panic!("nothing is known yet");
        };
        known.answered("a.test", Ok(list(1)), begin);
        known.ended("a.test", asking);
        let fresh = |known: &mut Known, now| match known.next("a.test", now) {
            Next::Answer(Ok(Addresses { list, old })) => (list, old.is_none()),
            other => panic!("{other:?}"),
        };
        let soon = begin + KEEP_GOOD.checked_sub(Duration::from_millis(1)).unwrap();
        assert_eq!(fresh(&mut known, soon), (list(1), true));
        // The next look-up hangs: requests wait for it briefly, then use the old answer.
        let stale = begin + KEEP_GOOD;
        assert!(matches!(known.next("a.test", stale), Next::Ask(_)));
        let Next::Wait(until, _) = known.next("a.test", stale) else {
            panic!("it may answer any moment");
        };
        assert_eq!(until, stale + PATIENCE);
        assert_eq!(fresh(&mut known, until), (list(1), false));
        // A failure does not change that, until the answer is too old.
        known.answered("a.test", Err(failed()), until);
        assert_eq!(fresh(&mut known, until), (list(1), false));
        let end = begin + KEEP_OLD;
        known.answered("a.test", Err(failed()), end);
        assert!(matches!(known.next("a.test", end), Next::Answer(Err(_))));
        // A look-up that seemed to hang answers: that is now the newest answer.
        known.answered("a.test", Ok(list(2)), end);
        assert_eq!(fresh(&mut known, end), (list(2), true));
    }

    #[test]
    fn names_that_are_not_used_any_more_are_forgotten() {
        let (mut known, begin) = (Known::default(), Instant::now());
        for n in 0..100 {
            let host = format!("{n}.test");
            let Next::Ask(asking) = known.next(&host, begin) else {
                panic!("nothing is known yet");
            };
            known.answered(&host, Ok(list(1)), begin);
            known.ended(&host, asking);
        }
        let _ = known.next("new.test", begin + KEEP_OLD);
        assert_eq!(known.names.len(), 1);
    }
}
