//! What has to outlive this process, in one file that is replaced as a whole: how far everything was read, and what came of it that is not in
//! the outbox yet.
//!
//! The two belong together. Whatever a detector made of lines is written down in the same moment as that those lines were read, before
//! anybody hears of it: a process that is killed at any time reads on where nothing was made of anything yet, and says again, under the same
//! id, what it may not have said.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use contract::ids::IncidentId;
use contract::incident::Incident;
use edge::file::{self, FileError};
use serde::{Deserialize, Serialize};

use super::loss::{Loss, Losses};
use super::place::Place;
use crate::detectors::Remembered;

const FILE_BYTES_MAX: u64 = 8 << 20;
/// So many signals and losses wait for the outbox; further signals are counted as lost. An outbox that takes nothing has a full disk.
const UNTOLD_MAX: usize = 1_000;

/// What came of lines, until it is in the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// A detector fired.
    Signal(Incident),
    /// Lines were lost.
    Loss(Loss),
}

impl Told {
    /// Under which id.
    pub const fn id(&self) -> &IncidentId {
        match self {
            Self::Signal(incident) => &incident.incident,
            Self::Loss(loss) => &loss.incident,
        }
    }
}

/// What is kept.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    /// Of each file the name that it had last. One name can stand here twice: of a file, and of one that was renamed away from it.
    pub(super) places: Vec<(PathBuf, Place)>,
    /// The journal entry that was read last.
    pub(super) cursor: Option<String>,
    /// Not in the outbox yet, as far as we know.
    untold: Vec<Told>,
    pub(super) losses: Losses,
    /// What detectors know for days.
    #[serde(default)]
    pub(super) remembered: Vec<Remembered>,
    /// True where files were followed before: one that was not seen then is new.
    pub(super) resumed: bool,
}

/// What was found of an earlier run.
#[derive(Debug)]
pub(super) enum Found {
    /// Nothing: this is the first time.
    FirstTime,
    /// This.
    Kept(Kept),
    /// Something that cannot be read any more.
    Unreadable,
}

impl Kept {
    pub(super) fn load(path: &Path) -> Found {
        match file::read(path, FILE_BYTES_MAX) {
            Ok(bytes) => parse(&bytes).map_or(Found::Unreadable, Found::Kept),
            Err(e) if e.source.kind() == io::ErrorKind::NotFound => Found::FirstTime,
            Err(_) => Found::Unreadable,
        }
    }

    pub(super) fn store(&self, path: &Path) -> Result<(), FileError> {
        let bytes = serde_json::to_vec(self).map_err(|e| FileError {
            path: path.to_owned(),
            action: "write it",
            source: io::Error::other(e),
        })?;
        file::write_durably(path, &bytes)
    }

    /// Keeps it until it is in the outbox; false where there is no room.
    pub(super) fn owe(&mut self, told: Told) -> bool {
        let room = self.untold.len() < UNTOLD_MAX;
        if room {
            self.untold.push(told);
        }
        room
    }

    /// It is in the outbox.
    pub(super) fn settle(&mut self, id: &IncidentId) {
        self.untold.retain(|t| t.id() != id);
    }

    pub(super) fn untold(&self) -> &[Told] {
        &self.untold
    }
}

/// As it is written now, or as it was before there was more than places in it.
fn parse(bytes: &[u8]) -> Option<Kept> {
    serde_json::from_slice(bytes).ok().or_else(|| {
        let places: BTreeMap<PathBuf, Place> = serde_json::from_slice(bytes).ok()?;
        Some(Kept { places: places.into_iter().collect(), resumed: true, ..Kept::default() })
    })
}
