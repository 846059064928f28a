//! `restore.test` with a real restic: what is whole passes, and each kind of harm is seen.

mod backup;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use contract::record::Count;
use hands::{HandError, Program, Programs, Ran};
use serde_json::json;

use crate::here::{Here, all_of, is_root};
use crate::plain::Plain;
use backup::{Backup, DATABASES, FILES, SECRET};

fn not_as_declared(error: &HandError, words: &str) {
    assert!(matches!(error, HandError::NotAsDeclared { what } if what.contains(words)), "{error:?}");
}

fn is_gone(here: &Here) -> bool {
    fs::read_dir(&here.scratch).map_or(true, |mut entries| entries.next().is_none())
}

#[test]
fn what_is_whole_is_counted_and_touches_the_stamp() {
    if !is_root() {
        return;
    }
    let here = Here::new();
    let backup = Backup::new(&here);
    backup.run();
    // One file changes after the backup: it is no longer compared with the live one.
    fs::write(backup.data().join("changes.txt"), "changed").unwrap();
    let done = here.act(&backup.step()).unwrap();
    let count = |what| done.counts.iter().find(|(c, _)| *c == what).unwrap().1;
    assert_eq!(count(Count::FilesRestored), FILES);
    assert_eq!(count(Count::FilesCompared), 8);
    assert_eq!(count(Count::FilesAsLive), FILES - 1);
    assert_eq!(count(Count::DatabasesWhole), DATABASES);
    assert!(backup.stamp().metadata().unwrap().is_file());
    assert!(is_gone(&here), "what was restored is still there");
}

#[test]
fn a_flipped_byte_in_the_repository_is_seen() {
    if !is_root() {
        return;
    }
    let here = Here::new();
    let backup = Backup::new(&here);
    backup.run();
    backup.flip_a_byte_of_data();
    let failed = here.act(&backup.step()).unwrap_err();
    assert!(matches!(failed, HandError::Program { .. } | HandError::NotAsDeclared { .. }), "{failed:?}");
    assert!(!backup.stamp().exists() && is_gone(&here));
}

#[test]
fn an_old_snapshot_is_no_recent_one_and_none_is_none() {
    if !is_root() {
        return;
    }
    let here = Here::new();
    let backup = Backup::new(&here);
    not_as_declared(&here.act(&backup.step()).unwrap_err(), "no snapshot holds");
    backup.run_at("2020-01-01 00:00:00");
    not_as_declared(&here.act(&backup.step()).unwrap_err(), "no recent snapshot");
    assert!(!backup.stamp().exists());
}

#[test]
fn a_neighbours_backup_in_the_same_repository_proves_nothing_about_ours() {
    if !is_root() {
        return;
    }
    let here = Here::new();
    let backup = Backup::new(&here);
    // The neighbour's is whole, recent, and even holds what lies here.
    backup.run_as("neighbour");
    not_as_declared(&here.act(&backup.step()).unwrap_err(), "only those of hosts with other names");
    // Ours has been broken for weeks; the neighbour's goes on.
    backup.run_at("2020-01-01 00:00:00");
    backup.run_as("neighbour");
    not_as_declared(&here.act(&backup.step()).unwrap_err(), "no recent snapshot");
    assert!(!backup.stamp().exists());
    backup.run();
    backup.run_as("neighbour");
    here.act(&backup.step()).unwrap();
    assert!(backup.stamp().exists());
}

#[test]
fn a_machine_that_restic_calls_by_another_name_is_known_by_that() {
    if !is_root() {
        return;
    }
    let here = Here::new();
    let backup = Backup::new(&here);
    backup.call_this_machine("front-desk");
    backup.run();
    not_as_declared(&here.act(&backup.step()).unwrap_err(), "only those of hosts with other names");
    backup.run_as("front-desk");
    here.act(&backup.step()).unwrap();
}

#[test]
fn where_nothing_could_be_compared_nothing_is_said_to_be_good() {
    if !is_root() {
        return;
    }
    let not_checked = |error: HandError, words: &str| {
        assert!(matches!(error, HandError::NotChecked { what } if what.contains(words)), "{error:?}");
    };
    let here = Here::new();
    let backup = Backup::new(&here);
    backup.run();
    // All that is here is of another time than in the snapshot, as on a machine that was set up anew.
    for entry in walk(&backup.data()) {
        fs::File::options().append(true).open(entry).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    }
    not_checked(here.act(&backup.step()).unwrap_err(), "no file of the snapshot is unchanged");
    assert!(!backup.stamp().exists() && is_gone(&here));
    // Of databases alone that is as it should be: they change, and are opened and checked.
    let mut step = backup.step();
    step["restore.test"]["include"] = step["restore.test"]["databases"].clone();
    here.act(&step).unwrap();
    // Nothing that is short enough for a second look.
    fs::File::create(backup.data().join("long.img")).unwrap().set_len(9 << 20).unwrap();
    backup.run();
    let mut step = backup.step();
    step["restore.test"]["include"] = json!([backup.data().join("long.img")]);
    step["restore.test"]["databases"] = json!([]);
    not_checked(here.act(&step).unwrap_err(), "too long to be fetched a second time");
}

