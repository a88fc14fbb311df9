//! Look-ups of names that hang, fail and recover, on a clock that the test moves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use support::{BOUND, test_endpoint};
use test_endpoint::EndpointConfig;
use tokio::time::{advance, timeout};
use transport::BaseUrl;
use transport::endpoint::Endpoint;
use transport::names::{AT_MOST, KEEP_BAD, KEEP_GOOD, KEEP_OLD, NEXT_AFTER, Names, PATIENCE};
use transport::notices::{About, Notices};

const HOST: &str = "endpoint.test";

/// What the resolver does next.
#[derive(Clone, Copy, Debug)]
enum Plan {
    Answer(u8),
    Fail,
    /// Hangs until the test ends.
    Hang,
}

/// A resolver that does what the test says, and counts its calls.
struct Resolver {
    plan: Arc<Mutex<Plan>>,
    asked: Arc<AtomicUsize>,
    /// Dropped at the end, which ends the look-ups that hang.
    _end: mpsc::Sender<()>,
    names: Arc<Names>,
}

impl Resolver {
    fn new(plan: Plan) -> Self {
        let (end, ended) = mpsc::channel();
        let ended = Mutex::new(ended);
        let (plan, asked) = (Arc::new(Mutex::new(plan)), Arc::new(AtomicUsize::new(0)));
        let names = {
            let (plan, asked) = (Arc::clone(&plan), Arc::clone(&asked));
            Names::with(Arc::new(move |_| {
                let plan = *plan.lock().unwrap();
                asked.fetch_add(1, Ordering::AcqRel);
                match plan {
                    Plan::Answer(last) => Ok(vec![address(last)]),
                    Plan::Fail => Err(io::Error::other("no name server answers")),
                    Plan::Hang => {
                        let _ = ended.lock().map(|ended| ended.recv());
                        Err(io::Error::other("the test is over"))
                    }
                }
            }))
        };
        Self {
            plan,
            asked,
            _end: end,
            names: Arc::new(names),
        }
    }

    fn will(&self, plan: Plan) {
        *self.plan.lock().unwrap() = plan;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Acquire)
    }
}

fn address(last: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 0, last).into()
}

/// Runs a test on a clock that moves only when the test says so. Otherwise the runtime would move it while
/// the test's own threads work.
fn on_a_clock_of_its_own<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let (release, held) = mpsc::channel::<()>();
    runtime.spawn_blocking(move || held.recv());
    let end = runtime.block_on(test);
    drop(release);
    runtime.shutdown_background();
    end
}

