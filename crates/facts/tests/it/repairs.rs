//! The runbooks that are shipped: each control has one or a reason why not, each can be bound, and what they write is what the controls look for.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use contract::baseline::{Control, Users};
use contract::finding::Verdict;
use contract::ids::ControlId;
use contract::runbook::{
    Action, Approved, Catalogue, CatalogueFile, FileRestore, FileTarget, Precondition, Runbook,
};

use crate::baseline::baseline;
use crate::map;
use crate::tree::Tree;

/// Every shipped runbook.
fn runbooks() -> Vec<Runbook> {
    let mut names: Vec<_> = fs::read_dir(map::folder().join("../runbooks"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let read = |name: &String| fs::read_to_string(map::folder().join("../runbooks").join(name)).unwrap();
    let files = names.iter().map(|name| CatalogueFile { file: name.clone(), text: read(name) }).collect();
    let bytes = Catalogue::bundle(files).unwrap_or_else(|e| panic!("{e}"));
    Catalogue::parse(&bytes).unwrap().iter().map(|Approved { runbook, .. }| runbook.clone()).collect()
}

fn runbook(id: &str) -> Runbook {
    runbooks().into_iter().find(|r| r.id.as_str() == id).unwrap()
}

fn control(id: &ControlId) -> Control {
    baseline().control(id).unwrap_or_else(|| panic!("the baseline has no control {id}")).clone()
}

#[test]
fn every_control_has_a_runbook_or_a_reason_why_not() {
    let baseline = baseline();
    let runbooks = runbooks();
    for control in baseline.controls() {
        match (&control.runbook, &control.person) {
            (Some(id), None) => {
                let found = runbooks.iter().find(|r| r.id == *id);
                let runbook = found.unwrap_or_else(|| panic!("{}: there is no {id}", control.id));
                assert!(runbook.triggers.contains(&control.id), "{id} does not list {}", control.id);
            }
            (None, Some(_)) => {}
            both => panic!("{}: {both:?}", control.id),
        }
    }
}

#[test]
fn every_runbook_can_be_bound_from_each_of_its_controls() {
    for runbook in runbooks() {
        for id in &runbook.triggers {
            let control = control(id);
            assert_eq!(control.runbook.as_ref(), Some(&runbook.id), "{id}");
            let values =
                runbook.bind(&control).unwrap_or_else(|(name, e)| panic!("{}: {name}: {e}", runbook.id));
            runbook.check(&values, &control).unwrap();
            assert_eq!(runbook.actions(&values).unwrap().len(), runbook.steps.len());
        }
    }
}

#[test]
fn every_control_that_a_runbook_names_is_in_the_baseline() {
    for runbook in runbooks() {
        for precondition in &runbook.preconditions {
            if let Precondition::Passes(id) = precondition {
                assert!(!runbook.triggers.contains(id), "{} waits for what it repairs", runbook.id);
            }
        }
        for id in runbook.named_controls() {
            control(id);
        }
    }
}

#[test]
fn every_runbook_cites_paragraphs_of_the_rule() {
    let rule = map::rule(&fs::read_to_string(map::folder().join("hipaa-security-rule.csv")).unwrap());
    for runbook in runbooks() {
        for citation in &runbook.citations {
            assert!(rule.contains_key(citation), "{} cites {citation}", runbook.id);
        }
    }
}

#[test]
fn the_six_of_the_roadmap_are_there_and_a_restart_waits_for_the_window() {
    let ids: BTreeSet<String> =
        runbooks().iter().map(|r| r.id.as_str()[..11].trim_end_matches('-').to_owned()).collect();
    for six in ["RB-BACKUP-0", "RB-CERT-001", "RB-DISK-001", "RB-SERVICE-", "RB-CPU-001", "RB-RESTORE-"] {
        assert!(ids.contains(six.trim_end_matches('-')), "{six}: {ids:?}");
    }
    for runbook in runbooks() {
        let restarts_the_journal =
            runbook.steps.len() > 1 && runbook.triggers.iter().any(|t| t.as_str().starts_with("journal."));
        assert!(!restarts_the_journal || runbook.disruptive, "{}", runbook.id);
    }
}

/// Writes into `tree` what the runbook's steps restore, as the verb would.
fn written(tree: Tree, runbook: &Runbook) -> Tree {
    let values = runbook.bind(&control(&runbook.triggers[0])).unwrap();
    runbook.actions(&values).unwrap().into_iter().fold(tree, |tree, action| match action {
        Action::FileRestore(FileRestore {
            target: FileTarget::Path(path),
            content: Some(text),
            mode,
            ..
        }) => {
            let tree = tree.file(path.as_str(), &text);
            let mode = fs::Permissions::from_mode(u32::from(mode.unwrap().bits()));
            fs::set_permissions(tree.path(path.as_str()), mode).unwrap();
            tree
        }
        _ => tree,
    })
}

/// A machine on which each of the runbook's controls fails, or is not assessed, passes all of them once its files are written.
fn repairs(id: &str, careless: Tree) {
    let runbook = runbook(id);
    let judge = |tree: &Tree, id: &ControlId| {
        let control = control(id);
        control.judge(&tree.read(&control.observe.to_string()), Users::one(0))
    };
    let before: Vec<_> = runbook.triggers.iter().map(|id| judge(&careless, id)).collect();
    assert!(before.iter().all(|v| !matches!(v, Verdict::Pass(_))), "{id}: {before:?}");
    let tree = written(careless, &runbook);
    for trigger in &runbook.triggers {
        let verdict = judge(&tree, trigger);
        assert!(matches!(verdict, Verdict::Pass(_)), "{id}: {trigger}: {verdict:?}");
    }
}

#[test]
fn what_a_runbook_writes_is_what_its_controls_look_for() {
    let journald = "[Journal]\nStorage=volatile\nSystemMaxUse=64M\nMaxRetentionSec=1month\n";
    repairs(
        "RB-JOURNAL-001-settings",
        Tree::of(&[
            ("/etc/systemd/journald.conf", journald),
            ("/etc/systemd/journald.conf.d/z.conf", journald),
        ])
        .directory("/run/systemd/journal"),
    );
    repairs(
        "RB-SHELL-001-timeout",
        Tree::of(&[("/etc/profile", "TMOUT=9999\n"), ("/etc/profile.d/z.sh", "TMOUT=0\n")]),
    );
    let stack = "password requisite pam_pwquality.so retry=3\n";
    let quality = ("/etc/security/pwquality.conf.d/a.conf", "minlen = 6\n");
    repairs("RB-PAM-001-password-length", Tree::of(&[("/etc/pam.d/common-password", stack), quality]));
    let sudoers = "@includedir /etc/sudoers.d\n";
    let loose = "Defaults !use_pty, !syslog, timestamp_timeout=-1\n";
    repairs("RB-SUDO-001-defaults", Tree::of(&[("/etc/sudoers", sudoers), ("/etc/sudoers.d/loose", loose)]));
}

/// A stand-in that prints the settings of all drop-ins, the first of a kind only, as sshd does.
const SSHD: &str = r#"cat "${0%/usr/sbin/sshd}"/etc/ssh/sshd_config.d/*.conf | awk '/^[A-Za-z]/ { k = tolower($1); if (!(k in seen)) { seen[k] = 1; $1 = k; print } }'"#;

#[test]
fn what_a_runbook_tells_the_ssh_server_is_what_its_controls_look_for() {
    let careless = "PermitRootLogin yes\nPasswordAuthentication yes\nKbdInteractiveAuthentication yes\nPermitEmptyPasswords yes\n\
        HostbasedAuthentication yes\nPermitUserEnvironment yes\nMaxAuthTries 20\nLoginGraceTime 0\nClientAliveInterval 0\n\
        Ciphers aes128-cbc\nMACs hmac-md5\nKexAlgorithms diffie-hellman-group1-sha1\nX11Forwarding yes\nLogLevel QUIET\n";
    for id in ["RB-SSH-001-log-in", "RB-SSH-002-settings"] {
        let tree =
            Tree::new().file("/etc/ssh/sshd_config.d/50-site.conf", careless).program("/usr/sbin/sshd", SSHD);
        repairs(id, tree);
    }
}
