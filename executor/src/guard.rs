//! The ten guardrails, in order: pure, handed the site, the ledger and what surrounds the moment as values.
//!
//! Each step consumes the proof of the one before it, so none can be asked out of order or left out: [`SignedOrder`] → [`VerifiedOrder`] (1) →
//! [`Fresh`] (2) → [`Approved`] (3) → [`Bound`] (4) → [`Permit`] (5 to 10, the table [`REST`]). A permit and a failing check arm a step; nothing
//! else does. None of these types can be cloned, defaulted or read from anywhere.

mod access;
mod policy;
mod rest;
mod site;
mod standing;
mod window;

use contract::baseline::Control;
use contract::blob::Blob;
use contract::decision::Provenance;
use contract::digest::Digest;
use contract::dsse::{self, SignatureFault};
use contract::ids::{GrantId, OperatorId, OrderId};
use contract::order::Order;
use contract::policy::PolicyDecided;
use contract::record::{Authority, Waiting, WaitingFor};
use contract::refusal::{Addressee, Guardrail, Refusal};
use contract::resource::Resource;
use contract::runbook::{Action, Runbook};
use contract::time::{ClockOffset, MonoNs, UtcTime};

use crate::ledger::Ledger;

pub use access::{actor, request};
pub use policy::{own_directory_mode, replayed};
pub(crate) use rest::CLOCK_ERROR_MAX_MS;
pub use rest::REST;
pub use site::{RetiredKey, Site, Surroundings};
pub use standing::{StandingDenied, VerifiedStanding};
pub use window::{BadWindow, Window};

/// How far in this host's future an order may be issued: the two clocks are never quite the same.
pub(crate) const CLOCK_ALLOWANCE_MS: u64 = 60_000;

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

/// An order's bytes as they came: nothing is known of them.
#[derive(Debug)]
pub struct SignedOrder<'a>(pub &'a [u8]);

/// Guardrail 1 passed: a pinned key signed exactly these bytes, for this host.
#[derive(Debug)]
pub struct VerifiedOrder {
    order: Order,
    digest: Digest,
    authority: Authority,
    approvals: Vec<OperatorId>,
}

/// Guardrail 2 passed: not expired, never seen before.
#[derive(Debug)]
pub struct Fresh(VerifiedOrder);

/// Guardrail 3 passed: the approved catalogue holds this runbook for this control, and it can be confined as it demands.
#[derive(Debug)]
pub struct Approved<'a> {
    verified: VerifiedOrder,
    runbook: &'a Runbook,
    runbook_digest: Digest,
    control: &'a Control,
}

/// Guardrail 4 passed: every field of every step is known and within its declaration.
#[derive(Debug)]
pub struct Bound<'a> {
    approved: Approved<'a>,
    actions: Vec<Action>,
    targets: Vec<Resource>,
}

/// All ten guardrails passed. Steps are armed from a permit and from nothing else.
#[derive(Debug)]
pub struct Permit<'a> {
    bound: Bound<'a>,
    policy: PolicyDecided,
}

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
    /// What the policy said, where it was asked.
    pub policy: Option<Box<PolicyDecided>>,
}

/// Whether an order comes in, or is taken up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It comes in: its counter must be above all others.
    New,
    /// It came in, and stood in line: its counter was above all others when it came.
    InLine,
    /// It waited, and the log says so: it came in time, and its counter was accepted then.
    Waited,
    /// The log holds its acceptance: its counter is the one that was accepted then.
    Resumed,
    /// The log holds an intent of it: what was begun in time is settled whenever that is possible.
    Settled,
}

impl SignedOrder<'_> {
    /// Guardrail 1.
    pub fn verify(self, site: &Site, now: UtcTime) -> Result<VerifiedOrder, Denied> {
        let nothing =
            |refusal| Denied { order: None, digest: None, counter_spent: false, refusal, policy: None };
        let opened = dsse::open_approved(self.0, &site.keys_in_force(now), &site.operators);
        #[cfg(test)]
        let opened = site.unless(Guardrail::Signature, opened, || tests::unverified(self.0));
        let (signed, mut approvals) = opened.map_err(|fault| nothing(self.named(fault, site, now)))?;
        let order = Order::from_signed(&signed).map_err(|column| nothing(Refusal::NotAnOrder { column }))?;
        // Who chose a runbook has looked at it already: what asks for people asks for others.
        if let Provenance::Person(chose) = &order.provenance {
            approvals.retain(|by| by != chose);
        }
        let digest = signed.digest();
        match site.addressee(&order.tenant, &order.site, &order.host) {
            // What was signed for someone else is not ours to write down.
            Some(addressee) => Err(nothing(Refusal::NotForUs(addressee))),
            None => Ok(VerifiedOrder { order, digest, authority: Authority::Hub, approvals }),
        }
    }

    /// A key whose time is over is worth another word than a stranger's.
    fn named(&self, fault: SignatureFault, site: &Site, now: UtcTime) -> Refusal {
        let ended = site.retired_hub_keys.iter().find(|retired| {
            let key = std::slice::from_ref(&retired.key);
            now > retired.until && dsse::open_approved(self.0, key, &site.operators).is_ok()
        });
        ended.map_or(Refusal::Signature(fault), |retired| Refusal::KeyEnded { at: retired.until })
    }
}

