use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use contract::record::Count;
use contract::runbook::{Action, FilesPrune};
use contract::time::MonoNs;
use facts::OwnDirectories;
use proptest::prelude::*;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};

use crate::{Done, HandError, Interrupt, Place, Program, Programs, Ran, Snapshots};

#[derive(Debug)]
struct NoPrograms;

impl Programs for NoPrograms {
    fn run(&self, _: &Program) -> Result<Ran, HandError> {
        Err(HandError::NothingToDo("no program is to be started here"))
    }
}

/// A directory to prune, beside Suture's own.
struct Rig {
    root: tempfile::TempDir,
    own: OwnDirectories,
    interrupt: Interrupt,
    deadline: MonoNs,
    /// What ages are counted from.
    began_s: i64,
}

impl Rig {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join("suture").join(name);
        let own =
            OwnDirectories { evidence: at("evidence"), executor_keys: at("keys"), agent_keys: at("agent") };
        fs::create_dir(root.path().join("logs")).unwrap();
        Self {
            root,
            own,
            interrupt: Interrupt::default(),
            deadline: MonoNs(u64::MAX),
            began_s: edge::clock::utc().unix_ms() / 1000,
        }
    }

    fn logs(&self) -> PathBuf {
        self.root.path().canonicalize().unwrap().join("logs")
    }

    fn file(&self, name: &str, age_h: i64) -> PathBuf {
        let path = self.logs().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, vec![b'x'; 5000]).unwrap();
        let modified = self.began_s - age_h * 3600 - 5;
        let at = Timespec { tv_sec: modified, tv_nsec: 0 };
        let times = Timestamps { last_access: at, last_modification: at };
        utimensat(CWD, &path, &times, AtFlags::empty()).unwrap();
        path
    }

    fn rule(&self) -> FilesPrune {
        FilesPrune {
            directory: self.logs().to_str().unwrap().parse().unwrap(),
            suffixes: vec![".gz".parse().unwrap()],
            older_than_h: 48,
            keep: 0,
            depth_max: 3,
            count_max: 1000,
        }
    }

    fn run(&self, rule: &FilesPrune) -> Result<Done, HandError> {
        let place = Place {
            own: &self.own,
            snapshot: Snapshots::below(&self.root.path().join("suture/snapshots"))
                .of(&"or-1".parse().unwrap(), 0),
            programs: &NoPrograms,
            deadline: self.deadline,
            interrupt: &self.interrupt,
            scratch: self.root.path().join("suture/scratch"),
            nixos: crate::Nixos::default(),
        };
        crate::arm(&Action::FilesPrune(rule.clone()), &place)?.act(&place)
    }
}

fn removed(done: &Done) -> u64 {
    done.counts.iter().find(|(what, _)| *what == Count::FilesRemoved).unwrap().1
}

#[test]
fn old_files_of_the_suffix_go_and_their_bytes_are_counted() {
    let rig = Rig::new();
    let (old, young, other) = (rig.file("a.gz", 100), rig.file("b.gz", 10), rig.file("c.log", 100));
    let deep = rig.file("x/y/z/d.gz", 100);
    let deeper = rig.file("x/y/z/w/e.gz", 100);
    let done = rig.run(&rig.rule()).unwrap();
    assert_eq!((removed(&done), done.counts[1]), (2, (Count::BytesFreed, 16384)));
    assert!(!old.exists() && !deep.exists() && young.exists() && other.exists() && deeper.exists());
}

#[test]
fn the_newest_stay_in_each_directory_and_no_more_than_the_bound_go() {
    let rig = Rig::new();
    for age in [50, 60, 70, 80] {
        rig.file(&format!("{age}.gz"), age);
        rig.file(&format!("x/{age}.gz"), age);
    }
    let rule = FilesPrune { keep: 2, count_max: 3, ..rig.rule() };
    assert_eq!(removed(&rig.run(&rule).unwrap()), 3);
    let left = |d: &str| {
        fs::read_dir(rig.logs().join(d)).unwrap().filter(|e| e.as_ref().unwrap().path().is_file()).count()
    };
    assert_eq!((left("."), left("x")), (2, 3));
    assert!(rig.logs().join("x/70.gz").exists(), "the oldest goes first");
}

#[test]
fn a_file_from_the_future_and_one_of_several_names_stay() {
    let rig = Rig::new();
    let future = rig.file("f.gz", -1);
    let linked = rig.file("l.gz", 100);
    fs::hard_link(&linked, rig.root.path().join("other")).unwrap();
    let rule = FilesPrune { older_than_h: 0, ..rig.rule() };
    assert_eq!(removed(&rig.run(&rule).unwrap()), 0);
    assert!(future.exists() && linked.exists());
}

#[test]
fn no_link_is_followed_and_none_is_removed() {
    let rig = Rig::new();
    let outside = rig.root.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::rename(rig.file("v.gz", 100), outside.join("v.gz")).unwrap();
    symlink(&outside, rig.logs().join("way")).unwrap();
    symlink(outside.join("v.gz"), rig.logs().join("link.gz")).unwrap();
    assert_eq!(removed(&rig.run(&rig.rule()).unwrap()), 0);
    assert!(outside.join("v.gz").exists() && rig.logs().join("link.gz").is_symlink());
    symlink(rig.logs(), rig.root.path().join("alias")).unwrap();
    let alias = rig.root.path().canonicalize().unwrap().join("alias");
    let rule = FilesPrune { directory: alias.to_str().unwrap().parse().unwrap(), ..rig.rule() };
    assert!(matches!(rig.run(&rule), Err(HandError::File { .. })), "a link was opened");
}

