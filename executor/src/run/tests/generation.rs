//! Which NixOS generation is noted as healthy, and what the hands are told of it.

use std::os::unix::fs::symlink;

use contract::baseline::Baseline;
use contract::fact::{FactValue, FileKind, FileMode, Permissions as FactPermissions};
use contract::finding::{Finding, Verdict};
use contract::record::Trigger;

use super::*;

/// Two controls that this machine can meet, and one of something that nobody declared.
const BASELINE: &str = r#"name: sample
version: 1
controls:
  - id: suture.agent-keys
    title: The keys of the agent are closed to others
    area: suture
    observe: own:agent-keys
    expect: { permissions: { kind: directory, mode_within: "0700", owner: executor } }
    severity: high
    citations: ["164.312(d)"]
    why: Who holds them speaks in this machine's name.
    nixos: { none: 'Suture makes this directory itself' }
  - id: tls.expiry
    title: Certificates hold for three more weeks
    area: certificates
    observe: tls:days_left
    expect: { at_least: 21 }
    severity: high
    citations: ["164.312(e)(1)"]
    why: When a certificate ends, encryption in transit stops.
    nixos: { none: 'somebody declares it' }
"#;

fn site() -> Site {
    Site { baseline: Baseline::parse("b.yaml", BASELINE).unwrap(), ..fixtures::site() }
}

/// A NixOS of links, on which a generation runs.
fn runs(rig: &Rig, number: u64) {
    let profiles = rig.path("nix/var/nix/profiles");
    fs::create_dir_all(&profiles).unwrap();
    fs::create_dir_all(rig.path("etc")).unwrap();
    fs::create_dir_all(rig.path("run")).unwrap();
    fs::write(rig.path("etc/NIXOS"), "").unwrap();
    let closure = format!("/nix/store/{number}-nixos-system");
    let link = format!("system-{number}-link");
    for (to, at) in [
        (&closure, profiles.join(&link)),
        (&link, profiles.join("system")),
        (&closure, rig.path("run/current-system")),
    ] {
        let _ = fs::remove_file(&at);
        symlink(to, at).unwrap();
    }
}

/// What a whole scan of an agent says that finds everything well, whether or not it is.
fn all_well(site: &Site) -> Vec<Finding> {
    let finding = |id: &str, verdict| {
        let control = site.baseline.control(&id.parse().unwrap()).unwrap();
        Finding { control: control.id.clone(), fact: control.observe.clone(), verdict }
    };
    let mode = FileMode::from_st_mode(0o700);
    let seen = FactValue::Permissions(FactPermissions { kind: FileKind::Directory, mode, uid: 0, gid: 0 });
    vec![
        finding("suture.agent-keys", Verdict::Pass(seen)),
        finding("tls.expiry", Verdict::NotAssessed(contract::fact::Absence::NotDeclared)),
    ]
}

fn healthy(rig: &Rig) -> Vec<u64> {
    rig.runner.machine.nixos().healthy.iter().map(|generation| generation.number).collect()
}

fn scan(rig: &Rig, trigger: Trigger) {
    rig.runner.findings(trigger, all_well(&site())).unwrap();
}

#[test]
fn a_generation_is_noted_once_when_all_passes_on_it_and_is_known_after_a_restart() {
    let rig = Rig::new(site());
    scan(&rig, Trigger::FullScan);
    assert_eq!(healthy(&rig), [0; 0], "this is no NixOS");
    runs(&rig, 7);
    scan(&rig, Trigger::Change);
    assert_eq!(healthy(&rig), [0; 0], "that was not all");
    scan(&rig, Trigger::FullScan);
    scan(&rig, Trigger::FullScan);
    runs(&rig, 8);
    scan(&rig, Trigger::FullScan);
    assert_eq!(healthy(&rig), [7, 8]);
    let noted = rig.kinds().iter().filter(|kind| **kind == Kind::GenerationHealthy).count();
    assert_eq!(noted, 2);
    let rig = rig.restarted(site());
    assert_eq!(healthy(&rig), [7, 8]);
    let closures: Vec<_> = rig.runner.machine.nixos().healthy.into_iter().map(|g| g.closure).collect();
    assert_eq!(closures[1], PathBuf::from("/nix/store/8-nixos-system"));
}

#[test]
fn a_generation_that_only_the_agent_calls_well_is_not_healthy() {
    let rig = Rig::new(site());
    runs(&rig, 7);
    rig.loosen("agent-keys");
    scan(&rig, Trigger::FullScan);
    assert_eq!(healthy(&rig), [0; 0]);
    assert_eq!(rig.kinds(), [Kind::Findings]);
}

#[test]
fn what_fails_is_excepted_or_cannot_be_seen_is_not_well() {
    let rig = Rig::new(site());
    runs(&rig, 7);
    for verdict in [
        Verdict::Fail(FactValue::Number(1)),
        Verdict::Excepted(FactValue::Number(1)),
        Verdict::NotAssessed(contract::fact::Absence::Unreadable),
    ] {
        let mut findings = all_well(&site());
        findings[1].verdict = verdict;
        rig.runner.findings(Trigger::FullScan, findings).unwrap();
    }
    assert_eq!(healthy(&rig), [0; 0]);
}
