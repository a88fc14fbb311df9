//! Which behaviour applies to the next request or connection.
//!
//! The first of these applies: the first queued one-shot that fits (queued for everything or for this
//! path), the plan of the path, the plan for everything. Connections take connection faults, requests
//! take everything else; neither uses up a one-shot of the other.

use crate::plan::{Behaviour, Fault, Level, Plan, PlanError};
use crate::script::{Ready, Script};
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Debug, Clone)]
struct Standing {
    everywhere: Arc<Script>,
    paths: HashMap<Vec<u8>, Arc<Script>>,
}

#[derive(Debug)]
struct OneShot {
    path: Option<Vec<u8>>,
    level: Level,
    left: u64,
    script: Arc<Script>,
}

/// Every plan of one endpoint.
#[derive(Debug)]
pub(crate) struct Rules {
    /// Every request reads this, so it needs no lock.
    standing: ArcSwap<Standing>,
    /// Length of `queue`: an empty queue is never locked.
    queued: AtomicUsize,
    queue: Mutex<VecDeque<OneShot>>,
}

impl Rules {
    pub(crate) fn new(plan: Plan) -> Self {
        Self {
            standing: ArcSwap::from_pointee(Standing {
                everywhere: Script::new(plan),
                paths: HashMap::new(),
            }),
            queued: AtomicUsize::new(0),
            queue: Mutex::new(VecDeque::new()),
        }
    }

    /// Replaces the plan of all paths without their own.
    pub(crate) fn set(&self, plan: Plan) {
        let script = Script::new(plan);
        self.change(|standing| standing.everywhere = Arc::clone(&script));
    }

    /// Replaces the plan of one path.
    pub(crate) fn set_for(&self, path: &str, plan: Plan) -> Result<(), PlanError> {
        only_requests(&plan, "for one path")?;
        let script = Script::new(plan);
        self.change(|standing| {
            let path = path.as_bytes().to_vec();
            standing.paths.insert(path, Arc::clone(&script));
        });
        Ok(())
    }

    /// Queues a plan for the next `count` requests or connections.
    pub(crate) fn push(&self, path: Option<&str>, count: u64, plan: Plan) -> Result<(), PlanError> {
        let level = match &plan {
            Plan::Always(behaviour) => behaviour.fault.map_or(Level::Request, Fault::level),
            Plan::Mix(_) => Level::Request,
        };
        match (path, level) {
            (None, Level::Connection) => {}
            (Some(_), _) => only_requests(&plan, "for one path")?,
            (None, _) => only_requests(&plan, "for the next requests only")?,
        }
        if count > 0 {
            let mut queue = self.queue.lock();
            queue.push_back(OneShot {
                path: path.map(|path| path.as_bytes().to_vec()),
                level,
                left: count,
                script: Script::new(plan),
            });
            self.queued.store(queue.len(), Ordering::Release);
        }
        Ok(())
    }

    /// Restores the good plan for everything.
    pub(crate) fn reset(&self) {
        let mut queue = self.queue.lock();
        queue.clear();
        self.queued.store(0, Ordering::Release);
        self.standing.store(Arc::new(Standing {
            everywhere: Script::new(Plan::default()),
            paths: HashMap::new(),
        }));
    }

    /// The behaviour for a request for that path.
    pub(crate) fn for_request(&self, path: &[u8]) -> Arc<Ready> {
        let one_shot = self.take(Level::Request, Some(path));
        let script = one_shot.and_then(|script| script.for_request());
        script
            .or_else(|| {
                let standing = self.standing.load();
                let of_path = if standing.paths.is_empty() {
                    None
                } else {
                    standing.paths.get(path)
                };
                of_path.unwrap_or(&standing.everywhere).for_request()
            })
            .unwrap_or_else(|| Ready::new(Behaviour::default()))
    }

    /// The behaviour for a new connection, if it has a connection fault.
    pub(crate) fn for_connection(&self) -> Option<Arc<Ready>> {
        match self.take(Level::Connection, None) {
            Some(script) => script.for_connection(),
            None => self.standing.load().everywhere.for_connection(),
        }
    }

