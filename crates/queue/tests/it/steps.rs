//! Steps from version to version.

use std::path::Path;

use queue::writer::{OpenError, Schema, Writer};
use rusqlite::Connection;

const FIRST: Schema = Schema {
    application: 7,
    tables: "CREATE TABLE a (x INTEGER PRIMARY KEY); CREATE TABLE b (x INTEGER NOT NULL REFERENCES a)",
    made: 1,
    steps: &[],
};

/// A step that makes a table anew to which another points.
const ANEW: &str = "CREATE TABLE c (x INTEGER PRIMARY KEY, y INTEGER NOT NULL DEFAULT 3); INSERT INTO c (x) SELECT x FROM a; DROP TABLE a; ALTER TABLE c RENAME TO a -- under its old name";

fn version(path: &Path) -> i32 {
    Connection::open(path).unwrap().query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

fn first(path: &Path) {
    drop(Writer::open(path, FIRST).unwrap());
    let rows = "INSERT INTO a VALUES (1), (2); INSERT INTO b VALUES (2)";
    Connection::open(path).unwrap().execute_batch(rows).unwrap();
}

#[tokio::test]
async fn old_and_new_databases_take_the_steps_once_each() {
    let directory = tempfile::tempdir().unwrap();
    let (old, new) = (directory.path().join("old.db"), directory.path().join("new.db"));
    first(&old);
    let schema = Schema { steps: &[ANEW, "CREATE TABLE d (x) STRICT, e"], ..FIRST };
    let refused = Writer::open(&old, schema).unwrap_err();
    assert!(matches!(refused, OpenError::Step { from: 2, to: 3, .. }), "{refused}");
    assert_eq!(version(&old), 2, "the step before it stands");
    let schema = Schema { steps: &[ANEW, "CREATE TABLE d (x)"], ..FIRST };
    assert_eq!(schema.version(), 3);
    for path in [&old, &old, &new, &new] {
        let writer = Writer::open(path, schema).unwrap();
        assert_eq!(version(path), 3);
        let broken = writer.run(|c| c.execute("INSERT INTO b VALUES (9)", [])).await;
        assert!(broken.is_err(), "keys are not checked any more");
    }
    let sum = "SELECT sum(y) FROM a JOIN b USING (x)";
    assert_eq!(Connection::open(&old).unwrap().query_row(sum, [], |row| row.get::<_, i64>(0)).unwrap(), 3);
}

#[test]
fn a_step_that_leaves_something_dangling_is_undone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.db");
    first(&path);
    let refused = Writer::open(&path, Schema { steps: &["DELETE FROM a WHERE x = 2"], ..FIRST }).unwrap_err();
    assert!(
        matches!(&refused, OpenError::Dangling { from: 1, to: 2, table, .. } if table == "b"),
        "{refused}"
    );
    assert_eq!(version(&path), 1);
    drop(Writer::open(&path, FIRST).unwrap());
    let count = "SELECT count(*) FROM a";
    assert_eq!(Connection::open(&path).unwrap().query_row(count, [], |row| row.get::<_, i64>(0)).unwrap(), 2);
}

#[test]
fn a_later_version_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.db");
    drop(Writer::open(&path, Schema { steps: &[ANEW], ..FIRST }).unwrap());
    let refused = Writer::open(&path, FIRST).unwrap_err();
    assert!(matches!(refused, OpenError::Newer { version: 2, known: 1, .. }), "{refused}");
    assert!(refused.to_string().contains("t.db"), "{refused}");
    assert_eq!(version(&path), 2);
}