#[test]
fn no_mount_is_crossed() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not run: only root can mount");
        return;
    }
    let rig = Rig::new();
    let at = rig.logs().join("mounted");
    fs::create_dir(&at).unwrap();
    rustix::mount::mount("none", &at, "tmpfs", rustix::mount::MountFlags::empty(), None).unwrap();
    let inside = rig.file("mounted/a.gz", 100);
    let done = rig.run(&rig.rule());
    let survived = inside.exists();
    rustix::mount::unmount(&at, rustix::mount::UnmountFlags::DETACH).unwrap();
    assert!(survived && removed(&done.unwrap()) == 0);
}

#[test]
fn where_anybody_may_exchange_files_nothing_is_removed() {
    let rig = Rig::new();
    let below = rig.file("open/a.gz", 100);
    fs::set_permissions(rig.logs().join("open"), fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(removed(&rig.run(&rig.rule()).unwrap()), 0);
    assert!(below.exists());
    fs::set_permissions(rig.logs(), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(rig.run(&rig.rule()).is_err());
    fs::set_permissions(rig.logs(), fs::Permissions::from_mode(0o1777)).unwrap();
    assert!(rig.run(&rig.rule()).is_ok(), "the sticky bit keeps others from exchanging");
}

#[test]
fn sutures_own_directories_are_refused_from_above_and_below_and_over_a_link() {
    let mut rig = Rig::new();
    let evidence = rig.root.path().canonicalize().unwrap().join("suture/evidence/tiles");
    fs::create_dir_all(&evidence).unwrap();
    for directory in [evidence.as_path(), evidence.parent().unwrap(), rig.root.path()] {
        let directory = directory.canonicalize().unwrap().to_str().unwrap().parse().unwrap();
        assert!(rig.run(&FilesPrune { directory, ..rig.rule() }).is_err());
    }
    symlink(rig.logs(), rig.root.path().join("alias")).unwrap();
    rig.own.agent_keys = rig.root.path().join("alias");
    assert!(rig.run(&rig.rule()).is_err(), "a link hid that it is ours");
    let rule = FilesPrune { suffixes: Vec::new(), ..rig.rule() };
    assert!(rig.run(&rule).is_err(), "any name would do");
}

#[test]
fn asked_to_stop_or_too_late_it_removes_nothing() {
    let mut rig = Rig::new();
    let old = rig.file("a.gz", 100);
    rig.interrupt.ask();
    assert!(matches!(rig.run(&rig.rule()), Err(HandError::Interrupted)));
    rig.interrupt = Interrupt::default();
    rig.deadline = MonoNs(0);
    assert!(matches!(rig.run(&rig.rule()), Err(HandError::TooLate)));
    assert!(old.exists());
}

/// Every file below, by its path, with its age in hours.
type Tree = BTreeMap<String, i64>;

fn tree() -> impl Strategy<Value = Tree> {
    let directory = prop::sample::select(vec!["", "x/", "x/y/", "x/y/z/", "w/"]);
    let name = (0..12u8, prop::sample::select(vec![".gz", ".log", ".xz", "gz", ".gz.old"]));
    let path = (directory, name).prop_map(|(d, (n, s))| format!("{d}{n}{s}"));
    prop::collection::btree_map(path, -3..200i64, 0..40)
}

fn is_eligible(rule: &FilesPrune, path: &str, age: i64) -> bool {
    let depth = u32::try_from(path.matches('/').count()).unwrap();
    let named = rule.suffixes.iter().any(|s| path.ends_with(s.as_str()));
    named && depth <= rule.depth_max && age >= i64::from(rule.older_than_h)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn over_any_tree_only_old_files_of_the_rule_go_and_the_newest_stay(
        tree in tree(), older_than_h in 0..150u32, keep in 0..4u32, depth_max in 0..4u32, count_max in 0..12u32, both in any::<bool>()
    ) {
        let rig = Rig::new();
        for (path, age) in &tree {
            rig.file(path, *age);
        }
        let outside = rig.root.path().join("outside.gz");
        fs::rename(rig.file("outside.gz", 1000), &outside).unwrap();
        let mut rule = FilesPrune { older_than_h, keep, depth_max, count_max, ..rig.rule() };
        if both {
            rule.suffixes.push(".xz".parse().unwrap());
        }
        let counted = removed(&rig.run(&rule).unwrap());
        let gone: Vec<_> = tree.iter().filter(|(path, _)| !rig.logs().join(path).exists()).collect();
        prop_assert_eq!(counted, gone.len() as u64);
        prop_assert!(counted <= u64::from(count_max));
        prop_assert!(outside.exists());
        for (path, age) in &gone {
            prop_assert!(is_eligible(&rule, path, **age), "{} of {} h went", path, age);
        }
        // In each directory, as many of the newest as are to stay are there: nothing younger than what stays went.
        let directory = |path: &str| Path::new(path).parent().unwrap().to_owned();
        for (path, age) in &gone {
            let newer = tree.iter().filter(|(p, a)| {
                directory(p) == directory(path) && a <= age && rig.logs().join(p).exists()
                    && rule.suffixes.iter().any(|s| p.ends_with(s.as_str()))
            });
            prop_assert!(newer.count() >= keep as usize, "{} went though it was among the newest", path);
        }
        // And nothing stays for no reason.
        if counted < u64::from(count_max) {
            for (path, age) in tree.iter().filter(|(p, a)| is_eligible(&rule, p, **a) && rig.logs().join(p).exists()) {
                let ahead = tree.iter().filter(|(p, a)| {
                    directory(p) == directory(path) && (0..*age).contains(*a) && *p != path
                        && rule.suffixes.iter().any(|s| p.ends_with(s.as_str()))
                });
                prop_assert!(ahead.count() < keep as usize, "{} stayed", path);
            }
        }
    }
}
