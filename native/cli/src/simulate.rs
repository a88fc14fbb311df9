//! `http-pusher simulate`: the traffic of a chat service, without one, through the real engine to the real endpoint.
//!
//! `traffic` makes events, `node` hands them over as a session would, and `tally` counts what comes of it, which `show`
//! prints while it runs and `report` at the end. One thread does all that, another one looks how busy the pools are
//! (`watch`), and the engine has its own.

mod arguments;
mod curve;
mod population;
mod report;
mod show;
mod tally;
mod traffic;
mod watch;
mod words;

use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use crate::check::Parsed;
use crate::config::pool;
use crate::node::Node;
use crate::output::print_line;
use crate::routes::Route;
use crate::wake::{self, Wake};
pub(crate) use arguments::Arguments;
use report::Report;
use show::Show;
use tally::Tally;
use traffic::{Happening, Plan, Traffic};
use watch::Watch;

/// How often what is shown is brought up to date.
const SHOWN_EACH: Duration = Duration::from_millis(50);

/// Runs the simulation; returns whether the endpoint kept up.
///
/// # Errors
///
/// A text that says why it cannot be tried at all.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, String> {
    let parsed = Parsed::read(&arguments.files)?;
    let judgement = parsed.judge();
    judgement.print_problems();
    if judgement.routes.is_empty() {
        return Err("no handler of this file can send; see http-pusher check".to_owned());
    }
    warn_of_modules(&judgement.routes);
    let hosts = hosts(&parsed);
    let (directory, temporary) = arguments.spool_directory()?;
    let settings = parsed
        .own()
        .engine_settings(Some(directory), "http-pusher simulate");
    let (wake, woken) = sync_channel(64);
    let node = Node::start(
        (&judgement.routes, &hosts),
        settings,
        arguments.files.root(),
        |options| match &arguments.url {
            Some(url) => pool::redirected(options, url, parsed.mongooseim()),
            None => Ok(options),
        },
        wake.clone(),
    )?;
    wake::at_signals(wake)?;
    let plan = arguments.plan(&hosts, parsed.mongooseim());
    let tally = Tally::new(node.pools.len(), window(arguments.duration))?;
    let mut run = Run {
        show: Show::new(arguments.duration, arguments.json),
        watch: Watch::begin(&node)?,
        node,
        tally,
        woken,
        begin: Instant::now(),
        shown: Duration::ZERO,
        late: Duration::ZERO,
    };
    let all_sent = run.send(plan)?;
    let length = run.begin.elapsed().min(arguments.duration);
    run.show.sent_all(arguments.drain);
    let drained = run.drain(arguments.drain);
    run.show.end();
    run.watch.look();
    run.tally.loads(run.watch.loads());
    let report = Report {
        node: &run.node,
        tally: &run.tally,
        length,
        target: arguments.target,
        seed: arguments.seed,
        late: run.late,
        interrupted: !all_sent || !drained,
        loses_left: temporary.is_some(),
    };
    if !arguments.json {
        print_line(&report.in_text());
    }
    print_line(&report.in_json().to_string());
    Ok(report.kept_up())
}

/// A run.
struct Run<'a> {
    watch: Watch,
    node: Node<'a>,
    tally: Tally,
    show: Show,
    woken: Receiver<Wake>,
    begin: Instant,
    /// When the state was last shown.
    shown: Duration,
    /// By how much an event was late, at most.
    late: Duration,
}

impl Run<'_> {
    /// Hands over all events, each at its time; returns false if it was interrupted.
    ///
    /// # Errors
    ///
    /// An event cannot be handed over.
    fn send(&mut self, plan: Plan) -> Result<bool, String> {
        let length = plan.length;
        for happening in Traffic::new(plan) {
            if !self.wait_until(happening.at) {
                return Ok(false);
            }
            self.hand_over(&happening)?;
        }
        Ok(self.wait_until(length))
    }

    fn hand_over(&mut self, happening: &Happening) -> Result<(), String> {
        let late = self.begin.elapsed().saturating_sub(happening.at);
        self.late = self.late.max(late);
        let tally = &mut self.tally;
        for event in &happening.events {
            tally.events += 1;
            self.node
                .push(event, |what| tally.handed_over(happening.at, &what))?;
        }
        Ok(())
    }

    /// Waits for what is pending, at most so long; returns false if it was interrupted.
    fn drain(&mut self, most: Duration) -> bool {
        let end = self.begin.elapsed() + most;
        let left = |tally: &Tally| tally.sum(tally::PoolTally::left);
        loop {
            let at = self.turn();
            if left(&self.tally) == 0 || at >= end {
                return true;
            }
            if !self.wait(SHOWN_EACH) {
                self.turn();
                return false;
            }
        }
    }

    /// Looks after everything else until a time has come; returns false if it was interrupted.
    fn wait_until(&mut self, time: Duration) -> bool {
        loop {
            let at = self.turn();
            let Some(rest) = time.checked_sub(at).filter(|rest| !rest.is_zero()) else {
                return true;
            };
            if !self.wait(rest.min(SHOWN_EACH)) {
                return false;
            }
        }
    }

    /// Waits for outcomes, at most so long; returns false if it was interrupted.
    fn wait(&mut self, most: Duration) -> bool {
        let mut word = self.woken.recv_timeout(most);
        loop {
            match word {
                Ok(Wake::Interrupted) => return false,
                Ok(Wake::Outcomes) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return true,
            }
            word = self.woken.recv_timeout(Duration::ZERO);
        }
    }

    /// Counts what has ended, and shows the state if it is time to. Returns the time.
    fn turn(&mut self) -> Duration {
        let (node, tally) = (&self.node, &mut self.tally);
        node.outcomes(|outcome| tally.ended(node, outcome));
        let at = self.begin.elapsed();
        if at.saturating_sub(self.shown) >= SHOWN_EACH {
            self.shown = at;
            tally.loads(self.watch.loads());
            self.show.notices(node.notices());
            self.show.state(at, node, tally);
        }
        at
    }
}

/// The hosts of the file.
fn hosts(parsed: &Parsed) -> Vec<&str> {
    let hosts: Vec<&str> = parsed.hosts().iter().map(String::as_str).collect();
    if hosts.is_empty() {
        vec!["localhost"]
    } else {
        hosts
    }
}

/// What a callback module of the operator's own would do is not known.
fn warn_of_modules(routes: &[Route<'_>]) {
    for route in routes {
        let handler = route.handler;
        if handler.is_custom() && handler.asks_module() {
            let (number, module) = (handler.number, handler.module());
            eprintln!(
                "handler {number}: in the node {module} decides what is sent, and makes it unless a format is set; this \
                 sends what the default module sends, or what the rules send"
            );
        }
    }
}

/// The time in which the most notifications of a run of this length are looked for.
fn window(length: Duration) -> Duration {
    (length / 60).max(Duration::from_secs(1))
}