    fn take(&self, level: Level, path: Option<&[u8]>) -> Option<Arc<Script>> {
        if self.queued.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut queue = self.queue.lock();
        let fits = |shot: &OneShot| {
            shot.level == level && (shot.path.is_none() || shot.path.as_deref() == path)
        };
        let index = queue.iter().position(fits)?;
        let shot = queue.get_mut(index)?;
        shot.left -= 1;
        let script = Arc::clone(&shot.script);
        if shot.left == 0 {
            queue.remove(index);
            self.queued.store(queue.len(), Ordering::Release);
        }
        Some(script)
    }

    fn change(&self, edit: impl Fn(&mut Standing)) {
        self.standing.rcu(|old| {
            let mut new = Standing::clone(old);
            edit(&mut new);
            new
        });
    }
}

fn only_requests(plan: &Plan, place: &'static str) -> Result<(), PlanError> {
    let wrong = plan.faults().find(|fault| fault.level() != Level::Request);
    match wrong {
        Some(fault) => Err(PlanError::Misplaced {
            fault: fault.name(),
            place,
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Plan {
        text.parse().unwrap()
    }

    fn status(rules: &Rules, path: &str) -> u16 {
        rules.for_request(path.as_bytes()).behaviour.status
    }

    #[test]
    fn one_shots_come_first_then_the_path_then_the_rest() {
        let rules = Rules::new(plan("status=200"));
        rules.set_for("/a", plan("status=201")).unwrap();
        rules.push(None, 2, plan("status=502")).unwrap();
        rules.push(Some("/a"), 1, plan("status=503")).unwrap();
        assert_eq!(status(&rules, "/a"), 502);
        assert_eq!(status(&rules, "/b"), 502);
        assert_eq!(status(&rules, "/b"), 200);
        assert_eq!(status(&rules, "/a"), 503);
        assert_eq!(status(&rules, "/a"), 201);
        rules.reset();
        assert_eq!(status(&rules, "/a"), 200);
    }

    #[test]
    fn connections_and_requests_leave_each_other_their_one_shots() {
        let rules = Rules::new(Plan::default());
        rules.push(None, 1, plan("fault=accept-close")).unwrap();
        rules.push(None, 1, plan("fault=garbage")).unwrap();
        assert_eq!(
            rules.for_request(b"/").behaviour.fault,
            Some(Fault::Garbage)
        );
        assert_eq!(rules.for_request(b"/").behaviour.fault, None);
        let taken = rules.for_connection().map(|ready| ready.behaviour.fault);
        assert_eq!(taken, Some(Some(Fault::AcceptClose)));
        assert!(rules.for_connection().is_none());
    }

    #[test]
    fn a_mix_keeps_its_weights_and_its_sequence() {
        let text = "mix seed=1 | 3 status=200 | 1 status=500";
        let draw = || {
            let rules = Rules::new(plan(text));
            (0..4000).map(|_| status(&rules, "/")).collect::<Vec<_>>()
        };
        let drawn = draw();
        let bad = drawn.iter().filter(|status| **status == 500).count();
        assert!((900..1100).contains(&bad), "{bad}");
        assert_eq!(drawn, draw());
    }

    #[test]
    fn a_mix_gives_connections_only_connection_faults() {
        let text = "mix seed=1 | 1 status=500 | 1 fault=accept-close";
        let rules = Rules::new(plan(text));
        let closed = (0..1000).filter(|_| rules.for_connection().is_some());
        assert!((400..600).contains(&closed.count()));
        assert!((0..100).all(|_| status(&rules, "/") == 500));
    }

    #[test]
    fn faults_without_a_request_cannot_be_for_a_path() {
        let rules = Rules::new(Plan::default());
        assert!(rules.set_for("/a", plan("fault=tls-close")).is_err());
        assert!(rules.push(Some("/a"), 1, plan("fault=refuse")).is_err());
        assert!(rules.push(None, 1, plan("fault=refuse")).is_err());
        let mix = "mix | 1 fault=accept-close | 1 status=200";
        assert!(rules.push(None, 1, plan(mix)).is_err());
    }
}