fn walk(below: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(below).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn an_sqlite_database_that_was_broken_when_it_was_backed_up_is_seen() {
    is_seen("clinic.db", &Harm::Middle);
}

#[test]
fn a_dump_that_was_cut_off_when_it_was_backed_up_is_seen() {
    is_seen("plain.sql", &Harm::Cut);
}

#[test]
fn an_archive_of_postgresql_s_that_was_cut_off_is_seen() {
    is_seen("custom.dump", &Harm::Cut);
}

/// Harm is done to the file before it is backed up.
fn is_seen(name: &str, harm: &Harm) {
    if !is_root() {
        return;
    }
    let here = Here::new();
    let backup = Backup::new(&here);
    harm.do_to(&backup.data().join(name));
    backup.run();
    not_as_declared(&here.act(&backup.step()).unwrap_err(), "not whole");
    assert!(!backup.stamp().exists() && is_gone(&here));
}

enum Harm {
    Middle,
    Cut,
}

impl Harm {
    fn do_to(&self, path: &Path) {
        let mut bytes = fs::read(path).unwrap();
        match self {
            // The second page and what follows: the header stays.
            Self::Middle => bytes[4096..12288].fill(0x5a),
            Self::Cut => bytes.truncate(bytes.len() * 3 / 4),
        }
        fs::write(path, bytes).unwrap();
    }
}

#[test]
fn a_database_of_an_unknown_kind_is_refused_and_not_passed() {
    if !is_root() {
        return;
    }
    let here = Here::new();
    let backup = Backup::new(&here);
    fs::write(backup.data().join("clinic.db"), vec![0; 8192]).unwrap();
    backup.run();
    not_as_declared(&here.act(&backup.step()).unwrap_err(), "cannot be checked");
}

#[test]
fn more_than_is_allowed_and_more_than_there_is_room_for_is_not_restored() {
    if !is_root() {
        return;
    }
    let mut here = Here::new();
    let backup = Backup::new(&here);
    backup.run();
    let mut step = backup.step();
    step["restore.test"]["size_mb_max"] = json!(0);
    not_as_declared(&here.act(&step).unwrap_err(), "more would be restored");
    // A small file system for the scratch place.
    let small = here.at("small");
    fs::create_dir(&small).unwrap();
    let options = c"size=1m,mode=0700";
    rustix::mount::mount("none", &small, "tmpfs", rustix::mount::MountFlags::empty(), Some(options)).unwrap();
    here.scratch = small.join("scratch");
    let failed = here.act(&backup.step()).unwrap_err();
    rustix::mount::unmount(&small, rustix::mount::UnmountFlags::DETACH).unwrap();
    assert!(
        matches!(&failed, HandError::File { source, .. } if source.to_string().contains("too little room")),
        "{failed:?}"
    );
    assert!(!backup.stamp().exists());
}

#[test]
fn the_password_is_in_no_error_whatever_goes_wrong() {
    if !is_root() {
        return;
    }
    let here = Here::new();
    let backup = Backup::new(&here);
    backup.run();
    let environment = |text: &str| {
        fs::write(backup.environment(), text).unwrap();
        here.act(&backup.step()).unwrap_err()
    };
    let repository = backup.repository();
    let repository = repository.display();
    let wrong = environment(&format!("RESTIC_REPOSITORY={repository}\nRESTIC_PASSWORD=not-{SECRET}\n"));
    not_as_declared(&wrong, "does not open");
    let errors = [
        wrong,
        environment(&format!("RESTIC_REPOSITORY=/nonexistent/{SECRET}\nRESTIC_PASSWORD={SECRET}\n")),
        environment(&format!(
            "RESTIC_REPOSITORY=rest:https://u:{SECRET}@h.example/\nRESTIC_PASSWORD={SECRET}\n"
        )),
        environment(&format!("RESTIC_REPOSITORY=sftp:{SECRET}@h:/x\nRESTIC_PASSWORD={SECRET}\n")),
        environment(&format!("RESTIC_PASSWORD={SECRET}\n")),
        environment(&format!("RESTIC_REPOSITORY={repository}\n")),
        environment(&format!("RESTIC_PASSWORD_COMMAND=echo {SECRET}\n")),
        environment(&format!("{SECRET}\n")),
        environment(&format!("RESTIC_REPOSITORY={repository}\nRESTIC_PASSWORD={SECRET}\nPATH={SECRET}\n")),
    ];
    for error in errors {
        let said = all_of(&error);
        assert!(!said.contains(SECRET), "the password is in {said}");
    }
    fs::write(backup.environment(), format!("RESTIC_REPOSITORY={repository}\nRESTIC_PASSWORD={SECRET}\n"))
        .unwrap();
    let armed = hands::arm(&crate::here::action(&backup.step()), &here.place()).unwrap();
    assert!(!format!("{armed:?}").contains(SECRET), "the password is in what is armed");
    assert!(!is_gone(&here) || !backup.stamp().exists());
}

#[test]
fn an_environment_that_others_may_read_or_that_is_a_link_is_refused() {
    if !is_root() {
        return;
    }
    let here = Here::new();
    let backup = Backup::new(&here);
    backup.run();
    fs::set_permissions(backup.environment(), fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(here.act(&backup.step()), Err(HandError::File { .. })));
    fs::set_permissions(backup.environment(), fs::Permissions::from_mode(0o600)).unwrap();
    let aside = here.at("aside");
    fs::rename(backup.environment(), &aside).unwrap();
    std::os::unix::fs::symlink(&aside, backup.environment()).unwrap();
    assert!(matches!(here.act(&backup.step()), Err(HandError::File { .. })));
}

#[test]
fn what_a_dead_process_left_is_removed_first_and_a_stop_leaves_nothing() {
    if !is_root() {
        return;
    }
    let here = Here::new();
    let backup = Backup::new(&here);
    backup.run();
    fs::create_dir_all(here.scratch.join("restored/home")).unwrap();
    fs::write(here.scratch.join("restored/home/letter"), "private").unwrap();
    here.interrupt.ask();
    assert!(matches!(here.act(&backup.step()), Err(HandError::Interrupted)));
    assert!(is_gone(&here) && !backup.stamp().exists());
}

/// Restores, and then does harm to what was restored: as a bad disk would, or a restic that lies.
#[derive(Debug)]
struct Lying(fn(&Path));

impl Programs for Lying {
    fn run(&self, program: &Program) -> Result<Ran, HandError> {
        let ran = Plain.run(program)?;
        if program.arguments.iter().any(|a| a == "restore") {
            (self.0)(&program.writes[0]);
        }
        Ok(ran)
    }
}

/// The file of this name below a directory.
fn find(below: &Path, name: &str) -> Option<std::path::PathBuf> {
    let mut left = vec![below.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).unwrap().flatten() {
            if entry.file_name() == name {
                return Some(entry.path());
            }
            left.extend(entry.file_type().unwrap().is_dir().then(|| entry.path()));
        }
    }
    None
}

