//! The ten guardrails, in order: pure, handed the site, the ledger and the clock as values.
//!
//! Each of the first three consumes the proof of the one before it, so they cannot be asked out of order: bytes → [`Authentic`] → [`Fresh`] →
//! [`Approved`] → [`Permit`]. The other seven are one table, [`REST`]. Where a guardrail's machinery is not there yet (windows, approvals,
//! the site's own policy), it refuses what would need it.

mod rest;

use std::collections::BTreeSet;

use contract::baseline::{Baseline, Control};
use contract::digest::Digest;
use contract::dsse::{self, HubKey, PayloadType};
use contract::ids::{HostId, OrderId, RunbookId, SiteId, TenantId};
use contract::order::Order;
use contract::refusal::{Addressee, Guardrail, Mode, Refusal};
use contract::runbook::{Catalogue, OwnDirectory, Runbook};
use contract::time::{ClockOffset, MonoNs, UtcTime};

use crate::ledger::Ledger;

pub use rest::REST;

/// How far in this host's future an order may be issued: the two clocks are never quite the same.
const CLOCK_ALLOWANCE_MS: u64 = 60_000;

/// What this site is and has approved. Parsed once at start; nothing changes it while the executor runs.
#[derive(Debug)]
pub struct Site {
    /// Whose it is.
    pub tenant: TenantId,
    /// Where it is.
    pub site: SiteId,
    /// Which machine this is.
    pub host: HostId,
    /// The user that the agent runs as: the `self` of what it judges.
    pub agent_uid: u32,
    /// The pinned hub keys.
    pub hub_keys: Vec<HubKey>,
    /// What runbooks may do here.
    pub mode: Mode,
    /// Runbooks that may repair even while the site observes.
    pub enforce: BTreeSet<RunbookId>,
    /// The approved catalogue.
    pub catalogue: Catalogue,
    /// The signed baseline.
    pub baseline: Baseline,
    /// The digest of its bytes.
    pub baseline_digest: Digest,
}

/// What the guardrails are told of the moment.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Now, in UTC.
    pub now: UtcTime,
    /// Now, monotonic.
    pub mono: MonoNs,
    /// How far the clock can be trusted.
    pub clock: ClockOffset,
}

/// Guardrail 1 passed: the pinned key signed exactly these bytes, for this host.
#[derive(Debug)]
pub struct Authentic {
    order: Order,
    digest: Digest,
}

/// Guardrail 2 passed: not expired, never seen before.
#[derive(Debug)]
pub struct Fresh(Authentic);

/// Guardrail 3 passed: the approved catalogue holds this runbook for this control.
#[derive(Debug)]
pub struct Approved<'a> {
    order: Order,
    digest: Digest,
    runbook: &'a Runbook,
    runbook_digest: Digest,
    control: &'a Control,
}

/// All ten guardrails passed. Steps are armed from a permit and from nothing else.
#[derive(Debug)]
pub struct Permit<'a>(Approved<'a>);

/// An order that was refused, with as much of it as was signed.
#[derive(Debug)]
pub struct Denied {
    /// The order, where its signature was good.
    pub order: Option<Box<Order>>,
    /// The digest of the signed bytes, where the signature was good.
    pub digest: Option<Digest>,
    /// True where guardrail 2 accepted the counter: it is spent.
    pub counter_spent: bool,
    /// Why.
    pub refusal: Refusal,
}

/// Whether an order comes in, or is taken up again after an interruption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It comes in: its counter must be above all others.
    New,
    /// The log holds its acceptance: its counter is the one that was accepted then.
    Resumed,
    /// The log holds an intent of it: what was begun in time is settled whenever that is possible.
    Settled,
}

impl Authentic {
    /// Guardrail 1.
    pub fn open(site: &Site, envelope: &[u8]) -> Result<Self, Denied> {
        let nothing = |refusal| Denied { order: None, digest: None, counter_spent: false, refusal };
        let signed = dsse::open(PayloadType::Order, envelope, &site.hub_keys)
            .map_err(|f| nothing(Refusal::Signature(f)))?;
        let order = Order::from_signed(&signed).map_err(|column| nothing(Refusal::NotAnOrder { column }))?;
        let digest = signed.digest();
        let other = if order.tenant != site.tenant {
            Some(Addressee::Tenant)
        } else if order.site != site.site {
            Some(Addressee::Site)
        } else if order.host != site.host {
            Some(Addressee::Host)
        } else {
            None
        };
        match other {
            // What was signed for someone else is not ours to write down.
            Some(addressee) => Err(nothing(Refusal::NotForUs(addressee))),
            None => Ok(Self { order, digest }),
        }
    }

