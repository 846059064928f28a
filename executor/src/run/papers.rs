//! Papers that the hub signs anew: taken only above the ones before, never while a run is under way, and in force once the log says so.

use std::sync::PoisonError;

use contract::allowlist::Allowlist;
use contract::baseline::Baseline;
use contract::digest::Digest;
use contract::paper::{self, OpenedPaper, PaperFault, PaperKind};
use contract::record::{Body, PaperState, PaperTaken};
use contract::refusal::{Addressee, Granted, Refusal};
use contract::runbook::Catalogue;
use contract::socket::Answer;
use edge::file;
use thiserror::Error;

use super::{GrantError, Runner};
use crate::config::ConfigError;
use crate::start::Ground;

/// Why a paper has no answer.
#[derive(Debug, Error)]
pub enum PaperError {
    /// The log or a file cannot be written, or the log is being put back.
    #[error(transparent)]
    Kept(#[from] GrantError),
    /// What was kept a moment ago cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// What is to become of one that is believed.
enum Judged {
    /// It holds from now on.
    Take(OpenedPaper),
    /// It waits for the site's approval of this digest.
    Offer(OpenedPaper, Digest),
    /// It was taken before.
    Known(Answer),
    /// It is refused.
    Refuse(Refusal),
}

impl Runner {
    /// Takes what the hub signed for this host, if it is above the one before.
    pub fn take_paper(
        &self,
        ground: &Ground,
        kind: PaperKind,
        envelope: &[u8],
    ) -> Result<Answer, PaperError> {
        let _alone = self.admission.lock().unwrap_or_else(PoisonError::into_inner);
        let judged = self.judge_paper(ground, kind, envelope).map_err(GrantError::from)?;
        let (opened, state, path, answer) = match judged {
            Judged::Known(answer) => return Ok(answer),
            Judged::Refuse(refusal) => {
                self.note_refused_grant(envelope, refusal.clone())?;
                return Ok(Answer::PaperRefused { refusal });
            }
            Judged::Offer(opened, digest) => {
                let answer = Answer::NotApproved { digest };
                (opened, PaperState::NotApproved, ground.config.offered_catalogue(), answer)
            }
            Judged::Take(opened) => {
                // A run goes by one baseline from its first measurement to its last. None begins meanwhile: it would have to be admitted.
                if let Some(order) = self.lock().begun.keys().next() {
                    return Ok(Answer::UnderWay { order: order.clone() });
                }
                (opened, PaperState::InForce, ground.config.paper(kind), Answer::Kept)
            }
        };
        file::write_durably(&path, envelope).map_err(GrantError::from)?;
        let (number, text) = (opened.number(), opened.digest());
        tracing::warn!(%kind, number, ?state, "a paper came");
        let taken = PaperTaken { paper: kind, state, number, text };
        let written = self.machine.about_the_log(vec![Body::PaperTaken(taken)]);
        written.map_err(GrantError::from)?;
        if state == PaperState::InForce {
            self.go_by(ground, kind)?;
        }
        Ok(answer)
    }

    /// Goes by what lies on the disk now.
    fn go_by(&self, ground: &Ground, kind: PaperKind) -> Result<(), PaperError> {
        match kind {
            PaperKind::Baseline => {
                let site = ground.read_site()?;
                let baseline = Some(site.baseline_digest);
                self.exchange_site(site);
                let under = self.machine.with_log(|recorder| recorder.go_by_baseline(baseline));
                Ok(under.map_err(GrantError::from)?)
            }
            PaperKind::Allowlist => {
                self.machine.meter.allow(ground.config.allowlist());
                Ok(())
            }
            // One that was approved is the one in force, under another number.
            PaperKind::Catalogue | PaperKind::Exceptions => Ok(()),
        }
    }

    fn judge_paper(
        &self,
        ground: &Ground,
        kind: PaperKind,
        envelope: &[u8],
    ) -> Result<Judged, crate::machine::GivenUp> {
        let config = &ground.config;
        let opened = match paper::open(kind, envelope, &config.hub_keys, config.holds()) {
            Ok(opened) if makes_sense(kind, &opened) => opened,
            Ok(_) => return Ok(Judged::Refuse(Refusal::GrantRefused(Granted::Paper))),
            Err(fault) => return Ok(Judged::Refuse(refusal(&fault))),
        };
        let (number, digest) = (opened.number(), opened.digest());
        let held = config.held(kind);
        if held.as_ref() == Some(&opened) {
            return Ok(Judged::Known(Answer::Kept));
        }
        let said = self.machine.with_ledger(|ledger| ledger.paper(kind).cloned())?;
        let not_approved =
            digest.filter(|digest| kind == PaperKind::Catalogue && *digest != config.approved_catalogue);
        if let (Some(digest), Some(said)) = (not_approved, &said)
            && (said.number, said.text) == (number, Some(digest))
        {
            return Ok(Judged::Known(Answer::NotApproved { digest }));
        }
        // Above what is in force; and no lower than what ever was, which is gone from the disk where the two differ.
        let highest = held.map_or(0, |held| held.number());
        let ever = said.map_or(0, |said| said.number);
        if number <= highest || number < ever {
            let highest = highest.max(ever);
            return Ok(Judged::Refuse(Refusal::Replayed { counter: number, highest }));
        }
        Ok(not_approved.map_or(Judged::Take(opened.clone()), |digest| Judged::Offer(opened, digest)))
    }
}

fn makes_sense(kind: PaperKind, opened: &OpenedPaper) -> bool {
    let Some(text) = opened.text() else { return true };
    match kind {
        PaperKind::Baseline => Baseline::parse(kind.word(), text).is_ok(),
        PaperKind::Allowlist => Allowlist::parse(kind.word(), text).is_ok(),
        PaperKind::Catalogue => Catalogue::parse(text.as_bytes()).is_ok(),
        // It measures, and excuses nothing.
        PaperKind::Exceptions => false,
    }
}

fn refusal(fault: &PaperFault) -> Refusal {
    match fault {
        PaperFault::Signature(fault) => Refusal::Signature(*fault),
        PaperFault::NotForUs => Refusal::NotForUs(Addressee::Host),
        PaperFault::Older { number, highest } => Refusal::Replayed { counter: *number, highest: *highest },
        PaperFault::NotAPaper(_)
        | PaperFault::OtherKind(_)
        | PaperFault::Number(_)
        | PaperFault::Withdrawn(_)
        | PaperFault::NotText => Refusal::GrantRefused(Granted::Paper),
    }
}
