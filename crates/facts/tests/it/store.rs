//! The verification of the Nix store: with Nix itself over a store that is altered and one that is not, and with programs in its place that hang or fail.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use contract::fact::Absence;
use contract::time::UtcTime;
use facts::{Root, StoreVerification, Verified, verify_store};

use crate::tree::{Tree, id, number};

const LIMIT: Duration = Duration::from_secs(50);
const FACT: &str = "nixos:store_altered_paths";

/// A machine with the programs of the real one, and Nix as `script` has it.
fn machine(script: &str) -> Tree {
    ["setpriv", "chrt", "ionice"]
        .iter()
        .fold(Tree::new(), |tree, name| {
            tree.program(&format!("/usr/bin/{name}"), &format!("exec {name} \"$@\""))
        })
        .file("/etc/NIXOS", "")
        .file("/nix/store/x-system/init", "")
        .link("/run/current-system", "../nix/store/x-system")
        .program("/usr/bin/nix", script)
}

fn root(tree: &Tree) -> Root {
    Root::new(tree.path("/"))
}

/// A fake that answers that the database knows the system, and then does `script`.
fn verifying(script: &str) -> Tree {
    machine(&format!("case \"$*\" in *path-info*) exit 0;; esac\n{script}"))
}

/// Nix itself, with a store below the tree's root.
fn real() -> Tree {
    let tree = machine("");
    let store = format!("local?root={}", tree.path("/").display());
    tree.program("/usr/bin/nix", &format!("exec nix --store '{store}' \"$@\""))
}

/// Puts a file into the tree's store, and says where it lies.
fn add(tree: &Tree, name: &str) -> String {
    let file = tree.path(name);
    fs::write(&file, name).unwrap();
    let nix = tree.path("/usr/bin/nix");
    let added = Command::new(nix)
        .args(["--extra-experimental-features", "nix-command", "store", "add-file"])
        .arg(file)
        .output()
        .unwrap();
    assert!(added.status.success(), "{added:?}");
    String::from_utf8(added.stdout).unwrap().trim().to_owned()
}

/// The same, with the first path as the system that runs.
fn store(names: &[&str]) -> (Tree, Vec<String>) {
    let tree = real();
    let paths: Vec<_> = names.iter().map(|name| add(&tree, name)).collect();
    fs::remove_file(tree.path("/run/current-system")).unwrap();
    let tree = tree.link("/run/current-system", &format!("..{}", paths[0]));
    (tree, paths)
}

fn alter(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(path, "altered").unwrap();
}

#[test]
fn nix_itself_finds_each_path_that_was_altered() {
    let (tree, paths) = store(&["a", "b", "c"]);
    assert_eq!(verify_store(&root(&tree), LIMIT), Verified::Altered(0));
    alter(&tree.path(&paths[1]));
    assert_eq!(verify_store(&root(&tree), LIMIT), Verified::Altered(1));
    alter(&tree.path(&paths[2]));
    fs::remove_file(tree.path(&paths[0])).unwrap();
    fs::write(tree.path(&paths[0]), "another").unwrap();
    assert_eq!(verify_store(&root(&tree), LIMIT), Verified::Altered(3));
}

#[test]
fn a_path_that_is_gone_is_neither_whole_nor_counted_as_altered() {
    let (tree, paths) = store(&["a", "b"]);
    fs::remove_file(tree.path(&paths[1])).unwrap();
    assert_eq!(verify_store(&root(&tree), LIMIT), Verified::NotVerified(Absence::Unreadable));
    assert_eq!(
        verify_store(&root(&tree), LIMIT),
        Verified::NotVerified(Absence::Unreadable),
        "and it mends nothing"
    );
}

#[test]
fn an_empty_database_has_nothing_to_complain_about_and_is_no_pass() {
    let (tree, _) = store(&["a"]);
    fs::remove_dir_all(tree.path("/nix/var/nix/db")).unwrap();
    assert_eq!(verify_store(&root(&tree), LIMIT), Verified::NotVerified(Absence::Unreadable));
}

#[test]
fn it_runs_when_nobody_else_wants_the_machine() {
    // Field 41 of stat(5) is the scheduler's class: 5 is SCHED_IDLE.
    let tree = verifying("cut -d' ' -f41 /proc/$$/stat > \"$0.class\"; ionice -p $$ >> \"$0.class\"");
    assert_eq!(verify_store(&root(&tree), LIMIT), Verified::Altered(0));
    assert_eq!(fs::read_to_string(tree.path("/usr/bin/nix.class")).unwrap(), "5\nidle\n");
}

#[test]
fn one_that_hangs_is_killed_with_all_it_started_and_is_not_assessed() {
    let tree = verifying("sleep 3600 & echo $! > \"$0.pid\"; sleep 3600");
    let begun = Instant::now();
    assert_eq!(verify_store(&root(&tree), Duration::from_secs(2)), Verified::NotVerified(Absence::TimedOut));
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    let sleeper = fs::read_to_string(tree.path("/usr/bin/nix.pid")).unwrap();
    // Gone, or nobody has reaped it yet. What runs idly dies idly: it has to be given the processor for that.
    let stat = format!("/proc/{}/stat", sleeper.trim());
    let is_dead = || fs::read_to_string(&stat).map_or(true, |state| state.contains(") Z"));
    assert!(
        (0..300).any(|_| is_dead() || {
            sleep(Duration::from_millis(100));
            false
        }),
        "it lives on"
    );
}

