//! A place on this machine: directories of its own, and programs started plainly.

use std::path::PathBuf;

use contract::runbook::{Action, Step};
use contract::time::MonoNs;
use facts::OwnDirectories;
use hands::{Done, HandError, Interrupt, Nixos, Place, Programs, Snapshots};

use crate::plain::Plain;

/// Directories, and what a place is made of.
pub(crate) struct Here {
    root: tempfile::TempDir,
    own: OwnDirectories,
    pub(crate) interrupt: Interrupt,
    pub(crate) deadline: MonoNs,
    pub(crate) scratch: PathBuf,
    pub(crate) programs: Box<dyn Programs>,
}

impl Here {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join("suture").join(name);
        let own =
            OwnDirectories { evidence: at("evidence"), executor_keys: at("keys"), agent_keys: at("agent") };
        let scratch = at("scratch");
        Self {
            own,
            interrupt: Interrupt::default(),
            deadline: MonoNs(u64::MAX),
            scratch,
            programs: Box::new(Plain),
            root,
        }
    }

    /// A path below it, through no link.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.root.path().canonicalize().unwrap().join(name)
    }

    pub(crate) fn place(&self) -> Place<'_> {
        Place {
            own: &self.own,
            snapshot: Snapshots::below(&self.own.evidence.with_file_name("snapshots"))
                .of(&"or-1".parse().unwrap(), 0),
            programs: self.programs.as_ref(),
            deadline: self.deadline,
            interrupt: &self.interrupt,
            scratch: self.scratch.clone(),
            nixos: Nixos::default(),
        }
    }

    /// Arms and acts on a step as a runbook has it.
    pub(crate) fn act(&self, step: &serde_json::Value) -> Result<Done, HandError> {
        let place = self.place();
        hands::arm(&action(step), &place)?.act(&place)
    }
}

/// A step without parameters.
pub(crate) fn action(step: &serde_json::Value) -> Action {
    let step: Step = serde_json::from_value(step.clone()).unwrap();
    step.resolve(&std::collections::BTreeMap::new()).unwrap()
}

/// All that an error says, its whole chain and its debug form.
pub(crate) fn all_of(error: &HandError) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut source = std::error::Error::source(error);
    while let Some(e) = source {
        text = format!("{text} {e} {e:?}");
        source = e.source();
    }
    text
}

/// Whether this runs as root; says loudly that a test was not run otherwise.
pub(crate) fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("not run: only root can have files of root's");
    }
    root
}
