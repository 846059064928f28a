//! Standing orders and break-glass: taken only with their signatures, kept on the machine, each use a record.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use contract::blob::Blob;
use contract::dsse::{self, PayloadType, SignatureFault};
use contract::grant::{BREAK_GLASS_MAX_MS, BreakGlassGrant};
use contract::ids::IncidentId;
use contract::incident::What;
use contract::record::{Body, BreakGlass, GlassState, StandingTaken};
use contract::refusal::{Granted, Refusal};
use contract::socket::OrderAnswer;
use edge::file::{self, FileError};
use evidence::AppendError;
use thiserror::Error;

use super::{OrderError, Reply, Runner};
use crate::guard::{CLOCK_ALLOWANCE_MS, Denied, StandingDenied, VerifiedStanding};
use crate::ledger::Ledger;
use crate::machine::GivenUp;

/// So many refused grants are known again. Further ones are refused like orders that spend no counter: counted, where they are many.
const REFUSED_GRANTS_MAX: usize = 64;
/// The longest rule table.
const RULES_MAX_BYTES: u64 = 256 << 10;

/// Why a grant was not taken.
#[derive(Debug, Error)]
pub enum GrantError {
    /// The standing order is refused.
    #[error("the standing order is refused: {0}")]
    Standing(#[from] StandingDenied),
    /// The break-glass grant is refused.
    #[error("break-glass is refused: {0}")]
    BreakGlass(BreakGlassDenied),
    /// The log cannot be written.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// Its file cannot be written.
    #[error("the standing order cannot be kept")]
    File(#[from] FileError),
    /// The log is being put back.
    #[error(transparent)]
    GivenUp(#[from] GivenUp),
}

/// Why break-glass was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BreakGlassDenied {
    /// Not signed by the pinned key of an operator.
    #[error("{0}")]
    Signature(SignatureFault),
    /// Signed, and not a grant.
    #[error("the signed bytes are not a grant: column {0}; a reason has 20 to 200 characters")]
    NotAGrant(u32),
    /// Signed by another person than the one it names.
    #[error("it names another person than the one who signed it")]
    OtherPerson,
    /// For another host.
    #[error("it is for another host")]
    NotForUs,
    /// It would last for too long, or its time is over.
    #[error("it must end within four hours of its beginning, and after now")]
    Time,
    /// This host's clock is behind, so its end cannot be judged.
    #[error("{0}")]
    ClockBehind(Refusal),
    /// It was taken before.
    #[error("its counter {counter} is not above {highest}")]
    Replayed {
        /// Its counter.
        counter: u64,
        /// The highest ever taken.
        highest: u64,
    },
}

/// Where the standing order in force lies, and its rule table.
fn files(directory: &Path) -> (PathBuf, PathBuf) {
    (directory.join("standing.dsse"), directory.join("standing-rules.yaml"))
}

impl Runner {
    /// Takes a standing order. It replaces the one before.
    pub fn take_standing(&self, directory: &Path, envelope: &[u8], rules: &str) -> Result<(), GrantError> {
        let taken = self.try_standing(directory, envelope, rules);
        if let Err(GrantError::Standing(denied)) = &taken {
            let refusal = match denied {
                StandingDenied::Refused(refusal) => refusal.clone(),
                StandingDenied::Lifetime
                | StandingDenied::Catalogue(_)
                | StandingDenied::Grants(_)
                | StandingDenied::OtherRules
                | StandingDenied::Rules(_) => Refusal::GrantRefused(Granted::StandingOrder),
            };
            self.note_refused_grant(envelope, refusal)?;
        }
        taken
    }

    /// Writes a refused grant down, once for each: whoever brings the same again, or ever new ones, does not fill the log.
    pub(super) fn note_refused_grant(&self, envelope: &[u8], refusal: Refusal) -> Result<(), GrantError> {
        let digest = contract::digest::Digest::of(envelope);
        let mut noted = self.refused_grants.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.contains(&digest) {
            return Ok(());
        }
        if noted.len() < REFUSED_GRANTS_MAX {
            noted.insert(digest);
        }
        drop(noted);
        let denied =
            Denied { order: None, digest: Some(digest), counter_spent: false, refusal, policy: None };
        self.refuse(envelope, denied).map(drop).map_err(|e| match e {
            OrderError::Append(e) => GrantError::Append(e),
            OrderError::GivenUp(e) => GrantError::GivenUp(e),
        })
    }

    fn try_standing(&self, directory: &Path, envelope: &[u8], rules: &str) -> Result<(), GrantError> {
        let _alone = self.admission.lock().unwrap_or_else(PoisonError::into_inner);
        let moment = self.moment();
        let verified = VerifiedStanding::open(&self.site(), envelope, rules, moment.now)?;
        // The same one again is no fault: its receipt was lost.
        let digest = contract::digest::Digest::of(envelope);
        if self.machine.with_ledger(|l| l.standing_envelope() == Some(digest))? {
            return Ok(());
        }
        self.machine.with_ledger(|l| verified.fresh(l, &moment))??;
        let (kept, kept_rules) = files(directory);
        file::write_durably(&kept_rules, rules.as_bytes())?;
        file::write_durably(&kept, envelope)?;
        let order = verified.order();
        let taken = StandingTaken {
            grant: order.grant.clone(),
            counter: order.counter,
            expires: order.expires,
            runbooks: u32::try_from(order.runbooks.len()).unwrap_or(u32::MAX),
            envelope: Blob(envelope.to_vec()),
        };
        self.machine.about_the_log(vec![Body::StandingTaken(Box::new(taken))])?;
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner) = Some(verified);
        Ok(())
    }

    /// Takes up the standing order that is kept, if it is the very one that the log names. Anything else is none: then the site waits for the hub.
    pub fn take_up_standing(&self, directory: &Path) -> Result<(), GivenUp> {
        let Some(named) = self.machine.with_ledger(Ledger::standing_envelope)? else { return Ok(()) };
        let (kept, kept_rules) = files(directory);
        let read = file::read(&kept, dsse::ENVELOPE_MAX_BYTES as u64)
            .and_then(|envelope| Ok((envelope, file::read_text(&kept_rules, RULES_MAX_BYTES)?)));
        let opened = match read {
            Ok((envelope, _)) if contract::digest::Digest::of(&envelope) != named => {
                Err("it is not the one that the log names".to_owned())
            }
            Ok((envelope, rules)) => {
                VerifiedStanding::open(&self.site(), &envelope, &rules, self.moment().now)
                    .map_err(|e| e.to_string())
            }
            Err(e) => Err(crate::serve::chain(&e)),
        };
        match opened {
            Ok(verified) => {
                *self.standing.lock().unwrap_or_else(PoisonError::into_inner) = Some(verified);
            }
            Err(why) => tracing::error!("{}: the standing order is not in force: {why}", kept.display()),
        }
        Ok(())
    }

    /// Decides about an incident that the hub could not be told of, under the standing order.
    pub fn decide_here(self: &Arc<Self>, incident: &IncidentId, what: &What) -> Result<Reply, OrderError> {
        let moment = self.moment();
        let now = moment.now;
        let silent_ms = self.machine.with_log(|recorder| recorder.silent_ms(self.now()))?;
        let asked = contract::digest::Digest::of(format!("standing:{incident}").as_bytes());
        let id = format!("s-{}", asked.short(16)).parse();
        let behind = self.machine.with_ledger(|l| l.clock_behind(&moment))?;
        let decided = {
            let standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
            match (standing.as_ref(), id, behind) {
                (_, _, Some(behind)) => Err(behind),
                (Some(standing), Ok(id), None) => {
                    standing.decide(&self.site(), incident, what, now, silent_ms, id)
                }
                (None, _, None) | (_, Err(_), None) => Err(Refusal::NoStandingOrder),
            }
        };
        match decided {
            Ok(verified) => {
                // One incident is decided once: asked again, it has the answer that it got.
                if let Some(answer) = self.machine.with_ledger(|l| l.decided(verified.id()).cloned())? {
                    return Ok(Reply::Answered(answer));
                }
                self.admit_standing(verified)
            }
            // What the site may not decide for itself waits for the hub. That is no event, however often it is asked: only a use is a record.
            Err(refusal) => Ok(Reply::Answered(OrderAnswer {
                order: None,
                outcome: refusal.outcome(),
                refusal: Some(refusal),
                seq: self.machine.with_log(|recorder| recorder.size())?.saturating_sub(1),
            })),
        }
    }

    /// Breaks the glass, for a named person, for a while.
    pub fn break_glass(&self, envelope: &[u8]) -> Result<(), GrantError> {
        let broken = self.try_break_glass(envelope);
        if let Err(GrantError::BreakGlass(denied)) = &broken {
            let refusal = match denied {
                BreakGlassDenied::Signature(fault) => Refusal::Signature(*fault),
                BreakGlassDenied::ClockBehind(behind) => behind.clone(),
                BreakGlassDenied::Replayed { counter, highest } => {
                    Refusal::Replayed { counter: *counter, highest: *highest }
                }
                BreakGlassDenied::NotAGrant(_)
                | BreakGlassDenied::OtherPerson
                | BreakGlassDenied::NotForUs
                | BreakGlassDenied::Time => Refusal::GrantRefused(Granted::BreakGlass),
            };
            self.note_refused_grant(envelope, refusal)?;
        }
        broken
    }

    fn try_break_glass(&self, envelope: &[u8]) -> Result<(), GrantError> {
        let _alone = self.admission.lock().unwrap_or_else(PoisonError::into_inner);
        let grant = self.verify_grant(envelope).map_err(GrantError::BreakGlass)?;
        let moment = self.moment();
        if let Some(behind) = self.machine.with_ledger(|l| l.clock_behind(&moment))? {
            return Err(GrantError::BreakGlass(BreakGlassDenied::ClockBehind(behind)));
        }
        let highest = self.machine.with_ledger(|l| l.last_break_glass().map_or(0, |glass| glass.counter))?;
        if grant.counter <= highest {
            return Err(GrantError::BreakGlass(BreakGlassDenied::Replayed {
                counter: grant.counter,
                highest,
            }));
        }
        let BreakGlassGrant { grant, person, reason, until, counter, .. } = grant;
        let glass = BreakGlass { grant, state: GlassState::Broken, person, reason, until, counter, uses: 0 };
        tracing::warn!(person = %glass.person, "break-glass until {until}: {}", glass.reason.as_str());
        self.machine.about_the_log(vec![Body::BreakGlass(glass)])?;
        Ok(())
    }

    fn verify_grant(&self, envelope: &[u8]) -> Result<BreakGlassGrant, BreakGlassDenied> {
        let site = self.site();
        let opened = site.operators.iter().find_map(|(operator, key)| {
            Some((operator, dsse::open_by(PayloadType::BreakGlass, envelope, key).ok()?))
        });
        let Some((operator, signed)) = opened else {
            return Err(BreakGlassDenied::Signature(SignatureFault::NotByAPinnedKey));
        };
        let grant = BreakGlassGrant::from_signed(&signed).map_err(BreakGlassDenied::NotAGrant)?;
        let now = self.moment().now;
        let ours = grant.tenant == site.tenant && grant.site == site.site && grant.host == site.host;
        let lasts = grant.until.ms_since(grant.from);
        if !ours {
            Err(BreakGlassDenied::NotForUs)
        } else if grant.person != *operator {
            Err(BreakGlassDenied::OtherPerson)
        } else if lasts == 0
            || lasts > BREAK_GLASS_MAX_MS
            || now > grant.until
            || grant.from > now.plus_ms(CLOCK_ALLOWANCE_MS)
            || grant.until.ms_since(now) > BREAK_GLASS_MAX_MS
        {
            Err(BreakGlassDenied::Time)
        } else {
            Ok(grant)
        }
    }

    /// Writes down that break-glass is over, once its time is.
    pub(super) fn look_at_grants(&self) -> Result<(), OrderError> {
        let now = self.moment().now;
        let over = self.machine.with_ledger(|l| {
            l.last_break_glass()
                .filter(|glass| glass.state == GlassState::Broken && now > glass.until)
                .cloned()
        })?;
        if let Some(glass) = over {
            let ended = BreakGlass { state: GlassState::Ended, ..glass };
            self.machine.about_the_log(vec![Body::BreakGlass(ended)])?;
        }
        Ok(())
    }
}
