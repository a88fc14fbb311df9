//! The engine's settings, as the node makes them of the application's own.

use std::path::PathBuf;
use std::time::Duration;

use engine::engine::EngineSettings;
use engine::spools::{GRACE, SpoolSettings};
use spool::{Settings, Sync};
use transport::lifetimes::Lifetimes;

use super::OwnValues;

impl OwnValues {
    /// The engine's settings. Spools are in `directory`, if there is one, and belong to `node`.
    pub(crate) fn engine_settings(&self, directory: Option<PathBuf>, node: &str) -> EngineSettings {
        let default = EngineSettings::default();
        let size = |name, default| {
            let number = self.number(name);
            number.map_or(default, |number| {
                usize::try_from(number).unwrap_or(usize::MAX)
            })
        };
        EngineSettings {
            threads: size("tokio_threads", threads()),
            max_pending: size("max_pending", default.max_pending),
            max_pending_bytes: size("max_pending_bytes", default.max_pending_bytes),
            max_node_bytes: size("max_node_bytes", default.max_node_bytes),
            max_lane_percent: size("max_lane_percent", default.max_lane_percent),
            lifetimes: self.lifetimes(),
            spools: directory.map(|directory| SpoolSettings {
                directory,
                node: node.to_owned(),
                spool: self.spool_settings(),
                grace: GRACE,
            }),
            ..default
        }
    }

    fn lifetimes(&self) -> Lifetimes {
        let default = Lifetimes::default();
        let max_age = match self.number("max_connection_age") {
            None => default.max_age,
            Some(0) => None,
            Some(ms) => Some(Duration::from_millis(ms)),
        };
        Lifetimes { max_age, ..default }
    }

    fn spool_settings(&self) -> Settings {
        let default = Settings::default();
        let number = |name, default| self.number(name).unwrap_or(default);
        let age = self.number("dead_letters_max_age");
        Settings {
            sync: match self.word("spool_sync") {
                Some("full") => Sync::Full,
                _ => Sync::Normal,
            },
            max_bytes: number("spool_max_bytes", default.max_bytes),
            dead_letters_max_bytes: number(
                "dead_letters_max_bytes",
                default.dead_letters_max_bytes,
            ),
            dead_letters_max_age: age.map_or(default.dead_letters_max_age, Duration::from_millis),
        }
    }
}

/// The threads of a node on a machine like this one.
fn threads() -> usize {
    threads_for(std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
}

/// The threads of a node on a machine with so many cores, as `http_pusher_settings` has it.
fn threads_for(cores: usize) -> usize {
    cores.min(8).max(cores / 2)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::app_config::{OwnValues, read};
    use crate::notes::Notes;
    use crate::own_settings;

    fn values(settings: &str) -> OwnValues {
        let mut notes = Notes::new("app.config");
        let text = format!("[{{mongoose_http_pusher, [{settings}]}}].");
        let values = read(&text, None, &mut notes);
        assert!(notes.into_sorted().is_empty(), "{settings}");
        values
    }

    /// The defaults of the engine are those of the table.
    #[test]
    fn defaults() {
        let written: Vec<String> = own_settings::table()
            .into_iter()
            .filter_map(|setting| setting.as_term())
            .collect();
        assert!(written.len() >= 8, "{written:?}");
        let of = |values: OwnValues| {
            let settings = values.engine_settings(Some("spool".into()), "node");
            format!("{settings:?}")
        };
        assert_eq!(of(values(&written.join(", "))), of(values("")));
    }

    #[test]
    fn each_setting_arrives() {
        let values = values(
            "{tokio_threads, 3}, {max_pending, 4}, {max_pending_bytes, 5}, {max_node_bytes, 6}, \
             {max_lane_percent, 7}, {max_connection_age, 8000}, {spool_max_bytes, 9000000}, {spool_sync, full}, \
             {dead_letters_max_bytes, 10}, {dead_letters_max_age, 11}",
        );
        let settings = values.engine_settings(Some("spool".into()), "node");
        let bounds = (
            settings.threads,
            settings.max_pending,
            settings.max_pending_bytes,
            settings.max_node_bytes,
            settings.max_lane_percent,
        );
        assert_eq!(bounds, (3, 4, 5, 6, 7));
        let age = Some(Duration::from_secs(8));
        assert_eq!(settings.lifetimes.max_age, age);
        let spool = settings.spools.unwrap().spool;
        assert_eq!(spool.sync, spool::Sync::Full);
        assert_eq!(
            (spool.max_bytes, spool.dead_letters_max_bytes),
            (9_000_000, 10)
        );
        assert_eq!(spool.dead_letters_max_age, Duration::from_millis(11));
    }

    #[test]
    fn threads_as_in_the_node() {
        let erlang = include_str!("../../../../erl_src/app/http_pusher_settings.erl");
        assert!(erlang.contains("threads(Cores) -> max(min(8, Cores), Cores div 2)."));
        let threads = [1, 2, 4, 8, 12, 16, 40].map(super::threads_for);
        assert_eq!(threads, [1, 2, 4, 8, 8, 8, 20]);
    }

    #[test]
    fn connections_may_live_for_ever() {
        let settings = values("{max_connection_age, 0}").engine_settings(None, "node");
        assert_eq!(settings.lifetimes.max_age, None);
        assert!(settings.spools.is_none());
    }
}
