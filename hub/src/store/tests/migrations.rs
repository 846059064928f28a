//! Databases of every earlier version come to the same shape as a new one, and keep what is in them.

use std::collections::BTreeMap;

use contract::digest::Digest;
use rusqlite::Connection;

use super::super::{SCHEMA, STEPS, Store};
use super::versions::versions;

/// Columns, indexes and foreign keys, table by table.
fn shape(c: &Connection) -> BTreeMap<String, Vec<String>> {
    let rows = |sql: String| -> Vec<String> {
        let mut all = c.prepare(&sql).unwrap();
        let width = all.column_count();
        let line = |row: &rusqlite::Row<'_>| {
            (0..width).map(|i| row.get_ref(i).map(|v| format!("{v:?}"))).collect::<Result<Vec<_>, _>>()
        };
        all.query_map([], line).unwrap().map(|line| line.unwrap().join(" ")).collect()
    };
    let mut names = c.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
    let names: Vec<String> =
        names.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    let of = |name: &str| {
        let columns = rows(format!("SELECT * FROM pragma_table_xinfo('{name}')"));
        let keys = rows(format!("SELECT * FROM pragma_foreign_key_list('{name}')"));
        let indexes = rows(format!(
            "SELECT i.name, i.\"unique\", i.origin, i.partial, c.seqno, c.name FROM pragma_index_list('{name}') AS i, pragma_index_info(i.name) AS c ORDER BY i.name, c.seqno"
        ));
        [columns, keys, indexes].concat()
    };
    names.into_iter().map(|name| (name.clone(), of(&name))).collect()
}

#[test]
fn every_earlier_version_comes_to_the_shape_of_a_new_database() {
    let directory = tempfile::tempdir().unwrap();
    let new = directory.path().join("new.db");
    drop(Store::open(&new).unwrap());
    let new = shape(&Connection::open(new).unwrap());
    for (at, sql) in (1..).zip(versions()) {
        let path = directory.path().join(format!("{at}.db"));
        let old = Connection::open(&path).unwrap();
        old.execute_batch(&sql).unwrap();
        let tables: Vec<String> = shape(&old).into_keys().collect();
        let rows = |c: &Connection| -> Vec<(String, i64)> {
            let count = |table: &String| {
                c.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
            };
            tables.iter().map(|table| (table.clone(), count(table))).collect()
        };
        let before = rows(&old);
        drop(old);
        for _ in 0..2 {
            drop(
                Store::open(&path).unwrap_or_else(|e| panic!("version {at}: {}", crate::problem::chain(&e))),
            );
        }
        let now = Connection::open(&path).unwrap();
        let version: i32 = now.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(version, SCHEMA.version(), "from version {at}");
        assert_eq!(shape(&now), new, "from version {at}");
        assert_eq!(rows(&now), before, "from version {at}");
        let whole: String = now.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(whole, "ok", "from version {at}");
    }
    // A step that is added has the version before it here.
    assert!(versions().len() + 1 >= usize::try_from(SCHEMA.version()).unwrap(), "a version has no dump");
    for (at, sql) in (1..).zip(versions()) {
        assert!(sql.contains(&format!("PRAGMA user_version = {at};\n")), "{at}.sql is of another version");
    }
}

/// Databases of these versions are out there: what made them is not changed any more. A step that is added adds a line here.
#[test]
fn what_made_a_version_stays_as_it_is() {
    let digest = |text: &str| Digest::of(text.as_bytes()).short(16);
    assert_eq!(digest(SCHEMA.tables), "824b0ae188de59f0");
    let steps: Vec<String> = STEPS.iter().map(|step| digest(step)).collect();
    assert_eq!(
        steps,
        [
            "f71948d6b0b57d2b",
            "d87bd53ff82fd805",
            "e5fccb0e3c9b22ab",
            "4aa1fd90fc69785e",
            "4791deef4bcbbc72",
            "392a7751d2539452",
            "1766ff6f36d2297e",
            "67e9997ada8a6e80",
            "e8b95296741e8a24",
            "cf5705465f2af4dc",
            "f7c4accb8bcccfe6"
        ]
    );
}