/// Runs itself a second time as the process that begins the verification, and is killed.
#[test]
fn one_ends_with_the_process_that_began_it() {
    const BEGUN_IN: &str = "SUTURE_TEST_STORE";
    if let Some(root) = std::env::var_os(BEGUN_IN) {
        verify_store(&Root::new(root), LIMIT);
        return;
    }
    let tree = verifying("echo $$ > \"$0.new\"; mv \"$0.new\" \"$0.pid\"; exec sleep 3600");
    let mut beginning = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::one_ends_with_the_process_that_began_it"])
        .env(BEGUN_IN, tree.path("/"))
        .spawn()
        .unwrap();
    let pid = tree.path("/usr/bin/nix.pid");
    assert!(
        (0..300).any(|_| pid.exists() || {
            sleep(Duration::from_millis(100));
            false
        }),
        "it never began"
    );
    let stat = format!("/proc/{}/stat", fs::read_to_string(pid).unwrap().trim());
    assert!(fs::read_to_string(&stat).is_ok_and(|state| !state.contains(") Z")), "it is not there");
    beginning.kill().unwrap();
    beginning.wait().unwrap();
    let is_dead = || fs::read_to_string(&stat).map_or(true, |state| state.contains(") Z"));
    assert!(
        (0..300).any(|_| is_dead() || {
            sleep(Duration::from_millis(100));
            false
        }),
        "it lives on"
    );
}

#[test]
fn one_that_is_killed_or_fails_is_not_assessed() {
    let not = |script: &str, absence| {
        assert_eq!(
            verify_store(&root(&verifying(script)), LIMIT),
            Verified::NotVerified(absence),
            "{script}"
        );
    };
    not("kill -9 $$", Absence::Unreadable);
    not("exit 4", Absence::Unreadable);
    not("exit 2", Absence::Unreadable);
    not("exit 127", Absence::Unreadable);
    // As Nix ends where it cannot even open its database.
    not("echo 'error: opening lock file' >&2; exit 1", Absence::Unreadable);
    // It does not know the system, whatever it says after that.
    let foreign = machine("case \"$*\" in *path-info*) exit 1;; esac");
    assert_eq!(verify_store(&root(&foreign), LIMIT), Verified::NotVerified(Absence::Unreadable));
    for missing in ["nix", "chrt", "ionice", "setpriv"] {
        let tree = verifying("");
        fs::remove_file(tree.path(&format!("/usr/bin/{missing}"))).unwrap();
        assert_eq!(
            verify_store(&root(&tree), LIMIT),
            Verified::NotVerified(Absence::NotInstalled),
            "{missing}"
        );
    }
}

#[test]
fn what_was_found_altered_is_so_whatever_else_went_wrong() {
    let line = "path '/nix/store/x' was modified! expected hash 'sha256:a', got 'sha256:b'";
    for end in ["exit 5", "exit 1", "kill -9 $$"] {
        let tree = verifying(&format!("echo \"{line}\" >&2; {end}"));
        assert_eq!(verify_store(&root(&tree), LIMIT), Verified::Altered(1), "{end}");
    }
}

fn keeping(text: &str) -> Tree {
    let mut tree = Tree::of(&[("/etc/NIXOS", ""), ("/kept.json", text)]);
    tree.config.store_verification = Some(tree.path("/kept.json"));
    tree
}

fn ended(days_ago: i64, came_to: Verified) -> String {
    let ended = UtcTime::from_unix_ms(edge::clock::utc().unix_ms() - days_ago * 24 * 60 * 60 * 1000).unwrap();
    serde_json::to_string(&StoreVerification { ended, came_to }).unwrap()
}

#[test]
fn the_fact_is_what_the_last_verification_came_to() {
    assert_eq!(keeping(&ended(1, Verified::Altered(0))).read(FACT), number(0));
    assert_eq!(keeping(&ended(13, Verified::Altered(2))).read(FACT), number(2));
    for absence in [Absence::TimedOut, Absence::Unreadable, Absence::NotInstalled] {
        assert_eq!(keeping(&ended(0, Verified::NotVerified(absence))).read(FACT), Err(absence));
    }
}

#[test]
fn none_yet_an_old_one_and_a_bent_one_are_no_pass() {
    assert_eq!(keeping(&ended(15, Verified::Altered(0))).read(FACT), Err(Absence::TimedOut), "stale");
    assert_eq!(
        keeping(&ended(-1, Verified::Altered(0))).read(FACT),
        Err(Absence::Malformed),
        "from tomorrow"
    );
    for bent in ["", "{}", "{\"ended\":\"2026-11-21T06:00:00.000Z\",\"came_to\":{\"altered\":0},\"x\":1}"] {
        assert_eq!(keeping(bent).read(FACT), Err(Absence::Malformed), "{bent}");
    }
    let none = keeping("");
    fs::remove_file(none.path("/kept.json")).unwrap();
    assert_eq!(none.read(FACT), Err(Absence::NotRunning), "none has ended yet");
    // The agent keeps none; it asks the executor, as for all that only root can see.
    let agent = Tree::of(&[("/etc/NIXOS", "")]);
    assert_eq!(agent.read(FACT), Err(Absence::NeedsRoot));
    assert!(contract::probe::is_probed(&id(FACT)));
}
