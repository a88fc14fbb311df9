//! The engine's judgement of a pool's options, with the place in the file of each option that it names.

use engine::settings::{PoolOptions, PoolSettings};
use transport::Warning;
use transport::tls::TlsClient;

use super::document::{Node, Value};
use crate::notes::Notes;

/// Checks the options of the pool whose section is `node`. Returns the settings unless an option is wrong.
pub(crate) fn check(options: &PoolOptions, node: &Node, notes: &mut Notes) -> Option<PoolSettings> {
    let (settings, warnings) = match options.clone().check() {
        Ok(checked) => checked,
        Err(error) => {
            at_option(node, error.option, |place| notes.problem(place, error.text));
            return None;
        }
    };
    warn(node, warnings, notes);
    if let Some(tls) = &settings.tls {
        match TlsClient::open(tls, &settings.base.host, settings.http2) {
            Ok((_, warnings)) => warn(node, warnings, notes),
            Err(error) => {
                at_option(node, error.option, |place| notes.problem(place, error.text));
            }
        }
    } else if !is_local(&settings.base.host) {
        at_option(node, "connection.host", |place| {
            let text = "plain http to another machine: anyone on the way can read and change \
                        notifications";
            notes.warning(place, text);
        });
    }
    Some(settings)
}

/// Whether a host is this machine.
pub(super) fn is_local(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host
            .parse()
            .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

fn warn(node: &Node, warnings: Vec<Warning>, notes: &mut Notes) {
    for warning in warnings {
        at_option(node, warning.option, |place| {
            notes.warning(place, warning.text);
        });
    }
}

/// Calls `note` with the full path of a pool's option, and the line of the deepest part of it that the file has.
fn at_option(node: &Node, option: &str, note: impl FnOnce((&str, usize))) {
    let line = option
        .match_indices('.')
        .chain([(option.len(), "")])
        .map_while(|(end, _)| find(node, &option[..end]))
        .last()
        .map_or(node.line, |deepest| deepest.line);
    note((&format!("{}.{option}", node.path), line));
}

fn find<'a>(node: &'a Node, option: &str) -> Option<&'a Node> {
    let mut node = node;
    for key in option.split('.') {
        let Value::Table(entries) = &node.value else {
            return None;
        };
        node = entries
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, node)| node)?;
    }
    Some(node)
}
