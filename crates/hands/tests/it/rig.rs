//! A place for hands that change files of the test's own.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::{fs, io};

use contract::record::Before;
use contract::runbook::{Action, Step};
use contract::time::MonoNs;
use facts::OwnDirectories;
use hands::{Done, HandError, Interrupt, Place, Snapshots};
use serde_json::{Value, json};

use crate::plain::Plain;

/// A directory that only root may write to, and what a place is made of.
pub(crate) struct Rig {
    dir: tempfile::TempDir,
    own: OwnDirectories,
    pub(crate) interrupt: Interrupt,
    pub(crate) time_limit_ms: u64,
}

impl Rig {
    /// None, loudly, where this is not root: only root's directories are trusted.
    pub(crate) fn new() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("not run: only root's own directories are trusted");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let own =
            OwnDirectories { evidence: at("evidence"), executor_keys: at("keys"), agent_keys: at("agent") };
        fs::create_dir(at("keys")).unwrap();
        fs::create_dir(at("etc")).unwrap();
        Some(Self { dir, own, interrupt: Interrupt::default(), time_limit_ms: 10_000 })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(name)
    }

    pub(crate) fn place(&self) -> Place<'_> {
        Place {
            own: &self.own,
            snapshot: Snapshots::below(&self.path("snapshots"))
                .of(&"order-0123456789abcdef".parse().unwrap(), 0),
            programs: &Plain,
            deadline: MonoNs(edge::clock::mono().0 + self.time_limit_ms * 1_000_000),
            interrupt: &self.interrupt,
            scratch: self.path("scratch"),
            nixos: hands::Nixos::default(),
        }
    }

    /// `file.restore` of `name`, with these fields.
    pub(crate) fn restore(&self, name: &str, fields: &Value) -> Action {
        let mut step = json!({"target": self.path(name).to_str().unwrap()});
        step.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let step: Step = serde_json::from_value(json!({ "file.restore": step })).unwrap();
        step.resolve(&std::collections::BTreeMap::new()).unwrap()
    }

    pub(crate) fn arm(&self, action: &Action) -> Result<hands::Armed, HandError> {
        hands::arm(action, &self.place())
    }

    /// Arms and acts. What the record would hold, as it is read back from it.
    pub(crate) fn act(&self, action: &Action) -> Result<(Before, Done), HandError> {
        let armed = self.arm(action)?;
        let before = serde_json::to_string(armed.before()).unwrap();
        let done = armed.act(&self.place())?;
        Ok((serde_json::from_str(&before).unwrap(), done))
    }

    pub(crate) fn undo(&self, action: &Action, before: &Before) -> Result<(), HandError> {
        hands::undo(action.verb(), &action.resource(), before, &self.place())
    }

    pub(crate) fn write(&self, name: &str, text: &str, mode: u32) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn text(&self, name: &str) -> io::Result<String> {
        fs::read_to_string(self.path(name))
    }

    /// Mode, owner and group.
    pub(crate) fn owned(&self, name: &str) -> (u32, u32, u32) {
        let found = fs::symlink_metadata(self.path(name)).unwrap();
        (found.mode() & 0o7777, found.uid(), found.gid())
    }

    /// The names in a directory.
    pub(crate) fn names(&self, directory: &str) -> Vec<String> {
        names(&self.path(directory))
    }
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
