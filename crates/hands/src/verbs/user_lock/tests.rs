//! On account files below a root of the test's own.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use contract::time::MonoNs;
use facts::OwnDirectories;

use super::*;
use crate::{Interrupt, Program, Programs, Ran, Snapshot};

const HASH: &str = "$6$salt$hash";

#[derive(Debug)]
struct NoPrograms;

impl Programs for NoPrograms {
    fn run(&self, program: &Program) -> Result<Ran, HandError> {
        Err(HandError::Program { program: program.path.clone(), why: "none is started".to_owned() })
    }
}

struct Machine {
    dir: tempfile::TempDir,
    own: OwnDirectories,
    interrupt: Interrupt,
}

impl Machine {
    fn with(passwd: &str, group: &str, shadow: &str) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("not run: the account files are root's");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("etc")).unwrap();
        for (name, text) in [("passwd", passwd), ("group", group), ("shadow", shadow)] {
            fs::write(dir.path().join("etc").join(name), text).unwrap();
        }
        fs::set_permissions(dir.path().join("etc/shadow"), fs::Permissions::from_mode(0o640)).unwrap();
        let none = || dir.path().join("none");
        let own = OwnDirectories { evidence: none(), executor_keys: none(), agent_keys: none() };
        Some(Self { dir, own, interrupt: Interrupt::default() })
    }

    fn place(&self) -> Place<'_> {
        Place {
            own: &self.own,
            snapshot: Snapshot::at(&self.dir.path().join("snapshot")),
            programs: &NoPrograms,
            deadline: MonoNs(edge::clock::mono().0 + 10_000_000_000),
            interrupt: &self.interrupt,
            scratch: self.dir.path().join("scratch"),
            nixos: crate::Nixos::default(),
        }
    }

    fn accounts(&self) -> Accounts {
        Accounts { root: self.dir.path().canonicalize().unwrap() }
    }

    fn shadow(&self) -> String {
        fs::read_to_string(self.dir.path().join("etc/shadow")).unwrap()
    }

    fn locked(&self, rule: AccountRule) -> (Before, Done) {
        let armed = self.accounts().arm(rule, &self.place()).unwrap();
        let before = armed.before().clone();
        (before, armed.act(&self.place()).unwrap())
    }
}

const PASSWD: &str = "root:x:0:0::/root:/bin/bash\ndaemon:x:1:1::/:/usr/sbin/nologin\nann:x:1000:1000::/home/ann:/bin/sh\nmysql:x:110:110::/:/bin/sh\n"; // tidy: allow paths
const GROUP: &str = "root:x:0:\nsudo:x:27:ann\n";

fn shadow() -> String {
    format!(
        "root:{HASH}:1::::::\ndaemon:*:1:0:99999:7:::\nann:{HASH}:1::::::\nmysql:{HASH}:2::::::\nbob::3::::::\n"
    )
}

#[test]
fn system_accounts_are_locked_and_get_their_fields_back_exactly() {
    let Some(machine) = Machine::with(PASSWD, GROUP, &shadow()) else { return };
    let (before, done) = machine.locked(AccountRule::SystemWithPassword);
    assert_eq!(done.counts, [(Count::AccountsLocked, 1)]);
    assert_eq!(machine.shadow(), shadow().replace("mysql:$", "mysql:!$"));
    assert_eq!(fs::metadata(machine.dir.path().join("etc/shadow")).unwrap().mode() & 0o7777, 0o640);
    // From the record alone, twice.
    let before: Before = serde_json::from_str(&serde_json::to_string(&before).unwrap()).unwrap();
    for _ in 0..2 {
        machine.accounts().undo(&before, &machine.place()).unwrap();
        assert_eq!(machine.shadow(), shadow());
    }
}

#[test]
fn the_record_names_nobody() {
    let Some(machine) = Machine::with(PASSWD, GROUP, &shadow()) else { return };
    let (before, done) = machine.locked(AccountRule::SystemWithPassword);
    let said = format!("{}{done:?}{before:?}", serde_json::to_string(&before).unwrap());
    assert!(!said.contains("mysql") && !said.contains(HASH), "{said}");
}

#[test]
fn undoing_leaves_what_was_changed_since() {
    let Some(machine) = Machine::with(PASSWD, GROUP, &shadow().replace("ann:$6$salt$hash", "ann:")) else {
        return;
    };
    fs::write(machine.dir.path().join("etc/passwd"), format!("{PASSWD}bob:x:1001:1001::/:/bin/sh\n"))
        .unwrap();
    let (before, done) = machine.locked(AccountRule::EmptyPassword);
    assert_eq!(done.counts, [(Count::AccountsLocked, 2)]);
    let new = machine.shadow().replace("ann:!:", "ann:$6$new$one:") + "eve:*:4::::::\n";
    fs::write(machine.dir.path().join("etc/shadow"), &new).unwrap();
    machine.accounts().undo(&before, &machine.place()).unwrap();
    assert_eq!(machine.shadow(), new.replace("bob:!:", "bob::"));
}

#[test]
fn the_last_account_that_leads_to_root_is_never_locked_for_its_password() {
    let passwd = "root:x:0:0::/:/bin/sh\nsetup:x:900:900::/:/bin/sh\n";
    let shadow = format!("root:*:1::::::\nsetup:{HASH}:1::::::\n");
    let Some(machine) = Machine::with(passwd, "sudo:x:27:setup\n", &shadow) else { return };
    let refused = machine.accounts().arm(AccountRule::SystemWithPassword, &machine.place());
    assert!(matches!(refused, Err(HandError::NothingToDo(_))), "{refused:?}");
    // With a key of root's there is another way.
    fs::create_dir(machine.dir.path().join(".ssh")).unwrap();
    fs::write(machine.dir.path().join(".ssh/authorized_keys"), "# none\nssh-ed25519 AAAA x\n").unwrap();
    assert_eq!(machine.locked(AccountRule::SystemWithPassword).1.counts, [(Count::AccountsLocked, 1)]);
}

