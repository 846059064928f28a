//! `sysctl.restore`: give a kernel parameter its declared value. Inverse: the value it had.
//!
//! A parameter of the network is the machine's own one, also where this process stands in another network. What is set holds until the next boot:
//! the declared value in `/etc/sysctl.d` is `file.restore`'s.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use contract::record::Before;
use contract::resource::SysctlKey;
use contract::runbook::Verb;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};

use crate::{Armed, Done, Hand, HandError, Place, host_network};

/// Kernel parameters, as files.
#[derive(Debug, Clone, Copy)]
struct Parameters<'a> {
    root: &'a Path,
}

impl Parameters<'static> {
    fn of_the_kernel() -> Self {
        Self { root: Path::new("/proc/sys") }
    }
}

#[derive(Debug)]
struct Setting {
    key: SysctlKey,
    value: i64,
}

pub(super) fn arm(key: &SysctlKey, value: i64) -> Result<Armed, HandError> {
    let now = in_its_network(key, |parameters| parameters.read(key))?;
    let before = Before::Sysctl { key: key.clone(), value: now };
    Ok(Armed::new(before, Setting { key: key.clone(), value }))
}

impl Hand for Setting {
    fn act(self: Box<Self>, place: &Place<'_>) -> Result<Done, HandError> {
        place.go_on()?;
        in_its_network(&self.key, |parameters| parameters.set(&self.key, self.value))?;
        Ok(Done::default())
    }
}

pub(super) fn undo(before: &Before) -> Result<(), HandError> {
    let Before::Sysctl { key, value } = before else { return Err(HandError::NoBefore(Verb::SysctlRestore)) };
    in_its_network(key, |parameters| parameters.set(key, *value))
}

fn in_its_network<T: Send>(
    key: &SysctlKey,
    work: impl FnOnce(Parameters<'static>) -> Result<T, HandError> + Send,
) -> Result<T, HandError> {
    let parameters = Parameters::of_the_kernel();
    if key.as_str().starts_with("net.") {
        host_network::within(|| work(parameters))
    } else {
        work(parameters)
    }
}

impl Parameters<'_> {
    /// Opens a parameter's file: below the root, whatever its name is made of, and through no link.
    fn open(self, key: &SysctlKey, flags: OFlags) -> Result<(OwnedFd, PathBuf), HandError> {
        let below = key.as_str().replace('.', "/");
        let path = self.root.join(&below);
        let root = openat2(
            CWD,
            self.root,
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
            ResolveFlags::NO_SYMLINKS,
        )
        .map_err(HandError::file(self.root, "open it"))?;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let file = openat2(&root, below, flags | OFlags::CLOEXEC, Mode::empty(), resolve)
            .map_err(HandError::file(&path, "open it"))?;
        Ok((file, path))
    }

    fn read(self, key: &SysctlKey) -> Result<i64, HandError> {
        let (file, path) = self.open(key, OFlags::RDONLY)?;
        let mut text = String::new();
        File::from(file).take(256).read_to_string(&mut text).map_err(|source| HandError::File {
            path,
            action: "read it",
            source,
        })?;
        text.trim().parse().map_err(|_| HandError::NotAsDeclared { what: "the parameter is not one number" })
    }

    /// Sets it, and believes only what it reads back.
    fn set(self, key: &SysctlKey, value: i64) -> Result<(), HandError> {
        // Not cut: a parameter's file has no length, and a directory or a list of numbers must be found out before it is touched.
        self.read(key)?;
        let (file, path) = self.open(key, OFlags::WRONLY)?;
        File::from(file).write_all(format!("{value}\n").as_bytes()).map_err(|source| HandError::File {
            path,
            action: "set it",
            source,
        })?;
        if self.read(key)? == value {
            Ok(())
        } else {
            Err(HandError::NotAsDeclared { what: "the kernel took the value and shows another one" })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn key(text: &str) -> SysctlKey {
        text.parse().unwrap()
    }

    /// A tree that stands for the kernel's: no test here touches this machine's parameters.
    fn tree(value: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("net/ipv4")).unwrap();
        fs::write(dir.path().join("net/ipv4/x"), value).unwrap();
        dir
    }

    #[test]
    fn a_parameter_is_set_and_read_back() {
        let dir = tree("1\n");
        let parameters = Parameters { root: dir.path() };
        assert_eq!(parameters.read(&key("net.ipv4.x")).unwrap(), 1);
        parameters.set(&key("net.ipv4.x"), 0).unwrap();
        parameters.set(&key("net.ipv4.x"), 0).unwrap();
        assert_eq!(parameters.read(&key("net.ipv4.x")).unwrap(), 0);
    }

    #[test]
    fn what_is_not_one_number_is_left_alone() {
        let dir = tree("32768 60999\n");
        let parameters = Parameters { root: dir.path() };
        let refused = parameters.set(&key("net.ipv4.x"), 0);
        assert!(matches!(refused, Err(HandError::NotAsDeclared { .. })), "{refused:?}");
        assert_eq!(fs::read_to_string(dir.path().join("net/ipv4/x")).unwrap(), "32768 60999\n");
        assert!(parameters.set(&key("net.ipv4"), 0).is_err(), "a directory is no parameter");
        assert!(parameters.set(&key("net.ipv4.none"), 0).is_err());
        assert!(!dir.path().join("net/ipv4/none").exists(), "a parameter was made up");
    }

    #[test]
    fn nothing_outside_the_tree_is_reached_by_a_link() {
        let dir = tree("1");
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("y"), "7").unwrap();
        symlink(outside.path(), dir.path().join("link")).unwrap();
        symlink(dir.path().join("net/ipv4/x"), dir.path().join("z")).unwrap();
        let parameters = Parameters { root: dir.path() };
        assert!(parameters.set(&key("link.y"), 0).is_err());
        assert!(parameters.set(&key("z"), 0).is_err());
        assert_eq!(fs::read_to_string(outside.path().join("y")).unwrap(), "7");
    }
}
