//! One cause, many symptoms.

use std::collections::BTreeSet;

use contract::fact::FactId;
use contract::ids::{ControlId, HostId, IncidentId};
use planner::coalesce::{Around, HostLife, Root, Sibling, host_root, root};

use super::seed::{Seed, case, everything, utc};
use super::*;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

fn on(host: &str, incident: &str, found: i64, what: What) -> Sibling {
    Sibling { host: host.parse().unwrap(), incident: incident.parse().unwrap(), found: utc(found), what }
}

/// The control fails; the one for room on disks, since a disk is full.
fn fails(control: &str) -> What {
    match drift(baseline().control(&control.parse().unwrap()).unwrap()) {
        What::Drift { control, fact, .. } if control.as_str() == "disk.space" => used(control, fact, 99),
        other => other,
    }
}

fn used(control: ControlId, fact: FactId, percent: i64) -> What {
    What::Drift { control, fact, observed: FactValue::Number(percent) }
}

fn filling(percent: u8) -> What {
    let What::Signal(signal) = signal(SignalKind::DiskFilling) else { panic!("no signal") };
    What::Signal(Signal { about: About { percent: Some(percent), ..About::default() }, ..signal })
}

#[test]
fn what_has_room_left_is_no_cause() {
    let (control, fact) = ("disk.space".parse().unwrap(), "disk:fullest_percent".parse().unwrap());
    let web = on("h-1", "i-web", MINUTE, fails("services.web"));
    for (what, is_cause) in [
        (used(control, fact, 94), false),
        (fails("disk.space"), true),
        (filling(94), false),
        (filling(95), true),
        (signal(SignalKind::DiskFilling), false),
    ] {
        let open = [on("h-1", "i-disk", 0, what.clone())];
        assert_eq!(follows(&web, &open).is_some(), is_cause, "{what:?}");
    }
}

fn life(host: &str, dark_since: Option<i64>) -> HostLife {
    HostLife { host: host.parse().unwrap(), dark_since: dark_since.map(utc) }
}

/// What `of` follows from among `open` on a machine that is heard: an incident's id.
fn follows(of: &Sibling, open: &[Sibling]) -> Option<String> {
    match root(of, &Around { open, hosts: &[] }) {
        Some(Root::Incident { incident, .. }) => Some(incident.to_string()),
        Some(other) => panic!("{other:?}"),
        None => None,
    }
}

#[test]
fn what_a_cause_brings_with_it_follows_from_it() {
    let cases = [
        ("a full disk and a service", fails("disk.space"), fails("services.web"), true),
        ("a full disk by its signal", signal(SignalKind::DiskFull), signal(SignalKind::DatabaseFault), true),
        ("a disk that fills to the end and a backup", filling(97), fails("backup.recent"), true),
        ("a full disk told twice", fails("disk.space"), signal(SignalKind::DiskFull), true),
        ("a full disk and lost lines", fails("disk.space"), signal(SignalKind::LogLoss), true),
        ("a failing disk and a service", signal(SignalKind::DiskErrors), fails("services.database"), true),
        (
            "a damaged file system and a backup",
            signal(SignalKind::FileSystemDamage),
            fails("backup.recent"),
            true,
        ),
        ("memory and a crash", signal(SignalKind::MemoryExhausted), signal(SignalKind::CrashLoop), true),
        ("the clock and a certificate", fails("time.sync"), fails("tls.expiry"), true),
        ("the clock and the audit trail", signal(SignalKind::Clock), signal(SignalKind::AuditTrail), true),
        ("the clock's service and the clock", fails("services.clock"), fails("time.offset"), true),
        ("a database and its web", fails("services.database"), signal(SignalKind::WebFault), true),
        ("timers and a backup", fails("services.timers"), fails("backup.recent"), true),
        ("the link and an update", signal(SignalKind::NetworkLink), fails("updates.fresh-lists"), true),
        (
            "a database and a web server that does not run",
            fails("services.database"),
            fails("services.web"),
            false,
        ),
        ("never the other way round", fails("services.web"), fails("disk.space"), false),
        ("a break-in", fails("disk.space"), signal(SignalKind::BreakIn), false),
        ("an account", signal(SignalKind::DiskErrors), fails("accounts.uid-zero"), false),
        ("auditing that is off", fails("disk.space"), fails("audit.enabled"), false),
        ("auditing whose service stands still", fails("services.audit"), fails("audit.enabled"), true),
        ("a setting", fails("disk.space"), fails("ssh.root-login"), false),
    ];
    for (name, cause, symptom, expected) in cases {
        let open = [on("h-1", "i-cause", 0, cause), on("h-1", "i-own", 5 * MINUTE, symptom)];
        let own = &open[1];
        assert_eq!(follows(own, &open).is_some(), expected, "{name}");
        if expected {
            assert_eq!(follows(&open[0], &open), None, "{name}: the cause follows from its symptom");
        }
        let elsewhere = [Sibling { host: "h-2".parse().unwrap(), ..open[0].clone() }, own.clone()];
        assert_eq!(follows(own, &elsewhere), None, "{name}: from another machine");
    }
}

