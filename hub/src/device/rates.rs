//! How much one tenant's devices may send: so that a storm is only its own. Pure: the clock is handed in.
//!
//! Each tenant has a measure for each thing that it sends (GCRA: one number says when the measure is empty again). What goes beyond it is not taken, and is
//! told when it will be. Nothing is lost by that: a device keeps what was not acknowledged.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

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

/// What one tenant may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Incidents.
    pub incidents: Rate,
    /// Kilobytes of evidence.
    pub evidence_kb: Rate,
    /// Heartbeats.
    pub heartbeats: Rate,
}

impl Default for Rates {
    /// A tenant of five hundred hosts in order uses a tenth of each; a site sends twenty incidents a second after an outage.
    fn default() -> Self {
        Self {
            incidents: Rate { per_second: 100, burst: 2_000 },
            evidence_kb: Rate { per_second: 8 * 1024, burst: 256 * 1024 },
            heartbeats: Rate { per_second: 100, burst: 2_000 },
        }
    }
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Sent {
    Incident,
    EvidenceKb,
    Heartbeat,
}

/// The measures of all tenants. Only tenants that exist have one, since only their devices come this far.
#[derive(Debug)]
pub(crate) struct Measures {
    rates: Rates,
    empty_at: Mutex<HashMap<(TenantId, Sent), u64>>,
}

impl Measures {
    pub(crate) fn new(rates: Rates) -> Self {
        Self { rates, empty_at: Mutex::default() }
    }

    /// Takes `amount` where the measure is not full, else says when it will not be. One that is not full may be overfilled: a package is not cut.
    pub(super) fn take(
        &self,
        tenant: &TenantId,
        sent: Sent,
        amount: u64,
        now: MonoNs,
    ) -> Result<(), Duration> {
        let Rate { per_second, burst } = match sent {
            Sent::Incident => self.rates.incidents,
            Sent::EvidenceKb => self.rates.evidence_kb,
            Sent::Heartbeat => self.rates.heartbeats,
        };
        let each_ns = 1_000_000_000 / u64::from(per_second.max(1));
        let full_ns = each_ns.saturating_mul(u64::from(burst.max(1)));
        let mut all = self.empty_at.lock().unwrap_or_else(PoisonError::into_inner);
        let empty_at = all.entry((tenant.clone(), sent)).or_insert(now.0);
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
    fn no_number_overflows() {
        let none = Rate { per_second: 0, burst: 0 };
        let measures = Measures::new(Rates { incidents: none, ..Rates::default() });
        let tenant = "a".parse().unwrap();
        assert!(measures.take(&tenant, Sent::Incident, u64::MAX, MonoNs(u64::MAX)).is_ok());
        assert!(measures.take(&tenant, Sent::Incident, 1, MonoNs(0)).is_err());
    }
}
