//! How much one tenant's devices may send, and how often one machine may ask: so that a storm is only its own. Pure: the clock is handed in.
//!
//! Each tenant has a measure for each thing that it sends and for all requests together, and each certificate one for its requests, whatever they ask
//! (GCRA: one number says when the measure is empty again). What goes beyond it is not taken, and is told when it will be. Nothing is lost by that: a
//! device keeps what was not acknowledged.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use contract::digest::Digest;
use contract::ids::TenantId;
use contract::time::MonoNs;

/// How much may come in a second, and how much at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// In each second, for as long as it lasts.
    pub per_second: u32,
    /// Beyond that, after a time of silence.
    pub burst: u32,
}

/// What one tenant may send, and one machine ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Incidents.
    pub incidents: Rate,
    /// Kilobytes of evidence.
    pub evidence_kb: Rate,
    /// Heartbeats.
    pub heartbeats: Rate,
    /// Requests of all kinds, of all of a tenant's machines.
    pub requests: Rate,
    /// Requests of all kinds, of one certificate.
    pub requests_each: Rate,
}

impl Default for Rates {
    /// A tenant of five hundred hosts in order uses a tenth of each; a site sends twenty incidents a second after an outage. A machine that comes back asks a
    /// dozen times at once, and one that sends a week's evidence twice for each package; its measure is its own, however many come back with it.
    fn default() -> Self {
        Self {
            incidents: Rate { per_second: 100, burst: 2_000 },
            evidence_kb: Rate { per_second: 8 * 1024, burst: 256 * 1024 },
            heartbeats: Rate { per_second: 100, burst: 2_000 },
            requests: Rate { per_second: 1_000, burst: 60_000 },
            requests_each: Rate { per_second: 50, burst: 1_000 },
        }
    }
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Sent {
    Incident,
    EvidenceKb,
    Heartbeat,
    Request,
}

/// The measures of all tenants and certificates. Only tenants that exist have one, since only their devices come this far; and only certificates that this
/// hub's authority signed.
#[derive(Debug)]
pub(crate) struct Measures {
    rates: Rates,
    tenants: Mutex<HashMap<(TenantId, Sent), u64>>,
    certificates: Mutex<Certificates>,
}

/// When each certificate's measure is empty again. Those that are empty are forgotten: they would be the same if they began anew.
#[derive(Debug, Default)]
struct Certificates {
    empty_at: HashMap<Digest, u64>,
    /// With how many the empty ones are looked for again.
    sweep_at: usize,
}

/// With fewer nothing is looked for.
const SWEEP_MIN: usize = 4_096;

impl Measures {
    pub(crate) fn new(rates: Rates) -> Self {
        Self { rates, tenants: Mutex::default(), certificates: Mutex::default() }
    }

    /// Takes `amount` where the measure is not full, else says when it will not be. One that is not full may be overfilled: a package is not cut.
    pub(super) fn take(
        &self,
        tenant: &TenantId,
        sent: Sent,
        amount: u64,
        now: MonoNs,
    ) -> Result<(), Duration> {
        let rate = match sent {
            Sent::Incident => self.rates.incidents,
            Sent::EvidenceKb => self.rates.evidence_kb,
            Sent::Heartbeat => self.rates.heartbeats,
            Sent::Request => self.rates.requests,
        };
        let mut all = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        rate.fill(all.entry((tenant.clone(), sent)).or_insert(now.0), amount, now)
    }

