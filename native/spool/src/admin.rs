//! A spool's file as an operator's program sees it: beside a running node, or without one.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, ToSql, TransactionBehavior, params};

use crate::directory::Directory;
use crate::error::OpenError;
use crate::looking_in;
use crate::record::{DeadLetter, DeathReason, Loaded, RowId};
use crate::schema;
use crate::store::{self, Layout};

/// An open file.
#[derive(Debug)]
pub struct Admin {
    connection: Connection,
    /// How its rows are read. An older file is changed by the node alone.
    layout: Layout,
    path: PathBuf,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The pool's name.
    pub pool: String,
    /// Records that wait to be delivered.
    pub waiting: u64,
    /// The bytes that they take.
    pub waiting_bytes: u64,
    /// When the oldest was handed over, in milliseconds since the epoch.
    pub oldest: Option<i64>,
    /// The bytes that dead letters take.
    pub dead_bytes: u64,
    /// The number of dead letters for each reason.
    pub dead: Vec<(String, u64)>,
    /// The bytes of the file and its log on the disk.
    pub file_bytes: u64,
}

/// Which dead letters are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All.
    All,
    /// Those with this reason.
    Reason(String),
    /// One.
    One(RowId),
}

/// Dead letters that one transaction asks back or brings back.
const AT_ONCE: u32 = 1000;

impl Selection {
    /// Whether dead letters with this reason may be among them.
    #[must_use]
    pub fn may_have(&self, reason: &str) -> bool {
        match self {
            Self::Reason(only) => only == reason,
            Self::All | Self::One(_) => true,
        }
    }

    fn sql(&self) -> (&'static str, &dyn ToSql) {
        match self {
            Self::All => ("?1", &true),
            Self::Reason(reason) => ("reason = ?1", reason),
            Self::One(id) => ("id = ?1", &id.0),
        }
    }
}

