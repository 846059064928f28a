//! A directory on whatever file system the tests run on: what it cannot do, it says.

use std::os::unix::fs::PermissionsExt as _;

use archive::audit::{self, Finding};
use archive::{Directory, Keep, Key, Lock, Mode, NoLock, Put, StoreError, WriteOnce as _};
use contract::time::UtcTime;
use tempfile::TempDir;

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

fn locked() -> Keep {
    Keep::LockedUntil("2033-11-21T00:00:00.000Z".parse::<UtcTime>().unwrap())
}

/// A directory whose files can be removed at the end, flags or not.
struct Place {
    store: Directory,
    root: TempDir,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        Self { store: Directory::open(&root.path().join("worm")).unwrap(), root }
    }

    fn path(&self, key: &Key) -> std::path::PathBuf {
        self.root.path().join("worm").join(key.as_str())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        fn unseal(path: &std::path::Path) {
            if path.is_dir() {
                for entry in std::fs::read_dir(path).unwrap() {
                    unseal(&entry.unwrap().path());
                }
            } else if let Ok(file) = std::fs::File::open(path)
                && let Ok(flags) = rustix::fs::ioctl_getflags(&file)
            {
                let _ = rustix::fs::ioctl_setflags(&file, flags - rustix::fs::IFlags::IMMUTABLE);
            }
        }
        unseal(self.root.path());
    }
}

#[tokio::test]
async fn a_file_is_written_once_and_nobody_may_write_to_it() {
    let place = Place::new();
    let name = key("t/h/tile/entries/000");
    assert_eq!(place.store.oldest(&name).await.unwrap(), None);
    assert_eq!(place.store.lock(&name).await.unwrap(), None);
    assert_eq!(place.store.put(&name, b"bytes", locked()).await.unwrap(), Put::Written);
    assert_eq!(place.store.put(&name, b"bytes", locked()).await.unwrap(), Put::AlreadyThere);
    let conflict = place.store.put(&name, b"other", locked()).await.unwrap_err();
    assert!(matches!(&conflict, StoreError::Conflict { key, .. } if *key == name), "{conflict}");
    assert_eq!(place.store.oldest(&name).await.unwrap().unwrap(), b"bytes");
    assert_eq!(place.path(&name).metadata().unwrap().permissions().mode() & 0o777, 0o400);
    let listed = place.store.versions(&key("t/h")).await.unwrap();
    assert_eq!(audit::of_versions(&listed, std::slice::from_ref(&name)), vec![]);
    assert_eq!(listed.len(), 1, "something else was left: {listed:?}");
    place.store.check().await.unwrap();
}

#[tokio::test]
async fn the_immutable_flag_is_read_back_or_its_absence_has_a_reason() {
    let place = Place::new();
    let name = key("t/h/000");
    place.store.put(&name, b"bytes", locked()).await.unwrap();
    let lock = place.store.lock(&name).await.unwrap().unwrap();
    match place.store.can_seal() {
        Ok(()) => {
            eprintln!("this file system took the immutable flag, and keeps it");
            assert_eq!(lock, Lock::Locked { until: None, mode: Mode::ImmutableFlag });
            for failed in [
                std::fs::write(place.path(&name), b"other"),
                std::fs::remove_file(place.path(&name)),
                std::fs::rename(place.path(&name), place.root.path().join("away")),
            ] {
                assert_eq!(failed.unwrap_err().kind(), std::io::ErrorKind::PermissionDenied);
            }
            // Taken off by somebody: that is not "not supported".
            let file = std::fs::File::open(place.path(&name)).unwrap();
            let flags = rustix::fs::ioctl_getflags(&file).unwrap();
            rustix::fs::ioctl_setflags(&file, flags - rustix::fs::IFlags::IMMUTABLE).unwrap();
            let lock = place.store.lock(&name).await.unwrap();
            assert_eq!(lock, Some(Lock::Unlocked));
            let finding = audit::of_lock(&name, lock, edge::clock::utc());
            assert_eq!(finding, Some(Finding::Unlocked { key: name }));
        }
        Err(reason) => {
            eprintln!("no immutable flag here: {reason}");
            assert_eq!(lock, Lock::NotSupported(reason));
            let root = rustix::process::geteuid().is_root();
            assert!(root || reason == NoLock::Privilege || reason == NoLock::FileSystem);
        }
    }
}

#[tokio::test]
async fn a_file_that_is_not_to_be_locked_is_not() {
    let place = Place::new();
    let name = key("partial/t/h/000.p/17");
    place.store.put(&name, b"part", Keep::Unlocked).await.unwrap();
    assert!(!matches!(place.store.lock(&name).await.unwrap(), Some(Lock::Locked { .. })));
}

/// What stands on the disk when the power goes after each step of writing.
#[tokio::test]
async fn a_power_cut_while_a_file_is_written_is_made_good_by_the_next_try() {
    for (step, temporary, named) in [
        ("bytes cut short", Some("by"), false),
        ("not named", Some("bytes"), false),
        ("named twice", Some("bytes"), true),
        ("not sealed", None, true),
    ] {
        let place = Place::new();
        let name = key("t/h/000");
        edge::file::private_directory(place.path(&name).parent().unwrap()).unwrap();
        let aside = place.path(&key("t/h/x")).with_file_name("000~");
        if let Some(bytes) = temporary {
            std::fs::write(&aside, bytes).unwrap();
        }
        match (temporary, named) {
            (Some(_), true) => std::fs::hard_link(&aside, place.path(&name)).unwrap(),
            (None, true) => std::fs::write(place.path(&name), b"bytes").unwrap(),
            (_, false) => {}
        }
        let listed = place.store.versions(&key("t/h")).await.unwrap();
        assert_eq!(listed.len(), usize::from(named), "{step}: a file aside counts as an object");
        let put = place.store.put(&name, b"bytes", locked()).await.unwrap();
        assert_eq!(put, if named { Put::AlreadyThere } else { Put::Written }, "{step}");
        assert_eq!(place.store.oldest(&name).await.unwrap().unwrap(), b"bytes", "{step}");
        assert!(!aside.exists(), "{step}");
        let sealed = matches!(place.store.lock(&name).await.unwrap(), Some(Lock::Locked { .. }));
        assert_eq!(sealed, place.store.can_seal().is_ok(), "{step}");
    }
}

#[tokio::test]
async fn a_directory_that_others_may_write_to_is_refused() {
    let root = tempfile::tempdir().unwrap();
    std::fs::set_permissions(root.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(Directory::open(root.path()), Err(StoreError::File(_))));
}
