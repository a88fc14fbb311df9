//! The tables, and their version. `PRAGMA user_version` holds the number of steps that were done.

mod packing;

pub(crate) use packing::room;

use rusqlite::{Connection, Transaction, TransactionBehavior};

/// What makes the next version out of the one before. A step that was released never changes.
struct Step {
    sql: &'static str,
    /// What SQL alone cannot do, after that.
    then: fn(&Transaction<'_>) -> rusqlite::Result<()>,
}

impl Step {
    const fn sql(sql: &'static str) -> Self {
        Self {
            sql,
            then: |_| Ok(()),
        }
    }
}

const STEPS: &[Step] = &[
    Step::sql(
        "
    CREATE TABLE pool (
        name TEXT NOT NULL,
        next INTEGER NOT NULL DEFAULT 1,
        waiting INTEGER NOT NULL DEFAULT 0,
        waiting_bytes INTEGER NOT NULL DEFAULT 0,
        dead INTEGER NOT NULL DEFAULT 0,
        dead_bytes INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE handler (
        id INTEGER PRIMARY KEY,
        host_type TEXT NOT NULL,
        handler TEXT NOT NULL,
        UNIQUE (host_type, handler)
    );
    CREATE TABLE notification (
        id INTEGER PRIMARY KEY,
        handler INTEGER NOT NULL REFERENCES handler,
        size INTEGER NOT NULL,
        lane BLOB NOT NULL,
        message_id TEXT NOT NULL,
        created INTEGER NOT NULL,
        direction TEXT NOT NULL,
        sender BLOB NOT NULL,
        server BLOB NOT NULL,
        receiver BLOB NOT NULL,
        kind INTEGER NOT NULL,
        text BLOB NOT NULL,
        extra BLOB NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        first INTEGER,
        last INTEGER,
        status INTEGER,
        error TEXT NOT NULL DEFAULT '',
        answer TEXT NOT NULL DEFAULT ''
    );
    CREATE TABLE dead_letter (
        id INTEGER PRIMARY KEY,
        handler INTEGER NOT NULL REFERENCES handler,
        size INTEGER NOT NULL,
        lane BLOB NOT NULL,
        message_id TEXT NOT NULL,
        created INTEGER NOT NULL,
        direction TEXT NOT NULL,
        sender BLOB NOT NULL,
        server BLOB NOT NULL,
        receiver BLOB NOT NULL,
        kind INTEGER NOT NULL,
        text BLOB NOT NULL,
        extra BLOB NOT NULL,
        attempts INTEGER NOT NULL,
        first INTEGER,
        last INTEGER,
        status INTEGER,
        error TEXT NOT NULL,
        answer TEXT NOT NULL,
        reason TEXT NOT NULL,
        ended INTEGER NOT NULL,
        retry INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX dead_letter_by_reason ON dead_letter (reason);
    CREATE INDEX dead_letter_by_age ON dead_letter (ended);
    CREATE INDEX dead_letter_by_retry ON dead_letter (retry) WHERE retry <> 0;
",
    ),
    // One column for all that a notification says: to write the columns took most of the time of a record.
    Step {
        sql: packing::TABLES,
        then: packing::pack,
    },
];

/// The newest version that this release knows.
pub(crate) const VERSION: i64 = 2;

/// The version of a file.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Brings a file to the newest version. The caller has refused newer ones.
pub(crate) fn update(connection: &mut Connection) -> rusqlite::Result<()> {
    apply(connection, STEPS)
}

/// The same for a file that may be new: it is that of this pool.
pub(crate) fn migrate(connection: &mut Connection, pool: &str) -> rusqlite::Result<()> {
    update(connection)?;
    connection.execute(
        "INSERT INTO pool (name) SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM pool)",
        [pool],
    )?;
    Ok(())
}

fn apply(connection: &mut Connection, steps: &[Step]) -> rusqlite::Result<()> {
    let done = usize::try_from(version(connection)?).unwrap_or_default();
    for (version, step) in (1_i64..).zip(steps).skip(done) {
        // Either the whole step is done, and counted, or nothing of it.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(step.sql)?;
        (step.then)(&transaction)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::{STEPS, Step, VERSION, apply, version};

    #[test]
    fn the_version_is_the_number_of_steps() {
        assert_eq!(usize::try_from(VERSION), Ok(STEPS.len()));
    }

    #[test]
    fn an_older_file_gets_the_missing_steps_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        let steps = ["CREATE TABLE a (x)", "ALTER TABLE a ADD y DEFAULT 7"].map(Step::sql);
        apply(&mut connection, &steps[..1]).unwrap();
        connection.execute("INSERT INTO a VALUES (1)", []).unwrap();
        apply(&mut connection, &steps).unwrap();
        apply(&mut connection, &steps).unwrap();
        assert_eq!(version(&connection).unwrap(), 2);
        let y: i64 = connection
            .query_row("SELECT y FROM a", [], |row| row.get(0))
            .unwrap();
        assert_eq!(y, 7);
    }

    #[test]
    fn a_step_that_fails_leaves_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        let fails = Step::sql("CREATE TABLE a (x); CREATE TABLE a (x)");
        assert!(apply(&mut connection, &[fails]).is_err());
        let fails = Step {
            sql: "CREATE TABLE a (x)",
            then: |_| Err(rusqlite::Error::QueryReturnedNoRows),
        };
        assert!(apply(&mut connection, &[fails]).is_err());
        assert_eq!(version(&connection).unwrap(), 0);
        apply(&mut connection, &[Step::sql("CREATE TABLE a (x)")]).unwrap();
    }
}