impl VerifiedOrder {
    /// Which order it is.
    pub const fn id(&self) -> &OrderId {
        &self.order.order
    }

    /// The digest of the signed bytes.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The people who signed the same bytes, without the one who chose the runbook.
    pub fn approvals(&self) -> &[OperatorId] {
        &self.approvals
    }

    /// Its counter.
    pub const fn counter(&self) -> u64 {
        self.order.counter
    }

    /// The control that is said to fail.
    pub const fn control(&self) -> &contract::ids::ControlId {
        &self.order.control
    }

    /// What its steps would do, where its runbook is in the catalogue: for facts that guardrails may ask for. They resolve for themselves.
    pub fn foreseen(&self, site: &Site) -> Vec<Action> {
        let listed = site.catalogue.runbook(&self.order.runbook);
        listed.and_then(|a| a.runbook.actions(&self.order.parameters).ok()).unwrap_or_default()
    }

    /// The record of its waiting, and its runbook's digest.
    pub fn waiting(&self, waiting_for: WaitingFor, until: UtcTime, envelope: &[u8]) -> (Waiting, Digest) {
        let Order { order, incident, control, runbook, counter, .. } = self.order.clone();
        let envelope = Blob(envelope.to_vec());
        let waiting = Waiting { order, incident, control, runbook, counter, waiting_for, until, envelope };
        (waiting, self.order.runbook_digest)
    }

    /// Refused for a reason that is no guardrail's. Its counter is spent.
    pub fn refused(self, refusal: Refusal) -> Denied {
        self.denied(true, refusal)
    }

    /// Guardrail 2.
    pub fn fresh(
        self,
        site: &Site,
        ledger: &Ledger,
        moment: &Moment,
        arrival: Arrival,
    ) -> Result<Fresh, Denied> {
        let highest = ledger.highest_counter();
        // A clock that is known to be behind says of nothing that its time is not over. What has begun is settled all the same.
        let behind = match arrival {
            Arrival::New | Arrival::InLine | Arrival::Waited | Arrival::Resumed => {
                ledger.clock_behind(moment)
            }
            Arrival::Settled => None,
        };
        // The site may ask for less than the hub gave, never for more.
        let ends = site
            .order_lifetime_ms_max
            .map_or(self.order.expires, |ms| self.order.expires.min(self.order.issued.plus_ms(ms)));
        let in_time = match arrival {
            Arrival::New | Arrival::InLine | Arrival::Resumed => moment.now <= ends,
            Arrival::Waited | Arrival::Settled => true,
        };
        let of_the_hub = self.authority == Authority::Hub;
        let fresh = if !in_time {
            Err(Refusal::Expired { at: ends })
        } else if let Some(refusal) = behind {
            Err(refusal)
        } else if arrival == Arrival::New && self.order.issued > moment.now.plus_ms(CLOCK_ALLOWANCE_MS) {
            Err(Refusal::FromTheFuture { at: self.order.issued })
        } else if of_the_hub && arrival == Arrival::New && self.order.counter <= highest {
            Err(Refusal::Replayed { counter: self.order.counter, highest })
        } else {
            Ok(())
        };
        match site.unless(Guardrail::Freshness, fresh, || Ok(())) {
            Ok(()) => Ok(Fresh(self)),
            Err(refusal) => Err(self.denied(false, refusal)),
        }
    }

    fn denied(self, counter_spent: bool, refusal: Refusal) -> Denied {
        let Self { order, digest, .. } = self;
        Denied { order: Some(Box::new(order)), digest: Some(digest), counter_spent, refusal, policy: None }
    }
}

impl Fresh {
    /// Guardrail 3.
    pub fn approved<'a>(self, site: &'a Site, around: &Surroundings) -> Result<Approved<'a>, Denied> {
        let Self(verified) = self;
        match rest::approved(&verified.order, &verified.authority, site, around) {
            Ok((found, control)) => {
                let (runbook, runbook_digest) = (&found.runbook, found.digest);
                Ok(Approved { verified, runbook, runbook_digest, control })
            }
            Err(refusal) => Err(verified.denied(true, refusal)),
        }
    }
}