#[test]
fn a_restore_that_is_only_said_to_be_good_is_not_believed() {
    if !is_root() {
        return;
    }
    let removes: fn(&Path) = |target| fs::remove_file(find(target, "one.txt").unwrap()).unwrap();
    let cuts: fn(&Path) = |target| fs::write(find(target, "one.txt").unwrap(), "").unwrap();
    let changes: fn(&Path) = |target| {
        let path = find(target, "one.txt").unwrap();
        let bytes = fs::read(&path).unwrap();
        fs::write(path, bytes.iter().map(|b| b ^ 1).collect::<Vec<_>>()).unwrap();
    };
    let links: fn(&Path) = |target| {
        let path = find(target, "one.txt").unwrap();
        fs::rename(&path, path.with_extension("aside")).unwrap();
        std::os::unix::fs::symlink(path.with_extension("aside"), &path).unwrap();
    };
    for harm in [removes, cuts, changes, links] {
        let mut here = Here::new();
        let backup = Backup::new(&here);
        backup.run();
        here.programs = Box::new(Lying(harm));
        let failed = here.act(&backup.step()).unwrap_err();
        assert!(matches!(failed, HandError::NotAsDeclared { .. }), "{failed:?}");
        assert!(!backup.stamp().exists() && is_gone(&here));
    }
}

/// Starts so many programs, and no more.
#[derive(Debug)]
struct Ending(AtomicU32);

impl Programs for Ending {
    fn run(&self, program: &Program) -> Result<Ran, HandError> {
        let left = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        left.map_err(|_| HandError::Program { program: program.path.clone(), why: "killed".to_owned() })?;
        Plain.run(program)
    }
}

/// The list of snapshots, that of one, the restore, files one by one, databases: wherever it ends, nothing stays and nothing is said to be good.
#[test]
fn whichever_program_dies_nothing_restored_stays_and_the_stamp_is_as_it_was() {
    if !is_root() {
        return;
    }
    let mut here = Here::new();
    let backup = Backup::new(&here);
    backup.run();
    for programs in [0, 1, 2, 3, 11] {
        here.programs = Box::new(Ending(AtomicU32::new(programs)));
        let failed = here.act(&backup.step()).unwrap_err();
        assert!(
            matches!(&failed, HandError::Program { why, .. } if why == "killed"),
            "{programs}: {failed:?}"
        );
        assert!(!backup.stamp().exists() && is_gone(&here), "{programs}");
    }
}

#[test]
fn without_a_place_for_the_stamp_nothing_is_restored() {
    if !is_root() {
        return;
    }
    let here = Here::new();
    let backup = Backup::new(&here);
    backup.run();
    let mut step = backup.step();
    step["restore.test"]["stamp"] = json!(here.at("nowhere/stamp"));
    assert!(matches!(hands::arm(&crate::here::action(&step), &here.place()), Err(HandError::File { .. })));
}
