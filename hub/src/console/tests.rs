//! The fleet's page over many sites: all of it is on it, and how long it takes is printed.

use std::sync::Arc;
use std::time::Instant;

use contract::people::Reach;
use contract::time::UtcTime;
use rusqlite::params;

use crate::config::{Archives, Bounds, Config, Door, Outside};
use crate::hub::Hub;
use crate::library::Sources;
use crate::people::Scope;
use crate::serve::start;
use crate::view::fleet::{baseline, fleet};

const SITES: usize = 500;
/// The goal for what the server does for one page.
const GOAL_MS: u128 = 100;

/// Sites of one machine each, whose evidence speaks of the whole baseline; every third with something to do.
async fn filled(hub: &Hub, now: UtcTime) {
    let (controls, ms) = (baseline(hub), now.unix_ms());
    hub.store
        .run_for_a_test(move |c| {
            c.execute("INSERT INTO tenant VALUES ('msp', ?1)", [ms])?;
            for n in 0..SITES {
                c.execute("INSERT INTO site VALUES ('msp', ?1, ?2)", params![format!("s-{n}"), ms])?;
                c.execute(
                    "INSERT INTO host (host, tenant, site, origin, token, secret, token_until, evidence_key, settled, seen)
                     VALUES (?1, 'msp', ?2, ?1, ?1, '', 0, 'k', 9, ?3)",
                    params![format!("h-{n}"), format!("s-{n}"), ms],
                )?;
                c.execute("INSERT INTO reading VALUES (?1, 9, ?2)", params![format!("h-{n}"), ms])?;
                for (m, control) in controls.iter().enumerate() {
                    let word = if n % 3 == 0 && m < 4 { "fail" } else { "pass" };
                    c.prepare_cached("INSERT INTO control VALUES (?1, ?2, ?3, 0, ?4, 8, ?4, 1, '{\"pass\":{\"flag\":true}}')")?
                        .execute(params![format!("h-{n}"), control, word, ms])?;
                }
                if n % 3 == 0 {
                    c.execute(
                        "INSERT INTO incident (host, incident, subject, found, what, state)
                         VALUES (?1, 'i-1', 'control:a.b', ?2, '{}', '\"escalated\"')",
                        params![format!("h-{n}"), ms],
                    )?;
                }
            }
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_sites_are_on_one_page() {
    let directory = tempfile::tempdir().unwrap();
    let running = start(&Config {
        directory: directory.path().to_owned(),
        device: "127.0.0.1:0".parse().unwrap(),
        operator: "127.0.0.1:0".parse().unwrap(),
        door: Door::Loopback,
        oidc: None,
        name: "localhost".parse().unwrap(),
        events: false,
        sources: Sources::default(),
        archives: Archives::default(),
        outside: Outside::default(),
        bounds: Bounds::default(),
        alerts: None,
        collector: None,
        alerts_every: std::time::Duration::from_secs(30),
    })
    .await
    .unwrap();
    let (hub, now) = (Arc::clone(running.hub()), edge::clock::utc());
    filled(&hub, now).await;
    let mut times = Vec::new();
    for _ in 0..5 {
        let begun = Instant::now();
        let view = fleet(&hub, Scope::of_a_test(Reach::Everywhere), now).await.unwrap();
        let asked = begun.elapsed();
        let page = super::fleet::body(&view).into_string();
        times.push((begun.elapsed(), asked));
        assert_eq!(page.matches("/tenants/msp/sites/s-").count(), SITES);
        let all = u32::try_from(SITES * baseline(&hub).len()).unwrap();
        assert_eq!(
            (view.score.total, view.score.fails),
            (all, u32::try_from(SITES.div_ceil(3) * 4).unwrap())
        );
        let waiting: u32 = view.sites.iter().map(|site| site.standing.waiting).sum();
        assert_eq!(waiting as usize, SITES.div_ceil(3));
    }
    times.sort_unstable();
    let (whole, asked) = times[times.len() / 2];
    let built = if cfg!(debug_assertions) { "unoptimised" } else { "optimised" };
    println!(
        "{SITES} sites, {} controls each: {} ms for the page, {} ms of them for the database, {built} (goal: {GOAL_MS} ms)",
        baseline(&hub).len(),
        whole.as_millis(),
        asked.as_millis(),
    );
    running.stop().await;
}
