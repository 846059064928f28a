//! Files below a root of their own, against all facts of the baseline that hang on files.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use contract::baseline::Baseline;
use contract::fact::Source;

use super::{Watching, machine};

/// Facts that hang on files alone: nothing that others do on this machine touches them.
fn of_files() -> Vec<String> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../baseline/hipaa-v1.yaml");
    let baseline = Baseline::parse(file, &fs::read_to_string(file).unwrap()).unwrap();
    let sources = [
        Source::Accounts,
        Source::LoginDefs,
        Source::Own,
        Source::Pam,
        Source::Path,
        Source::Sshd,
        Source::Sudo,
    ];
    let facts = baseline.facts().into_iter().filter(|fact| sources.contains(&fact.source()));
    facts.map(|fact| fact.to_string()).collect()
}

fn of_source(source: &str) -> Vec<String> {
    and(&[], of_files().into_iter().filter(|fact| fact.starts_with(source)).collect())
}

fn and(facts: &[&str], more: Vec<String>) -> Vec<String> {
    let mut all: Vec<String> = facts.iter().map(|fact| (*fact).to_owned()).chain(more).collect();
    all.sort();
    all
}

struct Laid(tempfile::TempDir);

impl Laid {
    fn new() -> Self {
        let laid = Self(tempfile::tempdir().unwrap());
        laid.write("etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n");
        laid.write("etc/group", "sudo:x:27:ann\n");
        laid.write("etc/login.defs", "UMASK 027\n");
        laid.write("etc/ssh/sshd_config", "Port 22\n");
        laid.write("etc/pam.d/common-auth", "");
        laid.write("etc/hostname", "h\n");
        laid.write("etc/sudoers", "@includedir /etc/sudoers.d\n");
        laid.write("own/evidence/entry", "");
        laid.write("home/ann/notes", "");
        laid
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs::write(self.path(path), text).unwrap();
    }
}

fn close(path: &Path) {
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn a_change_asks_for_exactly_the_facts_that_hang_on_it() {
    let laid = Laid::new();
    let wanted = of_files();
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    let mut watching = Watching::of(machine(laid.0.path()), &wanted);
    assert!(watching.is_quiet().await);

    let of_passwd = [
        "accounts:administrators_with_key",
        "accounts:duplicate_uids",
        "accounts:empty_passwords",
        "accounts:open_home_directories",
        "accounts:system_accounts_with_password",
        "accounts:system_accounts_with_shell",
        "accounts:uid_zero",
        "accounts:unlisted_administrators",
        "accounts:unlisted_ssh_keys",
    ];
    let open = "path:world_writable_in_etc";

    laid.write("etc/login.defs", "UMASK 077\n");
    assert_eq!(watching.touched().await, of_source("login_defs:"), "written");
    laid.write("etc/passwd", "root:x:0:0::/root:/bin/sh\nben:x:1001:1001::/home/ben:/bin/sh\n");
    assert_eq!(watching.touched().await, and(&of_passwd, Vec::new()), "written: its mode is as it was");
    close(&laid.path("etc/passwd"));
    assert_eq!(
        watching.touched().await,
        and(&[&of_passwd[..], &["path:/etc/passwd", open]].concat(), Vec::new())
    );

    // Somebody who was not there before has a home now, and keys in it.
    laid.write("home/ben/.ssh/authorized_keys", "");
    let homes =
        ["accounts:administrators_with_key", "accounts:unlisted_ssh_keys", "accounts:open_home_directories"];
    assert_eq!(watching.touched().await, and(&homes, Vec::new()));
    laid.write("home/ben/.ssh/authorized_keys", "ssh-ed25519 AAAA\n");
    assert_eq!(watching.touched().await, homes[..2]);
    laid.write("home/ann/notes", "nobody looks at these");
    assert!(watching.is_quiet().await);

    // A directory that comes later, and a file in it that comes later still.
    let by_rule = "accounts:unlisted_administrators";
    fs::create_dir(laid.path("etc/sudoers.d")).unwrap();
    assert_eq!(watching.touched().await, and(&[open, by_rule], of_source("sudo:")));
    laid.write("etc/sudoers.d/rule", "ann ALL=(ALL) NOPASSWD: ALL\n");
    assert_eq!(watching.touched().await, and(&[open, by_rule], of_source("sudo:")));
    let of_keys = "accounts:unlisted_ssh_keys";
    laid.write("etc/ssh/sshd_config.d/a.conf", "Port 23\n");
    assert_eq!(watching.touched().await, and(&[open, of_keys], of_source("sshd:")));
    laid.write("etc/ssh/sshd_config.d/a.conf", "Port 24\n");
    assert_eq!(watching.touched().await, and(&[of_keys], of_source("sshd:")));

    // Replaced, as editors and package managers do it.
    laid.write("etc/.new", "UMASK 022\n");
    assert_eq!(watching.touched().await, [open]);
    fs::rename(laid.path("etc/.new"), laid.path("etc/login.defs")).unwrap();
    assert_eq!(watching.touched().await, and(&[open], of_source("login_defs:")));

    laid.write("etc/hostname", "another");
    laid.write("own/evidence/entry", "the product itself writes here all the time");
    assert!(watching.is_quiet().await, "nothing hangs on these");
    close(&laid.path("own/evidence"));
    assert_eq!(watching.touched().await, ["own:evidence"]);
    fs::rename(laid.path("etc/pam.d"), laid.path("etc/pam.old")).unwrap();
    assert_eq!(watching.touched().await, and(&[open], of_source("pam:")));
}
