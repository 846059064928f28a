//! On this machine's own kernel: a private directory, and the packet filter where this may be changed.

use std::fs::Permissions;
use std::process::Command;

use facts::OwnDirectories;
use tempfile::TempDir;

use super::*;

/// Far longer than the kernel takes.
const SOON: Duration = Duration::from_secs(10);

fn private(mode: u32) -> (TempDir, facts::Config) {
    let directory = tempfile::tempdir().unwrap();
    let below = |name: &str| directory.path().join(name);
    for name in ["evidence", "keys", "agent"] {
        fs::create_dir(below(name)).unwrap();
        fs::set_permissions(below(name), Permissions::from_mode(0o700)).unwrap();
    }
    fs::set_permissions(directory.path(), Permissions::from_mode(mode)).unwrap();
    let own = OwnDirectories {
        evidence: below("evidence"),
        executor_keys: below("keys"),
        agent_keys: below("agent"),
    };
    (directory, facts::Config::new(own))
}

fn words(facts: &[FactId]) -> Vec<String> {
    facts.iter().map(ToString::to_string).collect()
}

/// What it tells next of Suture's own directories: others may change this machine's packet filter meanwhile.
fn of_ours(lookout: &Lookout) -> Vec<String> {
    let until = Instant::now() + SOON;
    loop {
        let told = words(&lookout.changed(until.saturating_duration_since(Instant::now())));
        let ours: Vec<String> = told.into_iter().filter(|fact| fact.starts_with("own:")).collect();
        if !ours.is_empty() || Instant::now() >= until {
            return ours;
        }
    }
}

#[test]
fn what_happens_in_a_directory_that_is_closed_to_others_is_told() {
    let (_directory, config) = private(0o700);
    let evidence = config.own.evidence.clone();
    let lookout = Lookout::begin(config).unwrap();
    let early = words(&lookout.changed(Duration::from_millis(1)));
    assert!(!early.iter().any(|fact| fact.starts_with("own:")), "nothing of ours has changed yet: {early:?}");
    fs::set_permissions(&evidence, Permissions::from_mode(0o755)).unwrap();
    assert_eq!(of_ours(&lookout), ["own:evidence"]);
    // Told once; and what is in its place is watched as it was.
    fs::remove_dir(&evidence).unwrap();
    assert_eq!(of_ours(&lookout), ["own:evidence"]);
    fs::create_dir(&evidence).unwrap();
    assert_eq!(of_ours(&lookout), ["own:evidence"]);
}

#[test]
fn what_others_may_watch_is_left_to_the_agent() {
    let (directory, _) = private(0o755);
    assert!(!is_closed(directory.path()), "{directory:?} and all above it is open");
    assert!(is_closed(&directory.path().join("keys")), "only its owner may list it");
    assert!(is_closed(&directory.path().join("keys/below")), "the way to it is closed");
    assert!(is_closed(Path::new("/home/somebody")), "the agent's unit hides it");
    assert!(!is_closed(&directory.path().join("is/not/there")), "nothing there is nobody's");
}

#[test]
fn somebody_who_changes_the_packet_filter_is_heard() {
    let nft = |arguments: &[&str]| Command::new("nft").args(arguments).status().is_ok_and(|s| s.success());
    if !rustix::process::geteuid().is_root() || !nft(&["list", "tables"]) {
        eprintln!("not run: this needs root, and a packet filter");
        return;
    }
    let (_directory, config) = private(0o700);
    let lookout = Lookout::begin(config).unwrap();
    let table = format!("suture-{}", std::process::id());
    for change in ["add", "delete"] {
        assert!(nft(&[change, "table", "inet", &table]));
        let told = words(&lookout.changed(SOON));
        assert!(told.contains(&"firewall:inbound_default".to_owned()), "{change}: {told:?}");
    }
}