    /// Which order it is.
    pub fn order(&self) -> &OrderId {
        &self.order.order
    }

    /// Guardrail 2.
    pub fn fresh(self, ledger: &Ledger, moment: &Moment, arrival: Arrival) -> Result<Fresh, Denied> {
        let Self { order, digest } = self;
        let highest = ledger.highest_counter();
        let refusal = if moment.now > order.expires && arrival != Arrival::Settled {
            Some(Refusal::Expired { at: order.expires })
        } else if order.issued > moment.now.plus_ms(CLOCK_ALLOWANCE_MS) {
            Some(Refusal::FromTheFuture { at: order.issued })
        } else if arrival == Arrival::New && order.counter <= highest {
            Some(Refusal::Replayed { counter: order.counter, highest })
        } else {
            None
        };
        match refusal {
            Some(refusal) => Err(denied(order, digest, false, refusal)),
            None => Ok(Fresh(Self { order, digest })),
        }
    }
}

impl Fresh {
    /// Guardrail 3.
    pub fn approved(self, site: &Site) -> Result<Approved<'_>, Denied> {
        let Self(Authentic { order, digest }) = self;
        let found = site.catalogue.runbook(&order.runbook).filter(|a| a.digest == order.runbook_digest);
        let control = site.baseline.control(&order.control);
        let refusal = match (found, control) {
            _ if order.catalogue_digest != site.catalogue.digest() => {
                Refusal::CatalogueNotApproved { named: order.catalogue_digest }
            }
            (None, _) => Refusal::RunbookNotApproved,
            (Some(found), Some(control)) if found.runbook.triggers.contains(&order.control) => {
                let (runbook, runbook_digest) = (&found.runbook, found.digest);
                return Ok(Approved { order, digest, runbook, runbook_digest, control });
            }
            (Some(_), _) => Refusal::NotTriggered,
        };
        Err(denied(order, digest, true, refusal))
    }
}

impl<'a> Approved<'a> {
    /// Guardrails 4 to 10.
    pub fn permit(self, site: &Site, ledger: &Ledger, moment: &Moment) -> Result<Permit<'a>, Denied> {
        let refused = REST.iter().find_map(|(_, guardrail)| guardrail(&self, site, ledger, moment).err());
        match refused {
            Some(refusal) => Err(denied(self.order, self.digest, true, refusal)),
            None => Ok(Permit(self)),
        }
    }
}

impl<'a> Permit<'a> {
    /// The order that it permits.
    pub const fn order(&self) -> &Order {
        &self.0.order
    }

    /// The digest of its signed bytes.
    pub const fn digest(&self) -> Digest {
        self.0.digest
    }

    /// The runbook whose steps may run.
    pub const fn runbook(&self) -> &'a Runbook {
        self.0.runbook
    }

    /// The digest of the runbook's bytes.
    pub const fn runbook_digest(&self) -> Digest {
        self.0.runbook_digest
    }

    /// The control that must fail now and pass afterwards.
    pub const fn control(&self) -> &'a Control {
        self.0.control
    }

    /// The guardrails that were asked.
    pub fn guardrails() -> Vec<Guardrail> {
        Guardrail::ALL.to_vec()
    }
}

/// All ten, in order.
pub fn permit<'a>(
    site: &'a Site,
    ledger: &Ledger,
    moment: &Moment,
    authentic: Authentic,
    arrival: Arrival,
) -> Result<Permit<'a>, Denied> {
    authentic.fresh(ledger, moment, arrival)?.approved(site)?.permit(site, ledger, moment)
}

fn denied(order: Order, digest: Digest, counter_spent: bool, refusal: Refusal) -> Denied {
    Denied { order: Some(Box::new(order)), digest: Some(digest), counter_spent, refusal }
}

/// The mode that each of Suture's own directories has. The built-in policy allows no other.
pub const fn own_directory_mode(directory: OwnDirectory) -> u16 {
    match directory {
        OwnDirectory::Evidence | OwnDirectory::ExecutorKeys | OwnDirectory::AgentKeys => 0o700,
    }
}

#[cfg(test)]
mod tests;
