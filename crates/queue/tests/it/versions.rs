//! Databases of earlier versions come through.

use contract::ids::TenantId;
use queue::writer::{Schema, Writer};
use queue::{Depth, Embedded, Limits, Queue as _, SCHEMA, Sequence};

use crate::rig::now;
use crate::{id, subject, text};

/// What the version before wrote.
const FIRST: &str = "
    INSERT INTO message (tenant, site, id, body) VALUES
        ('a', 's', 'done-1', NULL), ('a', 's', 'done-2', NULL), ('a', 's', 'one', x'6f6e65'), ('a', 't', 'empty', x''),
        ('b', 's', 'one', x'74776f'), ('a', 's', 'gone', x'00');
    DELETE FROM message WHERE id = 'gone'";

#[tokio::test]
async fn what_the_first_version_held_comes_through() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("queue.db");
    drop(Writer::open(&path, Schema { steps: &[], ..SCHEMA }).unwrap());
    rusqlite::Connection::open(&path).unwrap().execute_batch(FIRST).unwrap();

    let limits = Limits { remembered_max: 2, ..Limits::default() };
    let queue = Embedded::open(&path, limits, now(0)).await.unwrap();
    let (a, b): (TenantId, TenantId) = ("a".parse().unwrap(), "b".parse().unwrap());
    let depth = queue.depth(&a).await.unwrap();
    assert_eq!(Depth { oldest_age: None, ..depth }, Depth { waiting: 2, ..Depth::default() });
    assert!(depth.oldest_age.unwrap().as_secs() < 3600, "it is as old as 1970: {depth:?}");
    for name in ["done-1", "done-2", "one", "empty"] {
        assert!(queue.publish(subject("a", "s"), id(name), vec![]).await.unwrap().repeated, "{name}");
    }
    let new = queue.publish(subject("a", "s"), id("new"), b"new".to_vec()).await.unwrap();
    assert_eq!(new.sequence.to_string(), "7", "a sequence is given to a second message");
    assert_eq!(queue.replay(&b, Sequence::START, 9).await.unwrap()[0].body, b"two");
    let kept = queue.replay(&a, Sequence::START, 9).await.unwrap();
    assert_eq!(kept.len(), 3, "what was acknowledged has no body any more");

    let mut bodies = Vec::new();
    for delivery in queue.fetch(9).await.unwrap() {
        bodies.push(format!("{}: {}", delivery.subject(), text(&delivery)));
        queue.acknowledge(delivery).await.unwrap();
    }
    bodies.sort();
    let of = |rest: &str| format!("tenants.{rest}");
    let all = [
        "a.sites.s.incidents: new",
        "a.sites.s.incidents: one",
        "a.sites.t.incidents: ",
        "b.sites.s.incidents: two",
    ];
    assert_eq!(bodies, all.map(of));
    // What was done before counts towards what is remembered: the newest two are.
    assert!(!queue.publish(subject("a", "s"), id("done-2"), vec![]).await.unwrap().repeated);
    assert!(queue.publish(subject("a", "s"), id("empty"), vec![]).await.unwrap().repeated);
}

/// A new database and one that took the step hold the same tables and indexes.
#[test]
fn old_and_new_databases_are_of_one_shape() {
    let directory = tempfile::tempdir().unwrap();
    let shape = |name: &str| {
        let connection = rusqlite::Connection::open(directory.path().join(name)).unwrap();
        let mut all = connection.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY name").unwrap();
        let row = |row: &rusqlite::Row<'_>| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, Option<String>>(2)?))
        };
        all.query_map([], row).unwrap().map(Result::unwrap).collect::<Vec<_>>()
    };
    let old = directory.path().join("old.db");
    drop(Writer::open(&old, Schema { steps: &[], ..SCHEMA }).unwrap());
    rusqlite::Connection::open(&old).unwrap().execute_batch(FIRST).unwrap();
    for name in ["old.db", "new.db"] {
        drop(Writer::open(&directory.path().join(name), SCHEMA).unwrap());
    }
    assert_eq!(shape("old.db"), shape("new.db"));
    let tables = shape("new.db");
    assert_eq!(tables.len(), 6, "{tables:?}");
    let references = tables.iter().find(|(_, name, _)| name == "body").unwrap().2.as_ref().unwrap();
    assert!(references.contains("REFERENCES \"message\""), "{references}");
}