impl Admin {
    /// Opens a file that is there, if only to read it: then nothing of it can be changed.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let failed = |error| OpenError::Sqlite {
            path: path.to_owned(),
            error,
        };
        let connection = looking_in::connect(path)?;
        let found = schema::version(&connection).map_err(failed)?;
        if found > schema::VERSION {
            return Err(OpenError::Newer {
                path: path.to_owned(),
                found,
                known: schema::VERSION,
            });
        }
        Ok(Self {
            connection,
            layout: Layout::of(found),
            path: path.to_owned(),
        })
    }

    /// What the file holds.
    pub fn status(&self) -> rusqlite::Result<Status> {
        let sql = "SELECT name, waiting, waiting_bytes, dead_bytes, \
                   (SELECT created FROM notification ORDER BY id LIMIT 1) FROM pool";
        let mut statement = self
            .connection
            .prepare("SELECT reason, count(*) FROM dead_letter GROUP BY reason ORDER BY reason")?;
        let dead = statement
            .query_map([], |row| {
                Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned()))
            })?
            .collect::<rusqlite::Result<_>>()?;
        let file_bytes = store::family(&self.path)
            .iter()
            .filter_map(|file| file.metadata().ok())
            .map(|file| file.len())
            .sum();
        self.connection.query_row(sql, [], |row| {
            let number = |at| row.get::<_, i64>(at).map(i64::cast_unsigned);
            Ok(Status {
                pool: row.get(0)?,
                waiting: number(1)?,
                waiting_bytes: number(2)?,
                dead_bytes: number(3)?,
                oldest: row.get(4)?,
                dead,
                file_bytes,
            })
        })
    }

    /// How many records wait for each handler, with its host type.
    pub fn by_handler(&self) -> rusqlite::Result<Vec<((String, String), u64)>> {
        let sql = "SELECT h.host_type, h.handler, count(*) FROM notification n \
                   JOIN handler h ON h.id = n.handler GROUP BY h.id ORDER BY h.host_type, h.handler";
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map([], |row| {
            let count: i64 = row.get(2)?;
            Ok(((row.get(0)?, row.get(1)?), count.cast_unsigned()))
        })?;
        rows.collect()
    }

    /// Up to `most` records behind `after`, in order.
    pub fn records(&self, after: RowId, most: u32) -> rusqlite::Result<Vec<Loaded>> {
        let sql = format!(
            "SELECT {} FROM notification n JOIN handler h ON h.id = n.handler \
             WHERE n.id > ?1 ORDER BY n.id LIMIT ?2",
            self.layout.columns
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map((after.0, most), self.layout.read)?;
        rows.collect()
    }

    /// The record of this number.
    pub fn record(&self, id: RowId) -> rusqlite::Result<Option<Loaded>> {
        let records = self.records(RowId(id.0 - 1), 1)?;
        Ok(records.into_iter().find(|record| record.id == id))
    }

    /// Up to `most` of the dead letters that are meant, behind `after`, in order.
    pub fn dead_letters(
        &self,
        which: &Selection,
        after: RowId,
        most: u32,
    ) -> rusqlite::Result<Vec<DeadLetter>> {
        let (condition, value) = which.sql();
        let sql = format!(
            "SELECT {}, n.reason, n.ended FROM dead_letter n JOIN handler h ON h.id = n.handler \
             WHERE n.id > ?2 AND {} ORDER BY n.id LIMIT ?3",
            self.layout.columns,
            condition
                .replace("reason", "n.reason")
                .replace("id =", "n.id ="),
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map((value, after.0, most), |row| {
            Ok(DeadLetter {
                loaded: (self.layout.read)(row)?,
                reason: DeathReason(row.get("reason")?),
                ended: row.get("ended")?,
            })
        })?;
        rows.collect()
    }

    /// The dead letter of this number.
    pub fn dead_letter(&self, id: RowId) -> rusqlite::Result<Option<DeadLetter>> {
        let found = self.dead_letters(&Selection::One(id), RowId(0), 1)?;
        Ok(found.into_iter().next())
    }

    /// Asks for dead letters to be delivered after all. A running node sees it within a second or two;
    /// without one, [`Admin::bring_back`] does it. A thousand at a time, so that a node never waits long; `asked` is told
    /// how many each time. Returns how many in all.
    pub fn retry(
        &mut self,
        which: &Selection,
        mut asked: impl FnMut(u64),
    ) -> rusqlite::Result<u64> {
        let (condition, value) = which.sql();
        let sql = format!(
            "UPDATE dead_letter SET retry = 1 WHERE id IN \
             (SELECT id FROM dead_letter WHERE {condition} AND retry = 0 AND id > ?2 ORDER BY id LIMIT {AT_ONCE}) \
             RETURNING id"
        );
        let (mut all, mut after) = (0, RowId::default());
        loop {
            let mut statement = self.connection.prepare_cached(&sql)?;
            let ids = statement.query_map(params![value, after.0], |row| row.get(0).map(RowId))?;
            let ids: Vec<RowId> = ids.collect::<Result<_, _>>()?;
            let some = ids.len() as u64;
            match ids.into_iter().max() {
                Some(last) => after = last,
                None => return Ok(all),
            }
            asked(some);
            all += some;
        }
    }

    /// Removes up to `most` dead letters for good. Returns how many.
    pub fn purge(&mut self, which: &Selection, most: u32) -> rusqlite::Result<u64> {
        let (condition, value) = which.sql();
        let sql = format!(
            "DELETE FROM dead_letter WHERE id IN \
             (SELECT id FROM dead_letter WHERE {condition} ORDER BY id LIMIT {most}) RETURNING size"
        );
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let removed = store::remove_dead(&transaction, &sql, value)?;
        transaction.commit()?;
        Ok(removed)
    }

    /// Makes dead letters that are asked back records again, a thousand at a time; `brought` is told how many each time. The
    /// directory shows that no node is at it.
    pub fn bring_back(
        &mut self,
        _held: &Directory,
        mut brought: impl FnMut(u64),
    ) -> rusqlite::Result<u64> {
        schema::update(&mut self.connection)?;
        self.layout = Layout::NEWEST;
        let mut all = 0;
        loop {
            let transaction = self
                .connection
                .transaction_with_behavior(TransactionBehavior::Immediate)?;
            let next = transaction.query_row("SELECT next FROM pool", [], |row| row.get(0))?;
            let back = store::bring_back(&transaction, RowId(next), AT_ONCE)?;
            transaction.commit()?;
            if back == 0 {
                return Ok(all);
            }
            brought(back.cast_unsigned());
            all += back.cast_unsigned();
        }
    }
}