    /// One more request of a certificate, before anything is looked up for it.
    pub(super) fn ask(&self, certificate: Digest, now: MonoNs) -> Result<(), Duration> {
        let mut all = self.certificates.lock().unwrap_or_else(PoisonError::into_inner);
        if all.empty_at.len() >= all.sweep_at.max(SWEEP_MIN) {
            all.empty_at.retain(|_, empty_at| *empty_at > now.0);
            all.sweep_at = all.empty_at.len() * 2;
        }
        self.rates.requests_each.fill(all.empty_at.entry(certificate).or_insert(now.0), 1, now)
    }
}

impl Rate {
    /// Fills a measure that is not full, or says when it will not be.
    fn fill(self, empty_at: &mut u64, amount: u64, now: MonoNs) -> Result<(), Duration> {
        let Self { per_second, burst } = self;
        let each_ns = 1_000_000_000 / u64::from(per_second.max(1));
        let full_ns = each_ns.saturating_mul(u64::from(burst.max(1)));
        let filled_ns = empty_at.saturating_sub(now.0);
        // One more has to fit.
        if let Some(over) = filled_ns.saturating_add(each_ns).checked_sub(full_ns).filter(|over| *over > 0) {
            return Err(Duration::from_nanos(over));
        }
        *empty_at = (*empty_at).max(now.0).saturating_add(each_ns.saturating_mul(amount));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measures() -> Measures {
        let incidents = Rate { per_second: 10, burst: 20 };
        Measures::new(Rates { incidents, ..Rates::default() })
    }

    fn at(ms: u64) -> MonoNs {
        MonoNs(1_000_000_000_000 + ms * 1_000_000)
    }

    #[test]
    fn a_storm_fills_its_own_measure_and_no_other() {
        let (measures, storm, calm) = (measures(), "a".parse().unwrap(), "b".parse().unwrap());
        let taken = |tenant: &TenantId, ms| measures.take(tenant, Sent::Incident, 1, at(ms)).is_ok();
        assert_eq!((0..1000).filter(|_| taken(&storm, 0)).count(), 20);
        let wait = measures.take(&storm, Sent::Incident, 1, at(0)).unwrap_err();
        assert_eq!(wait, Duration::from_millis(100));
        assert!(taken(&calm, 0));
        assert!(measures.take(&storm, Sent::Heartbeat, 1, at(0)).is_ok(), "another thing has its own");
        // Whoever waits as told is served, and for ever at that pace.
        assert!((1..=100).all(|n| taken(&storm, n * 100)));
        assert_eq!((0..1000).filter(|_| taken(&storm, 10_050)).count(), 0);
        assert_eq!((0..1000).filter(|_| taken(&storm, 20_000)).count(), 20);
    }

    #[test]
    fn what_is_larger_than_the_measure_is_paid_for_afterwards() {
        let (measures, tenant) = (measures(), "a".parse().unwrap());
        assert!(measures.take(&tenant, Sent::Incident, 100, at(0)).is_ok());
        let wait = measures.take(&tenant, Sent::Incident, 1, at(0)).unwrap_err();
        assert_eq!(wait, Duration::from_millis(8_100));
        assert!(measures.take(&tenant, Sent::Incident, 1, at(8_100)).is_ok());
    }

    #[test]
    fn each_machine_asks_by_its_own_measure_and_those_that_are_silent_are_forgotten() {
        let measures = measures();
        let of = |n: usize| Digest::of(&n.to_be_bytes());
        assert_eq!((0..5_000).filter(|_| measures.ask(of(0), at(0)).is_ok()).count(), 1_000);
        assert_eq!((0..5_000).filter(|_| measures.ask(of(0), at(1_000)).is_ok()).count(), 50);
        // Ten thousand come back at once, each with a dozen requests: nobody is put off.
        for n in 1..=10_000 {
            assert!((0..12).all(|_| measures.ask(of(n), at(1_000)).is_ok()), "{n}");
        }
        for n in 20_000..40_000 {
            measures.ask(of(n), at(100_000)).unwrap();
        }
        assert!(measures.certificates.lock().unwrap().empty_at.len() <= 20_000, "nobody is ever forgotten");
    }

    #[test]
    fn no_number_overflows() {
        let none = Rate { per_second: 0, burst: 0 };
        let measures = Measures::new(Rates { incidents: none, ..Rates::default() });
        let tenant = "a".parse().unwrap();
        assert!(measures.take(&tenant, Sent::Incident, u64::MAX, MonoNs(u64::MAX)).is_ok());
        assert!(measures.take(&tenant, Sent::Incident, 1, MonoNs(0)).is_err());
    }
}
