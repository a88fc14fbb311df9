//! When tokens are fetched, under a clock that the tests move. What is fetched, and how, is in
//! `tests/tokens.rs`.

use std::collections::VecDeque;

use futures_util::FutureExt;
use tokio::time::{advance, sleep};

use super::*;

/// A token endpoint whose answers the test prepares.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Step>>,
    asked_at: Mutex<Vec<Instant>>,
    at_once: AtomicU64,
    most_at_once: AtomicU64,
}

enum Step {
    Grant(&'static str, Duration),
    Refuse,
    Hang,
    Panic,
}

const HOUR: Duration = Duration::from_hours(1);

fn tokens(steps: impl IntoIterator<Item = Step>) -> (Tokens, Arc<Script>, Arc<Mutex<Vec<Remark>>>) {
    let script = Arc::new(Script::default());
    script.answers.lock().extend(steps);
    let told = Arc::new(Mutex::new(Vec::new()));
    let (tell, shared) = (Arc::clone(&told), Arc::clone(&script));
    let fetch = move || {
        let script = Arc::clone(&shared);
        async move {
            script.asked_at.lock().push(Instant::now());
            let at_once = script.at_once.fetch_add(1, Ordering::SeqCst) + 1;
            script.most_at_once.fetch_max(at_once, Ordering::SeqCst);
            let step = script.answers.lock().pop_front();
            sleep(Duration::from_millis(100)).await;
            let end = match step {
                Some(Step::Grant(value, expires_in)) => Ok(Granted {
                    value: HeaderValue::from_static(value),
                    expires_in,
                }),
                Some(Step::Hang) => std::future::pending().await,
                Some(Step::Panic) => panic!("on purpose"),
                Some(Step::Refuse) | None => Err(Refused {
                    text: "it answered 500".to_owned(),
                    retry_after: None,
                    secret: false,
                }),
            };
            script.at_once.fetch_sub(1, Ordering::SeqCst);
            end
        }
        .boxed()
    };
    let tell: Tell = Arc::new(move |remark| tell.lock().push(remark));
    (
        Tokens::new("auth.oauth2", tell, Box::new(fetch)),
        script,
        told,
    )
}

impl Script {
    fn count(&self) -> usize {
        self.asked_at.lock().len()
    }
}

/// Lets time pass for the task too.
async fn pass(time: Duration) {
    // In small steps, so that each timer fires at its time.
    let end = Instant::now() + time;
    while Instant::now() < end {
        advance((end - Instant::now()).min(Duration::from_secs(1))).await;
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_fetch_serves_all_who_wait_for_it() {
    let (tokens, script, told) = tokens([Step::Grant("a", HOUR)]);
    let all = futures_util::future::join_all((0..100).map(|_| tokens.get())).await;
    assert!(
        all.iter()
            .all(|value| value.as_ref().is_ok_and(|value| value == "a"))
    );
    assert_eq!(script.count(), 1);
    assert!(told.lock().is_empty());
}

#[tokio::test(start_paused = true)]
async fn it_is_renewed_before_its_end_and_no_notification_waits() {
    let (tokens, script, _) = tokens([Step::Grant("a", HOUR), Step::Grant("b", HOUR)]);
    tokens.get().await.unwrap();
    pass(Duration::from_mins(44)).await;
    assert_eq!(script.count(), 1);
    pass(Duration::from_mins(7)).await;
    assert_eq!(script.count(), 2, "without a notification that asks for it");
    let before = Instant::now();
    assert_eq!(tokens.get().await.unwrap(), "b");
    assert_eq!(Instant::now(), before);
}

#[tokio::test(start_paused = true)]
async fn a_good_token_is_used_while_its_renewal_fails_or_hangs() {
    let steps = [
        Step::Grant("a", HOUR),
        Step::Refuse,
        Step::Hang,
        Step::Grant("b", HOUR),
    ];
    let (tokens, script, told) = tokens(steps);
    tokens.get().await.unwrap();
    while script.count() < 4 {
        let before = Instant::now();
        let value = tokens.get().await.unwrap();
        assert!(value == "a" && Instant::now() == before);
        pass(Duration::from_secs(1)).await;
    }
    pass(Duration::from_secs(1)).await;
    assert_eq!(tokens.get().await.unwrap(), "b");
    assert_eq!(
        script.most_at_once.load(Ordering::SeqCst),
        2,
        "the one that hung, and the last"
    );
    let told = told.lock();
    let expected = [
        Remark::Warning("auth.oauth2: it answered 500; the present token is still good".to_owned()),
        Remark::Mended("auth.oauth2: there is a token again".to_owned()),
    ];
    assert_eq!(told[..], expected, "each thing is said once");
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_notifications_fail_at_once_until_a_fetch_succeeds() {
    let (tokens, script, told) = tokens([Step::Refuse, Step::Refuse, Step::Grant("a", HOUR)]);
    let error = tokens.get().await.unwrap_err();
    assert_eq!(
        error,
        CredentialError::Token("auth.oauth2: it answered 500".to_owned())
    );
    while script.count() < 3 {
        let before = Instant::now();
        assert_eq!(tokens.get().await.unwrap_err(), error);
        assert_eq!(Instant::now(), before);
        pass(Duration::from_millis(50)).await;
    }
    pass(Duration::from_millis(200)).await;
    assert_eq!(tokens.get().await.unwrap(), "a");
    let asked = script.asked_at.lock();
    let pauses: Vec<_> = asked
        .windows(2)
        .map(|two| (two[1] - two[0]).as_secs_f64())
        .collect();
    // 100 ms for the answer, a pause of 1 and 2 s with a jitter of a quarter, and steps of 50 ms.
    assert!(
        (0.8..1.5).contains(&pauses[0]) && (1.5..2.75).contains(&pauses[1]),
        "{pauses:?}"
    );
    assert!(matches!(
        told.lock()[..],
        [Remark::Problem(_), Remark::Mended(_)]
    ));
}

#[tokio::test(start_paused = true)]
async fn a_first_fetch_that_hangs_is_waited_for_only_so_long() {
    let (tokens, _, _) = tokens([Step::Hang, Step::Grant("a", HOUR)]);
    let begin = Instant::now();
    let error = tokens.get().await.unwrap_err();
    assert_eq!(begin.elapsed(), PATIENCE);
    assert!(error.to_string().contains("no token after 5 s"), "{error}");
    pass(Duration::from_secs(15)).await;
    assert_eq!(tokens.get().await.unwrap(), "a");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_has_ended_is_not_sent() {
    let (tokens, script, told) = tokens([Step::Grant("a", HOUR)]);
    tokens.get().await.unwrap();
    pass(HOUR.saturating_sub(Duration::from_secs(12))).await;
    assert!(script.count() > 3, "renewals fail");
    assert!(tokens.get().await.is_ok());
    pass(Duration::from_secs(2)).await;
    assert!(tokens.get().await.is_err());
    pass(Duration::from_mins(2)).await;
    assert!(matches!(
        told.lock()[..],
        [Remark::Warning(_), Remark::Problem(_)]
    ));
}

#[tokio::test(start_paused = true)]
async fn without_notifications_renewals_end_and_start_again_with_one() {
    let hours: Vec<_> = (0..200).map(|_| Step::Grant("a", HOUR)).collect();
    let (tokens, script, _) = tokens(hours);
    tokens.get().await.unwrap();
    pass(Duration::from_hours(30)).await;
    let count = script.count();
    assert!(
        (28..=34).contains(&count),
        "{count}: one in 45 to 50 minutes of a day"
    );
    pass(Duration::from_hours(30)).await;
    assert_eq!(script.count(), count);
    assert_eq!(tokens.get().await.unwrap(), "a");
    assert_eq!(script.count(), count + 1);
}

#[tokio::test(start_paused = true)]
async fn credentials_that_are_gone_fetch_no_more() {
    let (tokens, script, _) = tokens([Step::Grant("a", HOUR)]);
    tokens.get().await.unwrap();
    drop(tokens);
    pass(Duration::from_hours(2)).await;
    assert_eq!(script.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_401_has_a_new_token_fetched_once_a_minute() {
    let (tokens, script, _) = tokens(["a", "b", "c"].map(|value| Step::Grant(value, HOUR)));
    tokens.get().await.unwrap();
    for _ in 0..10 {
        tokens.unauthorized();
        pass(Duration::from_secs(1)).await;
    }
    assert_eq!(
        (script.count(), tokens.get().await.unwrap()),
        (2, HeaderValue::from_static("b"))
    );
    pass(UNAUTHORIZED_EVERY).await;
    tokens.unauthorized();
    pass(Duration::from_secs(1)).await;
    assert_eq!(script.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_a_fetch_is_not_the_end() {
    let (tokens, _, _) = tokens([Step::Panic, Step::Grant("a", HOUR)]);
    assert_eq!(tokens.get().await.unwrap(), "a");
}