#[test]
fn a_full_boot_partition_stops_no_service() {
    let full = |mount: &str| {
        let What::Signal(mut signal) = signal(SignalKind::DiskFull) else { unreachable!() };
        signal.about.mount = Some(mount.parse().unwrap());
        What::Signal(signal)
    };
    for (mount, expected) in [("/boot", false), ("/media", false), ("/", true), ("/var/log", true)] {
        let open = [on("h-1", "i-cause", 0, full(mount))];
        let own = on("h-1", "i-own", MINUTE, fails("services.web"));
        assert_eq!(follows(&own, &open).is_some(), expected, "{mount}");
    }
}

#[test]
fn an_audit_trail_that_somebody_may_have_ended_follows_from_nothing() {
    let open = [on("h-1", "i-cause", 0, fails("disk.space"))];
    let trail: Vec<_> =
        decisions::detectors().into_iter().filter(|d| d.kind == SignalKind::AuditTrail).collect();
    assert!(trail.len() >= 4, "{trail:?}");
    for detector in trail {
        let by_hand = ["audit.stopped", "audit.switched-off"].contains(&detector.id.as_str());
        let What::Signal(mut told) = signal(SignalKind::AuditTrail) else { unreachable!() };
        told.detector = detector.id.clone();
        let own = on("h-1", "i-own", MINUTE, What::Signal(told));
        assert_eq!(follows(&own, &open).is_none(), by_hand, "{}", detector.id);
    }
}

#[test]
fn what_fails_long_after_a_line_of_a_log_is_looked_into_for_itself() {
    let open = [on("h-1", "i-cause", 0, signal(SignalKind::DiskErrors))];
    for (found, expected) in [(2 * HOUR, true), (2 * HOUR + 1, false)] {
        let own = on("h-1", "i-own", found, fails("services.web"));
        assert_eq!(follows(&own, &open).is_some(), expected, "{found}");
    }
}

#[test]
fn a_symptom_was_found_around_its_cause_and_not_a_day_before_it() {
    for (found, expected) in [
        (-24 * HOUR, false),
        (-HOUR - 1, false),
        (-HOUR, true),
        (0, true),
        (24 * HOUR, true),
        (24 * HOUR + 1, false),
    ] {
        let open = [on("h-1", "i-cause", 0, fails("disk.space"))];
        let own = on("h-1", "i-own", found, fails("services.web"));
        assert_eq!(follows(&own, &open).is_some(), expected, "{found}");
    }
}

#[test]
fn the_root_is_named_and_not_what_is_in_between() {
    let open = [
        on("h-1", "i-errors", 0, signal(SignalKind::DiskErrors)),
        on("h-1", "i-full", MINUTE, fails("disk.space")),
        on("h-1", "i-db", 2 * MINUTE, fails("services.database")),
    ];
    let web = on("h-1", "i-web", 3 * MINUTE, fails("services.web"));
    assert_eq!(follows(&web, &open).as_deref(), Some("i-errors"));
    assert_eq!(follows(&web, &open[1..]).as_deref(), Some("i-full"));
    assert_eq!(follows(&web, &open[2..]), None, "it has stopped for itself");
    let errors = on("h-1", "i-web", 3 * MINUTE, signal(SignalKind::WebFault));
    assert_eq!(follows(&errors, &open[2..]).as_deref(), Some("i-db"));
    assert_eq!(follows(&web, &[]), None);
    // Where nothing leads there directly, the way is walked.
    let open = [
        on("h-1", "i-service", 0, fails("services.clock")),
        on("h-1", "i-clock", MINUTE, fails("time.sync")),
    ];
    let expiry = on("h-1", "i-expiry", 2 * MINUTE, fails("tls.expiry"));
    assert_eq!(follows(&expiry, &open[..1]), None);
    assert_eq!(follows(&expiry, &open).as_deref(), Some("i-service"));
}

#[test]
fn on_a_silent_machine_all_its_trouble_follows_from_the_silence_but_nothing_that_people_did() {
    let hosts = [life("h-1", Some(0)), life("h-2", None)];
    let around = Around { open: &[], hosts: &hosts };
    let of = |what: What, found| root(&on("h-1", "i-1", found, what), &around);
    assert!(matches!(of(fails("services.web"), 0), Some(Root::HostDark { .. })));
    assert!(matches!(of(fails("ssh.root-login"), -5 * MINUTE), Some(Root::HostDark { .. })));
    assert!(matches!(of(signal(SignalKind::KernelFault), MINUTE), Some(Root::HostDark { .. })));
    assert_eq!(of(fails("services.web"), -11 * MINUTE), None, "found long before");
    for kind in [SignalKind::BreakIn, SignalKind::Malware, SignalKind::StoreIntegrity, SignalKind::Unsaid] {
        assert_eq!(of(signal(kind), 0), None, "{kind}");
    }
    assert_eq!(of(fails("accounts.uid-zero"), 0), None);
    assert_eq!(root(&on("h-2", "i-1", 0, fails("services.web")), &around), None, "a machine that is heard");
}

