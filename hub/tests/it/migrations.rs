//! A hub of any earlier version is started anew as this one: it serves what was in its databases.

use std::collections::BTreeMap;
use std::path::Path;

use contract::plane::IncidentState;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::people::{PASSWORD, Somebody, log_in};
use crate::stage::{Stage, config, parsed};
use hub::config::Outside;
use hub::serve::start;

#[path = "../../src/store/tests/versions.rs"]
mod versions;

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_of_every_earlier_version_serves_what_it_held() {
    for (at, sql) in (1..).zip(versions::versions()) {
        let directory = tempfile::tempdir().unwrap();
        let database = rusqlite::Connection::open(directory.path().join("hub.db")).unwrap();
        database.execute_batch(&sql).unwrap();
        drop(database);
        let stage = Stage::start_in(directory, Outside::default()).await;
        let hosts = stage.status().await["hosts"].clone();
        assert_eq!(hosts.as_array().unwrap().len(), 2, "version {at}: {hosts}");
        assert_eq!(hosts[0]["origin"], "localhost/h-1");
        assert_eq!((&hosts[0]["alarms"], &hosts[0]["certificate"]["revoked"]), (&json!(1), &json!(true)));
        let incidents = stage.incidents("clinic-7").await;
        assert_eq!(incidents[0].state, IncidentState::Ordered("o-1".parse().unwrap()), "version {at}");
        assert_eq!(incidents[1].state, IncidentState::Closed { record: 4 }, "version {at}");
        // What came later works on what is older.
        let set = json!({ "withheld": true });
        let set = stage.operate(Method::POST, "/api/v1/tenants/clinic-7/standing", Some(set)).await;
        assert_eq!(set.status(), StatusCode::OK, "version {at}");
        let device = stage.enrolled("clinic-7").await;
        device.report("i-1", "time.sync").await;
        assert_eq!(stage.incidents("clinic-7").await.len(), 3, "version {at}");
    }
}

/// The accounts of the version before the provider of identities.
const PEOPLE: &str = include_str!("versions/people-1.sql");

/// Every table's columns, every index, and what it must be.
fn shape(database: &Path) -> BTreeMap<String, Vec<String>> {
    let c = rusqlite::Connection::open(database).unwrap();
    let rows = |sql: &str| -> Vec<String> {
        let mut all = c.prepare(sql).unwrap();
        let width = all.column_count();
        let line =
            |row: &rusqlite::Row<'_>| (0..width).map(|i| Ok(format!("{:?}", row.get_ref(i)?))).collect();
        let lines = all.query_map([], line).unwrap().collect::<Result<Vec<Vec<String>>, _>>().unwrap();
        lines.into_iter().map(|line| line.join(" ")).collect()
    };
    let names: Vec<String> = {
        let mut all = c.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
        all.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    let of = |name: &str| {
        let what = ["table_xinfo", "foreign_key_list", "index_list"];
        what.map(|what| rows(&format!("SELECT * FROM pragma_{what}('{name}')"))).concat()
    };
    let mut shape: BTreeMap<_, _> = names.iter().map(|name| (name.clone(), of(name))).collect();
    shape.insert("version".to_owned(), rows("PRAGMA user_version"));
    shape
}

#[tokio::test(flavor = "multi_thread")]
async fn the_people_of_the_version_before_come_in_as_they_did() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().join("people.db");
    rusqlite::Connection::open(&at).unwrap().execute_batch(PEOPLE).unwrap();
    let stage = Stage::start_in(directory, Outside::default()).await;
    assert_eq!(stage.running.first_run(), None, "a hub with people invites a first one");
    let jane = log_in(&stage, "jane", PASSWORD, None).await;
    let jane: contract::people::SessionOpened = parsed(jane).await;
    let jane = Somebody::new(&stage, &jane.session);
    let made = jane.ask("POST", "/api/v1/tenants", Some(&json!({ "tenant": "clinic-7" }))).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    let key = Somebody::new(&stage, &format!("suture-k-{}", "07".repeat(32)));
    let read = async |path: &str| key.ask("GET", path, None).await.status();
    assert_eq!(read("/api/v1/tenants/clinic-7/incidents").await, StatusCode::OK);
    assert_eq!(read("/api/v1/tenants/clinic-7/orders").await, StatusCode::FORBIDDEN);
    assert_eq!(read("/api/v1/tenants/clinic-8/incidents").await, StatusCode::NOT_FOUND);
    let Stage { directory, running } = stage;
    running.stop().await;
    let new = Stage::start().await;
    let is = shape(&directory.path().join("people.db"));
    assert!(is.len() > 6 && is == shape(&new.directory.path().join("people.db")), "{is:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_later_version_is_named_and_left_alone() {
    for name in ["hub.db", "queue.db", "people.db", "exports.db", "heads.db"] {
        let stage = Stage::start().await;
        let Stage { directory, running } = stage;
        running.stop().await;
        let path = directory.path().join(name);
        rusqlite::Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 1000").unwrap();
        let refused = start(&config(directory.path())).await.unwrap_err();
        let causes = std::iter::successors(Some(&refused as &dyn std::error::Error), |e| e.source());
        let told = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
        assert!(told.contains(name) && told.contains("version 1000"), "{told}");
        let version = |c: rusqlite::Connection| {
            c.query_row("PRAGMA user_version", [], |row| row.get::<_, i32>(0)).unwrap()
        };
        assert_eq!(version(rusqlite::Connection::open(&path).unwrap()), 1000);
    }
}
