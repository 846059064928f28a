//! What is wrong with packets, for as long as it is: somebody is told of it as of any other fault of the hub's. What failed is tried again, and a hub that
//! starts anew finds it again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use contract::ids::TenantId;
use contract::time::UtcTime;

use super::KeptError;
use super::store::Kept;

/// A letter that was not taken so often, over a quarter of an hour, is a fault.
const UNTAKEN: u32 = 5;
/// For so long somebody waits for a letter, or a PDF: two months.
const AWAITED_MS: i64 = 62 * 24 * 60 * 60 * 1000;

/// What is wrong with a tenant's packets, in one respect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Whose.
    pub(crate) tenant: TenantId,
    /// In which respect: a kind of packet, the name of a store, `mail`, `print`, or a packet that was altered.
    pub(crate) of: String,
    /// Which packets, or which periods: another one is a matter that nobody was told of.
    pub(crate) about: BTreeSet<String>,
    /// In words.
    pub(crate) what: String,
}

/// The faults that are known since the hub started.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<BTreeMap<(TenantId, String), Fault>>);

impl Faults {
    /// What came of one look: nothing is wrong any more, or this is, with that packet or period.
    pub(super) fn says(&self, tenant: &TenantId, of: &str, wrong: Option<(String, String)>) {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (tenant.clone(), of.to_owned());
        match wrong {
            Some((about, what)) => {
                let fault = Fault { tenant: tenant.clone(), of: of.to_owned(), about: [about].into(), what };
                faults.insert(key, fault);
            }
            None => drop(faults.remove(&key)),
        }
    }

    /// What came of a look at every tenant: nothing is wrong with any other.
    pub(super) fn say_all(&self, of: &str, wrong: Vec<Fault>) {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        faults.retain(|(_, there), _| there != of);
        for fault in wrong {
            let there = faults.entry((fault.tenant.clone(), of.to_owned())).or_insert_with(|| fault.clone());
            there.about.extend(fault.about);
        }
    }

    /// All of them; and, from what is kept, whose letters are not taken and whose packets were not printed.
    pub(super) async fn all(&self, kept: &Kept, now: UtcTime) -> Result<Vec<Fault>, KeptError> {
        let since = UtcTime::from_unix_ms(now.unix_ms().saturating_sub(AWAITED_MS)).unwrap_or(now);
        let mut letters: BTreeMap<TenantId, (u32, BTreeSet<String>)> = BTreeMap::new();
        for (tenant, packet) in kept.untaken(UNTAKEN, since).await? {
            let (many, packets) = letters.entry(tenant).or_default();
            *many += 1;
            packets.insert(packet);
        }
        let mail = letters.into_iter().map(|(tenant, (many, about))| {
            let many = if many == 1 { "1 letter".to_owned() } else { format!("{many} letters") };
            let what = format!("{many} with packets could not be sent, {UNTAKEN} times and more");
            Fault { tenant, of: "mail".to_owned(), about, what }
        });
        let mut unprinted: BTreeMap<TenantId, Fault> = BTreeMap::new();
        for (tenant, packet, what) in kept.unprinted(since).await? {
            let fault = unprinted.entry(tenant.clone());
            let (of, about) = ("print".to_owned(), BTreeSet::new());
            fault.or_insert(Fault { tenant, of, about, what }).about.insert(packet);
        }
        let faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(faults.values().cloned().chain(mail).chain(unprinted.into_values()).collect())
    }
}
