//! A hub of any earlier version is started anew as this one: it serves what was in its databases.

use contract::plane::IncidentState;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::stage::{Stage, config};
use hub::config::Outside;
use hub::serve::start;

const VERSIONS: [&str; 5] = [
    include_str!("../../src/store/tests/versions/1.sql"),
    include_str!("../../src/store/tests/versions/2.sql"),
    include_str!("../../src/store/tests/versions/3.sql"),
    include_str!("../../src/store/tests/versions/4.sql"),
    include_str!("../../src/store/tests/versions/5.sql"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_of_every_earlier_version_serves_what_it_held() {
    for (at, sql) in (1..).zip(VERSIONS) {
        let directory = tempfile::tempdir().unwrap();
        let database = rusqlite::Connection::open(directory.path().join("hub.db")).unwrap();
        database.execute_batch(sql).unwrap();
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