#[test]
fn an_empty_password_is_locked_whosever_it_is() {
    let Some(machine) = Machine::with("root:x:0:0::/:/bin/sh\n", "", "root::1::::::\n") else { return };
    machine.locked(AccountRule::EmptyPassword);
    assert_eq!(machine.shadow(), "root:!:1::::::\n");
    let refused = machine.accounts().arm(AccountRule::EmptyPassword, &machine.place());
    assert!(matches!(refused, Err(HandError::NothingToDo(_))), "{refused:?}");
}

#[test]
fn an_account_that_got_a_password_since_is_left_alone() {
    let Some(machine) = Machine::with("bob:x:1001:1001::/:/bin/sh\n", "", "bob::1::::::\n") else { return };
    let armed = machine.accounts().arm(AccountRule::EmptyPassword, &machine.place()).unwrap();
    fs::write(machine.dir.path().join("etc/shadow"), "bob:$6$x$y:1::::::\n").unwrap();
    let refused = armed.act(&machine.place());
    assert!(matches!(refused, Err(HandError::NothingToDo(_))), "{refused:?}");
    assert_eq!(machine.shadow(), "bob:$6$x$y:1::::::\n");
}

#[test]
fn a_snapshot_that_was_altered_is_not_believed() {
    let Some(machine) = Machine::with(PASSWD, GROUP, &shadow()) else { return };
    let (before, _) = machine.locked(AccountRule::SystemWithPassword);
    let Before::Files(kept) = &before else { panic!("{before:?}") };
    let digest = kept[0].1.as_ref().unwrap().digest;
    let list = Snapshot::at(&machine.dir.path().join("snapshot")).kept(KEPT, &digest);
    fs::write(&list, r#"[{"account":"mysql","from":"x","to":"!$6$salt$hash"}]"#).unwrap();
    let locked = machine.shadow();
    assert!(matches!(machine.accounts().undo(&before, &machine.place()), Err(HandError::Snapshot(_))));
    assert_eq!(machine.shadow(), locked);
}

#[test]
fn a_link_in_the_place_of_the_file_is_refused() {
    let Some(machine) = Machine::with(PASSWD, GROUP, &shadow()) else { return };
    let etc = machine.dir.path().join("etc");
    fs::rename(etc.join("shadow"), etc.join("real")).unwrap();
    std::os::unix::fs::symlink("real", etc.join("shadow")).unwrap();
    let refused = machine.accounts().arm(AccountRule::SystemWithPassword, &machine.place());
    assert!(matches!(refused, Err(HandError::File { .. })), "{refused:?}");
    assert_eq!(fs::read_to_string(etc.join("real")).unwrap(), shadow());
}

#[test]
fn while_somebody_else_edits_accounts_nothing_is_changed() {
    let Some(machine) = Machine::with(PASSWD, GROUP, &shadow()) else { return };
    // A record lock is a process's own, so another process holds it, as `passwd` would.
    let lock = machine.dir.path().join("etc/.pwd.lock");
    let script = "import fcntl,sys,time\nf=open(sys.argv[1],'w')\nfcntl.lockf(f,fcntl.LOCK_EX)\nprint(1,flush=True)\ntime.sleep(30)";
    let Ok(mut holder) = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(&lock)
        .stdout(std::process::Stdio::piped())
        .spawn()
    else {
        eprintln!("not run: there is no python3 to hold a record lock");
        return;
    };
    let mut ready = [0];
    std::io::Read::read_exact(holder.stdout.as_mut().unwrap(), &mut ready).unwrap();
    let armed = machine.accounts().arm(AccountRule::SystemWithPassword, &machine.place()).unwrap();
    let mut place = machine.place();
    place.deadline = MonoNs(edge::clock::mono().0 + 200_000_000);
    let refused = armed.act(&place);
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(matches!(refused, Err(HandError::TooLate)), "{refused:?}");
    assert_eq!(machine.shadow(), shadow());
}

/// Two runs of two runbooks, each in a thread of one process, as the executor has them.
#[test]
fn two_threads_that_lock_and_unlock_at_once_lose_nothing_of_the_file() {
    let passwd = format!("{PASSWD}bob:x:1001:1001::/home/bob:/bin/sh\n");
    // Long enough that a half-written file would be seen.
    let before = shadow() + &format!("other:{HASH}:1::::::\n").repeat(2000);
    let Some(machine) = Machine::with(&passwd, GROUP, &before) else { return };
    let rounds = |rule: AccountRule, name: &str| {
        for _ in 0..40 {
            let place = Place { snapshot: Snapshot::at(&machine.dir.path().join(name)), ..machine.place() };
            let armed = machine.accounts().arm(rule, &place).unwrap();
            let kept = armed.before().clone();
            assert_eq!(armed.act(&place).unwrap().counts, [(Count::AccountsLocked, 1)]);
            machine.accounts().undo(&kept, &place).unwrap();
        }
    };
    std::thread::scope(|scope| {
        let one = scope.spawn(|| rounds(AccountRule::EmptyPassword, "one"));
        let other = scope.spawn(|| rounds(AccountRule::SystemWithPassword, "other"));
        one.join().unwrap();
        other.join().unwrap();
    });
    assert_eq!(machine.shadow(), before);
}
