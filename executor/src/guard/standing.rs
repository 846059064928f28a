//! Standing orders: a site decides for itself while the hub cannot be reached, with the hub's own rules and the hub's signed leave.
//!
//! What comes of it is an order like any other, and meets the same guardrails. It is made here from a verified grant and from nothing else.

use contract::baseline::Control;
use contract::decision::{Choice, Decision, Provenance};
use contract::digest::Digest;
use contract::dsse::{self, PayloadType};
use contract::grant::{SILENCE_MS, STANDING_LIFETIME_MAX_MS, StandingOrder};
use contract::ids::{IncidentId, OrderId};
use contract::incident::What;
use contract::order::{LIFETIME_MS, Order};
use contract::record::Authority;
use contract::refusal::Refusal;
use contract::time::UtcTime;
use planner::{Knowledge, Rules};
use thiserror::Error;

use super::{Arrival, CLOCK_ALLOWANCE_MS, Denied, Moment, Site, VerifiedOrder};
use crate::ledger::Ledger;

/// A standing order whose signature is good, for this host, with the rule table that it names.
#[derive(Debug)]
pub struct VerifiedStanding {
    order: StandingOrder,
    rules: Option<Rules>,
}

/// Why a standing order was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StandingDenied {
    /// Its signature, its addressee.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It is good for longer than any may be, or for no time at all.
    #[error("freshness: a standing order is good for at most 31 days from its issue")]
    Lifetime,
    /// It is for another catalogue than this site approved.
    #[error("approved_runbook: it names catalogue {0}, which this site has not approved")]
    Catalogue(Digest),
    /// It grants what the catalogue does not hold, or what always waits for a person or a window.
    #[error(
        "approved_runbook: it grants {0}, which is not in the catalogue, is disruptive or needs approval"
    )]
    Grants(contract::ids::RunbookId),
    /// The rule table beside it is not the one that it names.
    #[error("signature: the rule table beside it is not the one that it names")]
    OtherRules,
    /// The rule table makes no sense.
    #[error("the rule table that it names is refused: {0}")]
    Rules(String),
}

impl VerifiedStanding {
    /// Opens one. Its counter and expiry are [`Self::fresh`]'s affair: one that is kept is opened again at every start.
    pub fn open(site: &Site, envelope: &[u8], rules: &str, now: UtcTime) -> Result<Self, StandingDenied> {
        if envelope.len() > dsse::ORDER_MAX_BYTES {
            return Err(Refusal::Signature(dsse::SignatureFault::TooLong).into());
        }
        let signed = dsse::open(PayloadType::StandingOrder, envelope, &site.keys_in_force(now))
            .map_err(Refusal::Signature)?;
        let order = StandingOrder::from_signed(&signed).map_err(|column| Refusal::NotAnOrder { column })?;
        if let Some(addressee) = site.addressee(&order.tenant, &order.site, &order.host) {
            return Err(Refusal::NotForUs(addressee).into());
        }
        let lifetime = order.expires.ms_since(order.issued);
        if lifetime == 0 || lifetime > STANDING_LIFETIME_MAX_MS {
            return Err(StandingDenied::Lifetime);
        }
        if order.catalogue_digest != site.catalogue.digest() {
            return Err(StandingDenied::Catalogue(order.catalogue_digest));
        }
        let undisturbing = |id: &&contract::ids::RunbookId| {
            site.catalogue
                .runbook(id)
                .is_some_and(|a| !a.runbook.disruptive && a.runbook.approval.people() == 0)
        };
        if let Some(id) = order.runbooks.iter().find(|id| !undisturbing(id)) {
            return Err(StandingDenied::Grants(id.clone()));
        }
        // One that takes the grant back needs no rules.
        let rules = if order.runbooks.is_empty() {
            None
        } else if Digest::of(rules.as_bytes()) == order.rules_digest {
            Some(
                Rules::parse("the standing order's rules", rules)
                    .map_err(|e| StandingDenied::Rules(e.to_string()))?,
            )
        } else {
            return Err(StandingDenied::OtherRules);
        };
        Ok(Self { order, rules })
    }

    /// Refuses one that is older than what was taken before, or past its time.
    pub fn fresh(&self, ledger: &Ledger, moment: &Moment) -> Result<(), StandingDenied> {
        let (now, counter, highest) = (moment.now, self.order.counter, ledger.standing_counter());
        if now > self.order.expires {
            Err(Refusal::Expired { at: self.order.expires }.into())
        } else if let Some(behind) = ledger.clock_behind(moment) {
            Err(behind.into())
        } else if self.order.issued > now.plus_ms(CLOCK_ALLOWANCE_MS) {
            Err(Refusal::FromTheFuture { at: self.order.issued }.into())
        } else if counter <= highest {
            Err(Refusal::Replayed { counter, highest }.into())
        } else {
            Ok(())
        }
    }

