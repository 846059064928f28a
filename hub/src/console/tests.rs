//! The fleet's page over many sites: all of it is on it. How long it takes is measured where that is asked for (`bench/fleet`).

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use contract::people::Reach;
use contract::time::UtcTime;
use rusqlite::params;

use crate::config::{Archives, Bounds, Config, Door, Outside};
use crate::hub::Hub;
use crate::library::Sources;
use crate::people::Scope;
use crate::serve::{Running, start};
use crate::store::SILENT_AFTER_MS;
use crate::view::fleet::{FleetView, baseline, fleet, site};

const SITES: usize = 500;

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

pub(crate) async fn started(directory: &Path) -> Running {
    let config = Config {
        directory: directory.to_owned(),
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
        packets: None,
        typesetter: None,
        alerts_every: std::time::Duration::from_secs(30),
        models: None,
        nats: None,
    };
    start(&config).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_sites_are_on_one_page() {
    let directory = tempfile::tempdir().unwrap();
    let running = started(directory.path()).await;
    let (hub, now) = (Arc::clone(running.hub()), edge::clock::utc());
    filled(&hub, now).await;
    let measured = std::env::var_os("SUTURE_MEASURE").is_some();
    let mut times = Vec::new();
    for _ in 0..if measured { 9 } else { 1 } {
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
    if measured {
        times.sort_unstable();
        let (whole, asked) = times[times.len() / 2];
        println!(
            "{SITES} sites, {} controls each: {} ms for the page, {} ms of them for the database",
            baseline(&hub).len(),
            whole.as_millis(),
            asked.as_millis(),
        );
    }
    running.stop().await;
}

/// What each place says of the site of three machines: the page, what the API serves, and the numbers.
struct Everywhere {
    fleet: FleetView,
    page: String,
    site_page: String,
    numbers: String,
    dark: usize,
}

async fn everywhere(hub: &Arc<Hub>, directory: &Path, now: UtcTime) -> Everywhere {
    let view = fleet(hub, Scope::of_a_test(Reach::Everywhere), now).await.unwrap();
    let main = site(hub, Scope::of_a_test("msp".parse().unwrap()), "main".parse().unwrap(), now);
    let main = main.await.unwrap().unwrap();
    assert_eq!(main.row, view.sites[0], "the fleet says something else of the site than the site");
    Everywhere {
        page: super::fleet::body(&view).into_string(),
        site_page: super::site::body(&main).into_string(),
        numbers: crate::metrics::exposition(hub, directory, now).await.unwrap(),
        dark: hub
            .store
            .seen()
            .await
            .unwrap()
            .iter()
            .filter(|seen| now.ms_since(seen.last) > SILENT_AFTER_MS)
            .count(),
        fleet: view,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_machine_is_shown_as_such_and_is_silent_nowhere_and_in_no_score() {
    let directory = tempfile::tempdir().unwrap();
    let running = started(directory.path()).await;
    let (hub, now) = (Arc::clone(running.hub()), edge::clock::utc());
    let (controls, ms) = (baseline(&hub), now.unix_ms());
    let all = u32::try_from(controls.len()).unwrap();
    hub.store
        .run_for_a_test(move |c| {
            c.execute("INSERT INTO tenant VALUES ('msp', ?1)", [ms])?;
            c.execute("INSERT INTO site VALUES ('msp', 'main', ?1)", [ms])?;
            for n in 0..3 {
                c.execute(
                    "INSERT INTO host (host, tenant, site, origin, token, secret, token_until, device_key, evidence_key, settled, seen)
                     VALUES (?1, 'msp', 'main', ?1, ?1, '', 0, 'd', 'k', 9, ?2)",
                    params![format!("h-{n}"), ms],
                )?;
                for control in &controls {
                    c.execute(
                        "INSERT INTO control VALUES (?1, ?2, 'fail', 0, ?3, 8, ?3, 1, '{\"pass\":{\"flag\":true}}')",
                        params![format!("h-{n}"), control, ms],
                    )?;
                }
                // Renewed once; the third is revoked, by both.
                for m in 0..2 {
                    let revoked = (n == 2).then_some(ms);
                    let of = params![format!("f-{n}-{m}"), format!("h-{n}"), ms, revoked];
                    c.execute("INSERT INTO certificate VALUES (?1, 'device', ?2, '', ?3, ?3, ?4)", of)?;
                }
            }
            Ok(())
        })
        .await
        .unwrap();
    for (later, silent) in [(SILENT_AFTER_MS, 0), (SILENT_AFTER_MS + 1, 2)] {
        let Everywhere { fleet, page, site_page, numbers, dark } =
            everywhere(&hub, directory.path(), now.plus_ms(later)).await;
        let row = &fleet.sites[0];
        assert_eq!((row.hosts, row.revoked, row.expected, row.silent), (2, 1, 0, silent));
        assert_eq!((row.score.total, row.score.fails, row.standing.failing), (2 * all, 2 * all, 2 * all));
        assert_eq!(fleet.score, row.score);
        assert!(page.contains(", 1 revoked"), "{page}");
        assert_eq!(page.contains("2 of 2 silent"), silent == 2, "{page}");
        assert_eq!(site_page.matches("Revoked").count(), 1, "{site_page}");
        assert_eq!(site_page.matches("Silent").count(), silent as usize, "{site_page}");
        for (state, many) in [("heard", 2 - silent), ("silent", silent), ("revoked", 1), ("not_enrolled", 0)]
        {
            let line = format!("suture_hosts{{state=\"{state}\"}} {many}\n");
            assert!(numbers.contains(&line), "{line} is not in {numbers}");
        }
        assert_eq!(dark, silent as usize, "what alerts go by");
    }
    running.stop().await;
}