#[test]
fn where_most_of_a_site_is_silent_it_is_the_site() {
    let site = |dark: &[Option<i64>]| -> Vec<HostLife> {
        dark.iter().enumerate().map(|(n, since)| life(&format!("h-{n}"), *since)).collect()
    };
    let is_site = |hosts: &[HostLife]| host_root(&"h-0".parse().unwrap(), hosts).is_some();
    assert!(!is_site(&site(&[Some(0), Some(0)])), "two are no site");
    assert!(is_site(&site(&[Some(0), Some(0), Some(0)])));
    assert!(is_site(&site(&[Some(0), Some(MINUTE), Some(0), Some(0), None])), "80 of a hundred");
    assert!(!is_site(&site(&[Some(0), Some(0), Some(0), None])), "75 of a hundred");
    assert!(!is_site(&site(&[None, Some(0), Some(0), Some(0), Some(0)])), "one that is heard");
    assert!(
        !is_site(&site(&[Some(-24 * HOUR), Some(0), Some(0), Some(0), Some(0)])),
        "silent since yesterday"
    );

    let hosts = site(&[Some(0), Some(MINUTE), Some(0), Some(0), None]);
    let found =
        root(&on("h-1", "i-1", 2 * MINUTE, fails("services.web")), &Around { open: &[], hosts: &hosts });
    assert_eq!(found, Some(Root::SiteDark { since: utc(MINUTE), dark: 4, hosts: 5 }));
}

fn id(sibling: &Sibling) -> (HostId, IncidentId) {
    (sibling.host.clone(), sibling.incident.clone())
}

#[test]
fn every_incident_is_a_root_or_names_one_that_is_open_in_any_order() {
    let (all, mut seed) = (everything(), Seed(11));
    let (mut by_incident, mut by_silence) = (0, 0);
    for number in 0..3000 {
        let case = case(&mut seed, &all, number);
        let (mut open, mut hosts) = (case.open, case.hosts);
        let around = Around { open: &open, hosts: &hosts };
        let roots: Vec<Option<Root>> = open.iter().map(|s| root(s, &around)).collect();
        let mut named = BTreeSet::new();
        for (sibling, found) in open.iter().zip(&roots) {
            match found {
                None => {}
                Some(Root::Incident { host, incident, .. }) => {
                    by_incident += 1;
                    assert_eq!(*host, sibling.host);
                    named.insert((host.clone(), incident.clone()));
                    let at = open.iter().position(|s| id(s) == (host.clone(), incident.clone()));
                    assert_eq!(roots[at.unwrap()], None, "a root that follows from something");
                }
                Some(Root::HostDark { host, since }) => {
                    by_silence += 1;
                    assert!(hosts.iter().any(|l| l.host == *host && l.dark_since == Some(*since)));
                    assert_eq!(host_root(host, &hosts), None);
                }
                Some(Root::SiteDark { dark, hosts: of, .. }) => {
                    by_silence += 1;
                    assert!(dark * 100 >= of * 80 && *of >= 3);
                }
            }
        }
        // Without a cause what followed from it is a root, or follows from another that is open.
        for gone in named {
            let rest: Vec<Sibling> = open.iter().filter(|s| id(s) != gone).cloned().collect();
            let around = Around { open: &rest, hosts: &hosts };
            for sibling in &rest {
                if let Some(Root::Incident { host, incident, .. }) = root(sibling, &around) {
                    assert_ne!((host, incident), gone);
                }
            }
        }
        let ids: Vec<_> = open.iter().map(id).collect();
        seed.shuffle(&mut open);
        seed.shuffle(&mut hosts);
        let around = Around { open: &open, hosts: &hosts };
        for (which, before) in ids.iter().zip(&roots) {
            let again = open.iter().find(|s| id(s) == *which).unwrap();
            assert_eq!(root(again, &around), *before, "the order mattered");
        }
    }
    assert!(by_incident > 300 && by_silence > 500, "{by_incident} by incidents, {by_silence} by silence");
}

#[test]
fn without_its_only_cause_a_symptom_is_a_root_again() {
    let cause = on("h-1", "i-cause", 0, fails("disk.space"));
    let symptoms = [
        on("h-1", "i-web", MINUTE, fails("services.web")),
        on("h-1", "i-backup", MINUTE, fails("backup.recent")),
    ];
    let with: Vec<Sibling> = symptoms.iter().cloned().chain([cause]).collect();
    for symptom in &symptoms {
        assert_eq!(follows(symptom, &with).as_deref(), Some("i-cause"));
        assert_eq!(follows(symptom, &symptoms), None);
    }
}