/// Lets the other tasks run until `holds`.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = std::time::Instant::now();
    while !holds() {
        assert!(begin.elapsed() < BOUND, "not in time: {what}");
        tokio::task::yield_now().await;
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_look_up_that_hangs_is_not_the_last_one() {
    on_a_clock_of_its_own(async {
        let resolver = Resolver::new(Plan::Hang);
        let names = Arc::clone(&resolver.names);
        let waiting = tokio::spawn(async move { names.resolve(HOST).await });
        until("the first look-up", || resolver.asked() == 1).await;
        advance(NEXT_AFTER.saturating_sub(Duration::from_millis(1))).await;
        tokio::task::yield_now().await;
        assert_eq!(resolver.asked(), 1);
        advance(Duration::from_millis(1)).await;
        until("the second", || resolver.asked() == 2).await;
        resolver.will(Plan::Answer(1));
        advance(2 * NEXT_AFTER).await;
        until("an answer", || waiting.is_finished()).await;
        assert_eq!(resolver.asked(), 3);
        let found = waiting.await.unwrap().unwrap();
        assert_eq!((&*found.list, found.old), (&[address(1)][..], None));
        // The two that hang are no reason to ask later than usual.
        advance(KEEP_GOOD).await;
        resolver.will(Plan::Answer(2));
        let found = resolver.names.resolve(HOST).await.unwrap();
        assert_eq!((&*found.list, found.old), (&[address(2)][..], None));
        assert_eq!(resolver.asked(), 4);
    });
}

#[test]
fn look_ups_that_hang_hold_few_threads() {
    on_a_clock_of_its_own(async {
        let resolver = Resolver::new(Plan::Hang);
        for _ in 0..100 {
            let names = Arc::clone(&resolver.names);
            tokio::spawn(async move { names.resolve(HOST).await });
        }
        for _ in 0..100 {
            advance(Duration::from_mins(20)).await;
            tokio::task::yield_now().await;
        }
        until("all that may hang", || resolver.asked() == AT_MOST).await;
        // They are this name's. Another one is looked up at once.
        resolver.will(Plan::Answer(1));
        assert!(resolver.names.resolve("other.test").await.is_ok());
        assert_eq!(resolver.asked(), AT_MOST + 1);
    });
}

#[test]
fn the_last_good_answer_serves_while_look_ups_hang_or_fail() {
    on_a_clock_of_its_own(async {
        let endpoint = test_endpoint(EndpointConfig::default());
        let resolver = Resolver::new(Plan::Answer(1));
        let notices = Arc::<Notices>::default();
        let base = BaseUrl {
            https: false,
            host: HOST.to_owned(),
            port: endpoint.port(),
        };
        let names = Arc::clone(&resolver.names);
        let endpoint = Endpoint::new("pool", Arc::clone(&notices), names, base, None, None);
        let endpoint = Arc::new(endpoint);
        endpoint.link().await.unwrap();
        assert_eq!(resolver.asked(), 1);

        resolver.will(Plan::Hang);
        advance(KEEP_GOOD).await;
        let first = {
            let endpoint = Arc::clone(&endpoint);
            tokio::spawn(async move { endpoint.link().await.is_ok() })
        };
        until("a look-up that hangs", || resolver.asked() == 2).await;
        tokio::task::yield_now().await;
        assert!(!first.is_finished(), "it may answer any moment");
        advance(PATIENCE).await;
        until("the first link", || first.is_finished()).await;
        assert!(first.await.unwrap());
        // The others do not wait.
        for _ in 0..10 {
            endpoint.link().await.unwrap();
        }
        let [notice] = &notices.take()[..] else {
            panic!("it is said once");
        };
        assert_eq!(notice.about, About::Pool("pool".into()));
        assert!(notice.text.contains(HOST), "{}", notice.text);

        // It fails: the same, and not said again.
        resolver.will(Plan::Fail);
        advance(NEXT_AFTER).await;
        endpoint.link().await.unwrap();
        until("a look-up that fails", || resolver.asked() == 3).await;
        let begin = std::time::Instant::now();
        while !resolver.names.resolve(HOST).await.is_ok_and(|known| {
            known
                .old
                .is_some_and(|why| why.contains("no name server answers"))
        }) {
            assert!(begin.elapsed() < BOUND, "its answer is not known");
            tokio::task::yield_now().await;
            std::thread::sleep(Duration::from_millis(1));
        }
        for _ in 0..5 {
            advance(2 * KEEP_BAD).await;
            let link = timeout(PATIENCE, endpoint.link()).await;
            link.expect("nothing to wait for").unwrap();
        }
        assert!(notices.take().is_empty());

        // It answers again; and from then on, the next trouble is a new one.
        resolver.will(Plan::Answer(1));
        advance(2 * KEEP_BAD).await;
        endpoint.link().await.unwrap();
        resolver.will(Plan::Fail);
        advance(KEEP_GOOD).await;
        endpoint.link().await.unwrap();
        assert_eq!(notices.take().len(), 1);

        // Not for ever.
        advance(KEEP_OLD).await;
        let error = endpoint.link().await.map(|_| ()).unwrap_err();
        assert_eq!(error.reason.as_str(), "nxdomain");
        assert!(error.text.contains("no name server answers"), "{error:?}");
    });
}
