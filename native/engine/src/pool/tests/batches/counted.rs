//! A member of a batch has the attempts of the requests that it was in, and no others.

use super::*;

/// A batch of which a part fits a body. What the first part went through is not said of those behind it, which
/// no request had: they start, they do not start again.
#[tokio::test(start_paused = true)]
async fn what_was_behind_the_request_starts_anew() {
    let requests = Mutex::new(0);
    let endpoint = endpoint(move |_: &Seen| {
        let mut requests = requests.lock();
        *requests += 1;
        let status = match *requests {
            1 | 2 => 503,
            // The part that was behind.
            4 => 422,
            _ => 200,
        };
        (status, Duration::ZERO)
    })
    .await;
    let world = World::new(&endpoint.url, 1, &in_small_bodies(&batch_retried(100, 50)));
    world.push_forty();
    world.ended(40).await;
    let sizes = endpoint.sizes();
    assert_eq!(sizes[..3], [sizes[0]; 3], "{sizes:?}");
    assert_eq!(world.counters.of("pool").retries(), 2, "{sizes:?}");
    world.assert_attempts(&endpoint);
    world.assert_empty();
}

/// A request that is refused as too large was an attempt of those in it alone, and the attempts of its first half
/// are none of its second half. A request may have both those that were in one before and new ones.
#[tokio::test(start_paused = true)]
async fn halves_have_their_own_attempts() {
    for in_one_body in [true, false] {
        let requests = Mutex::new(0);
        let endpoint = endpoint(move |seen: &Seen| {
            if seen.events.len() > 5 {
                return (413, Duration::ZERO);
            }
            let mut requests = requests.lock();
            *requests += 1;
            let status = match *requests {
                1 | 2 => 503,
                // The last of a batch.
                _ if seen.has("u.16") || seen.has("u.39") => 422,
                _ => 200,
            };
            (status, Duration::ZERO)
        })
        .await;
        let mut policy = batch_retried(100, 50);
        if !in_one_body {
            policy = in_small_bodies(&policy);
        }
        let world = World::new(&endpoint.url, 1, &policy);
        world.push_forty();
        world.ended(40).await;
        let sizes = endpoint.sizes();
        assert_eq!(sizes[0] == 40, in_one_body, "{sizes:?}");
        world.assert_attempts(&endpoint);
        world.assert_empty();
    }
}

/// Two batches wait for their endpoint until they are given up, or until the pool ends: all members that were in a
/// request have its attempts, and those that were behind it have none.
#[tokio::test(start_paused = true)]
async fn given_up_while_they_wait() {
    for ends in [false, true] {
        let endpoint = answers(0).await;
        let policy = PolicyOptions {
            retry: Some(RetryOptions {
                give_up_after: Some(3_600_000),
                ..RetryOptions::default()
            }),
            ..in_small_bodies(&batch_retried(20, 50))
        };
        let world = World::new(&endpoint.url, 2, &policy);
        for user in ["alice", "kate"] {
            for number in 0..20 {
                world.push(user, &format!("{user}.{number}"));
            }
        }
        sleep(Duration::from_mins(10)).await;
        assert_eq!(world.failed(), 0);
        if ends {
            world.pool.end(FailureReason::Shutdown, "stopped");
        } else {
            sleep(Duration::from_hours(1)).await;
        }
        world.ended(40).await;
        let text = if ends { "stopped" } else { "is down" };
        let verdicts = world.verdicts();
        let waited = verdicts.values().filter_map(|verdict| match verdict {
            Verdict::Failed {
                text: why,
                attempts,
                ..
            } if why.contains(text) => Some(*attempts),
            _ => None,
        });
        let waited: Vec<u32> = waited.collect();
        let tried = waited.iter().filter(|attempts| **attempts > 0).count();
        assert!(tried > 1 && tried < waited.len(), "{verdicts:?}");
        world.assert_attempts(&endpoint);
        world.assert_empty();
    }
}

/// The same with bodies that have room for some of the events only.
fn in_small_bodies(policy: &PolicyOptions) -> PolicyOptions {
    let mut policy = policy.clone();
    policy.batch.as_mut().unwrap().max_bytes = Some(4_096);
    policy
}

impl Seen {
    fn has(&self, text: &str) -> bool {
        self.events.iter().any(|(_, other)| other == text)
    }
}

impl World {
    fn push_forty(&self) {
        for number in 0..40 {
            self.push("user", &format!("u.{number}"));
        }
    }

    /// Each failure says in how many requests it was; each event that was in one started once; and a request is
    /// another attempt if its first event was in one before.
    fn assert_attempts(&self, endpoint: &Endpoint<Seen>) {
        let seen = endpoint.seen();
        let sizes = endpoint.sizes();
        let (mut requests, mut again) = (HashMap::<&str, u32>::new(), 0);
        for seen in &seen {
            again += u64::from(requests.contains_key(&*seen.events[0].1));
            for (_, text) in &seen.events {
                *requests.entry(text).or_default() += 1;
            }
        }
        let mut failed = 0;
        for (text, verdict) in self.verdicts() {
            if let Verdict::Failed { attempts, .. } = verdict {
                failed += 1;
                let of_it = requests.get(&*text).copied().unwrap_or_default();
                assert_eq!(attempts, of_it, "{text}: {verdict:?}, {sizes:?}");
            }
        }
        assert!(failed > 0, "{sizes:?}");
        let counters = self.counters.of("pool");
        let started = counters.queue_time.read().started();
        assert_eq!(started, requests.len() as u64, "{sizes:?}");
        assert_eq!(counters.retries(), again, "{sizes:?}");
    }
}