    /// What was signed.
    pub const fn order(&self) -> &StandingOrder {
        &self.order
    }

    /// What the hub's own rules choose; none where the grant was taken back.
    pub fn decision(&self, site: &Site, what: &What) -> Option<Decision> {
        let rules = self.rules.as_ref()?;
        let knowledge = Knowledge { rules, baseline: &site.baseline, catalogue: &site.catalogue };
        // As the hub, which is not told the host's system: the guardrails refuse what is not written for it.
        Some(planner::plan(what, None, &knowledge))
    }

    /// Decides about one failing control as the hub would, and makes the order of it. `silent_ms` is how long nothing signed came from the hub.
    pub fn decide(
        &self,
        site: &Site,
        incident: &IncidentId,
        what: &What,
        now: UtcTime,
        silent_ms: u64,
        id: OrderId,
    ) -> Result<VerifiedOrder, Refusal> {
        if silent_ms < SILENCE_MS {
            return Err(Refusal::HubHeard { ago_ms: silent_ms });
        }
        if now > self.order.expires {
            return Err(Refusal::NoStandingOrder);
        }
        let decision = self.decision(site, what).ok_or(Refusal::NoStandingOrder)?;
        let (Choice::Run(runbook), What::Drift { control, .. }) = (&decision.choice, what) else {
            return Err(Refusal::NoRule);
        };
        let control: &Control = site.baseline.control(control).ok_or(Refusal::NotTriggered)?;
        let listed = site.catalogue.runbook(runbook).ok_or(Refusal::RunbookNotApproved)?;
        if !self.order.runbooks.contains(runbook) {
            return Err(Refusal::NotGranted);
        }
        let parameters =
            listed.runbook.bind(control).map_err(|(name, fault)| Refusal::Parameter { name, fault })?;
        let order = Order {
            order: id,
            tenant: site.tenant.clone(),
            site: site.site.clone(),
            host: site.host.clone(),
            incident: incident.clone(),
            control: control.id.clone(),
            runbook: runbook.clone(),
            runbook_digest: listed.digest,
            catalogue_digest: site.catalogue.digest(),
            parameters,
            counter: 0,
            issued: now,
            expires: now.plus_ms(LIFETIME_MS),
            provenance: decision.provenance.clone(),
            break_glass: None,
        };
        Ok(self.verified(order))
    }

    /// Takes an order up again that this grant made before it stood in line, or before an interruption: the grant must still make it, and the hub
    /// must still be silent. What has begun to act goes on to its end, though the hub is back.
    pub fn again(
        &self,
        site: &Site,
        bytes: &[u8],
        now: UtcTime,
        silent_ms: u64,
        arrival: Arrival,
    ) -> Result<VerifiedOrder, Refusal> {
        if arrival != Arrival::Settled && silent_ms < SILENCE_MS {
            return Err(Refusal::HubHeard { ago_ms: silent_ms });
        }
        if now > self.order.expires {
            return Err(Refusal::NoStandingOrder);
        }
        let order: Order = serde_json::from_slice(bytes)
            .map_err(|e| Refusal::NotAnOrder { column: u32::try_from(e.column()).unwrap_or(u32::MAX) })?;
        let by_rules =
            matches!(&order.provenance, Provenance::Rules { table, .. } if *table == self.order.rules_digest);
        if let Some(addressee) = site.addressee(&order.tenant, &order.site, &order.host) {
            Err(Refusal::NotForUs(addressee))
        } else if by_rules && self.order.runbooks.contains(&order.runbook) {
            Ok(self.verified(order))
        } else {
            Err(Refusal::NotGranted)
        }
    }

    fn verified(&self, order: Order) -> VerifiedOrder {
        let bytes = serde_json::to_vec(&order).unwrap_or_default();
        let authority = Authority::StandingOrder(self.order.grant.clone());
        VerifiedOrder { order, digest: Digest::of(&bytes), authority, approvals: Vec::new() }
    }
}

impl VerifiedOrder {
    /// The order as bytes, as a record keeps one that the site made for itself.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(&self.order).unwrap_or_default()
    }
}

impl Denied {
    /// An order that the site made for itself, and does not carry out. Nobody signed it, so nothing of it is verified: `bytes` never left this process,
    /// or come from the log.
    pub fn of_our_own(bytes: &[u8], refusal: Refusal) -> Self {
        let order = serde_json::from_slice::<Order>(bytes).ok().map(Box::new);
        let digest = Some(Digest::of(bytes));
        Self { order, digest, counter_spent: false, refusal, policy: None }
    }
}
