//! The papers on the executor's disk: what came with the enrolment sheet, and what the hub has signed since. Each is opened with the pinned keys at
//! every reading; nothing is believed because it lies here.
//!
//! A catalogue that this site has not approved lies beside the approved one, so that it is there once somebody approves it by its digest.

use std::io::ErrorKind;
use std::path::PathBuf;

use contract::allowlist::Allowlist;
use contract::baseline::Baseline;
use contract::digest::Digest;
use contract::dsse;
use contract::fact::Absence;
use contract::paper::{self, Holds, OpenedPaper, PaperKind};
use contract::record::{Body, PaperState, PaperTaken};
use contract::runbook::Catalogue;
use edge::file::{self, FileError};

use crate::config::{Config, ConfigError};
use crate::ledger::Ledger;

/// The papers that the executor makes use of. It measures, and excuses nothing.
pub const USED: [PaperKind; 3] = [PaperKind::Baseline, PaperKind::Catalogue, PaperKind::Allowlist];

impl Config {
    /// Whose papers count here.
    pub const fn holds(&self) -> Holds<'_> {
        Holds { tenant: &self.tenant, site: &self.site, host: &self.host }
    }

    /// Where a paper lies that may hold.
    pub fn paper(&self, kind: PaperKind) -> PathBuf {
        self.directory.join(kind.file())
    }

    /// Where a catalogue lies that waits for this site's approval.
    pub fn offered_catalogue(&self) -> PathBuf {
        self.directory.join("offered-catalogue.dsse")
    }

    /// The paper that is kept; none where it cannot be read or is not believed. For the catalogue, the approved one.
    pub fn held(&self, kind: PaperKind) -> Option<OpenedPaper> {
        match kind {
            PaperKind::Catalogue => self.approved_catalogue().ok().map(|(_, opened)| opened),
            PaperKind::Baseline | PaperKind::Allowlist | PaperKind::Exceptions => {
                self.open_paper(kind, self.paper(kind)).ok()
            }
        }
    }

    /// The approved catalogue, parsed.
    pub(crate) fn catalogue(&self) -> Result<Catalogue, ConfigError> {
        let (path, opened) = self.approved_catalogue()?;
        let text = opened.text().unwrap_or_default();
        Catalogue::parse(text.as_bytes()).map_err(|source| ConfigError::Catalogue { path, source })
    }

    /// The baseline, parsed, and the digest of its bytes.
    pub(crate) fn baseline(&self) -> Result<(Baseline, Digest), ConfigError> {
        let path = self.paper(PaperKind::Baseline);
        let opened = self.open_paper(PaperKind::Baseline, path.clone())?;
        let text = opened.text().unwrap_or_default();
        let baseline = Baseline::parse(&path.display().to_string(), text)
            .map_err(|source| ConfigError::Baseline { path, source })?;
        Ok((baseline, Digest::of(text.as_bytes())))
    }

    /// What this host may have. A list that is missing or was taken back was not declared, and one that is not believed is not read: nothing is held
    /// against it then.
    pub fn allowlist(&self) -> Result<Allowlist, Absence> {
        let unreadable = |error: &dyn std::error::Error| {
            tracing::error!(error = crate::serve::chain(error), "the allowlist is not used");
            Absence::Unreadable
        };
        let path = self.paper(PaperKind::Allowlist);
        if path.symlink_metadata().is_err_and(|e| e.kind() == ErrorKind::NotFound) {
            return Err(Absence::NotDeclared);
        }
        let opened = self.open_paper(PaperKind::Allowlist, path.clone()).map_err(|e| unreadable(&e))?;
        let text = opened.text().ok_or(Absence::NotDeclared)?;
        Allowlist::parse(&path.display().to_string(), text).map_err(|e| unreadable(&e))
    }

    /// Puts the approved catalogue where it belongs, where it was approved only after it came.
    pub(crate) fn settle_catalogue(&self) -> Result<(), FileError> {
        let (path, offered) = (self.paper(PaperKind::Catalogue), self.offered_catalogue());
        if self.approved_catalogue().is_ok_and(|(found, _)| found == offered) {
            file::write_durably(&path, &file::read(&offered, dsse::ENVELOPE_MAX_BYTES as u64)?)?;
            file::remove_durably(&offered)?;
        }
        Ok(())
    }

    /// What the log does not say yet of the papers that lie here: one that came just before the process ended, one that was approved since, or an older
    /// one in the place of one that the log names.
    pub(crate) fn unsaid_papers(&self, ledger: &Ledger) -> Vec<Body> {
        USED.iter().filter_map(|kind| self.unsaid_paper(*kind, ledger)).collect()
    }

    fn unsaid_paper(&self, kind: PaperKind, ledger: &Ledger) -> Option<Body> {
        let held = self.held(kind);
        let (number, text) = held.map_or((0, None), |held| (held.number(), held.digest()));
        let in_force =
            |number, state| Some(Body::PaperTaken(PaperTaken { paper: kind, state, number, text }));
        match ledger.paper(kind) {
            None if number > 0 => in_force(number, PaperState::InForce),
            None => None,
            Some(said) if number > said.number => in_force(number, PaperState::InForce),
            Some(said) if number == said.number => match said.state {
                PaperState::InForce => None,
                PaperState::NotApproved | PaperState::Outdated => in_force(number, PaperState::InForce),
            },
            Some(said) => match said.state {
                // It waits, and what is in force is older: as it should be.
                PaperState::NotApproved => None,
                PaperState::Outdated if said.text == text => None,
                PaperState::InForce | PaperState::Outdated => {
                    let path = self.paper(kind);
                    tracing::error!(
                        "{}: it is older than the {kind} that the log names; it holds until the hub's is brought again",
                        path.display()
                    );
                    in_force(said.number, PaperState::Outdated)
                }
            },
        }
    }

    /// The first of the two that the approval names.
    fn approved_catalogue(&self) -> Result<(PathBuf, OpenedPaper), ConfigError> {
        let (path, approved) = (self.paper(PaperKind::Catalogue), self.approved_catalogue);
        let is_approved = |opened: &OpenedPaper| opened.digest() == Some(approved);
        let first = self.open_paper(PaperKind::Catalogue, path.clone());
        if let Ok(opened) = &first
            && is_approved(opened)
        {
            return first.map(|opened| (path, opened));
        }
        let offered = self.offered_catalogue();
        match self.open_paper(PaperKind::Catalogue, offered.clone()) {
            Ok(opened) if is_approved(&opened) => Ok((offered, opened)),
            Ok(_) | Err(_) => {
                let found = first?.digest().unwrap_or_else(|| Digest::of(b""));
                Err(ConfigError::NotApproved { path, found, approved })
            }
        }
    }

    fn open_paper(&self, kind: PaperKind, path: PathBuf) -> Result<OpenedPaper, ConfigError> {
        let envelope = file::read(&path, dsse::ENVELOPE_MAX_BYTES as u64)?;
        paper::open_held(kind, &envelope, &self.hub_keys, self.holds())
            .map_err(|fault| ConfigError::NotBelieved { path, fault })
    }
}
