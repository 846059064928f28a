//! Every incident that many machines report at once is decided once. How many a second is measured where that is asked for (`bench/run`): from the
//! report, as the device plane takes it, through the queue on disk to the signed order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use contract::incident::{Incident, What};
use identity::Holder;
use rusqlite::params;

use super::enqueue;
use crate::console::tests::started;
use crate::hub::Hub;
use crate::store::Taken;

const TENANTS: usize = 16;
const PRODUCERS: usize = 64;

fn holder(n: usize) -> Holder {
    Holder {
        tenant: format!("t-{}", n % TENANTS).parse().unwrap(),
        site: "main".parse().unwrap(),
        host: format!("h-{n}").parse().unwrap(),
    }
}

/// So many machines, each of its own tenant in turn.
async fn filled(hub: &Hub, hosts: usize) {
    let ms = edge::clock::utc().unix_ms();
    let fill = hub.store.run_for_a_test(move |c| {
        for n in 0..TENANTS {
            let tenant = format!("t-{n}");
            c.execute("INSERT INTO tenant VALUES (?1, ?2)", params![tenant, ms])?;
            c.execute("INSERT INTO site VALUES (?1, 'main', ?2)", params![tenant, ms])?;
        }
        for n in 0..hosts {
            let Holder { tenant, site, host } = holder(n);
            c.execute(
                "INSERT INTO host (host, tenant, site, origin, token, secret, token_until, evidence_key, settled, seen)
                 VALUES (?1, ?2, ?3, ?1, ?1, '', 0, 'k', 9, ?4)",
                params![host.as_str(), tenant.as_str(), site.as_str(), ms],
            )?;
        }
        Ok(())
    });
    fill.await.unwrap();
}

/// What each machine reports: all that the shipped rules are tried with, each control once.
fn reports() -> Vec<What> {
    let mut all = BTreeMap::new();
    for line in include_str!("../../../planner/rules/decisions.jsonl").lines() {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        let what: What = serde_json::from_value(line["what"].take()).unwrap();
        all.entry(what.subject()).or_insert(what);
    }
    all.into_values().collect()
}

/// Reports everything of some machines, one after the other, as the device plane does.
async fn report(hub: Arc<Hub>, hosts: std::ops::Range<usize>, all: Arc<Vec<What>>) {
    for n in hosts {
        for (m, what) in all.iter().enumerate() {
            let incident = format!("i-{m}").parse().unwrap();
            let incident = Incident { incident, found: edge::clock::utc(), what: what.clone() };
            let taken = hub.store.take(holder(n), incident, edge::clock::utc()).await.unwrap();
            let Taken::As(_, Some(plan)) = taken else { panic!("{taken:?}") };
            enqueue(&hub, plan).await.unwrap();
        }
    }
}

/// How many decisions there are, how many of them orders, and about how many incidents.
async fn decided(hub: &Hub) -> (usize, usize, usize) {
    let sql = "SELECT count(*), count(order_id), count(DISTINCT host || ' ' || incident) FROM decided";
    let counted = hub.store.run_for_a_test(move |c| {
        c.query_row(sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?)))
    });
    let (all, orders, incidents) = counted.await.unwrap();
    let count = |n: i64| usize::try_from(n).unwrap();
    (count(all), count(orders), count(incidents))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_many_machines_report_at_once_is_decided_once_each() {
    let measured = std::env::var_os("SUTURE_MEASURE").is_some();
    // Machines of each producer, and what each of them reports at most.
    let (each, most) = if measured { (16, 8) } else { (1, 8) };
    let directory = tempfile::tempdir().unwrap();
    let running = started(directory.path()).await;
    let hub = Arc::clone(running.hub());
    filled(&hub, PRODUCERS * each).await;
    let all = Arc::new(reports().into_iter().take(most).collect::<Vec<_>>());
    let total = PRODUCERS * each * all.len();
    let began = Instant::now();
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|n| tokio::spawn(report(Arc::clone(&hub), n * each..(n + 1) * each, Arc::clone(&all))))
        .collect();
    for producer in producers {
        producer.await.unwrap();
    }
    let reported = began.elapsed();
    let (mut seen, mut waits) = (decided(&hub).await, 0);
    while seen.2 < total && waits < 6_000 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        (seen, waits) = (decided(&hub).await, waits + 1);
    }
    let took = began.elapsed();
    let (decisions, orders, incidents) = seen;
    assert_eq!((decisions, incidents), (total, total), "each is decided, and once");
    assert!(orders > 0, "{total} decided, and nothing ordered");
    if measured {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let rate = |took: Duration| total as f64 / took.as_secs_f64();
        println!("  {:<58} {:>12.0}/s   bar: 1000/s", "reported, queued, decided, signed", rate(took));
        println!(
            "  {:<58} {:>12.0}/s   {orders} orders of {total}",
            "the same, until the last was reported",
            rate(reported)
        );
    }
    running.stop().await;
}
