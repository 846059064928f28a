//! Beside the real thing: Debian's logrotate, and a real journald in a guest.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use super::{Followed, child, pause};
use crate::rig::until_blocking;

/// Runs logrotate over `f`'s log, at once.
fn rotate(f: &Followed, how: &str) {
    let config = f.path("rotate.conf");
    let text = format!("{} {{\n rotate 4\n su root root\n missingok\n{how}\n}}\n", f.log().display());
    fs::write(&config, text).unwrap();
    fs::set_permissions(&config, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let mut command = Command::new("logrotate");
    command.args(["--force", "--state"]).arg(f.path("rotate.state")).arg(&config);
    let out = command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

fn write(path: &Path, lines: u64) {
    let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
    // With a time in it, as a log's line has one.
    for _ in 0..lines {
        writeln!(file, "{} an ordinary line", edge::clock::mono().0).unwrap();
    }
}

#[test]
fn what_logrotate_does_while_we_run_and_while_we_do_not_loses_nothing() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("not run: logrotate's configuration here is root's");
    }
    for how in [
        "create 0600 root root",
        "copytruncate",
        "create 0600 root root\ndelaycompress\ncompress",
        "dateext\ndateformat -%Y%m%d-%s\ncreate 0600 root root",
        "extension .log\ncopytruncate",
        "extension .log\ncreate 0600 root root",
    ] {
        let f = Followed::begun();
        let mut read = 0;
        for turn in 0..3 {
            let at = f.begin();
            write(&f.log(), 50);
            // A cut is told from the copy: what was not read before it stands there.
            rotate(&f, how);
            write(&f.log(), 50);
            let expected = if turn == 0 { 100 } else { 200 };
            until_blocking(how, || (at.lines() >= expected).then_some(()));
            pause(100);
            let (told, health) = at.end();
            read += health.sources[&contract::heartbeat::LogSource::Files].lines;
            assert_eq!((told, health.lost.len()), (vec![], 0), "{how}");
            // And while we are down. A name with seconds in it needs the next one.
            pause(if how.contains("%s") { 1_100 } else { 0 });
            write(&f.log(), 50);
            rotate(&f, how);
            pause(if how.contains("%s") { 1_100 } else { 0 });
            write(&f.log(), 50);
        }
        assert_eq!(read, 500, "{how}");
    }
}

/// This test's own program, following the journal inside a guest; ended with the test.
struct Inside {
    guest: guest::Guest,
    dir: PathBuf,
    _held: tempfile::TempDir,
}

impl Inside {
    fn boot() -> Self {
        let held = tempfile::Builder::new().prefix("suture-journal").tempdir().unwrap();
        let dir = held.path().to_owned();
        let guest = guest::Guest::plan().share(&dir).show_program(child::program()).boot();
        guest.ok("useradd --create-home visitor");
        Self { guest, dir, _held: held }
    }

    fn follow(&self) -> Child {
        let mut child = child::command(self.guest.command(child::program()), &self.dir, "journal");
        let child = self.guest.spawn(&mut child).unwrap();
        // Where it has no cursor it begins at the end: it has to be there.
        pause(1_500);
        child
    }

    fn told(&self) -> Vec<String> {
        child::told(&self.dir).into_iter().map(|(_, detector)| detector).collect()
    }

    fn until(&self, expected: &[&str]) {
        until_blocking(&format!("{expected:?}"), || (self.told().len() >= expected.len()).then_some(()));
        pause(300);
        assert_eq!(self.told(), expected);
    }
}

#[test]
fn a_real_journal_is_read_on_by_its_cursor_and_believed_only_for_what_it_knows_itself() {
    if !guest::runnable() {
        return;
    }
    let inside = Inside::boot();
    let guest = &inside.guest;
    let mut child = inside.follow();
    // A user under another's name, in the identifier and in the message; then root.
    let failed = "Failed password for root from 192.0.2.1 port 1 ssh2";
    guest.ok(&format!("for n in 1 2 3 4 5 6; do runuser -u visitor -- logger -t sshd '{failed}'; done"));
    guest.ok(&format!("for n in 1 2 3 4 5 6; do runuser -u visitor -- logger 'sshd[1]: {failed}'; done"));
    guest.ok("logger -t nginx 'write() failed (28: No space left on device)'");
    inside.until(&["disk.full"]);
    // Killed, and written to meanwhile.
    child.kill().unwrap();
    child.wait().unwrap();
    guest.ok(&format!("for n in 1 2 3 4 5; do logger -t sshd '{failed}'; done; journalctl --sync"));
    let mut child = inside.follow();
    inside.until(&["disk.full", "ssh.failed-logins"]);
    // Rotated away while nobody looked.
    pause(6_000);
    child.kill().unwrap();
    child.wait().unwrap();
    guest.ok("for n in $(seq 200); do logger filler; done; journalctl --sync");
    guest.ok("journalctl --rotate && journalctl --vacuum-files=1 && logger -t after 'the vacuum' && journalctl --sync");
    let mut child = inside.follow();
    inside.until(&["disk.full", "ssh.failed-logins", "agent.log-gap.journal-forgot"]);
    child.kill().unwrap();
    child.wait().unwrap();
}