impl<'a> Approved<'a> {
    /// Guardrail 4: exactly what the runbook's bindings yield for the failing control, and within the declarations.
    pub fn bind(self, site: &Site) -> Result<Bound<'a>, Denied> {
        let order = &self.verified.order;
        let checked = self.runbook.check(&order.parameters, self.control);
        let checked = checked.map_err(|(name, fault)| Refusal::Parameter { name, fault });
        let checked = site.unless(Guardrail::Parameters, checked, || Ok(()));
        let actions = checked.and_then(|()| {
            self.runbook.actions(&order.parameters).map_err(|unresolved| Refusal::Parameter {
                name: unresolved.0,
                fault: contract::runbook::ParameterFault::WrongType,
            })
        });
        match actions {
            Ok(actions) => {
                let mut targets: Vec<Resource> = actions.iter().map(Action::resource).collect();
                targets.retain(|r| !matches!(r, Resource::Nothing | Resource::Control(_)));
                targets.sort();
                targets.dedup();
                Ok(Bound { approved: self, actions, targets })
            }
            Err(refusal) => Err(self.verified.denied(true, refusal)),
        }
    }
}

impl<'a> Bound<'a> {
    /// Guardrails 5 to 10.
    pub fn permit(self, site: &Site, ledger: &Ledger, around: &Surroundings) -> Result<Permit<'a>, Denied> {
        let refused = REST.iter().find_map(|(guardrail, ask)| {
            site.unless(*guardrail, ask(&self, site, ledger, around), || Ok(())).err()
        });
        if let Some(refusal) = refused {
            return Err(self.approved.verified.denied(true, refusal));
        }
        let (policy, answer) = policy::decide(&self, site, around);
        match site.unless(Guardrail::Policy, answer, || Ok(())) {
            Ok(()) => Ok(Permit { bound: self, policy }),
            Err(refusal) => {
                let denied = self.approved.verified.denied(true, refusal);
                Err(Denied { policy: Some(Box::new(policy)), ..denied })
            }
        }
    }

    /// The order.
    pub const fn order(&self) -> &Order {
        &self.approved.verified.order
    }

    /// The runbook.
    pub const fn runbook(&self) -> &'a Runbook {
        self.approved.runbook
    }

    /// Its steps, with every field known.
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }
}

impl<'a> Permit<'a> {
    /// The order that it permits.
    pub const fn order(&self) -> &Order {
        self.bound.order()
    }

    /// The digest of its signed bytes.
    pub const fn digest(&self) -> Digest {
        self.bound.approved.verified.digest
    }

    /// Under whose authority.
    pub const fn authority(&self) -> &Authority {
        &self.bound.approved.verified.authority
    }

    /// The people whose signatures over the same bytes were good, without the one who chose the runbook.
    pub fn approvals(&self) -> &[OperatorId] {
        &self.bound.approved.verified.approvals
    }

    /// The break-glass grant that it makes use of.
    pub const fn break_glass(&self) -> Option<&GrantId> {
        self.order().break_glass.as_ref()
    }

    /// The runbook whose steps may run.
    pub const fn runbook(&self) -> &'a Runbook {
        self.bound.approved.runbook
    }

    /// The digest of the runbook's bytes.
    pub const fn runbook_digest(&self) -> Digest {
        self.bound.approved.runbook_digest
    }

    /// The control that must fail now and pass afterwards.
    pub const fn control(&self) -> &'a Control {
        self.bound.approved.control
    }

    /// Its steps, with every field known.
    pub fn actions(&self) -> &[Action] {
        &self.bound.actions
    }

    /// What they touch, each once.
    pub fn targets(&self) -> &[Resource] {
        &self.bound.targets
    }

    /// What the policy was asked and answered.
    pub const fn policy(&self) -> &PolicyDecided {
        &self.policy
    }

    /// The guardrails that were asked.
    pub fn guardrails() -> Vec<Guardrail> {
        Guardrail::ALL.to_vec()
    }

    /// The measurement did not bear the order out. Its counter is spent.
    pub fn denied(&self, refusal: Refusal) -> Denied {
        Denied {
            order: Some(Box::new(self.order().clone())),
            digest: Some(self.digest()),
            counter_spent: true,
            refusal,
            policy: Some(Box::new(self.policy.clone())),
        }
    }
}

/// All ten, in order.
pub fn permit<'a>(
    site: &'a Site,
    ledger: &Ledger,
    around: &Surroundings,
    verified: VerifiedOrder,
    arrival: Arrival,
) -> Result<Permit<'a>, Denied> {
    let fresh = verified.fresh(site, ledger, &around.moment, arrival)?;
    fresh.approved(site, around)?.bind(site)?.permit(site, ledger, around)
}

impl Site {
    /// What an order is addressed to that is not this host.
    fn addressee(
        &self,
        tenant: &contract::ids::TenantId,
        site: &contract::ids::SiteId,
        host: &contract::ids::HostId,
    ) -> Option<Addressee> {
        if *tenant != self.tenant {
            Some(Addressee::Tenant)
        } else if *site != self.site {
            Some(Addressee::Site)
        } else if *host != self.host {
            Some(Addressee::Host)
        } else {
            None
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
